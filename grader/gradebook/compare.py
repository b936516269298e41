"""Two gradebooks side by side: what a change of the rules would do, and what has changed since an earlier CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pydantic import ValidationError

from grader.errors import ScoresError
from grader.gradebook.book import Gradebook, StudentGrade
from grader.gradebook.exact import exact, rounded
from grader.gradebook.formats.cells import unsafe
from grader.gradebook.formats.plain import STUDENT_COLUMNS, header, line
from grader.gradebook.policies import Policies, Policy
from grader.gradebook.toml import parse_value
from grader.model import Student
from grader.text import escape

_POINTS = re.compile(r" \([\d.]+\)$")


@dataclass(frozen=True, slots=True)
class Difference:
    """One student whose grade is not the same."""

    student_id: str
    name: str
    before: Decimal | None
    after: Decimal | None
    letter_before: str = ""
    letter_after: str = ""
    reasons: tuple[str, ...] = ()
    """What else differs, a few words each."""

    @property
    def change(self) -> Decimal | None:
        """Percent points; None where there is no total on one side."""
        return None if self.before is None or self.after is None else self.after - self.before


def with_changes(policies: Policies, changes: Mapping[str, str]) -> Policies:
    """Return the rules with other values: `{"categories.homeworks.drop_lowest": "2"}`, keys as in `course.toml`.

    Raises `ScoresError` for a key that does not exist or a value that does not fit, `ConfigError` for one that no
    course needs.
    """
    table: dict[str, Any] = _table(policies)
    for key, text in changes.items():
        _put(table, key, parse_value(text, escape(key, 100)))
    try:
        return Policies.model_validate(table)
    except ValidationError as error:
        raise ScoresError(*(_problem(found["loc"], found["msg"]) for found in error.errors())) from None


def _table(value: Any) -> Any:
    """The tables of a policy, numbers as they are: pydantic's own dump writes fractions as text."""
    if isinstance(value, Policy):
        return {key: _table(getattr(value, key)) for key in type(value).model_fields}
    if isinstance(value, dict):
        return {key: _table(each) for key, each in value.items()}
    return value


def _put(table: dict[str, Any], key: str, value: Any) -> None:
    *folders, last = key.split(".")
    place: Any = table
    for folder in folders:
        place = place.setdefault(folder, {}) if isinstance(place, dict) else None
    if not isinstance(place, dict) or key.startswith(("exceptions", "requirements")):
        raise ScoresError(f'"{escape(key)}" is no key; write it like categories.homeworks.drop_lowest')
    before = place.get(last)
    place[last] = {**before, "weight": value} if isinstance(before, dict) and not isinstance(value, dict) else value


def _problem(location: tuple[int | str, ...], message: str) -> str:
    return f"{escape('.'.join(str(part) for part in location))}: {message.removeprefix('Value error, ')}"


def compare(before: Gradebook, after: Gradebook) -> tuple[Difference, ...]:
    """Return whose total or letter differs between two gradebooks of the same class, in the order of the second."""
    old = {row.student.student_id: row for row in before.rows}
    found = (_difference(before, old.get(row.student.student_id), after, row) for row in after.rows)
    return tuple(each for each in found if each.before != each.after or each.letter_before != each.letter_after)


def _difference(before: Gradebook, old: StudentGrade | None, after: Gradebook, new: StudentGrade) -> Difference:
    return Difference(
        new.student.student_id,
        new.student.name,
        None if old is None else old.final.rounded(before.policies.grading.digits),
        new.final.rounded(after.policies.grading.digits),
        "" if old is None else old.letter,
        new.letter,
    )


def diff(earlier: str, gradebook: Gradebook) -> tuple[Difference, ...]:
    """Return what has changed since an earlier CSV of ours, by student, with the cells that differ as the reasons.

    Raises `ScoresError` if the text is no gradebook of ours.
    """
    old = _earlier(earlier)
    titles = [_POINTS.sub("", unsafe(title)) for title in header(gradebook)]
    new = {row.student.student_id: row for row in gradebook.rows}
    found = [
        _changed(old.get(student_id), row.student, dict(zip(titles, line(gradebook, row), strict=True)))
        for student_id, row in new.items()
    ]
    gone = [_gone(student_id, cells) for student_id, cells in old.items() if student_id not in new]
    return (*(each for each in found if each is not None), *gone)


def _gone(student_id: str, cells: Mapping[str, str]) -> Difference:
    name = f"{cells.get('first_name', '')} {cells.get('last_name', '')}".strip() or student_id
    return Difference(
        student_id, name, _total(cells), None, cells.get("letter", ""), "", ("is not in the class any more",)
    )


def _earlier(text: str) -> dict[str, dict[str, str]]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    if not {"student_id", "total"} <= set(reader.fieldnames or ()):
        raise ScoresError("the earlier file is no gradebook: it has no columns student_id and total")
    return {
        unsafe(row["student_id"]): {_POINTS.sub("", unsafe(title)): cell or "" for title, cell in row.items() if title}
        for row in reader
    }


def _changed(old: Mapping[str, str] | None, student: Student, new: Mapping[str, str]) -> Difference | None:
    student_id, name = student.student_id, student.name
    total, letter = _total(new), new.get("letter", "")
    if old is None:
        return Difference(student_id, name, None, total, "", letter, ("is new in the class",))
    reasons = tuple(_reasons(old, new))
    if not reasons and _total(old) == total and old.get("letter", "") == letter:
        return None
    return Difference(student_id, name, _total(old), total, old.get("letter", ""), letter, reasons)


def _reasons(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """The items that differ; if none does, the categories; if none of those does either, the rules above them."""
    aside = {*STUDENT_COLUMNS, "total", "current", "letter", "ungraded"}
    titles = [title for title in dict.fromkeys([*old, *new]) if title not in aside]
    differing = [title for title in titles if not _same(old.get(title, ""), new.get(title, ""))]
    items = [title for title in differing if not title.endswith(" %")]
    for title in items or differing:
        yield f"{title}: {old.get(title) or 'nothing'} → {new.get(title) or 'nothing'}"
    if not differing and not _same(old["total"], new["total"]):
        yield "the rules of the course: all scores are as they were"


def _same(one: str, other: str) -> bool:
    try:
        return exact(one) == exact(other)
    except ValueError:
        return one == other


def _total(cells: Mapping[str, str]) -> Decimal | None:
    try:
        value: Fraction = exact(cells.get("total", ""))
    except ValueError:
        return None
    digits = len(cells["total"].partition(".")[2])
    return rounded(value, digits)
