"""Intervals for shares judged by people: exact for one sample, and for a sample in strata (assessment.md).

All bounds are one-sided at the stated confidence; their names say which side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = int | npt.NDArray[np.int64]
Bound = float | npt.NDArray[np.float64]


def clopper_pearson_low(found: Counts, of: Counts, confidence: float = 0.95) -> Bound:
    """The exact lower bound of a share of which `found` in `of` were seen (Clopper and Pearson, 1934). 0 without any."""
    from scipy.special import betaincinv  # slow to import, and not needed by every command

    some = np.maximum(found, 1)
    low = betaincinv(some, np.asarray(of) - some + 1, 1 - confidence)
    return np.where(np.asarray(found) == 0, 0.0, low)[()]


def clopper_pearson_high(found: Counts, of: Counts, confidence: float = 0.95) -> Bound:
    """The exact upper bound; 1 where all were found or none was looked at."""
    from scipy.special import betaincinv

    rest = np.maximum(np.asarray(of) - found, 1)
    high = betaincinv(np.asarray(found) + 1, rest, confidence)
    return np.where(np.asarray(found) >= of, 1.0, high)[()]


@dataclass(frozen=True)
class Stratum:
    """A part of a population: its size, how many of it were judged, and how many of those violate."""

    size: Counts
    judged: Counts
    violations: Counts


def stratified_share(strata: Sequence[Stratum]) -> Bound:
    """The estimate Σ W_h · y_h, for strata that are all judged at least once or empty."""
    total = sum(np.asarray(s.size, dtype=np.float64) for s in strata)
    share: Bound = 0.0
    for s in strata:
        share = share + np.asarray(s.size) / total * np.asarray(s.violations) / np.maximum(s.judged, 1)
    return share


def stratified_bounds(strata: Sequence[Stratum], confidence: float = 0.95) -> tuple[Bound, Bound]:
    """Lower and upper bound of the share of the population, each one-sided at `confidence`.

    The error is divided evenly among the strata (Bonferroni), so the bounds hold for any size of sample, also where a
    stratum showed no violation; they are wider than those that trust the normal distribution. A stratum judged in full
    is known, not estimated.
    """
    total = sum(np.asarray(s.size, dtype=np.float64) for s in strata)
    each = 1 - (1 - confidence) / len(strata)
    low: Bound = 0.0
    high: Bound = 0.0
    for s in strata:
        weight = np.asarray(s.size) / total
        known = np.asarray(s.violations) / np.maximum(s.size, 1)
        full = np.asarray(s.judged) >= s.size
        low = low + weight * np.where(full, known, clopper_pearson_low(s.violations, s.judged, each))
        high = high + weight * np.where(full, known, clopper_pearson_high(s.violations, s.judged, each))
    return low, high
