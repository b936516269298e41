"""The statistics of a report: plain numbers in, plain numbers out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BIN_WIDTH = 10
"""Percent points a bar of a histogram."""
FEWEST = 5
"""Students without whom a correlation says nothing."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Where some numbers lie."""

    count: int
    mean: float
    deviation: float
    """Standard deviation of the class as a whole, not an estimate for another."""
    low: float
    lower: float
    """A quarter lies at or below."""
    median: float
    upper: float
    """Three quarters lie at or below."""
    high: float


@dataclass(frozen=True, slots=True)
class Bin:
    """How many numbers lie from `low` up to but without `high`; the last bin has its upper end, too."""

    low: int
    high: int
    count: int


def summary(values: Iterable[float]) -> Summary | None:
    """Where the numbers lie, quartiles interpolated between neighbours; None for no numbers."""
    ordered = sorted(values)
    if not ordered:
        return None
    low, high = ordered[0], ordered[-1]
    quarters = statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else [low] * 3
    mean = min(max(math.fsum(ordered) / len(ordered), low), high)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in ordered) / len(ordered))
    return Summary(len(ordered), mean, deviation, low, quarters[0], quarters[1], quarters[2], high)


def bins(percents: Sequence[float], width: int = BIN_WIDTH) -> tuple[Bin, ...]:
    """A histogram of percentages from 0 to 100, with more bins above for extra credit; each number counts once."""
    last = max(99.0, *percents) if percents else 99.0
    number = max(math.ceil(100 / width), math.ceil(last / width))
    places = [min(max(int(percent // width), 0), number - 1) for percent in percents]
    return tuple(Bin(place * width, (place + 1) * width, places.count(place)) for place in range(number))


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Pearson's r; None for fewer than `FEWEST` pairs, or where one side is the same everywhere."""
    if len(pairs) < FEWEST:
        return None
    one, other = zip(*pairs, strict=True)
    try:
        r = statistics.correlation(one, other)
    except statistics.StatisticsError:
        return None
    return min(max(r, -1.0), 1.0) if math.isfinite(r) else None
