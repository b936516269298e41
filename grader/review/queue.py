"""Grading one question, answer by answer: each with what was asked, and a panel that saves whatever is pressed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response

from grader.errors import StaleError
from grader.marking import Mark
from grader.model import GradedKind
from grader.pipeline.queue import key_of
from grader.review.asking import (
    PATH,
    address_of,
    cells_of,
    folds_of,
    marking_of,
    question_of,
    shows_names,
)
from grader.review.desk import desk_of
from grader.review.drawing import histogram, parts
from grader.review.errors import Refusal
from grader.review.page import render, see_other, toast, url
from grader.review.panel import Panel, Yours, check_known, mark_of, wanted, yours
from grader.review.routing import form_of, get, post
from grader.text import escape

if TYPE_CHECKING:
    from starlette.requests import Request

    from grader.marking import Question
    from grader.pipeline.marking import Marking
    from grader.pipeline.queue import Answer, QuestionProgress, QueueEntry
    from grader.review.forms import Form
    from grader.store import Action

_WAITING = frozenset({"waiting", "changed"})


def show_queue(request: Request) -> Response:
    """Go on where grading was left: at the first answer that waits and that nobody else looks at."""
    marking = marking_of(request)
    question = question_of(request, marking)
    queue = marking.queue(question)
    waiting = [entry for entry in queue if entry.state in _WAITING]
    entry = next(iter((*(one for one in waiting if not one.claimed_by), *waiting, *queue)), None)
    if entry is None:
        return render(request, "no_answers.html.jinja", question=question, asked=marking.answers.asked(question))
    return see_other(request, "answer", **address_of(question), key=entry.key)


def show_answer(request: Request) -> Response:
    """One answer, with what was asked and the panel."""
    marking = marking_of(request)
    question = question_of(request, marking)
    answer = marking.answer(question, marking.find(question, request.path_params["key"]))
    return render(
        request,
        "answer.html.jinja",
        **_standing(request, marking, answer),
        cells=cells_of(answer.asked, answer.given),
        folds=folds_of(request),
        names=shows_names(request),
    )


def show_answers(request: Request) -> Response:
    """All answers of a question at a glance, to go to one of them."""
    marking = marking_of(request)
    question = question_of(request, marking)
    people = {entry.key: marking.student(entry.student_id) for entry in marking.queue(question)}
    return render(
        request,
        "_answers.html.jinja",
        queue=marking.queue(question),
        people=people if shows_names(request) else {},
        here_key=request.query_params.get("key", ""),
        address=address_of(question),
    )


def save_mark(request: Request) -> Response:
    """Write what was pressed, if the answer stands as it was seen; otherwise show what stands and offer it again."""
    marking, question, answer = _asked_for(request)
    told = press(marking, answer, form_of(request))
    return _panel(request, marking, marking.answer(question, answer.student.student_id), told)


def press(marking: Marking, answer: Answer, form: Form) -> Yours | None:
    """Write what was pressed, if the answer stands as it was seen; otherwise what was not written."""
    rubric, most = answer.rubric.rubric, answer.stored.max_score
    shown = mark_of(form, flagged=answer.stored.flagged)
    check_known(shown, rubric)
    mark = wanted(form, shown, rubric, most)
    if mark is not None and _says_nothing(form, mark, answer):
        return None
    if mark == answer.stored.mark and answer.entry.state != "changed" and form.text("seen") == answer.stored.version:
        return None
    try:
        marking.mark(answer.question, answer.student.student_id, mark, form.text("seen"))
    except StaleError as error:
        return yours(mark, rubric, most, without_names(marking, answer.question, error))
    return None


def flag_answer(request: Request) -> Response:
    """Set or take the flag: somebody should look at it again."""
    marking, question, answer = _asked_for(request)
    told = turn_flag(marking, answer, form_of(request))
    return _panel(request, marking, marking.answer(question, answer.student.student_id), told)


def turn_flag(marking: Marking, answer: Answer, form: Form) -> Yours | None:
    """Set the flag or take it, if the answer stands as it was seen; otherwise what was not written."""
    seen, flagged = form.text("seen"), not answer.stored.flagged
    try:
        marking.flag(answer.question, answer.student.student_id, seen, flagged=flagged)
    except StaleError as error:
        told = without_names(marking, answer.question, error)
        return yours(answer.mark, answer.rubric.rubric, answer.stored.max_score, told)
    return None


def undo(request: Request) -> Response:
    """Undo what this grader did last, say what it was, and go to where it was."""
    marking, question, answer = _asked_for(request)
    try:
        action = marking.undo()
    except StaleError as error:
        raise Refusal(409, without_names(marking, question, error)) from error
    text = f"Undone: {action.sentence}{_where(marking, question, action)}"
    if action.question == question and len(action.students) == 1 and action.students[0] != answer.student.student_id:
        address = url(request, "answer", **address_of(question), key=key_of(question, action.students[0]))
        there = {"path": address, "target": "#main", "select": "#main", "swap": "outerHTML"}
        return toast(Response(headers={"HX-Location": json.dumps(there)}), text)
    return toast(_panel(request, marking, marking.answer(question, answer.student.student_id)), text)


def claim(request: Request) -> Response:
    """Tell others that this answer is being looked at, and who else looks at what."""
    marking, question, answer = _asked_for(request)
    marking.claim(question, answer.student.student_id)
    others = marking.others(question)
    return render(request, "_others.html.jinja", others=others, entry=answer.entry, oob=True)


def preview(request: Request) -> Response:
    """A comment as the student will see it; nothing is written."""
    question_of(request, marking_of(request))
    return render(request, "_preview.html.jinja", comment=form_of(request).text("comment"))


def _asked_for(request: Request) -> tuple[Marking, Question, Answer]:
    marking = marking_of(request)
    question = question_of(request, marking)
    return marking, question, marking.answer(question, marking.find(question, request.path_params["key"]))


def _says_nothing(form: Form, mark: Mark, answer: Answer) -> bool:
    """Whether an answer would be graded by nothing but words: they wait in the page until points are given."""
    by_tests = answer.stored.kind is GradedKind.TESTS
    return form.text("do") == "save" and answer.stored.mark is None and not mark.items and not by_tests


def _panel(request: Request, marking: Marking, answer: Answer, told: Yours | None = None) -> HTMLResponse:
    values = _standing(request, marking, answer) | {"yours": told, "oob": True}
    return render(request, "_panel.html.jinja", status=409 if told else 200, **values)


def _standing(request: Request, marking: Marking, answer: Answer) -> dict[str, Any]:
    """How an answer stands, for the panel and for the line above it."""
    question, entry = answer.question, answer.entry
    others = {"previous": answer.previous, "next": answer.next, "next_waiting": answer.next_waiting}
    return {
        "answer": answer,
        "panel": panel_of(answer),
        "address": address_of(question),
        "keys": {name: student and key_of(question, student) for name, student in others.items()},
        "zone": desk_of(request).opened.course.zone,
        "yours": None,
        **progress_of(marking, question, entry),
    }


def panel_of(answer: Answer) -> Panel:
    """What the panel shows of an answer."""
    stored = answer.stored
    return Panel(
        mark=answer.mark,
        rubric=answer.rubric.rubric,
        rubric_version=answer.rubric.version,
        max_score=stored.max_score,
        graded=stored.mark is not None,
        points=stored.points if stored.mark or answer.entry.state == "automatic" else None,
    )


def progress_of(marking: Marking, question: Question, entry: QueueEntry | None) -> dict[str, Any]:
    """How far the question is and who works on it, for the line above whatever is graded."""
    progress = marking.progress(question)
    return {
        "progress": progress,
        "entry": entry,
        "parts": _parts(progress),
        "spread": histogram([100 * float(point / progress.max_score) for point in progress.points])
        if progress.max_score
        else None,
        "others": marking.others(question),
        "heading": marking.opened.course.assignments[question.assignment].title,
        "oob": False,
    }


def _parts(progress: QuestionProgress) -> Any:
    blank = progress.total - progress.marked - progress.waiting
    return parts([("full", "graded", progress.marked), ("none", "blank", blank), ("waiting", "left", progress.waiting)])


def without_names(marking: Marking, question: Question, error: StaleError) -> str:
    """What was written in between, of answers by their numbers: who grades may not know whose they are."""
    numbers = {escape(entry.student_id, 60): entry.pseudonym for entry in marking.queue(question)}
    lines = (line.partition(": ") for line in error.messages)
    return "\n".join(f"{numbers.get(who, who)}{colon}{what}" for who, colon, what in lines)


def _where(marking: Marking, question: Question, action: Action) -> str:
    """Where something was done, as far as it was not here; never by a student's name."""
    if action.question != question:
        asked = marking.answers.asked(action.question)
        return f" in “{asked.cell.title if asked else action.question.grade_id}”"
    if len(action.students) != 1:
        return ""
    number = next((one.number for one in marking.queue(question) if one.student_id == action.students[0]), None)
    return f" (answer {number})" if number else ""


ROUTES = (
    get(PATH, show_queue, "queue"),
    get(f"{PATH}/answers", show_answers, "answers"),
    get(f"{PATH}/answers/{{key}}", show_answer, "answer"),
    post(f"{PATH}/answers/{{key}}", save_mark, "mark"),
    post(f"{PATH}/answers/{{key}}/flag", flag_answer, "flag"),
    post(f"{PATH}/answers/{{key}}/claim", claim, "claim"),
    post(f"{PATH}/answers/{{key}}/undo", undo, "undo"),
    post(f"{PATH}/preview", preview, "preview"),
)
