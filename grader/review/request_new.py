"""How regrade requests come in: typed, or from a table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, Response

from grader.errors import GraderError, MarkingError
from grader.pipeline.regrades import ImportedRequests, Regrades
from grader.review.asking import marking_of
from grader.review.page import render, see_other
from grader.review.routing import form_of, get, post, status_of
from grader.text import escape

if TYPE_CHECKING:
    from starlette.requests import Request

    from grader.marking import Question
    from grader.pipeline.marking import Marking

_UPLOAD = 16_000_000
"""Bytes of a table: tens of thousands of requests."""
_MOST_PROBLEMS = 200


@dataclass(frozen=True, slots=True)
class Entered:
    """What was typed into the form for a new request."""

    student: str = ""
    about: str = ""
    message: str = ""
    problem: tuple[str, ...] = ()


def show_new(request: Request) -> Response:
    """The forms by which requests come in."""
    return _new(request)


def enter(request: Request) -> Response:
    """Take one request in that somebody typed."""
    marking, form = marking_of(request), form_of(request)
    entered = Entered(form.text("student", longest=300), form.text("about", longest=1000), form.text("message"))
    try:
        assignment, question = _about(marking, entered.about)
        student = Regrades(marking).student_named(entered.student.strip())
        added = Regrades(marking).add(student.student_id, assignment, question, entered.message)
    except GraderError as error:
        return _new(request, entered=replace(entered, problem=error.messages), status=status_of(error))
    return see_other(request, "request", request=added.id)


def take_in(request: Request) -> Response:
    """Take in the requests of a table; what was taken in before changes nothing."""
    marking, sent = marking_of(request), form_of(request).file("table")
    try:
        done = Regrades(marking).import_csv(sent.data, sent.name or "the table")
    except MarkingError as error:
        return _new(request, refused=error.messages, status=400)
    return _new(request, imported=done)


def _new(
    request: Request,
    *,
    entered: Entered | None = None,
    imported: ImportedRequests | None = None,
    refused: tuple[str, ...] = (),
    status: int = 200,
) -> HTMLResponse:
    marking = marking_of(request)
    questions: dict[str, list[tuple[str, str]]] = {}
    for question, cell in Regrades(marking).questions():
        questions.setdefault(question.assignment, []).append((str(question), cell.title))
    problems = imported.problems if imported else ()
    return render(
        request,
        "request_new.html.jinja",
        status=status,
        entered=entered or Entered(),
        imported=imported,
        problems=problems[:_MOST_PROBLEMS],
        more_problems=max(0, len(problems) - _MOST_PROBLEMS),
        refused=refused,
        students=marking.opened.students,
        questions=[(name, title_of(marking, name), listed) for name, listed in questions.items()],
    )


def _about(marking: Marking, text: str) -> tuple[str, Question | None]:
    """The assignment, and the question unless it is about all of it, that the form names."""
    for question, _ in Regrades(marking).questions():
        if text == question.assignment:
            return text, None
        if text == str(question):
            return question.assignment, question
    raise MarkingError(f"there is no question {escape(text, 60)!r}; choose what it is about")


def title_of(marking: Marking, name: str) -> str:
    """What an assignment is called, if the course has it."""
    assignment = marking.opened.course.assignments.get(name)
    return assignment.title if assignment else name


ROUTES = (
    get("/requests/new", show_new, "request_new"),
    post("/requests", enter, "request_enter"),
    post("/requests/import", take_in, "request_import", upload=_UPLOAD),
)
