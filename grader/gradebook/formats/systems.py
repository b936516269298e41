"""Exports of learning systems, recognised by their titles.

Sources: the systems' own help pages on exporting and importing grades, and exports of real courses.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from grader.gradebook.formats.layouts import Layout, ScoreColumn, cell, folded, place_of, placed
from grader.gradebook.formats.table import Row, Table

_CANVAS_ID = re.compile(r"\s*\(\d+\)$")
_BLACKBOARD = re.compile(r"(?P<title>.*?)\s*\[Total Pts: (?:up to )?(?P<points>[\d.,]+)[^\]]*\]\s*(?:\|(?P<id>\d+))?")
_BRIGHTSPACE = re.compile(
    r"(?P<title>.*?) Points Grade(?:\s*<[^>]*?MaxPoints:(?P<points>[\d.,]+)[^>]*>)?", re.IGNORECASE
)
_LATENESS = "lateness (h:m:s)"


def recognise(table: Table) -> Layout | None:
    """Return the layout of the system that wrote the table; None for a plain one."""
    readers: tuple[Callable[[Table], Layout | None], ...] = (
        _gradescope_assignment,
        _gradescope_course,
        _canvas,
        _moodle,
        _blackboard,
        _brightspace,
    )
    return next((layout for read in readers if (layout := read(table)) is not None), None)


def _gradescope_assignment(table: Table) -> Layout | None:
    titles = folded(table.titles)
    if not {"total score", "max points", "status"} <= set(titles):
        return None
    place = titles.index("total score")
    column = ScoreColumn(
        "Total Score",
        place,
        table.titles[place],
        max_place=place_of(titles, "max points"),
        late_place=place_of(titles, _LATENESS),
        submitted_place=place_of(titles, "submission time"),
        status_place=place_of(titles, "status"),
    )
    return Layout("gradescope", _gradescope_keys(titles), (column,), names=_names(titles))


def _gradescope_course(table: Table) -> Layout | None:
    titles = folded(table.titles)
    columns = tuple(
        ScoreColumn(
            title,
            place,
            title,
            max_place=place_of(titles, f"{low} - max points"),
            late_place=place_of(titles, f"{low} - {_LATENESS}"),
            submitted_place=place_of(titles, f"{low} - submission time"),
        )
        for place, (title, low) in enumerate(zip(table.titles, titles, strict=True))
        if f"{low} - max points" in titles
    )
    if not columns:
        return None
    return Layout("gradescope", _gradescope_keys(titles), columns, names=_names(titles))


def _gradescope_keys(titles: list[str]) -> tuple[tuple[str, int], ...]:
    return placed(
        [
            ("student_id", place_of(titles, "sid")),
            ("email", place_of(titles, "email")),
            ("name", place_of(titles, "name")),
        ]
    )


def _names(titles: list[str]) -> tuple[int, int] | None:
    first, last = place_of(titles, "first name"), place_of(titles, "last name")
    return None if first is None or last is None else (first, last)


def _canvas(table: Table) -> Layout | None:
    titles = folded(table.titles)
    if not {"student", "id", "section"} <= set(titles):
        return None
    possible = next((row for row in table.rows[1:6] if _canvas_aside(row) == "the points possible"), None)
    known = {"student", "id", "sis user id", "sis login id", "integration id", "section", "root account"}
    columns = tuple(
        ScoreColumn(_CANVAS_ID.sub("", title), place, title, points=_number(cell(possible, place)) if possible else "")
        for place, title in enumerate(table.titles)
        if title and titles[place] not in known and not _is_read_only(title, possible, place)
    )
    keys = placed(
        [
            ("student_id", place_of(titles, "sis user id")),
            ("login", place_of(titles, "sis login id")),
            ("canvas_id", place_of(titles, "id")),
            ("name", place_of(titles, "student")),
        ]
    )
    return Layout("canvas", keys, columns, _canvas_aside)


def _is_read_only(title: str, possible: Row | None, place: int) -> bool:
    totals = ("current score", "final score", "current points", "final points", "current grade", "final grade")
    marked = possible is not None and "read only" in cell(possible, place).casefold()
    return marked or title.casefold().endswith(totals)


def _canvas_aside(row: Row) -> str | None:
    first = cell(row, 0).casefold()
    if first == "points possible":
        return "the points possible"
    if not first and any(each.casefold() == "manual posting" for each in row.cells):
        return "how grades are posted"
    return "Canvas's test student" if first == "student, test" else None


def _number(text: str) -> str:
    return text if re.fullmatch(r"[\d.,]+", text) else ""


def _moodle(table: Table) -> Layout | None:
    titles = folded(table.titles)
    if not {"identifier", "full name", "grade"} <= set(titles):
        return None
    column = ScoreColumn(
        "Grade",
        titles.index("grade"),
        table.titles[titles.index("grade")],
        max_place=place_of(titles, "maximum grade"),
        status_place=place_of(titles, "status"),
        comment_place=place_of(titles, "feedback comments"),
    )
    keys = placed(
        [
            ("student_id", place_of(titles, "id number")),
            ("email", place_of(titles, "email address")),
            ("login", place_of(titles, "username")),
            ("moodle_id", place_of(titles, "identifier")),
            ("name", place_of(titles, "full name")),
        ]
    )
    return Layout("moodle", keys, (column,))


def _blackboard(table: Table) -> Layout | None:
    titles = folded(table.titles)
    found = [(place, title, _BLACKBOARD.fullmatch(title)) for place, title in enumerate(table.titles)]
    columns = tuple(
        ScoreColumn(match["title"], place, title, points=match["points"]) for place, title, match in found if match
    )
    if "username" not in titles or not columns:
        return None
    keys = placed([("student_id", place_of(titles, "student id")), ("login", titles.index("username"))])
    return Layout("blackboard", keys, columns, names=_names(titles))


def _brightspace(table: Table) -> Layout | None:
    titles = folded(table.titles)
    found = [(place, title, _BRIGHTSPACE.fullmatch(title)) for place, title in enumerate(table.titles)]
    columns = tuple(
        ScoreColumn(match["title"], place, title, points=match["points"] or "")
        for place, title, match in found
        if match
    )
    if not columns or not {"orgdefinedid", "username"} & set(titles):
        return None
    keys = placed(
        [
            ("student_id", place_of(titles, "orgdefinedid")),
            ("login", place_of(titles, "username")),
            ("email", place_of(titles, "email")),
        ]
    )
    return Layout("brightspace", keys, columns, names=_names(titles))
