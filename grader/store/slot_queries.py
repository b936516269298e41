"""Reading slots: nbgrader's tables and ours joined once, for one answer, a question's or a whole assignment's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, Table, and_, bindparam, select
from sqlalchemy.sql import func

from grader.marking import Question
from grader.model import GradedKind
from grader.store.connection import bytewise
from grader.store.mark_rows import Glance
from grader.store.schema import MARK, OUTCOME, Tables
from grader.store.slots import Columns, Ours, Slot, State


def load(
    connection: Connection,
    tables: Tables,
    question: Question,
    students: Iterable[str] | None = None,
    *,
    lock: bool = False,
) -> dict[str, Slot]:
    """The slots of a question by student, of these students or of all who have a grade there."""
    query = _query(tables, one_question=True, only=students is not None, lock=lock)
    bound: dict[str, Any] = {"a": question.assignment, "n": question.notebook, "g": question.grade_id}
    if students is not None:
        bound["students"] = list(students)
    return {row.student_id: _slot(row, question) for row in connection.execute(query, bound)}


def load_all(
    connection: Connection,
    tables: Tables,
    assignment: str,
    students: Iterable[str] | None = None,
    *,
    given: bool = False,
) -> Iterator[Slot]:
    """The slots of all questions of an assignment, of these students or of all; by student, notebook and question.

    With `given`, only those in which we gave a mark.
    """
    query = _query(tables, one_question=False, only=students is not None, lock=False)
    query = query.where(MARK.c.given.is_(True)) if given else query
    bound: dict[str, Any] = {"a": assignment}
    if students is not None:
        bound["students"] = list(students)
    for row in connection.execute(query, bound):
        yield _slot(row, Question(assignment, row.notebook, row.grade_id))


def glances(
    connection: Connection, tables: Tables, assignment: str, question: Question | None = None
) -> tuple[Glance, ...]:
    """All answers of an assignment that people grade, or all of one question."""
    bound = {"a": assignment} if question is None else {"a": assignment, "n": question.notebook, "g": question.grade_id}
    questions: dict[tuple[str, str], Question] = {}
    found = []
    for notebook, grade_id, student_id, most, manual, waiting, comment, flagged in connection.execute(
        _glance_query(tables, one_question=question is not None), bound
    ):
        asked = questions.setdefault((notebook, grade_id), Question(assignment, notebook, grade_id))
        found.append(Glance(asked, student_id, most or 0.0, manual, bool(waiting), comment, bool(flagged)))
    return tuple(found)


@lru_cache(maxsize=16)
def _query(tables: Tables, *, one_question: bool, only: bool, lock: bool) -> Select[*tuple[Any, ...]]:
    view = _view(tables)
    query = _restricted(
        view,
        (
            view.tables.notebook.c.name.label("notebook"),
            view.base.c.name.label("grade_id"),
            view.submitted.c.student_id,
            view.submitted.c.id.label("submission_row"),
            view.mine.c.id.label("notebook_row"),
            view.base.c.id.label("cell"),
            view.base.c.type,
            view.answer.c.id.label("answer_cell"),
            view.max_score.label("max_score"),
            tables.grade.c.id.label("grade_row"),
            tables.grade.c.auto_score,
            tables.grade.c.manual_score,
            tables.grade.c.extra_credit.label("extra"),
            tables.grade.c.needs_manual_grade,
            tables.comment.c.id.label("comment_row"),
            tables.comment.c.auto_comment,
            tables.comment.c.manual_comment,
            OUTCOME.c.answers,
            *(column.label(f"our_{column.name}") for column in MARK.c),
        ),
        one_question=one_question,
    ).order_by(*(bytewise(c) for c in (view.submitted.c.student_id, tables.notebook.c.name, view.base.c.name)))
    if only:
        query = query.where(view.submitted.c.student_id.in_(bindparam("students", expanding=True)))
    return query.with_for_update(of=tables.grade) if lock else query


@lru_cache(maxsize=16)
def _glance_query(tables: Tables, *, one_question: bool) -> Select[*tuple[Any, ...]]:
    view = _view(tables)
    columns = (
        tables.notebook.c.name,
        view.base.c.name,
        view.submitted.c.student_id,
        view.max_score,
        tables.grade.c.manual_score,
        tables.grade.c.needs_manual_grade,
        tables.comment.c.auto_comment,
        MARK.c.flagged,
    )
    return _restricted(view, columns, one_question=one_question)


@dataclass(frozen=True, slots=True)
class _View:
    """nbgrader's tables and ours, joined: a row for each grade of each student."""

    tables: Tables
    base: Table
    submitted: Table
    mine: Table
    answer: FromClause
    joined: FromClause

    @property
    def max_score(self) -> ColumnElement[float]:
        return func.coalesce(self.tables.grade_cells.c.max_score, self.tables.task_cells.c.max_score)


def _restricted(view: _View, columns: Sequence[ColumnElement[Any]], *, one_question: bool) -> Select[*tuple[Any, ...]]:
    tables = view.tables
    query = select(*columns).select_from(view.joined).where(tables.assignment.c.name == bindparam("a"))
    if one_question:
        return query.where(tables.notebook.c.name == bindparam("n"), view.base.c.name == bindparam("g"))
    return query


def _view(tables: Tables) -> _View:
    base, grade, comment = tables.base_cell, tables.grade, tables.comment
    submitted, mine, answer = tables.submitted_assignment, tables.submitted_notebook, base.alias("answer")
    joined = (
        tables.assignment.join(tables.notebook, tables.notebook.c.assignment_id == tables.assignment.c.id)
        .join(base, and_(base.c.notebook_id == tables.notebook.c.id, base.c.type != "SolutionCell"))
        .join(grade, grade.c.cell_id == base.c.id)
        .join(mine, mine.c.id == grade.c.notebook_id)
        .join(submitted, submitted.c.id == mine.c.assignment_id)
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
            and_(comment.c.notebook_id == mine.c.id, comment.c.cell_id == func.coalesce(answer.c.id, base.c.id)),
        )
        .outerjoin(
            OUTCOME,
            and_(OUTCOME.c.assignment == tables.assignment.c.name, OUTCOME.c.student_id == submitted.c.student_id),
        )
        .outerjoin(
            MARK,
            and_(
                MARK.c.student_id == submitted.c.student_id,
                MARK.c.assignment == tables.assignment.c.name,
                MARK.c.notebook == tables.notebook.c.name,
                MARK.c.grade_id == base.c.name,
            ),
        )
    )
    return _View(tables, base, submitted, mine, answer, joined)


def _slot(row: Row[*tuple[Any, ...]], question: Question) -> Slot:
    kind = GradedKind.TESTS if row.answer_cell is None else GradedKind.ANSWER
    kind = GradedKind.TASK if row.type == "TaskCell" else kind
    columns = Columns(row.manual_score, row.extra, bool(row.needs_manual_grade), row.manual_comment)
    return Slot(
        question=question,
        student_id=row.student_id,
        kind=kind,
        max_score=row.max_score or 0.0,
        auto_score=row.auto_score,
        auto_comment=row.auto_comment,
        digest=json.loads(row.answers).get(question.key, "") if row.answers else "",
        state=State(columns, _ours(row)),
        grade_row=row.grade_row,
        comment_row=row.comment_row,
        comment_cell=None if kind is GradedKind.TESTS else row.answer_cell or row.cell,
        notebook_row=row.notebook_row,
        submission_row=row.submission_row,
    )


def _ours(row: Row[*tuple[Any, ...]]) -> Ours | None:
    if row.our_version is None:
        return None
    return Ours(
        version=row.our_version,
        given=bool(row.our_given),
        items=tuple(json.loads(row.our_items)),
        adjustment=row.our_adjustment,
        extra_credit=row.our_extra_credit,
        comment=row.our_comment,
        flagged=bool(row.our_flagged),
        points=row.our_points,
        answer=row.our_answer,
        grader=row.our_grader,
        time=row.our_time.isoformat(),
    )
