"""What a sample that people judged says of its population: the literal rule, intervals and weighted shares.

Counts are whole numbers and shares exact fractions; only bounds and curves are floats. Every bound says which side it
is on. 无法判定 counts against the corpus: as a violation in an upper bound, as none in a lower one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from pipeline.accounting.estimation import (
    Bound,
    Counts,
    Stratum,
    clopper_pearson_high,
    clopper_pearson_low,
    stratified_bounds,
)

CONFIDENCE = 0.95
CURVE = tuple(range(0, 105, 5))  # true shares of unqualified items the operating curve is given at, in thousandths
_MILLION = 10**6


@dataclass(frozen=True)
class Judged:
    """A stratum and what people said of its sample: surely a violation, or not to be told. Counts may be arrays."""

    size: int
    judged: int
    sure: Counts
    unclear: Counts = 0

    @property
    def in_full(self) -> bool:
        """Whether all of it was judged: then it is known, not estimated."""
        return self.judged >= self.size


@dataclass(frozen=True)
class Share:
    """An estimated share with a lower and an upper bound, each one-sided; None where the design tells nothing."""

    estimate: Fraction | None
    low: float
    high: float

    def row(self, name: str) -> dict[str, Any]:
        """As columns NAME, NAME_low and NAME_high."""
        return {name: shown(self.estimate), f"{name}_low": self.low, f"{name}_high": self.high}


UNKNOWN = Share(None, 0.0, 1.0)


def most_failures(judged: int, passing: tuple[int, int]) -> int:
    """How many of so many items may be unqualified: for 96 %, n // 25."""
    numerator, denominator = passing
    return (denominator - numerator) * judged // denominator


def passes(failures: int, judged: int, passing: tuple[int, int]) -> bool:
    """The literal rule in whole numbers, for 96 % `25 * failures <= n` (8.2 a)."""
    numerator, denominator = passing
    return judged > 0 and failures * denominator <= (denominator - numerator) * judged


def operating_curve(judged: int, allowed: int, population: int) -> list[dict[str, Any]]:
    """How often a sample of `judged` items with at most `allowed` unqualified ones is drawn, by the true share.

    `pass_probability` is for a population without end, `pass_probability_finite` for this one (drawn without putting
    back). Rows with `share_permille`, in thousandths.
    """
    from scipy.special import bdtr  # slow to import

    return [
        {
            "share_permille": share,
            "pass_probability": round(float(bdtr(allowed, judged, share / 1000)), 6) if judged else None,
            "pass_probability_finite": _hypergeometric(allowed, judged, round(population * share / 1000), population),
        }
        for share in CURVE
    ]


def _hypergeometric(most: int, drawn: int, bad: int, population: int) -> float | None:
    """The chance of at most `most` bad ones among `drawn` of a population that holds `bad`."""
    from scipy.special import gammaln

    if not 0 < drawn <= population:
        return None
    found = np.arange(max(0, drawn - (population - bad)), min(most, bad, drawn) + 1)

    def ways(of: Any, chosen: Any) -> Any:
        return gammaln(np.add(of, 1)) - gammaln(np.add(chosen, 1)) - gammaln(np.subtract(of, chosen) + 1)

    logs = ways(bad, found) + ways(population - bad, drawn - found) - ways(population, drawn)
    return round(min(1.0, float(np.exp(logs).sum())), 6)


def estimate(strata: Sequence[Judged]) -> Fraction | None:
    """Σ W_h · y_h over the sure violations; None where a stratum that is not empty has nothing judged, or all are empty."""
    total = sum(s.size for s in strata)
    if not total or any(s.size and not s.judged for s in strata):
        return None
    return sum((Fraction(s.size * int(s.sure), s.judged) for s in strata if s.size), Fraction(0)) / total


def bounds(strata: Sequence[Judged], confidence: float = CONFIDENCE) -> tuple[Bound, Bound]:
    """Lower and upper bound of the share of violations in all strata together, each one-sided at `confidence`.

    Strata judged in full are known and take no part of the error, which the others share evenly. (0, 1) of nothing.
    """
    total = sum(s.size for s in strata)
    if not total:
        return 0.0, 1.0
    full, sampled = [s for s in strata if s.in_full], [s for s in strata if not s.in_full]
    low: Bound = sum(np.asarray(s.sure, dtype=np.float64) for s in full)
    high: Bound = sum(np.asarray(s.sure, dtype=np.float64) + s.unclear for s in full)
    if sampled:
        size = sum(s.size for s in sampled)
        low = low + size * stratified_bounds([Stratum(s.size, s.judged, s.sure) for s in sampled], confidence)[0]
        worst = [Stratum(s.size, s.judged, s.sure + s.unclear) for s in sampled]
        high = high + size * stratified_bounds(worst, confidence)[1]
    return low / total, high / total


def share(strata: Sequence[Judged], confidence: float = CONFIDENCE) -> Share:
    """Estimate and bounds, rounded outwards to six decimals: what is printed is what is decided on."""
    if strata and all(s.in_full for s in strata) and (total := sum(s.size for s in strata)):
        sure, unclear = sum(int(s.sure) for s in strata), sum(int(s.unclear) for s in strata)
        return Share(estimate(strata), _down(Fraction(sure, total)), _up(Fraction(sure + unclear, total)))
    low, high = bounds(strata, confidence)
    return Share(estimate(strata), _down(Fraction(float(low))), _up(Fraction(float(high))))


def missed(found: Sequence[Judged], unfound: Sequence[Judged], confidence: float = CONFIDENCE) -> Share:
    """The share of all violations that the machine did not call: `unfound` / (`found` + `unfound`), weighted.

    A cell is a stratum with the violations in it that the machine called, or did not call. The bounds hold together:
    the error is divided among all cells that are estimated.
    """
    cells = [*found, *unfound]
    total = sum(cell.size for cell in cells)
    if not total or any(cell.size and not cell.judged for cell in cells):
        return UNKNOWN
    estimated = max(1, sum(not cell.in_full for cell in cells))
    each = 1 - (1 - confidence) / estimated

    def amounts(of: Sequence[Judged]) -> tuple[Fraction, float, float]:
        known = [(cell.size, estimate([cell]), bounds([cell], each)) for cell in of if cell.size]
        return (
            sum((size * found for size, found, _ in known if found is not None), Fraction(0)),
            sum(size * float(low) for size, _, (low, _) in known),
            sum(size * float(high) for size, _, (_, high) in known),
        )

    (called, called_low, called_high), (gone, gone_low, gone_high) = amounts(found), amounts(unfound)
    low = gone_low / (gone_low + called_high) if gone_low else 0.0
    high = gone_high / (gone_high + called_low) if gone_high + called_low else 1.0
    if not called + gone:
        return UNKNOWN
    return Share(gone / (called + gone), _down(Fraction(low)), _up(Fraction(high)))


def precision(judged: int, sure: int, unclear: int, in_full: bool) -> Share:
    """The share of violations among what the machine called, by those of a stratum's sample that it called."""
    if not judged:
        return UNKNOWN
    return share([Judged(judged if in_full else judged + 1, judged, sure, unclear)])


def qualified_bounds(failures: int, judged: int) -> tuple[float, float]:
    """Exact (Clopper-Pearson) lower and upper bound of the share of qualified items, each one-sided at 95 %."""
    high, low = clopper_pearson_high(failures, judged, CONFIDENCE), clopper_pearson_low(failures, judged, CONFIDENCE)
    return _down(1 - Fraction(float(high))), _up(1 - Fraction(float(low)))


def above(value: float | Fraction | None, maximum: tuple[int, int]) -> bool:
    """Whether a share, or a bound as it is printed, is more than the maximum; None is not."""
    if value is None:
        return False
    exact = value if isinstance(value, Fraction) else Fraction(round(value * _MILLION), _MILLION)
    return exact > Fraction(*maximum)


def shown(value: Fraction | None) -> float | None:
    """A share to six decimals, for display."""
    return None if value is None else round(float(value), 6)


def _down(value: Fraction) -> float:
    return max(0, math.floor(value * _MILLION)) / _MILLION


def _up(value: Fraction) -> float:
    return min(_MILLION, math.ceil(value * _MILLION)) / _MILLION
