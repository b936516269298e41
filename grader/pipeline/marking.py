"""Grading by hand: what pages ask for and what graders do, on an opened course; no HTML, and nothing is printed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from grader.errors import MarkingError
from grader.marking import Mark, Question, Remark, RubricItem, Start, fair_order
from grader.model import GradedKind, Student
from grader.pipeline.answers import Answers, Asked
from grader.pipeline.queue import (
    Answer,
    AnswerGroup,
    QuestionProgress,
    QueueEntry,
    entry_of,
    key_of,
    next_waiting,
    progress_of,
)
from grader.store import Action, By, Claim, Glance, StoredMark, StoredRubric
from grader.text import escape

if TYPE_CHECKING:
    from grader.pipeline.course import OpenCourse
    from grader.store import Database


@dataclass(frozen=True, slots=True)
class Marked:
    """What a write did."""

    stored: tuple[StoredMark, ...]
    """As the answers stand now, with their new versions."""
    action: Action


@dataclass(frozen=True, slots=True)
class Marking:
    """A course, its database and a grader's name: everything that pages for grading need.

    Every write names the version that was seen; `StaleError` says who wrote in between, and nothing is written.
    `answers` remembers what was read of files; one of it serves all graders.
    """

    opened: OpenCourse
    database: Database
    grader: str
    answers: Answers

    @classmethod
    def of(cls, opened: OpenCourse, database: Database, grader: str, answers: Answers | None = None) -> Marking:
        """Grading by this grader; `MarkingError` for a name that is none."""
        name = " ".join(grader.split())
        if not name or len(name) > 100 or escape(name) != name:
            raise MarkingError("a grader's name has 1 to 100 visible characters; say who you are")
        return cls(opened, database, name, answers or Answers(opened))

    def questions(self, assignment: str, *, tests: bool = False) -> tuple[QuestionProgress, ...]:
        """How far the questions of an assignment are that people grade; with `tests`, those of tests as well."""
        rows: dict[Question, list[Glance]] = defaultdict(list)
        for glance in self.database.marks.glances(assignment):
            rows[glance.question].append(glance)
        claims = self.database.marks.claims(assignment, self._by())
        return tuple(
            progress_of(question, cell, rows[question], [claim for claim in claims if claim.question == question])
            for question, cell in self.answers.questions(assignment)
            if tests or cell.kind is not GradedKind.TESTS
        )

    def progress(self, question: Question) -> QuestionProgress:
        """How far one question is; quick, for it is shown beside every answer."""
        marks, by = self.database.marks, self._by()
        claims = [claim for claim in marks.claims(question.assignment, by) if claim.question == question]
        rows = marks.glances(question.assignment, question)
        return progress_of(question, self._asked(question).cell, rows, claims)

    def queue(self, question: Question) -> tuple[QueueEntry, ...]:
        """All answers in the fair order."""
        return self._queue(question, {row.student_id: row for row in self.database.marks.marks(question)})

    def find(self, question: Question, key: str) -> str:
        """The student whose answer a key names; `MarkingError` where there is none."""
        rows = self.database.marks.glances(question.assignment, question)
        found = next((row.student_id for row in rows if key_of(question, row.student_id) == key), None)
        if found is None:
            raise MarkingError(f"there is no answer {escape(key, 40)!r} to {escape(question)}; load the queue again")
        return found

    def answer(self, question: Question, student_id: str) -> Answer:
        """One answer with all that a grader looks at."""
        asked = self._asked(question)
        stored = self.database.marks.mark(question, student_id)
        waiting = {row.student_id: row.waiting for row in self.database.marks.glances(question.assignment, question)}
        order = fair_order(waiting, question)
        place = order.index(student_id)
        claims = self._claims(question)
        return Answer(
            question=question,
            title=asked.cell.title,
            entry=entry_of(stored, place + 1, claims.get(student_id, "")),
            total=len(order),
            student=self.student(student_id),
            asked=asked,
            given=self.answers.given(question, student_id),
            stored=stored,
            rubric=self.database.marks.rubric(question),
            comments=self.database.marks.comments(question),
            previous=order[place - 1] if place else None,
            next=order[place + 1] if place + 1 < len(order) else None,
            next_waiting=next_waiting([*order[place + 1 :], *order[:place]], waiting, claims),
            waiting=sum(waiting.values()),
        )

    def groups(self, question: Question) -> tuple[AnswerGroup, ...]:
        """Equal answers together, the largest group first, blanks last."""
        rows = {row.student_id: row for row in self.database.marks.marks(question)}
        queue = {entry.student_id: entry for entry in self._queue(question, rows)}
        found = self.answers.groups(question, tuple(queue))
        said = {one.student_id: one.parts for one in self.answers.responses(question, tuple(queue))}
        return tuple(
            AnswerGroup(
                group=group,
                entries=tuple(queue[student] for student in group.students),
                text="\n\n".join(part.source for part in said[group.students[0]]),
                stored=tuple(rows[student] for student in group.students),
            )
            for group in found
        )

    def mark(self, question: Question, student_id: str, mark: Mark | None, seen: str) -> Marked:
        """Give an answer its mark, or take it back: then the answer waits again, or has its automatic score."""
        return Marked(*self.database.marks.give(question, {student_id: (mark, seen)}, self._by()))

    def mark_group(self, question: Question, seen: Mapping[str, str], mark: Mark | None) -> Marked:
        """Give the same mark to all of these students, by the versions that were seen; all get it, or none."""
        return Marked(*self.database.marks.give(question, {one: (mark, seen[one]) for one in seen}, self._by()))

    def mark_each(self, question: Question, wanted: Mapping[str, tuple[Mark | None, str]]) -> Marked:
        """Give each of these students a mark of their own, with the version that was seen; all get it, or none."""
        return Marked(*self.database.marks.give(question, wanted, self._by()))

    def flag(self, question: Question, student_id: str, seen: str, *, flagged: bool) -> StoredMark:
        """Set or take the flag of an answer, graded or not."""
        return self.database.marks.flag(question, student_id, seen, self._by(), flagged=flagged)

    def rubric(self, question: Question) -> StoredRubric:
        """The question's rubric and its version."""
        return self.database.marks.rubric(question)

    def add_item(self, question: Question, points: Decimal, text: str) -> StoredRubric:
        """Put an item at the end of the rubric."""
        self._asked(question)
        return self.database.marks.add_item(question, points, text, self._by())

    def change_item(self, question: Question, item: RubricItem, seen: int) -> StoredRubric:
        """Put an item in the place of the one with its id; all marks that carry it are counted anew."""
        return self.database.marks.change_item(question, item, seen, self._by())

    def remove_item(self, question: Question, item_id: str, seen: int) -> StoredRubric:
        """Take an item out of the rubric and of all marks that carry it."""
        return self.database.marks.remove_item(question, item_id, seen, self._by())

    def start(self, question: Question, start: Start, seen: int) -> StoredRubric:
        """Count from all points, or from none; marks with items are counted anew, points without items stay."""
        self._asked(question)
        return self.database.marks.start(question, start, seen, self._by())

    def undo(self) -> Action:
        """Put back what was there before this grader's last action that is not undone."""
        return self.database.marks.undo(self._by())

    def actions(self, question: Question | None = None, *, mine: bool = True) -> tuple[Action, ...]:
        """What was done, the latest first; by this grader, or by all."""
        return self.database.marks.actions(grader=self.grader if mine else None, question=question)

    def claim(self, question: Question, student_id: str) -> Claim | None:
        """Say that this grader looks at an answer: None, or the claim of whoever else does."""
        return self.database.marks.claim(question, student_id, self._by())

    def others(self, question: Question) -> tuple[tuple[str, int], ...]:
        """Who else looks at an answer to the question now, and at which, by its number."""
        claims = self._claims(question)
        if not claims:
            return ()
        order = fair_order(
            (row.student_id for row in self.database.marks.glances(question.assignment, question)), question
        )
        return tuple(sorted((claims[student], place) for place, student in enumerate(order, 1) if student in claims))

    def release(self) -> None:
        """Say that this grader looks at nothing any more."""
        self.database.marks.release(self._by())

    def comments(self, question: Question) -> tuple[Remark, ...]:
        """The comments that are offered for a question."""
        return self.database.marks.comments(question)

    def keep_comment(self, question: Question, text: str) -> None:
        """Put a comment into the question's bank."""
        self._asked(question)
        self.database.marks.keep_comment(question, text, self._by())

    def drop_comment(self, question: Question, text: str) -> None:
        """Take a comment out of the question's bank."""
        self.database.marks.drop_comment(question, text)

    def student(self, student_id: str) -> Student:
        """The student with this id, on the roster or not."""
        return self.answers.student(student_id) or Student(student_id)

    def _by(self) -> By:
        return By(self.grader, datetime.now(UTC))

    def _claims(self, question: Question) -> Mapping[str, str]:
        """Who else looks at which answer now, by student."""
        claims = self.database.marks.claims(question.assignment, self._by())
        return {c.student_id: c.grader for c in claims if c.question == question and c.grader != self.grader}

    def _asked(self, question: Question) -> Asked:
        asked = self.answers.asked(question)
        if asked is None:
            raise MarkingError(f"the sources have no question {escape(question)}; load the list again")
        return asked

    def _queue(self, question: Question, rows: Mapping[str, StoredMark]) -> tuple[QueueEntry, ...]:
        claims = self._claims(question)
        return tuple(
            entry_of(rows[student], number, claims.get(student, ""))
            for number, student in enumerate(fair_order(rows, question), 1)
        )
