"""What of the gradebook goes out: an item, a category, the total, the current grade or the letter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from grader.errors import ScoresError
from grader.gradebook.book import Gradebook, StudentGrade
from grader.gradebook.exact import fixed, shown
from grader.gradebook.scores import Status
from grader.text import escape

EXCUSED = "EX"
_HUNDRED = Fraction(100)


@dataclass(frozen=True, slots=True)
class Column:
    """One number a student, as text."""

    name: str
    """As the course calls it."""
    title: str
    """As the other system calls it."""
    points: Fraction
    """The most there is."""
    values: dict[str, str]
    """By student id; empty where there is nothing, `EX` for excused."""
    place: str | None = None
    """The title that was asked for; None where the system's own column is to be found."""


def column(gradebook: Gradebook, what: str) -> Column:
    """Return one column: `total`, `current`, `letter`, a category or an item; `what=Title` gives it another title.

    Points are as they count, percent of totals and categories out of 100. Raises `ScoresError` for a name that is none
    of them.
    """
    name, _, title = what.partition("=")
    items = {item.name: item for item in gradebook.items}
    digits = gradebook.policies.grading.digits
    if name in items:
        values = {row.student.student_id: _item(row, name, max(digits, 2)) for row in gradebook.rows}
        return Column(name, title or items[name].title or name, items[name].points, values, title or None)
    if name in gradebook.policies.all_categories or name in {"total", "current", "letter"}:
        values = {row.student.student_id: _percent(row, name, digits) for row in gradebook.rows}
        return Column(name, title or name, _HUNDRED, values, title or None)
    known = ", ".join(["total", "current", "letter", *gradebook.policies.all_categories, *items])
    raise ScoresError(f'"{escape(name)}" is no column of the gradebook; there are {known}')


def columns(gradebook: Gradebook, wanted: Iterable[str]) -> tuple[Column, ...]:
    """Return these columns; the items and the total, if none is named."""
    names = tuple(wanted) or (*(item.name for item in gradebook.items), "total")
    return tuple(column(gradebook, name) for name in names)


def _item(row: StudentGrade, name: str, digits: int) -> str:
    grade = row.items[name]
    if grade.status is Status.EXCUSED:
        return EXCUSED
    return "" if grade.score is None and not grade.counted else shown(grade.counted, digits)


def _percent(row: StudentGrade, name: str, digits: int) -> str:
    if name == "letter":
        return row.letter
    value = {"total": row.final.total, "current": row.current.total}.get(name)
    if name in row.final.categories:
        fraction = row.final.categories[name].fraction
        value = None if fraction is None else fraction * 100
    return "" if value is None else fixed(value, digits)
