"""The gradebook as our own CSV, for a person with a spreadsheet and for a program alike."""

from __future__ import annotations

from fractions import Fraction

from grader.gradebook.book import Gradebook, ItemGrade, StudentGrade
from grader.gradebook.exact import fixed, shown
from grader.gradebook.formats.cells import safe, to_text
from grader.gradebook.scores import Status

STUDENT_COLUMNS = ("student_id", "last_name", "first_name", "email")
_WORDS = {Status.EXCUSED: "EX"}


def to_csv(gradebook: Gradebook) -> str:
    """Return the class table.

    Columns: the student; `total` and `current` in percent; `letter` where the course has letters; each category as
    `<name> %`; each item as `<name> (<points>)`; `ungraded`, what a person still has to grade. An empty cell is no
    score, `EX` is excused. Cells of text that a spreadsheet would run as a formula start with an apostrophe.
    """
    return to_text([header(gradebook), *(line(gradebook, row) for row in gradebook.rows)])


def header(gradebook: Gradebook) -> list[str]:
    """Return the titles of the columns, the same for the same course."""
    categories = gradebook.policies.all_categories
    return [
        *STUDENT_COLUMNS,
        "total",
        "current",
        *(["letter"] if gradebook.policies.letters else []),
        *(safe(f"{name} %") for name in categories),
        *(safe(f"{item.name} ({shown(item.points, 6)})") for item in gradebook.items),
        "ungraded",
    ]


def line(gradebook: Gradebook, row: StudentGrade) -> list[str]:
    """Return the cells of one student."""
    student, digits = row.student, gradebook.policies.grading.digits
    final = row.final.categories
    return [
        *(safe(text) for text in (student.student_id, student.last_name, student.first_name, student.email)),
        _percent(row.final.total, digits),
        _percent(row.current.total, digits),
        *([safe(row.letter)] if gradebook.policies.letters else []),
        *(_percent(_times_hundred(final[name].fraction), digits) for name in gradebook.policies.all_categories),
        *(_points(row.items[item.name], digits) for item in gradebook.items),
        safe(", ".join(row.ungraded)),
    ]


def _times_hundred(fraction: Fraction | None) -> Fraction | None:
    return None if fraction is None else fraction * 100


def _percent(value: Fraction | None, digits: int) -> str:
    return "" if value is None else fixed(value, digits)


def _points(grade: ItemGrade, digits: int) -> str:
    return _WORDS.get(grade.status, "" if grade.score is None else shown(grade.counted, max(digits, 2)))
