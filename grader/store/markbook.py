"""Grading by hand in the database: one method a thing that a grader does, one transaction a method."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from decimal import Decimal

from sqlalchemy import Connection, delete, insert, select

from grader.errors import MarkingError, StoreError
from grader.marking import Mark, Question, Remark, Rubric, RubricItem, Start, offered, shown_points, tidy
from grader.store import actions, claims, history, marks, requests, rubrics
from grader.store.actions import RubricChange
from grader.store.assignments import new_id
from grader.store.mark_rows import (
    Action,
    By,
    Claim,
    Glance,
    Request,
    RequestStatus,
    StoredMark,
    StoredRubric,
)
from grader.store.marks import Changed, Wanted, Writing
from grader.store.requests import NewRequest
from grader.store.schema import MARK, REMARK, Tables
from grader.store.slot_queries import glances, load
from grader.store.slots import utc

Transaction = Callable[[], AbstractContextManager[Connection]]


class MarkBook:
    """Marks, rubrics, comments, claims and requests of a course's database.

    Whatever is written names the version that its grader has seen; where another has written since, `StaleError` says
    who and when, and nothing is written. nbgrader's columns change in the same transaction.
    """

    def __init__(self, tables: Tables, reading: Transaction, writing: Transaction) -> None:
        self._tables = tables
        self._reading = reading
        self._writing = writing

    def rubric(self, question: Question) -> StoredRubric:
        """The question's rubric and its version."""
        with self._reading() as connection:
            return rubrics.rubric(connection, question)

    def rubrics(self, assignment: str) -> Mapping[Question, Rubric]:
        """All rubrics of an assignment."""
        with self._reading() as connection:
            return rubrics.rubrics(connection, assignment)

    def marks(self, question: Question) -> tuple[StoredMark, ...]:
        """How all answers to a question stand, by student."""
        with self._reading() as connection:
            return marks.all_standing(connection, self._tables, question)

    def glances(self, assignment: str, question: Question | None = None) -> tuple[Glance, ...]:
        """As much as progress and order need of an assignment's answers, or of one question's; quick for a class."""
        with self._reading() as connection:
            return glances(connection, self._tables, assignment, question)

    def standing_in(self, assignment: str, students: str | Collection[str] | None = None) -> tuple[StoredMark, ...]:
        """How all answers of an assignment stand, of one student, several or all; by student, notebook and question."""
        only = [students] if isinstance(students, str) else students
        with self._reading() as connection:
            return marks.standing_in(connection, self._tables, assignment, only)

    def given_in(self, assignment: str) -> tuple[tuple[StoredMark, Rubric], ...]:
        """The answers of an assignment that carry a mark of ours, each with its rubric."""
        with self._reading() as connection:
            return marks.given_in(connection, self._tables, assignment)

    def mark(self, question: Question, student_id: str) -> StoredMark:
        """How one answer stands."""
        with self._reading() as connection:
            return self._one(connection, question, student_id)

    def give(
        self, question: Question, wanted: Mapping[str, tuple[Mark | None, str]], by: By
    ) -> tuple[tuple[StoredMark, ...], Action]:
        """Write a mark, or take it back, for each student with the version that was seen; all of them or none."""
        with self._writing() as connection:
            writing = Writing(connection, self._tables, question, by)
            changed = marks.give(writing, {student: Wanted(*one) for student, one in wanted.items()})
            action = actions.note(writing, _given(changed), changed)
            rubric = rubrics.rubric(connection, question).rubric
            return tuple(marks.standing(one.after, rubric) for one in changed), action

    def flag(self, question: Question, student_id: str, seen: str, by: By, *, flagged: bool) -> StoredMark:
        """Set or take the flag of an answer, with a mark or without."""
        with self._writing() as connection:
            writing = Writing(connection, self._tables, question, by)
            changed = marks.flag(writing, {student_id: seen}, flagged=flagged)
            actions.note(writing, "flagged an answer" if flagged else "took a flag back", changed)
            return marks.standing(changed[0].after, rubrics.rubric(connection, question).rubric)

    def add_item(self, question: Question, points: Decimal, text: str, by: By) -> StoredRubric:
        """Put an item at the end of a rubric."""

        def add(rubric: Rubric) -> RubricChange:
            last = max((item.position for item in rubric.items), default=0)
            item = RubricItem(new_id(), points, tidy(text), last + 1)
            return RubricChange(rubric, replace(rubric, items=(*rubric.items, item)), frozenset({item.id}))

        return self._change(question, None, add, by, "added a rubric item")

    def change_item(self, question: Question, item: RubricItem, seen: int, by: By) -> StoredRubric:
        """Put an item in the place of the one with its id; all marks that carry it are counted anew."""

        def change(rubric: Rubric) -> RubricChange:
            old, new = rubric.item(item.id), replace(item, text=tidy(item.text))
            items = tuple(new if other.id == item.id else other for other in rubric.items)
            touched = frozenset({item.id}) if old.points != new.points else frozenset[str]()
            return RubricChange(rubric, replace(rubric, items=items), touched)

        return self._change(question, seen, change, by, "changed a rubric item")

    def remove_item(self, question: Question, item_id: str, seen: int, by: By) -> StoredRubric:
        """Take an item out of a rubric and of all marks that carry it."""

        def remove(rubric: Rubric) -> RubricChange:
            rubric.item(item_id)
            items = tuple(other for other in rubric.items if other.id != item_id)
            return RubricChange(rubric, replace(rubric, items=items), frozenset({item_id}))

        return self._change(question, seen, remove, by, "removed a rubric item")

    def start(self, question: Question, start: Start, seen: int, by: By) -> StoredRubric:
        """Count from all points, or from none; marks with items are counted anew, points without items stay."""

        def begin(rubric: Rubric) -> RubricChange:
            return RubricChange(rubric, replace(rubric, start=start), None)

        return self._change(question, seen, begin, by, f"let the rubric start from {start}")

    def undo(self, by: By) -> Action:
        """Put back exactly what was there before the grader's last action that is not undone."""
        with self._writing() as connection:
            found = actions.last(connection, by.grader)
            if found is None:
                raise MarkingError("there is nothing to undo")
            return actions.undo(connection, self._tables, *found, by)

    def actions(self, *, grader: str | None = None, question: Question | None = None) -> tuple[Action, ...]:
        """What was done, the latest first."""
        with self._reading() as connection:
            return history.actions(connection, grader=grader, question=question)

    def comments(self, question: Question) -> tuple[Remark, ...]:
        """The comments that are offered for a question: of its marks and of the bank, the most used first."""
        with self._reading() as connection:
            mine = rubrics.of_question(MARK, question)
            used = connection.scalars(select(MARK.c.comment).where(mine, MARK.c.given, MARK.c.comment != ""))
            kept = select(REMARK.c.text).where(rubrics.of_question(REMARK, question))
            return offered(used, connection.scalars(kept))

    def keep_comment(self, question: Question, text: str, by: By) -> None:
        """Put a comment into the bank, once."""
        text = tidy(text)
        if not text:
            raise MarkingError("an empty comment cannot be kept; write something first")
        with self._writing() as connection:
            mine = rubrics.of_question(REMARK, question)
            if text not in connection.scalars(select(REMARK.c.text).where(mine)).all():
                row = {"id": new_id(), **asdict(question), "text": text, "grader": by.grader, "time": utc(by)}
                connection.execute(insert(REMARK), row)

    def drop_comment(self, question: Question, text: str) -> None:
        """Take a comment out of the bank; marks keep theirs."""
        with self._writing() as connection:
            rows = connection.execute(select(REMARK).where(rubrics.of_question(REMARK, question))).all()
            for row in rows:
                if row.text == tidy(text):
                    connection.execute(delete(REMARK).where(REMARK.c.id == row.id))

    def claim(self, question: Question, student_id: str, by: By) -> Claim | None:
        """Take an answer: None if it is ours now, else the claim of whoever has it."""
        with self._writing() as connection:
            return claims.claim(connection, question, student_id, by)

    def release(self, by: By) -> None:
        """Let go of whatever the grader has."""
        with self._writing() as connection:
            claims.release(connection, by)

    def claims(self, assignment: str, by: By) -> tuple[Claim, ...]:
        """All claims of an assignment that have not expired by then."""
        with self._reading() as connection:
            return claims.claims(connection, assignment, by)

    def requests(self, assignment: str | None = None) -> tuple[Request, ...]:
        """Requests for a regrade, those that are open first."""
        with self._reading() as connection:
            return requests.requests(connection, assignment)

    def request(self, request_id: str) -> Request:
        """One request."""
        with self._reading() as connection:
            return requests.one(connection, request_id)

    def add_request(self, new: NewRequest, by: By) -> Request | None:
        """Take a request in; None where it is there already."""
        with self._writing() as connection:
            return requests.add(connection, new, by)

    def add_requests(self, arrived: Iterable[tuple[NewRequest, By]]) -> tuple[Request | None, ...]:
        """Take requests in, all in one transaction; None for each that is there already."""
        with self._writing() as connection:
            return requests.add_all(connection, arrived)

    def request_places(self) -> tuple[tuple[str, RequestStatus], ...]:
        """The ids of all requests in their order, and where each stands."""
        with self._reading() as connection:
            return requests.places(connection)

    def open_requests(self) -> int:
        """How many requests nobody has decided."""
        with self._reading() as connection:
            return requests.count_open(connection)

    def answer_request(  # noqa: PLR0913, PLR0917 - what an answer consists of
        self, request_id: str, text: str, status: RequestStatus, after: Decimal | None, seen: int, by: By
    ) -> Request:
        """Write the next message of a request's thread, and what becomes of it."""
        with self._writing() as connection:
            return requests.answer(connection, request_id, text, status, after, seen, by)

    def decide_request(  # noqa: PLR0913, PLR0917 - what a decision consists of
        self, request_id: str, text: str, status: RequestStatus, seen: int, by: By, wanted: tuple[Mark, str] | None
    ) -> Request:
        """Close a request, and give the answer its new mark with it where there is one: both or neither.

        `wanted` names the version of the answer that was seen. What the student has then is kept as what came of it.
        """
        with self._writing() as connection:
            request = requests.one(connection, request_id, lock=True)
            requests.check_seen(request, seen)
            if wanted is not None:
                if request.question is None:
                    raise MarkingError("a mark is for one question; this request is about a whole assignment")
                writing = Writing(connection, self._tables, request.question, by)
                changed = marks.give(writing, {request.student_id: Wanted(*wanted)})
                actions.note(writing, _given(changed), changed)
            rows = marks.standing_in(connection, self._tables, request.assignment, [request.student_id])
            after = requests.points_of(rows, request.question)
            return requests.answer(connection, request_id, text, status, after, seen, by)

    def _one(self, connection: Connection, question: Question, student_id: str) -> StoredMark:
        slots = load(connection, self._tables, question, [student_id])
        if student_id not in slots:
            raise StoreError(f"{question}: no graded answer by {student_id}; grade the assignment first")
        return marks.standing(slots[student_id], rubrics.rubric(connection, question).rubric)

    def _change(
        self, question: Question, seen: int | None, change: Callable[[Rubric], RubricChange], by: By, sentence: str
    ) -> StoredRubric:
        with self._writing() as connection:
            writing = Writing(connection, self._tables, question, by)
            stored, changed, done = actions.change_rubric(writing, seen, change)
            concerned = f", with effect on {len(changed)} marks" if changed else ""
            actions.note(writing, sentence + concerned, changed, done)
            return stored


def _given(changed: tuple[Changed, ...]) -> str:
    """What was done, in words."""
    taken = sum(1 for one in changed if one.after.state.columns.manual_score is None)
    if taken == len(changed):
        return f"took back {_answers(taken)}"
    points = {one.after.state.columns.manual_score for one in changed}
    if len(points) == 1:
        (only,) = points
        most = Decimal(repr(changed[0].after.max_score))
        return f"gave {shown_points(Decimal(repr(only)))} of {shown_points(most)} to {_answers(len(changed))}"
    return f"graded {_answers(len(changed))}"


def _answers(number: int) -> str:
    return "one answer" if number == 1 else f"{number} answers"
