"""The gradebook as learning systems take it: each importable as the system's own help says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grader.errors import ScoresError
from grader.gradebook.book import Gradebook
from grader.gradebook.exact import shown
from grader.gradebook.formats.cells import safe, to_quoted_text, to_text
from grader.gradebook.formats.columns import EXCUSED, Column, columns
from grader.gradebook.formats.layouts import Layout, ScoreColumn, cell, choose
from grader.gradebook.formats.systems import recognise
from grader.gradebook.formats.table import Row, Table, read_table
from grader.gradebook.scores import Item
from grader.matching import NoMatchError, Roster
from grader.model import Student
from grader.text import escape

Cells = list[list[str]]


@dataclass(frozen=True, slots=True)
class Exported:
    """A file to write, and what to know of it."""

    data: bytes
    notes: tuple[str, ...] = ()


def export(
    gradebook: Gradebook,
    system: str,
    wanted: Sequence[str] = (),
    *,
    template: bytes | None = None,
    template_name: str = "template",
) -> Exported:
    """Return the file for `canvas`, `moodle`, `blackboard` or `brightspace`.

    `wanted` names the columns (see `columns.column`): `"total"`, `"homeworks"`, `"hw1=HW 1"`; without any, the
    items and the total. With a `template`, an export of that system, its rows, ids and titles are kept, so that the
    system knows them again: the columns that the gradebook has are filled, the others are left out.

    Raises `ScoresError` where there is no such column, system or template.
    """
    if system not in _WRITERS:
        raise ScoresError(f'"{escape(system)}" is no system; there are {", ".join(_WRITERS)}')
    chosen = columns(gradebook, wanted)
    if template is None:
        cells = _WRITERS[system](gradebook, chosen)
        return Exported(_encoded(system, cells), _NOTES.get(system, ()))
    table = read_table(template, template_name)
    layout = recognise(table)
    if layout is None or layout.format != system:
        found = layout.format if layout else "no system that is known"
        raise ScoresError(f"{escape(template_name)}: is an export of {found}, not of {system}")
    return _filled(gradebook, chosen, table, layout, template_name, named=bool(wanted))


def _student_name(student: Student) -> str:
    return f"{student.last_name}, {student.first_name}".strip(", ") or student.student_id


def _canvas(gradebook: Gradebook, chosen: Sequence[Column]) -> Cells:
    titles = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *(safe(c.title) for c in chosen)]
    possible = ["    Points Possible", "", "", "", "", *(shown(c.points, 6) for c in chosen)]
    return [
        titles,
        possible,
        *(
            [
                *map(safe, (_student_name(s), _extra(s, "canvas_id"), s.student_id, _login(s), _extra(s, "section"))),
                *(c.values[s.student_id] for c in chosen),
            ]
            for s in _students(gradebook)
        ),
    ]


def _moodle(gradebook: Gradebook, chosen: Sequence[Column]) -> Cells:
    """For Grades, Import, CSV file, where the columns are mapped; an assignment's own worksheet needs its template."""
    titles = ["ID number", "Full name", "Email address", *(safe(c.title) for c in chosen)]
    return [
        titles,
        *(
            [*map(safe, (s.student_id, s.name, s.email)), *(_number(c.values[s.student_id]) for c in chosen)]
            for s in _students(gradebook)
        ),
    ]


def _blackboard(gradebook: Gradebook, chosen: Sequence[Column]) -> Cells:
    titles = [f"{safe(c.title)} [Total Pts: {shown(c.points, 6)} Score]" for c in chosen]
    return [
        ["Last Name", "First Name", "Username", "Student ID", *titles],
        *(
            [
                *map(safe, (s.last_name, s.first_name, _login(s) or s.student_id, s.student_id)),
                *(_number(c.values[s.student_id]) for c in chosen),
            ]
            for s in _students(gradebook)
        ),
    ]


def _brightspace(gradebook: Gradebook, chosen: Sequence[Column]) -> Cells:
    titles = [f"{safe(c.title)} {'Text' if c.name == 'letter' else 'Points'} Grade" for c in chosen]
    return [
        ["OrgDefinedId", "Username", *titles, "End-of-Line Indicator"],
        *(
            [
                *map(safe, (s.student_id, _login(s))),
                *(_number(c.values[s.student_id]) for c in chosen),
                "#",
            ]
            for s in _students(gradebook)
        ),
    ]


_WRITERS: dict[str, Callable[[Gradebook, Sequence[Column]], Cells]] = {
    "canvas": _canvas,
    "moodle": _moodle,
    "blackboard": _blackboard,
    "brightspace": _brightspace,
}
_NOTES = {
    "canvas": ("without a template every title that Canvas does not know makes a new assignment",),
    "blackboard": ("without a template every column is new, and Blackboard takes it for text",),
}


def _encoded(system: str, cells: Cells, delimiter: str = ",") -> bytes:
    """Blackboard reads its own UTF-16 with tabs most safely; the others take UTF-8 without a byte order mark."""
    if system == "blackboard":
        return to_quoted_text(cells, delimiter="\t").encode("utf-16")
    return to_text(cells, delimiter=delimiter).encode()


def _students(gradebook: Gradebook) -> list[Student]:
    return [row.student for row in gradebook.rows]


def _number(value: str) -> str:
    """Only Canvas knows excused scores; elsewhere they are blank."""
    return "" if value == EXCUSED else value


def _extra(student: Student, kind: str) -> str:
    found = (value for title, value in student.extra.items() if title.strip().casefold().replace(" ", "_") == kind)
    return next(found, "")


def _login(student: Student) -> str:
    return _extra(student, "username") or _extra(student, "login") or _extra(student, "sis_login_id")


def _filled(  # noqa: PLR0913 - a template, and what goes into it
    gradebook: Gradebook, chosen: Sequence[Column], table: Table, layout: Layout, name: str, *, named: bool
) -> Exported:
    """The template's own columns that name students, and those of its score columns that the gradebook has."""
    pairs, notes = _paired(chosen, layout, name, named=named)
    if not pairs:
        raise ScoresError(f"{escape(name)}: none of its columns is in the gradebook; name one like hw1=Title")
    kept = _kept_places(table, layout, {column.place for _, column in pairs})
    roster, seen = Roster.of(_students(gradebook)), set()
    rows: Cells = [[safe(cell(table.rows[0], place)) for place in kept]]
    for row in table.rows[1:]:
        values = {}
        if layout.aside(row) is None:
            try:
                student_id = roster.find(layout.keys_of(row)).student.student_id
            except NoMatchError as reason:
                notes.append(f"row {row.number}: {reason}; left out")
                continue
            seen.add(student_id)
            values = {column.place: _value(layout, source, student_id, table) for source, column in pairs}
        rows.append(_line(row, kept, values))
    absent = [s.student_id for s in _students(gradebook) if s.student_id not in seen]
    notes += [f"{escape(student_id)} is not in the template" for student_id in absent]
    return Exported(_encoded(layout.format, rows, table.delimiter), tuple(notes))


def _paired(
    chosen: Sequence[Column], layout: Layout, name: str, *, named: bool
) -> tuple[list[tuple[Column, ScoreColumn]], list[str]]:
    """Which of our columns goes into which of theirs; a column that was asked for has to be there."""
    pairs, notes = [], []
    for ours in chosen:
        item = Item(ours.name, "", ours.points, ours.title)
        try:
            pairs.append((ours, choose(layout, item, ours.place, name)))
        except ScoresError:
            if named:
                raise
            notes.append(f"{ours.name} is in no column of the template")
    if len(layout.scores) == 1 and len(pairs) > 1:
        raise ScoresError(f"{escape(name)}: has one column for scores; name what goes there, like total or hw1")
    return pairs, notes


def _kept_places(table: Table, layout: Layout, filled: set[int]) -> list[int]:
    """All columns but other scores: a score that is not sent is a score that is not touched."""
    others = {column.place for column in layout.scores} - filled
    last = max(filled) if layout.format == "canvas" else len(table.titles) - 1
    return [place for place in range(len(table.titles)) if place not in others and place <= last]


def _value(layout: Layout, source: Column, student_id: str, table: Table) -> str:
    value = source.values[student_id]
    value = value if layout.format == "canvas" else _number(value)
    return value.replace(".", ",") if table.delimiter == ";" else value


def _line(row: Row, kept: Sequence[int], values: dict[int, str]) -> list[str]:
    first = [f"    {cell(row, 0)}"] if cell(row, 0) == "Points Possible" else [safe(cell(row, kept[0]))]
    return first + [values[place] if place in values else safe(cell(row, place)) for place in kept[1:]]
