"""One student's whole submission: its notebooks with every score in place, and the panel for one question of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response

from grader.errors import StaleError
from grader.feedback import state_of
from grader.marking import Question
from grader.model import GradedKind
from grader.pipeline.feedback import late_words, preview
from grader.pipeline.gradebook import notebook_totals
from grader.pipeline.queue import key_of
from grader.pipeline.status import SubmissionStatus, changed_since
from grader.pipeline.whole import Whole, WholeSubmission
from grader.review.asking import address_of, marking_of
from grader.review.desk import desk_of
from grader.review.errors import Refusal, not_found
from grader.review.page import document, render, see_other, toast, url
from grader.review.queue import panel_of, press, turn_flag
from grader.review.regrade import PATH, errands_of, submission_of
from grader.review.routing import form_of, get, post
from grader.review.sheet import Line, Sheet, lines_of, outline, read_from, sheets_of
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from grader.pipeline.marking import Marking
    from grader.pipeline.queue import Answer
    from grader.review.forms import Form
    from grader.review.panel import Yours
    from grader.store import Action

AT = f"{PATH}/at/{{notebook}}/{{question}}"


def show_submission(request: Request) -> Response:
    """The whole submission; the panel is at the first question that waits, or at the first of all."""
    marking, whole = _asked_for(request)
    sheets = sheets_of(marking, whole)
    lines = lines_of(sheets)
    line = next((line for line in lines if line.stored.waiting), next(iter(lines), None))
    return _page(request, marking, whole, sheets, line)


def show_at(request: Request) -> Response:
    """The whole submission, with the panel at one of its questions."""
    marking, whole = _asked_for(request)
    sheets = sheets_of(marking, whole)
    return _page(request, marking, whole, sheets, _line(request, sheets))


def show_panel(request: Request) -> Response:
    """The panel for one question, to stand beside the submission that is there already."""
    marking, whole = _asked_for(request)
    sheets = outline(marking, whole)
    values = _grading(request, marking, whole, sheets, _line(request, sheets))
    return render(request, "_submission_panel.html.jinja", **values)


def save_mark(request: Request) -> Response:
    """Write what was pressed, as in the queue; an automatic score is overridden for a reason."""
    marking, answer = _answer(request)
    form = form_of(request)
    if answer.stored.kind is GradedKind.TESTS:
        _check_override(form)
    told = press(marking, answer, form)
    return _panel(request, answer.question, told)


def flag_answer(request: Request) -> Response:
    """Set or take the flag: somebody should look at it again."""
    marking, answer = _answer(request)
    return _panel(request, answer.question, turn_flag(marking, answer, form_of(request)))


def undo(request: Request) -> Response:
    """Undo what this grader did last, here or elsewhere, and say what it was."""
    marking, answer = _answer(request)
    try:
        action = marking.undo()
    except StaleError as error:
        raise Refusal(409, *error.messages) from error
    changed = [answer.question, action.question]
    where = _elsewhere(marking, answer, action)
    return toast(_panel(request, answer.question, None, changed), f"Undone: {action.sentence}{where}")


def show_preview(request: Request) -> Response:
    """What the student will read, made now and written nowhere: a document of its own, in which nothing runs."""
    desk = desk_of(request)
    assignment, student_id = submission_of(request)
    notebook = request.path_params["notebook"]
    known = notebook in desk.answers.bundle(assignment).sources
    page = preview(desk.opened, desk.database, student_id, assignment).get(notebook) if known else None
    if page is None:
        raise not_found("there is no feedback for it yet: grade the submission first")
    return document(page)


def show_index(request: Request) -> Response:
    """Where a preview's link to all assignments leads: to the page that stands, for that is not made anew."""
    return see_other(request, "feedback_index", student=request.path_params["student"])


def show_next_waiting(request: Request) -> Response:
    """Go on with the next student of whose submission something waits, or back to the assignment."""
    marking = marking_of(request)
    assignment, student_id = submission_of(request)
    waiting = {row.student_id for row in marking.database.marks.glances(assignment) if row.waiting} - {student_id}
    ids = [student.student_id for student in marking.opened.students]
    place = ids.index(student_id) if student_id in ids else 0
    following = next((one for one in (*ids[place + 1 :], *ids[:place]) if one in waiting), None)
    if following is None:
        return see_other(request, "assignment", assignment=assignment)
    return see_other(request, "submission", assignment=assignment, student=following)


def _asked_for(request: Request) -> tuple[Marking, WholeSubmission]:
    marking = marking_of(request)
    assignment, student_id = submission_of(request)
    return marking, Whole(marking).submission(student_id, assignment)


def _question_of(request: Request) -> Question:
    parameters = request.path_params
    return Question(submission_of(request)[0], parameters["notebook"], parameters["question"])


def _line(request: Request, sheets: Sequence[Sheet]) -> Line:
    question = _question_of(request)
    found = next((line for line in lines_of(sheets) if line.question == question), None)
    if found is None:
        raise not_found(f"this submission has no question {escape(question.key)}")
    return found


def _answer(request: Request) -> tuple[Marking, Answer]:
    marking, question = marking_of(request), _question_of(request)
    assignment, student_id = submission_of(request)
    rows = marking.database.marks.standing_in(assignment, student_id)
    if marking.answers.asked(question) is None or question not in {row.question for row in rows}:
        raise not_found(f"this submission has no question {escape(question.key)}")
    return marking, marking.answer(question, student_id)


def _check_override(form: Form) -> None:
    """Tell what is missing, in the words of the page."""
    pressed = form.text("do")
    if pressed in {"points", "full", "zero"} and not form.text("comment").strip():
        raise Refusal(400, "Write the reason first: tests gave these points, and the student reads why they change")
    if pressed == "points" and not form.text("points", longest=40).strip():
        raise Refusal(400, "Type the points that it is to have")


def _elsewhere(marking: Marking, answer: Answer, action: Action) -> str:
    """Where something was done, as far as it was not here."""
    asked = marking.answers.asked(action.question)
    title = f" in “{asked.cell.title if asked else action.question.grade_id}”"
    if answer.student.student_id not in action.students:
        who = (
            marking.student(action.students[0]).name if len(action.students) == 1 else f"{len(action.students)} others"
        )
        return f"{title} ({who})"
    return "" if action.question == answer.question else title


def _page(
    request: Request, marking: Marking, whole: WholeSubmission, sheets: Sequence[Sheet], line: Line | None
) -> HTMLResponse:
    desk = desk_of(request)
    student_id, assignment = whole.student.student_id, desk.opened.course.assignments[whole.assignment]
    errand = errands_of(request.app).about(whole.assignment, student_id)
    handed_in = whole.outcome.timestamp if whole.outcome else None
    return render(
        request,
        "submission.html.jinja",
        **_grading(request, marking, whole, sheets, line),
        **_neighbours(marking, whole),
        handed_in=handed_in,
        late=late_words(assignment, handed_in),
        changed=_changed(marking, whole),
        errand=errand,
        opened=False,
        assignment=whole.assignment,
        student_id=student_id,
    )


def _changed(marking: Marking, whole: WholeSubmission) -> bool:
    """Whether the next run would grade it again."""
    outcome = whole.outcome
    if outcome is None or not outcome.key or not whole.attempts:
        return False
    assignment = marking.opened.course.assignments[whole.assignment]
    return bool(changed_since(marking.opened, marking.database, assignment, {whole.student.student_id: outcome}))


def _neighbours(marking: Marking, whole: WholeSubmission) -> dict[str, Any]:
    """Whose submissions stand before and after this one in the roster."""
    there = {*marking.opened.folder.submitters(whole.assignment), whole.student.student_id}
    ids = [student.student_id for student in marking.opened.students if student.student_id in there]
    place = ids.index(whole.student.student_id) if whole.student.student_id in ids else -1
    return {
        "before": ids[place - 1] if place > 0 else None,
        "after": ids[place + 1] if place + 1 < len(ids) else None,
        "place": (place + 1, len(ids)),
    }


def _panel(request: Request, question: Question, told: Yours | None, changed: Sequence[Question] = ()) -> HTMLResponse:
    """The panel after something was written, and with it all that shows these points elsewhere on the page."""
    marking, whole = _asked_for(request)
    sheets = outline(marking, whole)
    values = _grading(request, marking, whole, sheets, _line(request, sheets))
    shown = {question, *changed}
    values |= {"yours": told, "oob": True, "renewed": [one for one in lines_of(sheets) if one.question in shown]}
    return render(request, "_submission_written.html.jinja", status=409 if told else 200, **values)


def _grading(
    request: Request, marking: Marking, whole: WholeSubmission, sheets: Sequence[Sheet], line: Line | None
) -> dict[str, Any]:
    """How the submission stands, and one of its questions for the panel; what every part of the page is made of."""
    desk = desk_of(request)
    student_id = whole.student.student_id
    total = notebook_totals(marking.database.question_scores(whole.assignment, student_id)).get(student_id)
    received = any(attempt.counts for attempt in whole.attempts)
    common: dict[str, Any] = {
        "whole": whole,
        "student": whole.student,
        "sheets": sheets,
        "lines": lines_of(sheets),
        "here_line": line,
        "standing": SubmissionStatus(whole.student, received, whole.outcome, total),
        "level": state_of(float(total.score), float(total.max_score)) if total else None,
        "zone": desk.opened.course.zone,
        "oob": False,
        "yours": None,
        "whole_address": {"assignment": whole.assignment, "student": student_id},
        "at": partial(_address, request, "submission_at", student_id),
        "part": partial(_address, request, "submission_panel", student_id),
    }
    return common if line is None else common | _of_question(request, marking, whole, sheets, line)


def _address(request: Request, route: str, student_id: str, line: Line) -> str:
    """Where a question of the submission is."""
    return url(request, route, **address_of(line.question), student=student_id)


def _of_question(
    request: Request, marking: Marking, whole: WholeSubmission, sheets: Sequence[Sheet], line: Line
) -> dict[str, Any]:
    question, student_id, lines = line.question, whole.student.student_id, lines_of(sheets)
    answer = marking.answer(question, student_id)
    place = lines.index(line)
    rest = (*lines[place + 1 :], *lines[:place])
    address = address_of(question)
    return {
        "answer": answer,
        "entry": answer.entry,
        "panel": panel_of(answer),
        "address": address,
        "read_from": read_from(line, answer.given.places),
        "others": marking.others(question),
        "at_address": {**address, "student": student_id},
        "flag_at": url(request, "submission_flag", **address, student=student_id),
        "beside": "_submission_standing.html.jinja",
        "around": {
            "previous": lines[place - 1] if place else None,
            "next": lines[place + 1] if place + 1 < len(lines) else None,
            "next_waiting": next((one for one in rest if one.stored.waiting), None),
        },
        "queue_key": key_of(question, student_id),
    }


ROUTES = (
    get(PATH, show_submission, "submission"),
    get(AT, show_at, "submission_at"),
    post(AT, save_mark, "submission_mark"),
    get(f"{AT}/panel", show_panel, "submission_panel"),
    post(f"{AT}/flag", flag_answer, "submission_flag"),
    post(f"{AT}/undo", undo, "submission_undo"),
    get(f"{PATH}/next-waiting", show_next_waiting, "submission_next"),
    get("/preview/{student}/index.html", show_index, "preview_index"),
    get("/preview/{student}/{assignment}/{notebook}", show_preview, "submission_preview"),
)
