"""What graders did, each with what was there before: so that it can be undone while nobody else has written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from grader.errors import StaleError, StoreError
from grader.marking import Question, Rubric
from grader.store import rubrics
from grader.store.mark_rows import Action, By, StoredRubric
from grader.store.marks import Changed, Writing, put, rewrite, who_wrote, with_rubric
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
        raise StaleError(f"the rubric: {_who_acted(writing)}; look at it and decide again")
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


def actions(
    connection: Connection, *, grader: str | None = None, question: Question | None = None, most: int = 50
) -> tuple[Action, ...]:
    """What was done, the latest first."""
    query = select(ACTION).order_by(ACTION.c.id.desc()).limit(most)
    if grader is not None:
        query = query.where(ACTION.c.grader == grader)
    if question is not None:
        query = query.where(rubrics.of_question(ACTION, question))
    return tuple(_action(row) for row in connection.execute(query))


def last(connection: Connection, grader: str) -> tuple[Action, Mapping[str, Any]] | None:
    """What a grader did last and has not undone, and its change."""
    query = select(ACTION).where(ACTION.c.grader == grader, ACTION.c.undone.is_(False)).order_by(ACTION.c.id.desc())
    row = connection.execute(query.limit(1)).first()
    return None if row is None else (_action(row), json.loads(row.change))


def undo(connection: Connection, tables: Tables, action: Action, change: Mapping[str, Any], by: By) -> Action:
    """Put back exactly what was there before; `StaleError` where somebody has written since."""
    writing = Writing(connection, tables, action.question, by)
    rubric = rubrics.rubric(connection, action.question, lock=True)
    slots = load(connection, tables, action.question, lock=True)
    _check(slots, change, action)
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
    flags_only = all(mark["before"]["columns"] == mark["after"]["columns"] for mark in marks)
    if flags_only:
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
        raise StaleError(f"the rubric: {_who_acted(writing)}; nothing was undone")
    known = {mark["student"] for mark in marks}
    for student, slot in slots.items():
        if student not in known and change.concerns(slot):
            raise StaleError(f"{escape(student, 60)}: {who_wrote(slot)}, by this rubric; nothing was undone")
    rubrics.write(writing.connection, writing.question, stored, change.before)


def _check(slots: Mapping[str, Slot], change: Mapping[str, Any], action: Action) -> None:
    """Refuse where anything is not as the action left it."""
    for mark in change["marks"]:
        slot, after = slots.get(mark["student"]), State.of_json(mark["after"])
        if slot is None:
            raise StoreError(f"{escape(mark['student'], 60)}: the submission is gone; nothing was undone")
        if slot.state.columns != after.columns or not _same(slot.state.ours, after.ours):
            line = who_wrote(slot) if not _same(slot.state.ours, after.ours) else "changed since, by another program"
            raise StaleError(f"{escape(mark['student'], 60)}: {line}; nothing was undone ({escape(action.sentence)})")


def _same(one: Ours | None, other: Ours | None) -> bool:
    """Whether two rows say the same, whenever they were written."""
    if one is None or other is None:
        return one is other
    return replace(one, version=0, time="") == replace(other, version=0, time="")


def _who_acted(writing: Writing) -> str:
    found = actions(writing.connection, question=writing.question, most=1)
    if not found:
        return "changed since it was seen"
    return f"{escape(found[0].grader, 60)} changed it at {found[0].time:%H:%M:%S UTC on %d %B %Y}"


def _action(row: Row[*tuple[Any, ...]]) -> Action:
    students = tuple(mark["student"] for mark in json.loads(row.change)["marks"])
    question = Question(row.assignment, row.notebook, row.grade_id)
    time = row.time.replace(tzinfo=UTC)
    return Action(row.id, time, row.grader, question, row.sentence, students, bool(row.undone))
