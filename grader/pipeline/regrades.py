"""Requests for a regrade: entered or imported, answered in a thread, decided with what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from grader.errors import MarkingError
from grader.marking import Mark, Question, RequestRow, read_requests, student_named, tidy
from grader.matching import Roster
from grader.model import Student
from grader.notebook import PointsCell
from grader.store import By, Request, RequestStatus, StoredMark
from grader.store.requests import NewRequest, points_of
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
    max_score: Decimal | None = None
    """The most that there is; None where the student has no graded answer."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request stands among all."""

    number: int
    """From 1, in the order of the list."""
    total: int
    previous: str | None
    next: str | None
    next_open: str | None
    """The next that nobody has decided, going on from the first at the end; None where there is no other."""


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
        found = self.marking.database.marks.requests(assignment)
        standing = self._standing((request.assignment, request.student_id) for request in found)
        titles = {about: self._title(*about) for about in {(one.assignment, one.question) for one in found}}
        return tuple(
            self._entry(
                request,
                titles[request.assignment, request.question],
                standing.get((request.assignment, request.student_id), ()),
            )
            for request in found
        )

    def request(self, request_id: str) -> RequestEntry:
        """One request."""
        request = self.marking.database.marks.request(request_id)
        rows = self.marking.database.marks.standing_in(request.assignment, request.student_id)
        return self._entry(request, self._title(request.assignment, request.question), rows)

    def place(self, request_id: str) -> Place:
        """Where a request stands in the list, and what comes before and after it."""
        places = self.marking.database.marks.request_places()
        ids = [one for one, _ in places]
        here = ids.index(request_id)
        waiting = (one for one, status in (*places[here + 1 :], *places[:here]) if status is RequestStatus.OPEN)
        return Place(
            number=here + 1,
            total=len(ids),
            previous=ids[here - 1] if here else None,
            next=ids[here + 1] if here + 1 < len(ids) else None,
            next_open=next(waiting, None),
        )

    def questions(self) -> tuple[tuple[Question, PointsCell], ...]:
        """All questions of the course that a request may be about, assignment by assignment."""
        return tuple(
            asked
            for assignment in self.marking.opened.course.notebook_assignments
            if self.marking.opened.folder.source(assignment.name).is_dir()
            for asked in self.marking.answers.questions(assignment.name)
        )

    def student_named(self, text: str) -> Student:
        """The student whom an id, an address, a login or a name means; `MarkingError` for nobody, or several."""
        return student_named(text, Roster.of(self.marking.opened.students))

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
        (added,) = self._add([row])
        if added is None:
            raise MarkingError(f"{escape(student_id, 60)} has asked that in the same words before")
        return added

    def import_csv(self, data: bytes, filename: str) -> ImportedRequests:
        """Take in the requests of a table; rows that were taken in before change nothing.

        `MarkingError` for a file that cannot be read as a whole.
        """
        opened = self.marking.opened
        questions = [question for question, _ in self.questions()]
        read = read_requests(data, filename, roster=opened.students, questions=questions, zone=opened.course.zone)
        added = self._add(read.requests)
        new = tuple(request for request in added if request is not None)
        return ImportedRequests(new, len(added) - len(new), read.problems)

    def reply(self, request_id: str, text: str, seen: int) -> Request:
        """Write a message into the thread; the request is open then, even if it was decided."""
        return self._answer(request_id, _said(text), RequestStatus.OPEN, None, seen)

    def decide(
        self,
        request_id: str,
        text: str,
        seen: int,
        *,
        accepted: bool,
        wanted: tuple[Mark, str] | None = None,
    ) -> Request:
        """Close a request with a decision, and with it give the answer a new mark, if there is one to give.

        `wanted` is that mark with the version of the answer that was seen; all is written, or nothing. What the
        student has then is kept as what came of it.
        """
        status = RequestStatus.ACCEPTED if accepted else RequestStatus.DECLINED
        marks = self.marking.database.marks
        return marks.decide_request(request_id, _said(text), status, seen, self._by(), wanted)

    def _answer(self, request_id: str, text: str, status: RequestStatus, after: Decimal | None, seen: int) -> Request:
        return self.marking.database.marks.answer_request(request_id, text, status, after, seen, self._by())

    def _by(self) -> By:
        return By(self.marking.grader, datetime.now(UTC))

    def _add(self, rows: Sequence[RequestRow]) -> tuple[Request | None, ...]:
        now = datetime.now(UTC)
        standing = self._standing((row.assignment, row.student_id) for row in rows)
        arrived = []
        for row in rows:
            points = points_of(standing.get((row.assignment, row.student_id), ()), row.question)
            new = NewRequest(row.assignment, row.question, row.student_id, row.message, points)
            arrived.append((new, By(self.marking.grader, row.time or now)))
        return self.marking.database.marks.add_requests(arrived)

    def _standing(self, asking: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Sequence[StoredMark]]:
        """By assignment and student, how those answers stand: one query an assignment."""
        students: dict[str, set[str]] = defaultdict(set)
        for assignment, student in asking:
            students[assignment].add(student)
        found: dict[tuple[str, str], list[StoredMark]] = defaultdict(list)
        for assignment, chosen in students.items():
            for row in self.marking.database.marks.standing_in(assignment, sorted(chosen)):
                found[assignment, row.student_id].append(row)
        return found

    def _title(self, name: str, question: Question | None) -> str:
        assignment = self.marking.opened.course.assignments.get(name)
        if assignment is None:
            return str(question or name)
        asked = self.marking.answers.asked(question) if question else None
        return asked.cell.title if asked else str(question or assignment.title)

    def _entry(self, request: Request, title: str, rows: Sequence[StoredMark]) -> RequestEntry:
        chosen = [row for row in rows if request.question in {None, row.question}]
        return RequestEntry(
            request=request,
            title=title,
            student=self.marking.student(request.student_id),
            points=points_of(chosen, request.question),
            max_score=sum((row.max_score for row in chosen), Decimal(0)) if chosen else None,
        )


def _said(text: str) -> str:
    text = tidy(text)
    if not text:
        raise MarkingError("a message needs words; nothing was written")
    if len(text) > _LONGEST:
        raise MarkingError(f"a message has at most {_LONGEST} characters, not {len(text)}")
    return text
