"""One student's cell with points, as nbgrader's columns and our mark have it; written row by row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Update, and_, bindparam, insert, update

from grader.marking import Mark, Question
from grader.model import GradedKind
from grader.store.assignments import naive_utc, new_id
from grader.store.mark_rows import By
from grader.store.schema import MARK, Tables


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
