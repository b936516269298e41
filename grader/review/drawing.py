"""Small plots as plain numbers: templates draw them as inline SVG, in the colours of the page's theme."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from grader.report import bins, summary

WIDTH = 100.0
"""Of every drawing, in its own units; the page makes it as wide as there is room."""
_HEIGHT = 30.0
_FEW, _FEW_COLUMNS = 150, 90
_LEAST_HEIGHT, _MOST_HEIGHT = 6.0, 16.0


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a whole, as a stretch of a bar."""

    kind: str
    """The CSS class that colours it."""
    words: str
    count: int
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Column:
    """One bar of a histogram."""

    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """How percentages spread, with what it shows in words."""

    columns: tuple[Column, ...]
    median: float
    """Where it stands, in the drawing's units."""
    alt: str


@dataclass(frozen=True, slots=True)
class Dot:
    """One student in a plot of the class."""

    x: float
    y: float
    name: str
    words: str


@dataclass(frozen=True, slots=True)
class DotPlot:
    """Everybody as a dot, stacked where many have about the same."""

    dots: tuple[Dot, ...]
    radius: float
    height: float
    ticks: tuple[tuple[float, str], ...]
    median: float
    median_words: str
    alt: str


def parts(counts: Sequence[tuple[str, str, int]]) -> tuple[Part, ...]:
    """Stretches of a bar for kinds, their words and their counts; those that are 0 are left out."""
    whole = sum(count for _, _, count in counts)
    made: list[Part] = []
    for kind, words, count in counts:
        if count:
            start = made[-1].start + made[-1].width if made else 0.0
            made.append(Part(kind, words, count, start, WIDTH * count / whole))
    return tuple(made)


def histogram(percents: Sequence[float]) -> Histogram | None:
    """Ten bars and more for extra credit; None for no percentages."""
    found = summary(percents)
    if found is None:
        return None
    made = bins(percents)
    tallest, step = max(each.count for each in made), WIDTH / len(made)
    columns = tuple(
        Column(
            place * step + step * 0.08,
            _HEIGHT - (height := max(_HEIGHT * each.count / tallest, 1.2) if each.count else 0.0),
            step * 0.84,
            height,
            f"{each.low}–{each.high} %: {each.count}",
        )
        for place, each in enumerate(made)
    )
    alt = (
        f"Histogram of {found.count} scores: median {found.median:.0f} %, "
        f"the middle half from {found.lower:.0f} to {found.upper:.0f} %."
    )
    return Histogram(columns, WIDTH * found.median / made[-1].high, alt)


def dot_plot(people: Sequence[tuple[str, str, float]]) -> DotPlot | None:
    """People by name, words and percentage, on as much of the axis as they need; None for nobody."""
    found = summary([percent for *_, percent in people])
    if found is None:
        return None
    low, high = 10 * int(max(min(found.low, 90), 0) // 10), max(100, 10 * math.ceil(found.high / 10))
    columns = _FEW_COLUMNS if len(people) <= _FEW else 2 * _FEW_COLUMNS
    step = WIDTH / columns
    stacks: Counter[int] = Counter()
    places = []
    for name, words, percent in sorted(people, key=lambda person: person[2]):
        column = min(max(round((percent - low) / (high - low) * columns), 0), columns)
        places.append((column, stacks[column], name, words))
        stacks[column] += 1
    tallest = max(stacks.values())
    rise = min(step, _MOST_HEIGHT / tallest)
    height = max((tallest - 1) * rise + step, _LEAST_HEIGHT)
    return DotPlot(
        tuple(Dot(column * step, height - step / 2 - level * rise, *told) for column, level, *told in places),
        step * 0.42,
        height,
        tuple(((tick - low) / (high - low) * WIDTH, f"{tick} %") for tick in range(low, high + 1, 10)),
        (max(found.median, low) - low) / (high - low) * WIDTH,
        f"median {found.median:.1f} %",
        f"Everybody’s grade so far as a dot: {found.count} people, median {found.median:.1f} %, "
        f"the middle half from {found.lower:.1f} to {found.upper:.1f} %, "
        f"all from {found.low:.1f} to {found.high:.1f} %.",
    )
