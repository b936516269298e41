"""Small plots as plain numbers: templates draw them as inline SVG, in the colours of the page's theme."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from grader.report import bins, summary

WIDTH = 100.0
"""Of every drawing, in its own units; the page makes it as wide as there is room."""
_HEIGHT = 30.0


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
    median: float
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
    """People by name, words and percentage on an axis from 0 to 100 percent; None for nobody."""
    found = summary([percent for *_, percent in people])
    if found is None:
        return None
    stacks: Counter[int] = Counter()
    number = 100 if len(people) <= 150 else 200
    step = WIDTH / number
    dots = []
    for name, words, percent in sorted(people, key=lambda person: person[2]):
        place = min(max(round(percent / 100 * number), 0), number)
        dots.append((place, stacks[place], name, words))
        stacks[place] += 1
    radius, tallest = step * 0.42, max(stacks.values())
    height = max(tallest * step, 8.0)
    shown = tuple(Dot(place * step, height - (level + 0.5) * step, name, words) for place, level, name, words in dots)
    alt = (
        f"Everybody’s grade so far as a dot: {found.count} people, median {found.median:.1f} %, "
        f"the middle half from {found.lower:.1f} to {found.upper:.1f} %, "
        f"all from {found.low:.1f} to {found.high:.1f} %."
    )
    return DotPlot(shown, radius, height, min(found.median, 100.0), alt)
