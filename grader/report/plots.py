"""Real plots as SVG in `data:` URIs: drawn by matplotlib in the page's colours, by day and by night."""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.page import clean_line, palettes
from grader.report.numbers import Bin, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SETTINGS: Any = {
    "svg.fonttype": "none",  # text stays text, in the reader's own font
    "svg.hashsalt": "grader",  # same numbers, same bytes
    "text.parse_math": False,  # a dollar in a title is a dollar
    "font.size": 11,
    "axes.linewidth": 0.8,
}
_SILENT = {"Date": None, "Creator": None, "Format": None, "Type": None}
_FONT = re.compile(r"font-family: [^;\"]*")
_SANS = "font-family: system-ui, -apple-system, Roboto, 'Helvetica Neue', 'Noto Sans', 'DejaVu Sans', sans-serif"
_ROW = 44
_LONGEST_LABEL = 46


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture and what it shows, in words."""

    uri: str
    alt: str
    width: int
    height: int
    """In pixels, as it was drawn."""


@dataclass(frozen=True, slots=True)
class Box:
    """One row of a box plot."""

    label: str
    summary: Summary


def histogram(bins: Sequence[Bin], summary: Summary, alt: str, *, width: int, height: int) -> Plot:
    """Bars for the bins, and a line at the median."""
    with _axes(width, height) as (figure, axes, ink):
        tallest = max(found.count for found in bins)
        lows, counts = [found.low + 0.4 for found in bins], [found.count for found in bins]
        axes.bar(lows, counts, bins[0].high - bins[0].low - 0.8, align="edge", color=ink["link"])
        for found in bins:
            if found.count:
                above: Any = {"xytext": (0, 2), "textcoords": "offset points", "ha": "center"}
                middle = ((found.low + found.high) / 2, found.count)
                axes.annotate(str(found.count), middle, **above, fontsize=9.5, color=ink["quiet"])
        axes.axvline(summary.median, color=ink["part"], linewidth=1.2, ymax=0.96, zorder=0.5)
        axes.plot([summary.median], [tallest * 1.26], "v", color=ink["part"], markersize=6, clip_on=False)
        axes.set(xlim=(0, bins[-1].high), ylim=(0, tallest * 1.3), yticks=[])
        axes.set_xticks(range(0, bins[-1].high + 1, 20), [f"{tick} %" for tick in range(0, bins[-1].high + 1, 20)])
        return Plot(_uri(figure), alt, width, height)


def boxes(rows: Sequence[Box], alt: str, *, width: int, unit: str, trend: bool = False) -> Plot:
    """A box a row: whiskers from lowest to highest, the box around the middle half; a line joins the medians.

    Percentages stand on an axis from 0 to 100; seconds on a logarithmic one, for one endless loop must not hide the
    others.
    """
    height = _ROW * len(rows) + 30
    with _axes(width, height) as (figure, axes, ink):
        for place, row in enumerate(rows):
            _box(axes, place, row, ink)
        if trend and len(rows) > 1:
            medians = [row.summary.median for row in rows]
            axes.plot(medians, range(len(rows)), color=ink["part"], linewidth=1.2, alpha=0.75, zorder=2)
        axes.set(ylim=(len(rows) - 0.42, -0.78), yticks=[])
        _scale(axes, rows, unit)
        axes.grid(axis="x", color=ink["rule"], linewidth=0.7, zorder=0)
        return Plot(_uri(figure), alt, width, height)


def _box(axes: Axes, place: int, row: Box, ink: Mapping[str, str]) -> None:
    found = row.summary
    stats = {
        "whislo": found.low, "q1": found.lower, "med": found.median, "q3": found.upper, "whishi": found.high,
    }  # fmt: skip
    line = {"color": ink["link"], "linewidth": 1.2}
    axes.bxp(
        [stats], positions=[place], orientation="horizontal", widths=0.36, showfliers=False, patch_artist=True,
        boxprops={"facecolor": ink["tint"], "edgecolor": ink["link"], "linewidth": 1.2}, whiskerprops=line,
        capprops=line, medianprops={"color": ink["part"], "linewidth": 2.4}, manage_ticks=False, zorder=3,
    )  # fmt: skip
    label = clean_line(row.label, _LONGEST_LABEL)
    where = axes.get_yaxis_transform()
    axes.text(0, place - 0.4, label, transform=where, color=ink["ink"], fontsize=10.5, va="center", zorder=4)


def _scale(axes: Axes, rows: Sequence[Box], unit: str) -> None:
    if unit == "%":
        most = max(100.0, *(row.summary.high for row in rows))
        axes.set_xlim(-1.5, most * 1.015)
        axes.set_xticks(range(0, int(most) + 1, 20), [f"{tick} %" for tick in range(0, int(most) + 1, 20)])
        return
    low, high = min(row.summary.low for row in rows), max(row.summary.high for row in rows)
    axes.set_xscale("log")
    axes.set_xlim(low / 1.3, high * 1.3)
    ticks = [tick for tick in (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000) if low / 1.3 <= tick <= high * 1.3]
    axes.set_xticks(ticks, [f"{tick:g} {unit}" for tick in ticks])
    axes.set_xticks([], minor=True)


@contextmanager
def _axes(width: int, height: int) -> Iterator[tuple[Figure, Axes, Mapping[str, str]]]:
    """Bare axes with room for the labels of the lower one, in the colours by day."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    ink = palettes()["light"]
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the reader's fonts draw the text
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        figure.patch.set_visible(False)
        axes = figure.add_axes((14 / width, 22 / height, 1 - 36 / width, 1 - 26 / height))
        axes.patch.set_visible(False)
        axes.spines[["top", "left", "right"]].set_visible(False)
        axes.spines["bottom"].set_color(ink["quiet"])
        axes.tick_params(axis="x", colors=ink["quiet"], labelsize=10, length=3)
        yield figure, axes, ink


def _uri(figure: Figure) -> str:
    """The figure as an SVG whose colours are the page's, whatever theme its reader has."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata=_SILENT)
    svg = text.getvalue()
    svg = _FONT.sub(_SANS, svg[svg.index("<svg") :])
    light, dark = (palettes()[theme] for theme in ("light", "dark"))
    for name, colour in light.items():
        svg = svg.replace(f": {colour}", f": var(--{name}, {colour})")
    style = f"<style>{_root(light)} @media (prefers-color-scheme: dark) {{ {_root(dark)} }}</style>"
    head, rest = svg.split(">", 1)
    return "data:image/svg+xml;base64," + base64.b64encode(f"{head}>{style}{rest}".encode()).decode("ascii")


def _root(colours: Mapping[str, str]) -> str:
    return ":root { " + " ".join(f"--{name}: {colour};" for name, colour in colours.items()) + " }"
