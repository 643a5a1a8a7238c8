"""What the machine alone can settle about a source, and what a few hundred human verdicts add.

Sources are composed from labelled documents at a known true rate, many times over; each time the 5 % rule is decided in
several ways and compared with the truth. Detection errors are those of the default detectors on these documents: no
error rate is assumed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.accounting.estimation import Stratum, stratified_bounds

DOCUMENTS = 4_000  # of a composed source
TRUE_RATES = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.10, 0.12, 0.15)
LIMIT = (1, 20)
VERDICTS = (60, 200, 600)
POSITIVE_SHARE = 0.25  # of the verdicts go to documents the machine found something in
DRAWS = 400
_SEED = 20_261_122

Flags = npt.NDArray[np.bool_]  # a row a document: violation, violation or candidate


@dataclass(frozen=True)
class Pool:
    """Documents of one family with what the machine says of them."""

    title: str
    risky: Flags
    harmless: Flags


@dataclass(frozen=True)
class Outcome:
    """The share of composed sources at one true rate that each way decides rightly, and for people also wrongly."""

    rate: float
    literal: float
    with_candidates: float
    judged: dict[int, tuple[float, float]]  # verdicts -> (rightly, wrongly); the rest stays open


def experiment(pool: Pool) -> Iterator[Outcome]:
    """The outcomes by true rate, reproducible."""
    random = np.random.default_rng(_SEED)
    for rate in TRUE_RATES:
        risky = round(rate * DOCUMENTS)
        above = risky * LIMIT[1] > LIMIT[0] * DOCUMENTS
        bad = _counts(random, pool.risky, risky)
        good = _counts(random, pool.harmless, DOCUMENTS - risky)
        flagged = bad[:, 0] + good[:, 0]
        seen = bad[:, 1] + good[:, 1]
        judged = {}
        for verdicts in VERDICTS:
            low, high = _assess(random, seen, bad[:, 1], risky - bad[:, 1], verdicts)
            limit = LIMIT[0] / LIMIT[1]
            admits, blacklists = high <= limit, low > limit
            rightly, wrongly = (blacklists, admits) if above else (admits, blacklists)
            judged[verdicts] = (float(rightly.mean()), float(wrongly.mean()))
        yield Outcome(
            rate,
            float(((flagged * LIMIT[1] > LIMIT[0] * DOCUMENTS) == above).mean()),
            float(((seen * LIMIT[1] > LIMIT[0] * DOCUMENTS) == above).mean()),
            judged,
        )


def _counts(random: np.random.Generator, flags: Flags, number: int) -> npt.NDArray[np.int64]:
    """For each draw of `number` documents, with replacement: how many are violations, how many are seen at all."""
    share = flags.mean(axis=0)
    violations = random.binomial(number, share[0], DRAWS)
    rest = (share[1] - share[0]) / (1 - share[0]) if share[0] < 1 else 0.0
    return np.stack([violations, violations + random.binomial(number - violations, rest)], axis=1)


def _assess(
    random: np.random.Generator,
    seen: npt.NDArray[np.int64],
    seen_bad: npt.NDArray[np.int64],
    unseen_bad: npt.NDArray[np.int64],
    verdicts: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Bounds of the true rate from a blind sample in two strata: what the machine saw something in, and the rest."""
    first = np.minimum(seen, round(verdicts * POSITIVE_SHARE))
    second = verdicts - first
    unseen = DOCUMENTS - seen
    strata = [
        Stratum(seen, first, random.hypergeometric(seen_bad, seen - seen_bad, first)),
        Stratum(unseen, second, random.hypergeometric(unseen_bad, unseen - unseen_bad, second)),
    ]
    low, high = stratified_bounds(strata)
    return np.asarray(low), np.asarray(high)


def show(pools: Sequence[Pool]) -> None:
    """One table a pool."""
    heads = "".join(f"{f'{verdicts} verdicts':>24}" for verdicts in VERDICTS)
    print(
        f"\nsources composed at a true rate: {DOCUMENTS:,} documents, {DRAWS} draws a row; how often the 5 % rule is decided rightly"
    )
    print("by people: blind sample in two strata, 95 % bounds; rightly / wrongly, the rest stays open")
    for pool in pools:
        recall, alarms = pool.risky.mean(axis=0), pool.harmless.mean(axis=0)
        print(
            f"\n{pool.title}: of {len(pool.risky):,} risky {recall[0]:.1%} flagged, {recall[1]:.1%} with candidates; of "
            f"{len(pool.harmless):,} harmless {alarms[0]:.2%}, {alarms[1]:.2%}"
        )
        print(f"{'true rate':>10}{'machine':>10}{'+candidates':>13}{heads}")
        for outcome in experiment(pool):
            people = "".join(f"{right:>15.0%} /{wrong:>7.0%}" for right, wrong in outcome.judged.values())
            print(f"{outcome.rate:>10.0%}{outcome.literal:>10.0%}{outcome.with_candidates:>13.0%}{people}")


def draw(pools: Sequence[Pool], path: Path) -> None:
    """The curves as an SVG: one panel a pool."""
    width, height, margin = 360, 240, 46
    parts = []
    for number, pool in enumerate(pools):
        left, top = (number % 2) * (width + margin) + margin, (number // 2) * (height + 2 * margin) + margin
        outcomes = list(experiment(pool))
        lines = {
            "machine": ([o.literal for o in outcomes], "#c0392b"),
            "+candidates": ([o.with_candidates for o in outcomes], "#e67e22"),
            **{
                f"{v} verdicts": ([o.judged[v][0] for o in outcomes], colour)
                for v, colour in zip(VERDICTS, ("#9cc3e6", "#3d85c6", "#0b3d6e"), strict=True)
            },
        }
        parts.append(_panel(pool.title, lines, left, top, width, height))
    rows = -(-len(pools) // 2)
    size = f'width="{2 * (width + margin) + margin}" height="{rows * (height + 2 * margin) + margin}"'
    style = "<style>text{font:11px sans-serif;fill:#333}</style>"
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{style}<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>',
        encoding="utf-8",
    )


def _panel(title: str, lines: dict[str, tuple[list[float], str]], left: int, top: int, width: int, height: int) -> str:
    """Share decided rightly over the true rate."""

    def at(rate: float, share: float) -> str:
        return f"{left + rate / TRUE_RATES[-1] * width:.1f},{top + (1 - share) * height:.1f}"

    parts = [f'<text x="{left}" y="{top - 10}" font-weight="bold">{title}</text>']
    for share in (0, 0.5, 1):
        y = top + (1 - share) * height
        parts.append(f'<line x1="{left}" x2="{left + width}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{share:.0%}</text>')
    for rate in (0, 0.05, 0.1, 0.15):
        x = left + rate / TRUE_RATES[-1] * width
        dash = ' stroke-dasharray="4 3"' if rate == 0.05 else ""
        parts.append(f'<line x1="{x}" x2="{x}" y1="{top}" y2="{top + height}" stroke="#ddd"{dash}/>')
        parts.append(f'<text x="{x}" y="{top + height + 15}" text-anchor="middle">{rate:.0%}</text>')
    for number, (name, (shares, colour)) in enumerate(lines.items()):
        points = " ".join(at(rate, share) for rate, share in zip(TRUE_RATES, shares, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x = left + number * 72
        parts.append(f'<text x="{x}" y="{top + height + 32}" style="fill:{colour}">{name}</text>')
    return "".join(parts)
