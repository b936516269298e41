"""Scores from elsewhere: read into a plan, shown, and kept with their history."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import ScoresError
from grader.gradebook import ImportPlan, Item, ItemScore, Status, read_scores
from grader.store import ImportedScore, ScoreStatus
from grader.text import escape

if TYPE_CHECKING:
    from grader.config import Assignment
    from grader.pipeline.course import OpenCourse
    from grader.store import Database, ScoreChange, StoredScore

_MAX_BYTES = 50_000_000


def plan_import(
    opened: OpenCourse, database: Database, item: str, file: Path, *, columns: Mapping[str, str]
) -> ImportPlan:
    """What the file would bring for the item: who matches, what changes, what cannot be taken."""
    assignment = _item(opened, item)
    return read_scores(
        _content(file),
        file.name,
        item=gradebook_item(assignment, Fraction(assignment.points or 0)),
        roster=opened.students,
        columns=columns,
        before={stored.score.student_id: item_score(stored) for stored in database.scores(item)},
    )


def carry_out(database: Database, plan: ImportPlan) -> tuple[ScoreChange, ...]:
    """Store what matched, with the file as its source; what really changed is returned."""
    rows = [_imported(student_id, score) for student_id, score in plan.scores.items()]
    source = f"{plan.filename} sha256:{plan.digest}"
    return database.import_scores(plan.item, rows, source=source, imported_at=datetime.now(UTC))


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
    )


_STATUS = {
    ScoreStatus.NORMAL: Status.GRADED,
    ScoreStatus.EXCUSED: Status.EXCUSED,
    ScoreStatus.MISSING: Status.MISSING,
}


def _imported(student_id: str, score: ItemScore) -> ImportedScore:
    status = {there: here for here, there in _STATUS.items()}[score.status]
    return ImportedScore(student_id, _decimal(score.score), _decimal(score.max_score), status, score.comment)


def _decimal(number: Fraction | None) -> Decimal | None:
    """Scores come from decimal text, so their denominators divide a power of ten."""
    return None if number is None else Decimal(number.numerator) / Decimal(number.denominator)


def _item(opened: OpenCourse, name: str) -> Assignment:
    assignment = opened.course.assignments.get(name)
    known = [a.name for a in opened.course.assignments.values() if not a.has_notebooks]
    if assignment is None:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f'did you mean "{close[0]}"?' if close else f"items with scores from elsewhere: {', '.join(known)}"
        raise ScoresError(f'"{escape(name)}" is no item of course.toml: {hint}')
    if assignment.has_notebooks:
        raise ScoresError(f"{name}: its score comes from its notebooks; change single questions by hand instead")
    return assignment


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise ScoresError(f"{escape(file)}: larger than {_MAX_BYTES // 1_000_000} MB; that is no file of scores")
        return file.read_bytes()
    except OSError as error:
        raise ScoresError(f"{escape(file)}: cannot be read: {escape(error.strerror)}") from None
