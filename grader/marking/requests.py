"""Requests for a regrade, read from a table that a form or a person made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo

from grader.errors import MarkingError, ScoresError
from grader.gradebook.formats.table import Table, read_table
from grader.marking.marks import Question, tidy
from grader.matching import NoMatchError, Roster
from grader.model import Student
from grader.text import escape

_TITLES = {
    "student": ("student_id", "student", "id", "sid", "student number", "username", "login"),
    "email": ("email", "e-mail", "email address", "mail"),
    "assignment": ("assignment", "notebook", "problem set", "homework"),
    "question": ("question", "question id", "grade_id", "exercise", "problem"),
    "message": ("message", "request", "reason", "comment", "text", "explanation"),
    "time": ("time", "timestamp", "date", "submitted", "submitted at", "completion time"),
}
_FORM_TIME = re.compile(r"(\d{4}/\d\d?/\d\d? \d\d?:\d\d:\d\d [AP]M)(?: (?:GMT|UTC)(?:([+-])(\d\d?)(?::?(\d\d))?)?)?")
"""As Google's forms write it: `2026/09/20 10:05:00 PM GMT+2`."""
_YEARS = range(1970, 2200)
_INSTEAD = {"student": "email", "question": "assignment", "assignment": "question"}
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request as a row tells it."""

    row: int
    """As a spreadsheet counts, from 1."""
    student_id: str
    assignment: str
    question: Question | None
    """None where it is about the whole assignment."""
    message: str
    time: datetime | None
    """Aware of its zone; None where the row says nothing."""


@dataclass(frozen=True, slots=True)
class ReadRequests:
    """What a file brings, and a line for each row that brings nothing."""

    requests: tuple[RequestRow, ...]
    problems: tuple[str, ...] = ()


def read_requests(
    data: bytes, filename: str, *, roster: Iterable[Student], questions: Iterable[Question], zone: tzinfo
) -> ReadRequests:
    """The requests of a CSV, a tab-separated file or a spreadsheet; nothing is guessed.

    Columns are found by title: a student (id, login or email), a message, and a question, an assignment or both; a
    time, if there is one, is in the course's zone unless it names another. A question is written as
    `assignment/notebook/question`, or by as much of the end of that as is clear. `MarkingError` for a file that
    cannot be read as a whole.
    """
    try:
        table = read_table(data, filename)
    except ScoresError as error:
        raise MarkingError(*error.messages) from None
    reader = _Reader(table, filename, Roster.of(roster), tuple(questions), zone)
    read = [reader.read(row.number, row.cells) for row in table.rows[1:]]
    return ReadRequests(
        tuple(row for row in read if isinstance(row, RequestRow)), tuple(line for line in read if isinstance(line, str))
    )


def student_named(text: str, roster: Roster, email: str = "") -> Student:
    """The student whom an id or an address means, or else a login or a name; `MarkingError` for nobody, or several."""
    try:
        return roster.find([("student_id", text), ("email", email)]).student
    except NoMatchError as reason:
        if not text:
            raise MarkingError(str(reason)) from None
    try:
        return roster.find([("login", text), ("email", text), ("name", text)]).student
    except NoMatchError as reason:
        raise MarkingError(str(reason)) from None


class _RowError(Exception):
    """What is wrong with one row, and what its column is for."""

    def __init__(self, role: str, trouble: str) -> None:
        super().__init__(trouble)
        self.role = role


class _Reader:
    """How the rows of one file are read."""

    def __init__(
        self, table: Table, filename: str, roster: Roster, questions: tuple[Question, ...], zone: tzinfo
    ) -> None:
        self._name = escape(filename)
        self._places = _places(table, self._name)
        self._titles = table.titles
        self._roster = roster
        self._questions = questions
        self._zone = zone

    def read(self, number: int, cells: tuple[str, ...]) -> RequestRow | str:
        """The row's request, or what is wrong with it in a line."""
        said = {role: cells[place] if place < len(cells) else "" for role, place in self._places.items()}
        try:
            return self._request(number, said)
        except _RowError as error:
            return f"{self._name}, row {number}{self._column(error.role)}: {error}"

    def _column(self, role: str) -> str:
        """Which column that is, by its title; the one that stands for it where there is none."""
        place = self._places.get(role, self._places.get(_INSTEAD.get(role, role)))
        return "" if place is None else f", column {escape(self._titles[place], 40)}"

    def _request(self, number: int, said: dict[str, str]) -> RequestRow:
        message = tidy(said["message"])
        if not message:
            raise _RowError("message", "no message; say what should be looked at again")
        if len(message) > _LONGEST:
            raise _RowError("message", f"the message has {len(message)} characters; {_LONGEST} are the most")
        question, assignment = self._about(said.get("question", ""), said.get("assignment", ""))
        return RequestRow(number, self._student(said), assignment, question, message, self._time(said.get("time", "")))

    def _student(self, said: dict[str, str]) -> str:
        try:
            return student_named(said.get("student", ""), self._roster, said.get("email", "")).student_id
        except MarkingError as reason:
            raise _RowError("student", str(reason)) from None

    def _about(self, question: str, assignment: str) -> tuple[Question | None, str]:
        names = {known.assignment for known in self._questions}
        if assignment and assignment not in names:
            raise _RowError(
                "assignment", f"there is no assignment {escape(assignment, 60)!r} with questions: {_listed(names)}"
            )
        if not question:
            if not assignment:
                raise _RowError("question", "names neither a question nor an assignment")
            return None, assignment
        if question in names and not assignment:
            return None, question
        inside = [known for known in self._questions if not assignment or known.assignment == assignment]
        fitting = [known for known in inside if f"/{known}".endswith(f"/{question}")]
        if len(fitting) != 1:
            trouble = "could be several" if fitting else "is no question"
            raise _RowError("question", f"{escape(question, 60)!r} {trouble}: {_listed(map(str, fitting or inside))}")
        return fitting[0], fitting[0].assignment

    def _time(self, text: str) -> datetime | None:
        if not text:
            return None
        moment = _moment(text)
        if moment is None:
            raise _RowError("time", f"{escape(text, 40)!r} is no time; write one like 2026-09-20 22:00, or none")
        return moment if moment.tzinfo else moment.replace(tzinfo=self._zone)


def _moment(text: str) -> datetime | None:
    """A moment as people, spreadsheets and forms write it; None for what is none, or could be several."""
    try:
        found = _FORM_TIME.fullmatch(text)
        moment = _form_moment(found) if found else datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.year in _YEARS else None


def _form_moment(found: re.Match[str]) -> datetime:
    """A moment of a form; without an offset it is in the course's zone."""
    local, sign, hours, minutes = found.groups()
    moment = datetime.strptime(local, "%Y/%m/%d %I:%M:%S %p")  # noqa: DTZ007 - it is given one where it has one
    if sign is None:
        return moment
    apart = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return moment.replace(tzinfo=timezone(apart if sign == "+" else -apart))


def _places(table: Table, name: str) -> dict[str, int]:
    titles = [title.strip().casefold() for title in table.titles]
    places = {
        role: next(titles.index(title) for title in usual if title in titles)
        for role, usual in _TITLES.items()
        if any(title in titles for title in usual)
    }
    missing = list(_missing(places))
    if missing:
        listed = ", ".join(escape(title, 40) for title in table.titles[:12])
        raise MarkingError(f"{name}: no column holds {' or '.join(missing)}; the titles are: {listed}")
    return places


def _missing(places: dict[str, int]) -> Iterator[str]:
    if "student" not in places and "email" not in places:
        yield "a student_id"
    if "question" not in places and "assignment" not in places:
        yield "a question"
    if "message" not in places:
        yield "a message"


def _listed(names: Iterable[str]) -> str:
    all_names = sorted(escape(name, 80) for name in names)
    more = f" and {len(all_names) - 8} more" if len(all_names) > 8 else ""
    return (", ".join(all_names[:8]) + more) or "none"
