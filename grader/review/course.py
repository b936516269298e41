"""Pages about the course: its assignments, its class, its report, each student."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.responses import Response

from grader.gradebook import explain
from grader.pipeline import gradebook, report
from grader.pipeline.log import log
from grader.pipeline.status import remarks_of, status
from grader.report import render_report_body
from grader.review.desk import Desk, desk_of
from grader.review.errors import not_found
from grader.review.overview import (
    class_plot,
    class_table,
    elsewhere,
    graded_points,
    item_rows,
    overview_of,
    question_rows,
)
from grader.review.page import document, render
from grader.review.routing import get
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from grader.config import Assignment

_EXPORTS = {
    "csv": ("gradebook.csv", "text/csv; charset=utf-8"),
    "xlsx": ("gradebook.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "json": ("gradebook.json", "application/json"),
}


def show_assignments(request: Request) -> Response:
    """All assignments: what came in, what is graded, what waits."""
    desk = desk_of(request)
    graded = graded_points(desk.database.question_scores())
    return render(
        request,
        "assignments.html.jinja",
        overviews=tuple(overview_of(state, graded) for state in status(desk.opened, desk.database, ())),
        zone=desk.opened.course.zone,
    )


def show_standing(request: Request) -> Response:
    """The rest of the first page, which asks for it when it stands: the whole gradebook takes a moment to compute."""
    desk = desk_of(request)
    book = gradebook.build(desk.opened, desk.database, as_of=_now())
    others = [assignment for assignment in desk.opened.course.assignments.values() if not assignment.has_notebooks]
    return render(request, "_standing.html.jinja", plot=class_plot(book), others=elsewhere(book, others))


def show_assignment(request: Request) -> Response:
    """One assignment: its questions, and everybody's submission."""
    desk = desk_of(request)
    assignment = chosen(desk, request.path_params["assignment"])
    (state,) = status(desk.opened, desk.database, (assignment.name,))
    figures = report.questions_of(desk.opened, desk.database, assignment).figures
    unread = {one.student.student_id for one in state.submissions if one.state == "rejected"}
    scores = [one for one in desk.database.question_scores(assignment.name) if one.student_id not in unread]
    return render(
        request,
        "assignment.html.jinja",
        overview=overview_of(state, graded_points(scores)),
        questions=question_rows(figures, desk.marking().questions(assignment.name), scores),
        submissions=state.submissions,
        zone=desk.opened.course.zone,
    )


def show_class(request: Request) -> Response:
    """Everybody, with every item and the total so far."""
    desk = desk_of(request)
    book = gradebook.build(desk.opened, desk.database, as_of=_now())
    table = class_table(book, graded_points(desk.database.question_scores()))
    return render(request, "class.html.jinja", table=table, notes=book.notes, exports=_EXPORTS)


def export_class(request: Request) -> Response:
    """The gradebook as a file."""
    desk = desk_of(request)
    kind = request.path_params["kind"]
    if kind not in _EXPORTS:
        raise not_found(f'there is no export called "{escape(kind)}"; there are {", ".join(_EXPORTS)}')
    name, media_type = _EXPORTS[kind]
    made = gradebook.export(desk.opened, gradebook.build(desk.opened, desk.database), kind)
    kept = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(made.data, media_type=media_type, headers=kept)


def show_report(request: Request) -> Response:
    """The report for staff, as `grader report` writes it."""
    desk = desk_of(request)
    found = report.gather(desk.opened, desk.database, now=_now())
    return render(request, "report.html.jinja", body=render_report_body(found))


def show_student(request: Request) -> Response:
    """One student: every item, how the grade is made, what was changed when."""
    desk = desk_of(request)
    student_id = request.path_params["student"]
    book = gradebook.build(desk.opened, desk.database, as_of=_now())
    ids = [row.student.student_id for row in book.rows]
    if student_id not in ids:
        raise not_found(f'there is no student "{escape(student_id)}"; ids are as in roster.csv')
    place, row = ids.index(student_id), book.row(student_id)
    return render(
        request,
        "student.html.jinja",
        row=row,
        items=item_rows(book, row, graded_points(desk.database.question_scores()), _remarks(desk, student_id)),
        questions=_questions(desk, student_id),
        explanation=explain(book, student_id, grade="current"),
        changes=tuple(reversed(log(desk.opened, desk.database, student_id=student_id))),
        before=ids[place - 1] if place else None,
        after=ids[place + 1] if place + 1 < len(ids) else None,
        place=(place + 1, len(ids)),
        zone=desk.opened.course.zone,
    )


def show_feedback(request: Request) -> Response:
    """A feedback page as its student gets it: a document of its own, in which nothing runs."""
    desk = desk_of(request)
    folder = desk.opened.folder
    student_id, assignment = _known_student(desk, request.path_params["student"]), request.path_params.get("assignment")
    if assignment is None:
        path = folder.feedback_index(student_id)
    else:
        pages = folder.feedback_of(student_id, chosen(desk, assignment).name)
        path = pages / request.path_params["page"]
        if path.parent != pages or path.suffix != ".html":
            raise not_found("there is no such feedback page")
    if path.is_symlink() or not path.is_file():
        raise not_found("this feedback page is not written yet; grader feedback writes it")
    return document(path.read_bytes())


def chosen(desk: Desk, name: str) -> Assignment:
    """The notebook assignment of this name; refused as not there where there is none."""
    assignment = desk.opened.course.assignments.get(name)
    if assignment is None or not assignment.has_notebooks:
        raise not_found(f'there is no notebook assignment "{escape(name)}"')
    return assignment


def _known_student(desk: Desk, student_id: str) -> str:
    if student_id not in {student.student_id for student in desk.opened.students}:
        raise not_found(f'there is no student "{escape(student_id)}"; ids are as in roster.csv')
    return student_id


def _remarks(desk: Desk, student_id: str) -> Mapping[str, tuple[str, ...]]:
    """What should be known of the student's submissions, by assignment."""
    return {row.assignment: remarks_of(row) for row in desk.database.outcomes(student_id=student_id)}


def _questions(desk: Desk, student_id: str) -> Mapping[str, list[gradebook.QuestionLine]]:
    found: dict[str, list[gradebook.QuestionLine]] = defaultdict(list)
    for line in gradebook.questions(desk.opened, desk.database, student_id):
        found[line.assignment].append(line)
    return dict(found)


def _now() -> datetime:
    return datetime.now(UTC)


ROUTES = (
    get("/", show_assignments, "assignments"),
    get("/standing", show_standing, "standing"),
    get("/assignments/{assignment}", show_assignment, "assignment"),
    get("/class", show_class, "class"),
    get("/class/export/{kind}", export_class, "export"),
    get("/report", show_report, "report"),
    get("/students/{student}", show_student, "student"),
    get("/feedback/{student}/index.html", show_feedback, "feedback_index"),
    get("/feedback/{student}/{assignment}/{page}", show_feedback, "feedback"),
)
