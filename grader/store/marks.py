"""Marks: what a person gave, beside nbgrader's columns and in step with them, written only over what was seen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.sql import func

from grader.errors import MarkingError, StaleError, StoreError
from grader.marking import Mark, Question, Rubric, checked, in_order, shown_points, total, with_points
from grader.model import GradedKind
from grader.store import rubrics
from grader.store.history import who_acted
from grader.store.mark_rows import By, StoredMark
from grader.store.schema import AUDIT, Tables
from grader.store.slot_queries import load, load_all
from grader.store.slots import Columns, Slot, State, moment, nothing, store, utc
from grader.text import escape

OTHERS = "nbgrader's form grader, or another program, has written since"
_PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Writing:
    """One transaction about one question, and who makes it."""

    connection: Connection
    tables: Tables
    question: Question
    by: By


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to stand for one student, and the version that whoever wants it has seen."""

    mark: Mark | None
    """None takes the mark back."""
    seen: str


@dataclass(frozen=True, slots=True)
class Changed:
    """What a write did to one student's slot."""

    before: Slot
    after: Slot

    def as_json(self) -> dict[str, Any]:
        """For the account from which it is undone."""
        told = {"before": self.before.state.as_json(), "after": self.after.state.as_json()}
        return {"student": self.after.student_id, **told}


def standing(slot: Slot, rubric: Rubric) -> StoredMark:
    """How an answer stands, by nbgrader's columns and our mark; where they differ, by nbgrader's columns."""
    ours, columns = slot.state.ours, slot.state.columns
    most, points = _exact(slot.max_score) or Decimal(0), _exact(columns.manual_score)
    mark = None if points is None else _agreeing(slot, rubric, most, points)
    given = ours is not None and ours.given
    changed = given and mark is not None and ours is not None and ours.answer != slot.digest
    return StoredMark(
        question=slot.question,
        student_id=slot.student_id,
        kind=slot.kind,
        max_score=most,
        auto_score=_exact(slot.auto_score),
        points=_exact(slot.auto_score) if points is None and not columns.needs_manual else points,
        mark=mark,
        version=slot.version,
        waiting=columns.needs_manual or changed,
        changed=changed or (mark is not None and columns.needs_manual),
        foreign=_foreign(slot, mark),
        flagged=ours is not None and ours.flagged,
        grader=ours.grader if ours else "",
        time=moment(ours) if ours else None,
        auto_comment=slot.auto_comment or "",
    )


def all_standing(connection: Connection, tables: Tables, question: Question) -> tuple[StoredMark, ...]:
    """How all answers to a question stand, by student."""
    rubric = rubrics.rubric(connection, question).rubric
    return tuple(standing(slot, rubric) for slot in load(connection, tables, question).values())


def standing_in(
    connection: Connection, tables: Tables, assignment: str, students: Iterable[str] | None = None
) -> tuple[StoredMark, ...]:
    """How all answers of an assignment stand, of these students or of all; by student, notebook and question."""
    known = rubrics.rubrics(connection, assignment)
    slots = load_all(connection, tables, assignment, students)
    return tuple(standing(slot, known.get(slot.question, Rubric())) for slot in slots)


def given_in(connection: Connection, tables: Tables, assignment: str) -> tuple[tuple[StoredMark, Rubric], ...]:
    """The answers of an assignment that carry a mark of ours, each with its rubric."""
    known = rubrics.rubrics(connection, assignment)
    slots = load_all(connection, tables, assignment, given=True)
    pairs = ((slot, known.get(slot.question, Rubric())) for slot in slots)
    return tuple((standing(slot, rubric), rubric) for slot, rubric in pairs)


def give(writing: Writing, wanted: Mapping[str, Wanted]) -> tuple[Changed, ...]:
    """Write marks, all or none of them; nothing that somebody else wrote since it was seen is overwritten."""
    rubric = rubrics.rubric(writing.connection, writing.question, lock=True).rubric
    good = {student: None if one.mark is None else checked(one.mark, rubric) for student, one in wanted.items()}
    slots = seen_slots(writing, {student: one.seen for student, one in wanted.items()})
    for student, slot in slots.items():
        mark = good[student]
        if slot.kind is GradedKind.TESTS and mark is not None and not mark.comment:
            raise MarkingError(
                f"{escape(student, 60)}: a score of tests is overridden for a reason; write it as the comment"
            )
    new = {student: _state(slot, rubric, good[student], writing.by) for student, slot in slots.items()}
    return rewrite(writing, slots, new)


def flag(writing: Writing, seen: Mapping[str, str], *, flagged: bool) -> tuple[Changed, ...]:
    """Set or take the flag of answers, with a mark or without; no points change."""
    changed = []
    for slot in seen_slots(writing, seen).values():
        ours = replace(slot.state.ours or nothing(writing.by), flagged=flagged)
        changed.append(Changed(slot, put(writing, slot, replace(slot.state, ours=ours))))
    return tuple(changed)


def seen_slots(writing: Writing, seen: Mapping[str, str]) -> dict[str, Slot]:
    """The slots of these students, locked; `StaleError` where one is not as it was seen."""
    slots = load(writing.connection, writing.tables, writing.question, seen, lock=True)
    if absent := sorted(seen.keys() - slots.keys()):
        names = ", ".join(escape(student, 60) for student in absent[:5])
        raise StoreError(f"{escape(writing.question)}: no graded answer by {names}; grade the assignment first")
    stale = [line for student, slot in slots.items() if (line := _stale(writing, slot, seen[student]))]
    if stale:
        raise StaleError(*stale)
    return slots


def rewrite(writing: Writing, slots: Mapping[str, Slot], states: Mapping[str, State]) -> tuple[Changed, ...]:
    """Put new states in the place of those that stand, each with its line in the audit trail."""
    sums = _sums(writing.connection, writing.tables, [slot.submission_row for slot in slots.values()])
    changed = tuple(Changed(slot, put(writing, slot, states[student])) for student, slot in slots.items())
    _audit(writing.connection, changed, sums, writing.by)
    return changed


def put(writing: Writing, slot: Slot, state: State) -> Slot:
    """Put one state in the place of the one that stands."""
    return store(writing.connection, writing.tables, slot, state, writing.by)


def with_rubric(slot: Slot, before: Rubric, after: Rubric, by: By) -> State:
    """The state of a marked answer under another rubric: its mark counted anew.

    Items that are gone leave it. Where the start is another, points that were given without items stay.
    """
    now = standing(slot, before)
    assert now.mark is not None
    mark = replace(now.mark, items=in_order(now.mark.items, after))
    if before.start != after.start and not mark.items:
        bare = replace(mark, adjustment=Decimal(0))
        mark = with_points(bare, after, now.max_score, total(now.mark, before, now.max_score))
    ours = slot.state.ours
    assert ours is not None
    state = _state(slot, after, mark, by)
    assert state.ours is not None
    # who counted it anew has not looked at the answer: it waits, if it did
    columns = replace(state.columns, needs_manual=slot.state.columns.needs_manual)
    return State(columns, replace(state.ours, answer=ours.answer, grader=ours.grader, time=ours.time))


def _stale(writing: Writing, slot: Slot, seen: str) -> str | None:
    if seen == slot.version:
        return None
    number, _, rest = seen.partition(".")
    columns, _, digest = rest.partition(".")
    who = escape(slot.student_id, 60)
    now_columns, now_digest = slot.version.split(".")[1:]
    if number != str(slot.number):
        return f"{who}: {who_acted(writing.connection, writing.question, slot.student_id)}; look at it and decide again"
    if digest != now_digest:
        return f"{who}: graded anew since, and the answer is another one; look at it and decide again"
    if columns != now_columns:
        return f"{who}: {OTHERS}; look at it and decide again"
    return f"{who}: not as it was seen; load the page again"


def _state(slot: Slot, rubric: Rubric, mark: Mark | None, by: By) -> State:
    if mark is None:
        flagged = slot.state.ours is not None and slot.state.ours.flagged
        waits = slot.kind is not GradedKind.TESTS and slot.auto_score is None
        return State(Columns(None, None, waits, None), replace(nothing(by), flagged=flagged))
    points = total(mark, rubric, _exact(slot.max_score) or Decimal(0))
    extra = float(mark.extra_credit) or None
    comment = mark.comment or None
    columns = Columns(float(points), extra, needs_manual=False, comment=comment)
    ours = replace(
        nothing(by),
        given=True,
        items=mark.items,
        adjustment=f"{mark.adjustment:f}",
        extra_credit=f"{mark.extra_credit:f}",
        comment=mark.comment,
        flagged=mark.flagged,
        points=f"{points:f}",
        answer=slot.digest,
    )
    return State(columns if slot.comment_cell else replace(columns, comment=slot.state.columns.comment), ours)


def _agreeing(slot: Slot, rubric: Rubric, most: Decimal, points: Decimal) -> Mark:
    """Our mark, if there is one, with what nbgrader's columns say."""
    ours, columns = slot.state.ours, slot.state.columns
    mark = ours.mark if ours and ours.given else Mark(flagged=ours is not None and ours.flagged)
    known = {item.id for item in rubric.items}
    mark = replace(mark, items=tuple(item for item in mark.items if item in known))
    comment = mark.comment if slot.comment_cell is None else columns.comment or ""
    mark = replace(mark, comment=comment, extra_credit=_exact(columns.extra_credit) or Decimal(0))
    if total(mark, rubric, most) == points:
        return mark
    bare = replace(mark, adjustment=Decimal(0))
    return with_points(bare, rubric, most, min(max(points, Decimal(0)), most))


def _foreign(slot: Slot, mark: Mark | None) -> bool:
    """Whether nbgrader's columns say something else than we wrote."""
    ours, columns = slot.state.ours, slot.state.columns
    if ours is None or not ours.given:
        return mark is not None
    return (
        mark is None
        or columns.manual_score != float(ours.points)
        or (columns.extra_credit or 0.0) != float(ours.extra_credit)
        or (slot.comment_cell is not None and (columns.comment or "").strip() != ours.comment)
    )


def _exact(number: float | None) -> Decimal | None:
    """A float of nbgrader's as the decimal that it is written as; None for what is no number."""
    if number is None or not math.isfinite(number):
        return None
    exact = Decimal(repr(float(number)))
    return exact.quantize(_PLACES).normalize() + 0 if exact.as_tuple().exponent < -6 else exact  # type: ignore[operator]  # finite: its exponent is a number


def _sums(connection: Connection, tables: Tables, submissions: Iterable[str]) -> Mapping[str, float]:
    """What each submission has in all, as nbgrader counts."""
    grade, mine = tables.grade, tables.submitted_notebook
    points = func.coalesce(grade.c.manual_score, grade.c.auto_score, 0.0) + func.coalesce(grade.c.extra_credit, 0.0)
    query = (
        select(mine.c.assignment_id, func.sum(points).label("points"))
        .select_from(mine.join(grade, grade.c.notebook_id == mine.c.id))
        .where(mine.c.assignment_id.in_(list(submissions)))
        .group_by(mine.c.assignment_id)
    )
    return {row.assignment_id: row.points for row in connection.execute(query)}


def _audit(connection: Connection, changed: Iterable[Changed], sums: Mapping[str, float], by: By) -> None:
    rows = []
    for change in changed:
        before = sums.get(change.before.submission_row, 0.0)
        after = before - _counted(change.before) + _counted(change.after)
        question = change.after.question
        rows.append(
            {
                "time": utc(by),
                "item": question.assignment,
                "student_id": change.after.student_id,
                "before": f"{before:.10g}",
                "after": f"{after:.10g}",
                "source": f"{by.grader}: {question.key}, {_told(change.before)} → {_told(change.after)}",
            }
        )
    if rows:
        connection.execute(insert(AUDIT), rows)


def _counted(slot: Slot) -> float:
    columns = slot.state.columns
    base = columns.manual_score if columns.manual_score is not None else slot.auto_score
    return (base or 0.0) + (columns.extra_credit or 0.0)


def _told(slot: Slot) -> str:
    points = _exact(slot.state.columns.manual_score)
    if points is None:
        return "not graded" if slot.state.columns.needs_manual else f"{slot.auto_score or 0:.10g} by tests"
    extra = _exact(slot.state.columns.extra_credit)
    return shown_points(points) + (f" and {shown_points(extra)} extra" if extra else "")
