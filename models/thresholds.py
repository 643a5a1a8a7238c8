"""From the evidence on held-back texts to calibrated scores, and from those to thresholds within a budget of false alarms."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.stats import binomtest

from models.rows import Row
from transforms.classifier import FLOOR, SILENT, Calibration, FalseAlarms

FALSE_ALARMS = 0.002  # of ordinary texts, for all labels together
SET_ALARMS = 0.02  # of the harmless rows of each labelled set, for all labels together
MIN_THRESHOLD = 0.5  # below one half the model itself says: rather not
MIN_PRECISION = 0.7  # of a label on the held-back texts

_SLOPES = (0.2, 2.0)
_PRIOR = 5.0  # texts' worth of belief that evidence needs no calibration: seeds would make it a step
_STEPS = 60  # thresholds tried for a label
_ROUNDS, _HASTE = 400, 0.1  # of the bargaining
_SMALL_SET = 50  # harmless rows; fewer are no limit of their own

Matrix = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def calibrate(evidence: npt.NDArray[np.float64], right: Flags) -> Calibration:
    """Platt's calibration of one label, on the texts it has evidence for (the others are -inf).

    The slope is kept within bounds and the targets are smoothed as Platt proposed, so that a label whose few held-back
    texts are all told apart does not become certain of everything.
    """
    known = np.isfinite(evidence)
    x, y = evidence[known], right[known]
    positive, negative = int(y.sum()), int((~y).sum())
    target = np.where(y, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(parameters: npt.NDArray[np.float64]) -> float:
        z = parameters[0] * x + parameters[1]
        entropy = np.logaddexp(0, z) - target * z
        return float(entropy.sum() + _PRIOR * ((parameters[0] - 1) ** 2 + parameters[1] ** 2 / 10))

    found = minimize(loss, np.array([1.0, 0.0]), bounds=[_SLOPES, (-20, 20)], method="L-BFGS-B")
    return Calibration(slope=round(float(found.x[0]), 4), offset=round(float(found.x[1]), 4))


def scores_of(evidence: Matrix, calibrations: Sequence[Calibration]) -> Matrix:
    """Evidence (texts by labels) as the scores the stage stores; what it would not store is 0."""
    slope = np.array([c.slope for c in calibrations])
    offset = np.array([c.offset for c in calibrations])
    with np.errstate(over="ignore"):
        scores: Matrix = np.round(1 / (1 + np.exp(-(slope * evidence + offset))), 4)
    scores[scores < FLOOR] = 0
    return scores


@dataclass(frozen=True)
class _Limit:
    """Harmless rows of which at most `allowed` may be flagged."""

    rows: npt.NDArray[np.int64]
    allowed: int


@dataclass(frozen=True)
class _Ladder:
    """The thresholds worth trying for a label, ascending; the last, silence, gains and costs nothing."""

    levels: npt.NDArray[np.float64]
    gain: npt.NDArray[np.float64]  # by level
    cost: npt.NDArray[np.float64]  # by level and limit: the share of what the limit allows


def choose(
    rows: Sequence[Row],
    scores: Matrix,
    labels: Sequence[str],
    false_alarms: float = FALSE_ALARMS,
    set_alarms: float = SET_ALARMS,
) -> dict[str, float]:
    """The threshold of each label that finds most of the risks within the limits, for all labels together.

    At most `false_alarms` of ordinary text (of harmless rows where there is none) and `set_alarms` of the harmless rows
    of each set may be flagged; a label must be right at least as often as MIN_PRECISION says. Every set counts alike for a
    label, however large. A label that keeps the limits nowhere is SILENT. Prices for the limits,
    raised where one is broken and lowered where it is not used up, let each label choose for itself; what the best such
    choice leaves over is spent step by step.
    """
    limits = _limits(rows, false_alarms, set_alarms)
    ladders = [_ladder(rows, scores[:, column], label, limits) for column, label in enumerate(labels)]
    chosen = _spend(scores, limits, ladders, _bargain(scores, limits, ladders))
    return {label: float(ladder.levels[i]) for label, ladder, i in zip(labels, ladders, chosen, strict=True)}


def _limits(rows: Sequence[Row], false_alarms: float, set_alarms: float) -> list[_Limit]:
    harmless = np.array([row.harmless for row in rows], dtype=np.bool_)
    ordinary = harmless & np.array([row.form == "ordinary" for row in rows], dtype=np.bool_)
    if not ordinary.any():
        ordinary = harmless
    limits = [_Limit(np.flatnonzero(ordinary), int(false_alarms * ordinary.sum()))]
    for source in sorted({row.source for row in rows if row.form != "ordinary"}):
        own = np.flatnonzero(harmless & np.array([row.source == source for row in rows]))
        if len(own) >= _SMALL_SET:
            limits.append(_Limit(own, int(set_alarms * len(own))))
    return limits


def _ladder(rows: Sequence[Row], scores: npt.NDArray[np.float64], label: str, limits: Sequence[_Limit]) -> _Ladder:
    right = np.array([label in row.labels for row in rows], dtype=np.bool_)
    levels = np.unique(scores[right & (scores >= MIN_THRESHOLD)])
    if len(levels) > _STEPS:
        levels = np.unique(np.quantile(levels, np.linspace(0, 1, _STEPS), method="nearest"))
    found, raised = _at_least(scores[right], levels), _at_least(scores, levels)
    levels = np.append(levels[found >= MIN_PRECISION * raised], SILENT)
    sizes = Counter(row.source for row, mine in zip(rows, right, strict=True) if mine)
    gain = np.zeros(len(levels))
    for source, size in sizes.items():
        own = right & np.array([row.source == source for row in rows], dtype=np.bool_)
        gain += _at_least(scores[own], levels) / max(size, _SMALL_SET)
    cost = np.array([_at_least(scores[limit.rows], levels) / max(limit.allowed, 0.5) for limit in limits]).T
    gain[-1], cost[-1] = 0, 0
    return _Ladder(levels, gain, cost)


def _at_least(scores: npt.NDArray[np.float64], levels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How many scores reach each level."""
    counts: npt.NDArray[np.float64] = len(scores) - np.searchsorted(np.sort(scores), levels).astype(np.float64)
    return counts


def _used(scores: Matrix, limits: Sequence[_Limit], ladders: Sequence[_Ladder], chosen: Sequence[int]) -> list[int]:
    """Rows of each limit that are flagged with any label."""
    bounds = np.array([np.inf if i == len(x.levels) - 1 else x.levels[i] for x, i in zip(ladders, chosen, strict=True)])
    flagged: Flags = np.any(scores >= bounds, axis=1)
    return [int(flagged[limit.rows].sum()) for limit in limits]


def _bargain(scores: Matrix, limits: Sequence[_Limit], ladders: Sequence[_Ladder]) -> list[int]:
    """The best choice found, as an index into each ladder, that keeps all limits."""
    best, most = [len(ladder.levels) - 1 for ladder in ladders], 0.0
    prices = np.full(len(limits), 0.1)
    allowed = np.array([max(limit.allowed, 0.5) for limit in limits])
    for _ in range(_ROUNDS):
        chosen = [int(np.argmax(ladder.gain - ladder.cost @ prices)) for ladder in ladders]
        used = np.array(_used(scores, limits, ladders, chosen))
        total = sum(float(ladder.gain[i]) for ladder, i in zip(ladders, chosen, strict=True))
        if (used <= allowed).all() and total > most:
            best, most = chosen, total
        prices *= np.exp(_HASTE * np.clip(used / allowed - 1, -1, 1))
    return best


def _spend(scores: Matrix, limits: Sequence[_Limit], ladders: Sequence[_Ladder], chosen: list[int]) -> list[int]:
    """Lowers one threshold after the other, the step first that gains most for what it costs, while the limits hold."""
    while True:
        steps = [
            (
                (ladder.gain[lower] - ladder.gain[i]) / (float((ladder.cost[lower] - ladder.cost[i]).sum()) + 1e-3),
                column,
                lower,
            )
            for column, (ladder, i) in enumerate(zip(ladders, chosen, strict=True))
            for lower in range(i)
            if ladder.gain[lower] > ladder.gain[i]
        ]
        for _, column, lower in sorted(steps, reverse=True):
            attempt = [*chosen[:column], lower, *chosen[column + 1 :]]
            used = _used(scores, limits, ladders, attempt)
            if all(found <= limit.allowed for found, limit in zip(used, limits, strict=True)):
                chosen = attempt
                break
        else:
            return chosen


def false_alarms_found(stated: float, texts: int, flagged: int) -> FalseAlarms:
    """The rate with its 95 % interval (Wilson)."""
    if not texts:
        return FalseAlarms(stated=stated, texts=0, flagged=0, low=0, high=1)
    found = binomtest(flagged, texts).proportion_ci(0.95, method="wilson")
    return FalseAlarms(stated=stated, texts=texts, flagged=flagged, low=round(found.low, 5), high=round(found.high, 5))
