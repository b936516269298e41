"""One student's cell with points, as nbgrader's columns and our mark have it: read in one query, written row by row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Select, Update, and_, bindparam, insert, select, update
from sqlalchemy.sql import func

from grader.marking import Mark, Question
from grader.model import GradedKind
from grader.store.assignments import naive_utc, new_id
from grader.store.mark_rows import By
from grader.store.schema import MARK, OUTCOME, Tables


@dataclass(frozen=True, slots=True)
class Columns:
    """nbgrader's columns that a person's grade is in."""

    manual_score: float | None
    extra_credit: float | None
    needs_manual: bool
    comment: str | None


@dataclass(frozen=True, slots=True)
class Ours:
    """Our row: what was given, by whom, to which answer."""

    version: int
    given: bool
    """False where a mark was taken back, or there is nothing but a flag."""
    items: tuple[str, ...]
    adjustment: str
    extra_credit: str
    comment: str
    flagged: bool
    points: str
    """The total that was written."""
    answer: str
    """The digest of the answer that was seen."""
    grader: str
    time: str
    """In UTC, as ISO 8601 has it."""

    @property
    def mark(self) -> Mark:
        """The mark as it was given."""
        return Mark(self.items, Decimal(self.adjustment), Decimal(self.extra_credit), self.comment, self.flagged)


@dataclass(frozen=True, slots=True)
class State:
    """All that a person's grade is in, so that it can be put back exactly."""

    columns: Columns
    ours: Ours | None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> State:
        """What `as_json` made."""
        ours = told["ours"]
        row = None if ours is None else Ours(**{**ours, "items": tuple(ours["items"])})
        return cls(Columns(**told["columns"]), row)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where one student's grade of one question stands, and what stands there."""

    question: Question
    student_id: str
    kind: GradedKind
    max_score: float
    auto_score: float | None
    auto_comment: str | None
    digest: str
    """Of the answer as it is now."""
    state: State
    grade_row: str
    comment_row: str | None
    comment_cell: str | None
    """None where nbgrader has no place for a comment: on a cell of tests."""
    notebook_row: str
    submission_row: str

    @property
    def number(self) -> int:
        """The version of our row; 0 where there is none."""
        return self.state.ours.version if self.state.ours else 0

    @property
    def version(self) -> str:
        """Of our row, of nbgrader's columns and of the answer."""
        columns = self.state.columns
        told = repr((self.auto_score, columns.manual_score, columns.extra_credit, columns.comment or ""))
        return f"{self.number}.{hashlib.sha256(told.encode('utf-8', 'replace')).hexdigest()[:8]}.{self.digest[:8]}"


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
    connection: Connection, tables: Tables, assignment: str, students: Iterable[str] | None = None
) -> Iterator[Slot]:
    """The slots of all questions of an assignment, of these students or of all; by student, notebook and question."""
    query = _query(tables, one_question=False, only=students is not None, lock=False)
    bound: dict[str, Any] = {"a": assignment}
    if students is not None:
        bound["students"] = list(students)
    for row in connection.execute(query, bound):
        yield _slot(row, Question(assignment, row.notebook, row.grade_id))


def store(connection: Connection, tables: Tables, slot: Slot, state: State, by: By) -> Slot:
    """Write a state in the place of the one that stands, with the next version."""
    before, after = slot.state.columns, state.columns
    if (before.manual_score, before.extra_credit, before.needs_manual) != (
        after.manual_score,
        after.extra_credit,
        after.needs_manual,
    ):
        connection.execute(
            _write_grade(tables),
            {
                "row": slot.grade_row,
                "manual": after.manual_score,
                "extra": after.extra_credit,
                "waits": after.needs_manual,
            },
        )
    comment_row = slot.comment_row
    if slot.comment_cell is not None and before.comment != after.comment:
        comment_row = _store_comment(connection, tables, slot, after.comment)
    ours = _stored_ours(connection, slot, state.ours, by)
    return replace(slot, state=State(after, ours), comment_row=comment_row)


def _store_comment(connection: Connection, tables: Tables, slot: Slot, comment: str | None) -> str:
    if slot.comment_row is not None:
        connection.execute(_write_comment(tables), {"row": slot.comment_row, "manual": comment})
        return slot.comment_row
    made = new_id()
    place = {"id": made, "cell_id": slot.comment_cell, "notebook_id": slot.notebook_row}
    connection.execute(insert(tables.comment), {**place, "auto_comment": None, "manual_comment": comment})
    return made


def _stored_ours(connection: Connection, slot: Slot, wanted: Ours | None, by: By) -> Ours:
    """Our row always stays once it is there: its version tells that something was written."""
    ours = replace(wanted or nothing(by), version=slot.number + 1)
    values = {**asdict(ours), "items": json.dumps(ours.items), "time": datetime.fromisoformat(ours.time)}
    question = slot.question
    place = {
        "assignment": question.assignment,
        "notebook": question.notebook,
        "grade_id": question.grade_id,
        "student_id": slot.student_id,
    }
    if slot.state.ours is None:
        connection.execute(insert(MARK), {**place, **values})
    else:
        connection.execute(_WRITE_MARK, {**values, **{f"at_{name}": value for name, value in place.items()}})
    return ours


_WRITE_MARK = update(MARK).where(
    and_(*(MARK.c[name] == bindparam(f"at_{name}") for name in ("assignment", "notebook", "grade_id", "student_id")))
)


@lru_cache(maxsize=8)
def _write_grade(tables: Tables) -> Update:
    table = tables.grade
    return (
        update(table)
        .where(table.c.id == bindparam("row"))
        .values(
            manual_score=bindparam("manual"), extra_credit=bindparam("extra"), needs_manual_grade=bindparam("waits")
        )
    )


@lru_cache(maxsize=8)
def _write_comment(tables: Tables) -> Update:
    table = tables.comment
    return update(table).where(table.c.id == bindparam("row")).values(manual_comment=bindparam("manual"))


@lru_cache(maxsize=16)
def _query(tables: Tables, *, one_question: bool, only: bool, lock: bool) -> Select[*tuple[Any, ...]]:
    base, grade, comment = tables.base_cell, tables.grade, tables.comment
    submitted, mine, answer = tables.submitted_assignment, tables.submitted_notebook, base.alias("answer")
    question = (tables.assignment.c.name, tables.notebook.c.name, base.c.name)
    query: Select[*tuple[Any, ...]] = (
        select(
            tables.notebook.c.name.label("notebook"),
            base.c.name.label("grade_id"),
            submitted.c.student_id,
            submitted.c.id.label("submission_row"),
            mine.c.id.label("notebook_row"),
            base.c.id.label("cell"),
            base.c.type,
            answer.c.id.label("answer_cell"),
            func.coalesce(tables.grade_cells.c.max_score, tables.task_cells.c.max_score).label("max_score"),
            grade.c.id.label("grade_row"),
            grade.c.auto_score,
            grade.c.manual_score,
            grade.c.extra_credit.label("extra"),
            grade.c.needs_manual_grade,
            comment.c.id.label("comment_row"),
            comment.c.auto_comment,
            comment.c.manual_comment,
            OUTCOME.c.answers,
            *(column.label(f"our_{column.name}") for column in MARK.c),
        )
        .select_from(tables.assignment)
        .join(tables.notebook, tables.notebook.c.assignment_id == tables.assignment.c.id)
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
                MARK.c.assignment == question[0],
                MARK.c.notebook == question[1],
                MARK.c.grade_id == question[2],
            ),
        )
        .where(question[0] == bindparam("a"))
        .order_by(submitted.c.student_id, *question[1:])
    )
    if one_question:
        query = query.where(question[1] == bindparam("n"), question[2] == bindparam("g"))
    if only:
        query = query.where(submitted.c.student_id.in_(bindparam("students", expanding=True)))
    return query.with_for_update(of=grade) if lock else query


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


def utc(by: By) -> datetime:
    """The moment as the database stores it."""
    time = naive_utc(by.time)
    assert time is not None
    return time


def nothing(by: By) -> Ours:
    """A row that says that nothing is given."""
    return Ours(0, False, (), "0", "0", "", False, "0", "", by.grader, utc(by).isoformat())


def moment(ours: Ours) -> datetime:
    """When our row was written."""
    return datetime.fromisoformat(ours.time).replace(tzinfo=UTC)
