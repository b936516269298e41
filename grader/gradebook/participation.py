"""Attendance and polls: from a list of sessions to points, with free absences."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from fractions import Fraction

from grader.errors import ScoresError
from grader.gradebook.exact import rounded, shown, total
from grader.gradebook.formats.cells import unsafe
from grader.gradebook.formats.layouts import cell, folded, place_of
from grader.gradebook.formats.numbers import read_number
from grader.gradebook.formats.plan import ImportPlan, Matched, Problem
from grader.gradebook.formats.table import Row, Table, read_table
from grader.gradebook.scores import Item, ItemScore
from grader.matching import NoMatchError, Roster
from grader.model import Student
from grader.text import escape

_PRESENT = {"x", "p", "y", "yes", "present", "true", "✓", "✔"}
_ABSENT = {"", "a", "n", "no", "absent", "false", "-"}
_EXCUSED = {"e", "ex", "excused"}
_IDS = ("student_id", "student id", "id", "sid")
_NOT_SESSIONS = {*_IDS, "email", "name", "first_name", "last_name", "first name", "last name"}


def read_attendance(  # noqa: PLR0913 - what a reader must know, each by name
    data: bytes,
    filename: str,
    *,
    item: Item,
    roster: Iterable[Student],
    free_absences: int = 0,
    before: Mapping[str, ItemScore] | None = None,
) -> ImportPlan:
    """Return the participation points of a table with a row a student and a column a session.

    A mark is `x`, `yes`, `present`, ... for 1, blank, `no`, `absent`, ... for 0, `excused` for a session that does not
    count, or a share between 0 and 1, as polls give it. A session in which nobody has a mark was not held. So many
    absences are free: all points are for everything but those. The points are rounded half up to two digits.

    Raises `ScoresError` where the table as a whole cannot be read.
    """
    table = read_table(data, filename)
    sessions = _sessions(table, filename)
    index = Roster.of(roster)
    matched, problems = _read(table, sessions, index, item, free_absences)
    return ImportPlan(
        item=item.name,
        filename=filename,
        digest=hashlib.sha256(data).hexdigest(),
        format="attendance",
        matched=tuple(matched.values()),
        problems=tuple(problems),
        absent=tuple(s.student_id for s in index.students if s.student_id not in matched),
        notes=table.notes,
        before=before or {},
    )


def _sessions(table: Table, filename: str) -> list[int]:
    """Columns with a mark in them that are not about who somebody is."""
    titles = folded(table.titles)
    held = [
        place
        for place, title in enumerate(titles)
        if title and title not in _NOT_SESSIONS and any(cell(row, place) for row in table.rows[1:])
    ]
    if not held:
        raise ScoresError(f"{escape(filename)}: no column is a session with a mark in it")
    return held


def _read(
    table: Table, sessions: list[int], index: Roster, item: Item, free: int
) -> tuple[dict[str, Matched], list[Problem]]:
    titles = folded(table.titles)
    keys = [("student_id", place_of(titles, *_IDS)), ("email", place_of(titles, "email"))]
    matched: dict[str, Matched] = {}
    problems = []
    for row in table.rows[1:]:
        try:
            student = index.find((kind, unsafe(cell(row, place))) for kind, place in keys).student.student_id
            if student in matched:
                problems.append(Problem(row.number, f"{escape(student)} is in row {matched[student].row} already"))
                continue
            matched[student] = Matched(row.number, student, _score(row, sessions, table.titles, item, free))
        except (NoMatchError, ValueError) as error:
            problems.append(Problem(row.number, str(error)))
    return matched, problems


def _score(row: Row, sessions: list[int], titles: tuple[str, ...], item: Item, free: int) -> ItemScore:
    marks = [_mark(cell(row, place), titles[place]) for place in sessions]
    counting = [mark for mark in marks if mark is not None]
    needed = max(len(counting) - free, 1)
    share = min(total(counting) / needed, Fraction(1)) if counting else Fraction(1)
    points = Fraction(rounded(share * item.points, 2))
    forgiven = f", {free} of them free to miss" if free else ""
    return ItemScore(points, comment=f"{shown(total(counting))} of {len(counting)} sessions{forgiven}")


def _mark(text: str, title: str) -> Fraction | None:
    folded_text = text.casefold()
    if folded_text in _EXCUSED:
        return None
    if folded_text in _PRESENT:
        return Fraction(1)
    if folded_text in _ABSENT:
        return Fraction(0)
    value = read_number(text, comma=False)
    if not 0 <= value <= 1:
        message = f"{escape(title, 60)}: {shown(value, 4)} is no share of a session; write 0 to 1, x, absent or excused"
        raise ValueError(message)
    return value
