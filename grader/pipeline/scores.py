"""Scores from elsewhere: read into a plan, shown, and kept with their history."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import ScoresError
from grader.gradebook import (
    ImportPlan,
    Item,
    ItemScore,
    Rubric,
    Status,
    Teams,
    parse_rubric,
    parse_teams,
    read_attendance,
    read_scores,
    read_sheet,
    rounded,
    template,
)
from grader.store import ImportedScore, ScoreStatus
from grader.text import escape

if TYPE_CHECKING:
    from grader.config import Assignment
    from grader.pipeline.course import OpenCourse
    from grader.store import Database, ScoreChange, StoredScore

_MAX_BYTES = 50_000_000
_STORED_DIGITS = 12
"""Of a score that has no end in decimals, such as a third of a point."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file of scores is to be read, where it does not say so itself."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Titles of columns by what they hold."""
    points: str | None = None
    """The rule by which a leaderboard becomes points."""
    free_absences: int | None = None
    """The file is an attendance list, and so many absences cost nothing."""


def plan_import(opened: OpenCourse, database: Database, name: str, file: Path, reading: Reading) -> ImportPlan:
    """What the file would bring for the item: who matches, what changes, what cannot be taken."""
    assignment = external_item(opened, name)
    item = gradebook_item(assignment, Fraction(assignment.points or 0))
    before = {stored.score.student_id: item_score(stored) for stored in database.scores(name)}
    known: dict[str, Any] = {"item": item, "roster": opened.students, "before": before}
    content = _content(file)
    if reading.free_absences is not None:
        return read_attendance(content, file.name, free_absences=reading.free_absences, **known)
    rubric, teams = read_rubric(opened, name), read_teams(opened, name)
    if (rubric or teams) and not reading.columns and reading.points is None:
        return read_sheet(content, file.name, rubric=rubric, teams=teams, **known)
    return read_scores(content, file.name, columns=reading.columns, points=reading.points, **known)


def carry_out(database: Database, plan: ImportPlan) -> tuple[ScoreChange, ...]:
    """Store what matched, with the file as its source; what really changed is returned."""
    rows = [_imported(student_id, score) for student_id, score in plan.scores.items()]
    source = f"{plan.filename} sha256:{plan.digest}"
    return database.import_scores(plan.item, rows, source=source, imported_at=datetime.now(UTC))


def sheet(opened: OpenCourse, name: str) -> str:
    """The CSV to fill in for an item: its rubric's criteria, a row a team or a student."""
    external_item(opened, name)
    return template(opened.students, read_rubric(opened, name), read_teams(opened, name))


def read_rubric(opened: OpenCourse, name: str) -> Rubric | None:
    """`rubrics/<item>.toml`, where there is one."""
    path = opened.folder.root / "rubrics" / f"{name}.toml"
    if not path.is_file():
        return None
    return parse_rubric(_content(path).decode("utf-8-sig", "replace"), f"rubrics/{escape(name)}.toml")


def read_teams(opened: OpenCourse, name: str) -> Teams | None:
    """The teams of an item in `teams.csv`, where there are any."""
    path = opened.folder.root / "teams.csv"
    if not path.is_file():
        return None
    return parse_teams(_content(path), path.name, opened.students, name) or None


def gradebook_item(assignment: Assignment, points: Fraction) -> Item:
    """An assignment as the gradebook sees it."""
    return Item(assignment.name, assignment.category, points, assignment.title, assignment.due)


def item_score(stored: StoredScore) -> ItemScore:
    """A stored score as the gradebook sees it."""
    score = stored.score
    return ItemScore(
        score=None if score.score is None else Fraction(score.score),
        status=_STATUS[score.status],
        max_score=None if score.max_score is None else Fraction(score.max_score),
        comment=score.comment,
        submitted=score.submitted,
        late=score.late,
    )


def external_item(opened: OpenCourse, name: str) -> Assignment:
    """An item whose scores come from elsewhere; `ScoresError` names the nearest one where there is none."""
    assignment = opened.course.assignments.get(name)
    known = [a.name for a in opened.course.assignments.values() if not a.has_notebooks]
    if assignment is None:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f'did you mean "{close[0]}"?' if close else f"items with scores from elsewhere: {', '.join(known)}"
        raise ScoresError(f'"{escape(name)}" is no item of course.toml: {hint}')
    if assignment.has_notebooks:
        raise ScoresError(f"{name}: its score comes from its notebooks; change single questions by hand instead")
    return assignment


_STATUS = {
    ScoreStatus.NORMAL: Status.GRADED,
    ScoreStatus.EXCUSED: Status.EXCUSED,
    ScoreStatus.MISSING: Status.MISSING,
}


def _imported(student_id: str, score: ItemScore) -> ImportedScore:
    status = {there: here for here, there in _STATUS.items()}[score.status]
    return ImportedScore(
        student_id,
        _decimal(score.score),
        _decimal(score.max_score),
        status,
        score.comment,
        score.submitted,
        score.late,
    )


def _decimal(number: Fraction | None) -> Decimal | None:
    return None if number is None else rounded(number, _STORED_DIGITS).normalize()


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise ScoresError(f"{escape(file)}: larger than {_MAX_BYTES // 1_000_000} MB; that is no file of scores")
        return file.read_bytes()
    except OSError as error:
        raise ScoresError(f"{escape(file)}: cannot be read: {escape(error.strerror)}") from None
