"""Requests for a regrade: entered or imported, answered in a thread, decided with what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from grader.errors import MarkingError
from grader.marking import Question, RequestRow, read_requests, tidy
from grader.model import Student
from grader.store import By, Request, RequestStatus
from grader.store.requests import NewRequest
from grader.text import escape

if TYPE_CHECKING:
    from grader.pipeline.marking import Marking

_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class RequestEntry:
    """A request with what people call its question and its student."""

    request: Request
    title: str
    """Of the question, or of the assignment."""
    student: Student
    points: Decimal | None
    """What the student has now, of the question or of the assignment."""


@dataclass(frozen=True, slots=True)
class ImportedRequests:
    """What an import did."""

    added: tuple[Request, ...]
    known: int
    """Rows that had been taken in before."""
    problems: tuple[str, ...]
    """A line for each row that brought nothing."""


@dataclass(frozen=True, slots=True)
class Regrades:
    """The requests of a course, as a grader sees them."""

    marking: Marking

    def requests(self, assignment: str | None = None) -> tuple[RequestEntry, ...]:
        """All requests, those that are open first."""
        return tuple(self._entry(request) for request in self.marking.database.marks.requests(assignment))

    def request(self, request_id: str) -> RequestEntry:
        """One request."""
        return self._entry(self.marking.database.marks.request(request_id))

    def add(
        self, student_id: str, assignment: str, question: Question | None, message: str, time: datetime | None = None
    ) -> Request:
        """Take a request in; `MarkingError` where the student asked the same before, or nothing is asked."""
        if self.marking.answers.student(student_id) is None:
            raise MarkingError(f"there is no student {escape(student_id, 60)!r}; ids are as in roster.csv")
        self.marking.opened.course.chosen([assignment])
        if question is not None and self.marking.answers.asked(question) is None:
            raise MarkingError(f"there is no question {escape(question)}")
        row = RequestRow(0, student_id, assignment, question, _said(message), time)
        added = self._add(row)
        if added is None:
            raise MarkingError(f"{escape(student_id, 60)} has asked that in the same words before")
        return added

    def import_csv(self, data: bytes, filename: str) -> ImportedRequests:
        """Take in the requests of a table; rows that were taken in before change nothing."""
        course = self.marking.opened.course
        questions = [
            question
            for assignment in course.notebook_assignments
            if self.marking.opened.folder.source(assignment.name).is_dir()
            for question, _ in self.marking.answers.questions(assignment.name)
        ]
        read = read_requests(data, filename, roster=self.marking.opened.students, questions=questions, zone=course.zone)
        added = [self._add(row) for row in read.requests]
        new = tuple(request for request in added if request is not None)
        return ImportedRequests(new, len(added) - len(new), read.problems)

    def reply(self, request_id: str, text: str, seen: int) -> Request:
        """Write a message into the thread; the request is open then, even if it was decided."""
        return self._answer(request_id, _said(text), RequestStatus.OPEN, None, seen)

    def decide(self, request_id: str, text: str, seen: int, *, accepted: bool) -> Request:
        """Close a request with a decision; what the student has now is kept as what came of it."""
        request = self.marking.database.marks.request(request_id)
        status = RequestStatus.ACCEPTED if accepted else RequestStatus.DECLINED
        points = self._points(request.student_id, request.assignment, request.question)
        return self._answer(request_id, _said(text), status, points, seen)

    def _answer(self, request_id: str, text: str, status: RequestStatus, after: Decimal | None, seen: int) -> Request:
        by = By(self.marking.grader, datetime.now(UTC))
        return self.marking.database.marks.answer_request(request_id, text, status, after, seen, by)

    def _add(self, row: RequestRow) -> Request | None:
        points = self._points(row.student_id, row.assignment, row.question)
        new = NewRequest(row.assignment, row.question, row.student_id, row.message, points)
        by = By(self.marking.grader, row.time or datetime.now(UTC))
        return self.marking.database.marks.add_request(new, by)

    def _points(self, student_id: str, assignment: str, question: Question | None) -> Decimal | None:
        rows = self.marking.database.marks.standing_in(assignment, student_id)
        chosen = [row for row in rows if question is None or row.question == question]
        given = [row.points + row.extra_credit for row in chosen if row.points is not None]
        return sum(given, Decimal(0)) if given else None

    def _entry(self, request: Request) -> RequestEntry:
        opened = self.marking.opened
        asked = self.marking.answers.asked(request.question) if request.question else None
        title = (
            opened.course.assignments[request.assignment].title
            if request.assignment in opened.course.assignments
            else request.assignment
        )
        return RequestEntry(
            request=request,
            title=asked.cell.title if asked else str(request.question or title),
            student=self.marking.student(request.student_id),
            points=self._points(request.student_id, request.assignment, request.question),
        )


def _said(text: str) -> str:
    text = tidy(text)
    if not text:
        raise MarkingError("a message needs words; nothing was written")
    if len(text) > _LONGEST:
        raise MarkingError(f"a message has at most {_LONGEST} characters, not {len(text)}")
    return text
