"""What graders did, each with what was there before: so that it can be undone while nobody else has written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, insert, select, update

from grader.errors import StaleError, StoreError
from grader.marking import Rubric
from grader.store import rubrics
from grader.store.history import action_of, who_acted
from grader.store.mark_rows import Action, By, StoredRubric
from grader.store.marks import OTHERS, Changed, Writing, put, rewrite, with_rubric
from grader.store.schema import ACTION, Tables
from grader.store.slot_queries import load
from grader.store.slots import Ours, Slot, State, nothing, utc
from grader.text import escape


@dataclass(frozen=True, slots=True)
class RubricChange:
    """What was done to a rubric."""

    before: Rubric
    after: Rubric
    touched: frozenset[str] | None
    """Items whose carriers it concerns; None where it concerns every mark of the question."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        touched = None if self.touched is None else sorted(self.touched)
        return {"before": rubrics.told(self.before), "after": rubrics.told(self.after), "touched": touched}

    @classmethod
    def of_json(cls, plain: Mapping[str, Any]) -> RubricChange:
        """What `as_json` made."""
        touched = None if plain["touched"] is None else frozenset(plain["touched"])
        return cls(rubrics.of_told(plain["before"]), rubrics.of_told(plain["after"]), touched)

    def concerns(self, slot: Slot) -> bool:
        """Whether a mark is counted anew by it."""
        ours = slot.state.ours
        if ours is None or not ours.given or slot.state.columns.manual_score is None:
            return False
        return self.touched is None or not self.touched.isdisjoint(ours.items)


def change_rubric(
    writing: Writing, seen: int | None, change: Callable[[Rubric], RubricChange]
) -> tuple[StoredRubric, tuple[Changed, ...], RubricChange]:
    """Change a rubric and every mark that it concerns; `StaleError` where it is not the version that was seen.

    None stands for whatever version there is: for what contradicts nothing that another may do.
    """
    stored = rubrics.rubric(writing.connection, writing.question, lock=True)
    if seen is not None and stored.version != seen:
        raise StaleError(f"the rubric: {who_acted(writing.connection, writing.question)}; look at it and decide again")
    done = change(stored.rubric)
    slots = load(writing.connection, writing.tables, writing.question, lock=True)
    states = {
        student: with_rubric(slot, done.before, done.after, writing.by)
        for student, slot in slots.items()
        if done.concerns(slot)
    }
    changed = rewrite(writing, {student: slots[student] for student in states}, states)
    return rubrics.write(writing.connection, writing.question, stored, done.after), changed, done


def note(writing: Writing, sentence: str, changed: Iterable[Changed], rubric: RubricChange | None = None) -> Action:
    """Write down what was done."""
    marks = [one.as_json() for one in changed]
    change = {"marks": marks, "rubric": rubric.as_json() if rubric else None}
    row = {
        "time": utc(writing.by),
        "grader": writing.by.grader,
        **asdict(writing.question),
        "sentence": sentence,
        "change": json.dumps(change),
        "undone": False,
    }
    made = writing.connection.execute(insert(ACTION).values(row)).inserted_primary_key
    assert made is not None
    students = tuple(mark["student"] for mark in marks)
    return Action(made[0], writing.by.time, writing.by.grader, writing.question, sentence, students)


def last(connection: Connection, grader: str) -> tuple[Action, Mapping[str, Any]] | None:
    """What a grader did last and has not undone, and its change."""
    query = select(ACTION).where(ACTION.c.grader == grader, ACTION.c.undone.is_(False)).order_by(ACTION.c.id.desc())
    row = connection.execute(query.limit(1)).first()
    return None if row is None else (action_of(row), json.loads(row.change))


def undo(connection: Connection, tables: Tables, action: Action, change: Mapping[str, Any], by: By) -> Action:
    """Put back exactly what was there before; `StaleError` where somebody has written since."""
    writing = Writing(connection, tables, action.question, by)
    rubric = rubrics.rubric(connection, action.question, lock=True)
    slots = load(connection, tables, action.question, lock=True)
    _check(writing, slots, change, action)
    if change["rubric"] is not None:
        _restore_rubric(writing, rubric, RubricChange.of_json(change["rubric"]), slots, change["marks"])
    _restore(writing, slots, change["marks"])
    connection.execute(update(ACTION).where(ACTION.c.id == action.id).values(undone=True))
    return replace(action, undone=True)


def _restore(writing: Writing, slots: Mapping[str, Slot], marks: Sequence[Mapping[str, Any]]) -> None:
    states = {}
    for mark in marks:
        before = State.of_json(mark["before"])
        states[mark["student"]] = replace(before, ours=before.ours or nothing(writing.by))
    if all(_only_flagged(mark["before"], mark["after"]) for mark in marks):
        for student, state in states.items():
            put(writing, slots[student], state)
    else:
        rewrite(writing, {student: slots[student] for student in states}, states)


def _restore_rubric(
    writing: Writing,
    stored: StoredRubric,
    change: RubricChange,
    slots: Mapping[str, Slot],
    marks: Sequence[Mapping[str, Any]],
) -> None:
    if stored.rubric != change.after:
        raise StaleError(f"the rubric: {who_acted(writing.connection, writing.question)}; nothing was undone")
    known = {mark["student"] for mark in marks}
    for student, slot in slots.items():
        if student not in known and change.concerns(slot):
            raise StaleError(
                f"{escape(student, 60)}: {who_acted(writing.connection, writing.question, student)}; nothing was undone"
            )
    rubrics.write(writing.connection, writing.question, stored, change.before)


def _check(writing: Writing, slots: Mapping[str, Slot], change: Mapping[str, Any], action: Action) -> None:
    """Refuse where anything is not as the action left it."""
    for mark in change["marks"]:
        slot, after = slots.get(mark["student"]), State.of_json(mark["after"])
        if slot is None:
            raise StoreError(f"{escape(mark['student'], 60)}: the submission is gone; nothing was undone")
        if slot.state.columns != after.columns or not _same(slot.state.ours, after.ours):
            ours = not _same(slot.state.ours, after.ours)
            who = who_acted(writing.connection, writing.question, slot.student_id) if ours else OTHERS
            raise StaleError(f"{escape(slot.student_id, 60)}: {who}; nothing was undone ({escape(action.sentence)})")


def _only_flagged(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether nothing but a flag is another: that changed no points, and is not for the audit trail."""
    one, other = State.of_json(before), State.of_json(after)
    if one.columns != other.columns or other.ours is None:
        return False
    plain = one.ours or replace(other.ours, flagged=False)
    return _same(replace(plain, flagged=False), replace(other.ours, flagged=False, grader=plain.grader))


def _same(one: Ours | None, other: Ours | None) -> bool:
    """Whether two rows say the same, whenever they were written."""
    if one is None or other is None:
        return one is other
    return replace(one, version=0, time="") == replace(other, version=0, time="")
