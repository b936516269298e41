"""Scores: read from nbgrader's tables, and taken in from elsewhere with an account of what changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, insert, select, update
from sqlalchemy.sql import func

from grader.errors import ScoresError
from grader.model import GradedKind
from grader.store.assignments import naive_utc
from grader.store.connection import bytewise
from grader.store.rows import AuditRow, ImportedScore, QuestionScore, ScoreChange, ScoreStatus, StoredScore
from grader.store.schema import AUDIT, SCORE, Tables
from grader.text import escape


def question_scores(
    connection: Connection, tables: Tables, assignment: str | None, student_id: str | None = None
) -> tuple[QuestionScore, ...]:
    """Every cell with points of every submission, by assignment, student, notebook and cell: one query for all."""
    base, grade, comment = tables.base_cell, tables.grade, tables.comment
    submitted, mine, answer = tables.submitted_assignment, tables.submitted_notebook, base.alias("answer")
    query = (
        select(
            submitted.c.student_id,
            tables.assignment.c.name.label("assignment"),
            tables.notebook.c.name.label("notebook"),
            base.c.name.label("grade_id"),
            base.c.type,
            answer.c.id.label("answer_id"),
            func.coalesce(tables.grade_cells.c.cell_type, tables.task_cells.c.cell_type).label("cell_type"),
            func.coalesce(tables.grade_cells.c.max_score, tables.task_cells.c.max_score).label("max_score"),
            grade.c.auto_score,
            grade.c.manual_score,
            grade.c.extra_credit,
            grade.c.needs_manual_grade,
            comment.c.auto_comment,
            comment.c.manual_comment,
            mine.c.late_submission_penalty,
            mine.c.flagged,
        )
        .select_from(grade)
        .join(base, base.c.id == grade.c.cell_id)
        .join(mine, mine.c.id == grade.c.notebook_id)
        .join(submitted, submitted.c.id == mine.c.assignment_id)
        .join(tables.assignment, tables.assignment.c.id == submitted.c.assignment_id)
        .join(tables.notebook, tables.notebook.c.id == mine.c.notebook_id)
        .outerjoin(tables.grade_cells, tables.grade_cells.c.id == base.c.id)
        .outerjoin(tables.task_cells, tables.task_cells.c.id == base.c.id)
        .outerjoin(
            answer,
            and_(
                answer.c.notebook_id == base.c.notebook_id,
                answer.c.name == base.c.name,
                answer.c.type == "SolutionCell",
            ),
        )
        .outerjoin(
            comment,
            and_(
                comment.c.notebook_id == mine.c.id,
                comment.c.cell_id == func.coalesce(answer.c.id, base.c.id),
            ),
        )
        .order_by(
            *(
                bytewise(column)
                for column in (tables.assignment.c.name, submitted.c.student_id, tables.notebook.c.name, base.c.name)
            )
        )
    )
    if assignment is not None:
        query = query.where(tables.assignment.c.name == assignment)
    if student_id is not None:
        query = query.where(submitted.c.student_id == student_id)
    return tuple(_question_score(row) for row in connection.execute(query))


def max_scores(connection: Connection, tables: Tables) -> Mapping[str, float]:
    """The sum of all cells with points of each assignment, by its name; exact, whichever order they come in."""
    base, grade, task = tables.base_cell, tables.grade_cells, tables.task_cells
    query = (
        select(tables.assignment.c.name, func.coalesce(grade.c.max_score, task.c.max_score, 0.0).label("points"))
        .select_from(tables.assignment)
        .outerjoin(tables.notebook, tables.notebook.c.assignment_id == tables.assignment.c.id)
        .outerjoin(base, base.c.notebook_id == tables.notebook.c.id)
        .outerjoin(grade, grade.c.id == base.c.id)
        .outerjoin(task, task.c.id == base.c.id)
        .order_by(bytewise(tables.assignment.c.name))
    )
    points: dict[str, list[float]] = {}
    for row in connection.execute(query):
        points.setdefault(row.name, []).append(row.points)
    return {name: math.fsum(each) for name, each in points.items()}


def scores(connection: Connection, item: str | None) -> tuple[StoredScore, ...]:
    """Imported scores of one item or of all, by item and student."""
    query = select(SCORE).order_by(bytewise(SCORE.c.item), bytewise(SCORE.c.student_id))
    chosen = query if item is None else query.where(SCORE.c.item == item)
    return tuple(
        StoredScore(row.item, _imported(row), row.source, row.imported_at.replace(tzinfo=UTC))
        for row in connection.execute(chosen)
    )


def changes(connection: Connection, item: str, rows: Sequence[ImportedScore]) -> tuple[ScoreChange, ...]:
    """What importing these rows would change, by student; a student may be there only once."""
    ids = [row.student_id for row in rows]
    twice = sorted({escape(student_id, 60) for student_id in ids if ids.count(student_id) > 1})
    if twice:
        raise ScoresError(*(f"{escape(item)}: two scores for {student_id}; keep one" for student_id in twice))
    before = {stored.score.student_id: stored.score for stored in scores(connection, item)}
    return tuple(
        ScoreChange(row.student_id, item, before.get(row.student_id), row)
        for row in sorted(rows, key=lambda row: row.student_id)
        if before.get(row.student_id) != row
    )


def import_scores(
    connection: Connection, item: str, rows: Sequence[ImportedScore], source: str, imported_at: datetime
) -> tuple[ScoreChange, ...]:
    """Take scores in and tell what changed, as the audit trail does; students not among the rows keep theirs."""
    found = changes(connection, item, rows)
    time = naive_utc(imported_at)
    new = [_row(change, source, time) for change in found if change.before is None]
    changed = [_row(change, source, time) for change in found if change.before is not None]
    if new:
        connection.execute(insert(SCORE), new)
    if changed:
        mine = and_(SCORE.c.student_id == bindparam("who"), SCORE.c.item == bindparam("what"))
        keyed = [{**row, "who": row["student_id"], "what": row["item"]} for row in changed]
        connection.execute(update(SCORE).where(mine), keyed)
    _audit(connection, found, source, time)
    return found


def audit(connection: Connection, student_id: str | None, item: str | None) -> tuple[AuditRow, ...]:
    """Changes of scores, oldest first."""
    query = select(AUDIT).order_by(AUDIT.c.id)
    if student_id is not None:
        query = query.where(AUDIT.c.student_id == student_id)
    if item is not None:
        query = query.where(AUDIT.c.item == item)
    return tuple(
        AuditRow(row.time.replace(tzinfo=UTC), row.item, row.student_id, row.before, row.after, row.source)
        for row in connection.execute(query)
    )


def _question_score(row: Row[*tuple[Any, ...]]) -> QuestionScore:
    kind = GradedKind.TESTS if row.answer_id is None else GradedKind.ANSWER
    return QuestionScore(
        student_id=row.student_id,
        assignment=row.assignment,
        notebook=row.notebook,
        grade_id=row.grade_id,
        kind=GradedKind.TASK if row.type == "TaskCell" else kind,
        cell_type=row.cell_type,
        max_score=row.max_score,
        auto_score=row.auto_score,
        manual_score=row.manual_score,
        extra_credit=row.extra_credit,
        needs_manual=bool(row.needs_manual_grade),
        auto_comment=row.auto_comment,
        manual_comment=row.manual_comment,
        late_penalty=row.late_submission_penalty or 0.0,
        flagged=bool(row.flagged),
    )


def _imported(row: Row[*tuple[Any, ...]]) -> ImportedScore:
    return ImportedScore(
        student_id=row.student_id,
        score=None if row.score is None else Decimal(row.score),
        max_score=None if row.max_score is None else Decimal(row.max_score),
        status=ScoreStatus(row.status),
        comment=row.comment,
        submitted=None if row.submitted is None else row.submitted.replace(tzinfo=UTC),
        late=timedelta(seconds=row.late_seconds),
    )


def _row(change: ScoreChange, source: str, time: datetime | None) -> dict[str, object]:
    after = change.after
    return {
        "student_id": change.student_id,
        "item": change.item,
        "score": _text(after.score),
        "max_score": _text(after.max_score),
        "status": after.status.value,
        "comment": after.comment,
        "submitted": naive_utc(after.submitted),
        "late_seconds": int(after.late.total_seconds()),
        "source": source,
        "imported_at": time,
    }


def _audit(connection: Connection, found: Iterable[ScoreChange], source: str, time: datetime | None) -> None:
    rows = [
        {
            "time": time,
            "item": change.item,
            "student_id": change.student_id,
            "before": None if change.before is None else _told(change.before),
            "after": _told(change.after),
            "source": source,
        }
        for change in found
    ]
    if rows:
        connection.execute(insert(AUDIT), rows)


def _text(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"


def _told(score: ImportedScore) -> str:
    if score.score is None:
        return score.status.value
    return f"{score.score:f}" if score.max_score is None else f"{score.score:f} of {score.max_score:f}"
