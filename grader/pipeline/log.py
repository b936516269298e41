"""The audit trail: every change of a score, with when, whose, where, from what to what and by what."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from grader.errors import ScoresError
from grader.model import Student
from grader.text import escape

if TYPE_CHECKING:
    from grader.pipeline.course import OpenCourse
    from grader.store import Database


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One change of a score."""

    time: datetime
    """In the course's time zone."""
    student: Student
    item: str
    before: str | None
    """None where there was no score."""
    after: str | None
    source: str


def log(
    opened: OpenCourse, database: Database, *, student_id: str | None = None, item: str | None = None
) -> tuple[LogEntry, ...]:
    """Changes of scores, newest last; of one student or one item where one is named.

    Raises `ScoresError` for a student or an item that neither the course nor the trail knows.
    """
    class_ = {student.student_id: student for student in opened.students}
    rows = database.audit(student_id=student_id, item=item)
    if not rows:
        _check("student", student_id, class_)
        _check("item", item, opened.course.assignments)
    zone = opened.course.zone
    return tuple(
        LogEntry(
            row.time.astimezone(zone),
            class_.get(row.student_id, Student(row.student_id)),
            row.item,
            row.before,
            row.after,
            row.source,
        )
        for row in rows
    )


def _check(what: str, name: str | None, known: Iterable[str]) -> None:
    names = list(known)
    if name is None or name in names:
        return
    close = difflib.get_close_matches(name, names, n=1)
    hint = f'did you mean "{escape(close[0])}"?' if close else "ids are as in roster.csv, items as in course.toml"
    raise ScoresError(f'there is no {what} "{escape(name)}": {hint}')
