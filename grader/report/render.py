"""A report to HTML text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from markupsafe import Markup

from grader.gradebook import Status, shown
from grader.page import environment
from grader.report.numbers import Bin, Summary, bins
from grader.report.plots import Box, Plot, boxes, histogram
from grader.report.standing import Spread, Trend
from grader.report.values import Durations, Remark, RemarkKind, Report

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_REMARKS = 500
"""Of one kind: beyond that, nobody reads a page."""
_LEAST_SECONDS = 0.01
_BARE = "{% block body %}{% endblock %}"
_KINDS = {
    RemarkKind.REJECTED: ("Rejected", "Nothing of these could be read; every score is 0."),
    RemarkKind.FAULTED: ("Not graded through a fault of the grader", "The next run of grader grade tries again."),
    RemarkKind.FLAG: (
        "Flags",
        "Worth a person’s look; a flag alone never changes a score, and students do not see it.",
    ),
    RemarkKind.LIMIT: ("Limits reached", "A cell took too long or too much; the rest was graded as usual."),
    RemarkKind.PROBLEM: ("Files that were not taken", "Something in the submission was left out."),
    RemarkKind.REPAIR: ("Repairs", "Mangled notebooks that were put right before grading; it cost no points."),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A distribution and its plot; without scores there is neither plot nor bins."""

    spread: Spread
    summary: Summary | None
    bins: tuple[Bin, ...]
    plot: Plot | None


@dataclass(frozen=True, slots=True)
class RemarkGroup:
    """Remarks of one kind."""

    kind: RemarkKind
    title: str
    meaning: str
    remarks: tuple[Remark, ...]
    left_out: int


def render_report(report: Report) -> str:
    """One self-contained HTML page; the same report gives the same text."""
    return _rendered(_environment(), report, embedded=False)


def render_report_body(report: Report) -> Markup:
    """What stands in the page's body, for a page with a frame of its own: without landmarks."""
    return Markup(_rendered(_bare_environment(), report, embedded=True))  # noqa: S704 - its environment escapes


def _rendered(made: Environment, report: Report, *, embedded: bool) -> str:
    return made.get_template("report.html.jinja").render(
        embedded=embedded,
        report=report,
        total=_shown(report.total, width=400, height=150),
        items=[_shown(spread, width=300, height=116) for spread in report.items],
        trends=[(trend, _trend_plot(trend)) for trend in report.trends],
        durations_plot=_durations_plot(report.durations),
        groups=tuple(_groups(report)),
        Status=Status,
        zone=report.zone,
        troubles=sum(remark.kind is not RemarkKind.REPAIR for remark in report.remarks),
    )


def _shown(spread: Spread, *, width: int, height: int) -> Shown:
    found = spread.summary
    if found is None:
        return Shown(spread, None, (), None)
    made = bins(spread.percents)
    alt = f"Histogram. {_in_words(found, '%')} {_peak(made)}"
    return Shown(spread, found, made, histogram(made, found, alt, width=width, height=height))


def _peak(made: tuple[Bin, ...]) -> str:
    tallest = max(made, key=lambda found: found.count)
    return f"The fullest bar has {tallest.count} between {tallest.low} and {tallest.high} %."


def _in_words(found: Summary, unit: str) -> str:
    count = (
        "1 submission"
        if unit == "s" and found.count == 1
        else f"{found.count} {'submissions' if unit == 's' else 'scores'}"
    )
    return (
        f"{count}, median {_short(found.median)} {unit}, the middle half from {_short(found.lower)} to "
        f"{_short(found.upper)} {unit}, all from {_short(found.low)} to {_short(found.high)} {unit}."
    )


def _trend_plot(trend: Trend) -> Plot:
    rows = [Box(spread.title, found) for spread in trend.spreads if (found := spread.summary)]
    medians = ", then ".join(f"{_short(row.summary.median)} %" for row in rows)
    alt = f"Box plots of {trend.category}, in order of due date. Medians: {medians}."
    return boxes(rows, alt, width=400, unit="%", trend=True)


def _durations_plot(durations: tuple[Durations, ...]) -> Plot | None:
    rows = [Box(found.title, _at_least(found.summary)) for found in durations]
    if not rows:
        return None
    medians = "; ".join(f"{found.title}: {_short(found.summary.median)} s" for found in durations)
    return boxes(rows, f"Box plots of seconds a submission. Medians: {medians}.", width=400, unit="s")


def _at_least(found: Summary) -> Summary:
    """What a logarithmic axis can show."""
    numbers = (max(value, _LEAST_SECONDS) for value in (found.low, found.lower, found.median, found.upper, found.high))
    return Summary(found.count, found.mean, found.deviation, *numbers)


def _groups(report: Report) -> Iterator[RemarkGroup]:
    for kind, (title, meaning) in _KINDS.items():
        found = [remark for remark in report.remarks if remark.kind is kind]
        if found:
            left_out = max(0, len(found) - MAX_REMARKS)
            yield RemarkGroup(kind, title, meaning, tuple(found[:MAX_REMARKS]), left_out)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    shared = environment("grader.report")
    made = shared.overlay()
    made.filters = shared.filters | {
        "short": _short,
        "percent": _percent,
        "signed": _signed,
        "day": _day,
        "exact": shown,
    }
    return made


@lru_cache(maxsize=1)
def _bare_environment() -> Environment:
    from jinja2 import ChoiceLoader, DictLoader

    made = _environment()
    assert made.loader is not None
    return made.overlay(loader=ChoiceLoader([DictLoader({"base.html.jinja": _BARE}), made.loader]))


def _short(number: float | None) -> str:
    """Three digits are enough for an eye: 0.42, 7.3, 85."""
    if number is None or not math.isfinite(number):
        return "\N{EN DASH}"
    digits = 0 if abs(number) >= 10 else 1 if abs(number) >= 1 else 2
    text = f"{number:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def _percent(share: float | None) -> str:
    return "\N{EN DASH}" if share is None else f"{100 * share:.0f} %"


def _signed(number: float | None) -> str:
    """A correlation; a true minus sign, and no sign for nothing."""
    if number is None:
        return "\N{EN DASH}"
    text = f"{number:+.2f}".replace("-", "\N{MINUS SIGN}")
    return text[1:] if text[1:] == "0.00" else text


def _day(moment: datetime | None, zone: ZoneInfo) -> str:
    if moment is None:
        return "no due date"
    local = moment.astimezone(zone)
    return f"{local.day} {local:%B %Y}"
