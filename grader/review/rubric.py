"""The rubric of a question and its bank of comments, made and changed while grading."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from starlette.responses import HTMLResponse, Response

from grader.errors import MarkingError
from grader.marking import exact_points
from grader.review.asking import PATH, address_of, marking_of, question_of
from grader.review.page import render
from grader.review.panel import signed
from grader.review.routing import form_of, get, post

if TYPE_CHECKING:
    from starlette.requests import Request

    from grader.marking import Question, RubricItem
    from grader.pipeline.marking import Marking

_LONGEST_ITEM = 2000


def show_rubric(request: Request) -> Response:
    """The rubric to be edited: each item with how many answers carry it."""
    marking = marking_of(request)
    return _rubric(request, marking, question_of(request, marking))


def add_item(request: Request) -> Response:
    """Put an item at the end; who adds it while grading may give it at once."""
    marking = marking_of(request)
    question, form = question_of(request, marking), form_of(request)
    known = {item.id for item in marking.rubric(question).rubric.items}
    points = exact_points(form.text("points", longest=40))
    made = marking.add_item(question, points, form.text("text", longest=_LONGEST_ITEM))
    new = next((item.id for item in made.rubric.ordered if item.id not in known), "")
    give = new if form.flag("give") else ""
    return _changed(request, marking, question, "Item added", give=give)


def change_item(request: Request) -> Response:
    """Change an item's text and points: for all who carry it."""
    marking = marking_of(request)
    question, form = question_of(request, marking), form_of(request)
    item = marking.rubric(question).rubric.item(request.path_params["item"])
    points = exact_points(form.text("points", longest=40))
    text = form.text("text", longest=_LONGEST_ITEM)
    carriers = _carriers(marking, question)[item.id] if points != item.points else 0
    marking.change_item(question, replace(item, points=points, text=text), form.integer("version"))
    return _changed(request, marking, question, f"Item changed{_effect(carriers)}")


def remove_item(request: Request) -> Response:
    """Take an item out of the rubric and of all who carry it."""
    marking = marking_of(request)
    question, form = question_of(request, marking), form_of(request)
    item = marking.rubric(question).rubric.item(request.path_params["item"])
    carriers = _carriers(marking, question)[item.id]
    marking.remove_item(question, item.id, form.integer("version"))
    return _changed(request, marking, question, f"Item removed{_effect(carriers)}")


def move_item(request: Request) -> Response:
    """Let an item change places with the one above it: both get the other's digit."""
    marking = marking_of(request)
    question, version = question_of(request, marking), form_of(request).integer("version")
    items = marking.rubric(question).rubric.ordered
    place = next((n for n, item in enumerate(items) if item.id == request.path_params["item"]), 0)
    if place < 1:
        raise MarkingError("there is no item above this one")
    above, item = items[place - 1], items[place]
    first = marking.change_item(question, replace(item, position=above.position), version)
    marking.change_item(question, replace(above, position=item.position), first.version)
    return _changed(request, marking, question, "Item moved up")


def start_from(request: Request) -> Response:
    """Count from all points, or from none."""
    marking = marking_of(request)
    question, form = question_of(request, marking), form_of(request)
    start: Literal["full", "zero"] = "full" if form.choice("start", {"full", "zero"}) == "full" else "zero"
    marking.start(question, start, form.integer("version"))
    return _changed(request, marking, question, "The rubric starts from " + ("full points" if start == "full" else "0"))


def show_bank(request: Request) -> Response:
    """The comments that were said before."""
    marking = marking_of(request)
    return _bank(request, marking, question_of(request, marking))


def keep_comment(request: Request) -> Response:
    """Put a comment into the bank."""
    marking = marking_of(request)
    question = question_of(request, marking)
    marking.keep_comment(question, form_of(request).text("comment"))
    return _bank(request, marking, question)


def drop_comment(request: Request) -> Response:
    """Take a comment out of the bank; answers keep theirs."""
    marking = marking_of(request)
    question = question_of(request, marking)
    marking.drop_comment(question, form_of(request).text("comment"))
    return _bank(request, marking, question)


def _rubric(request: Request, marking: Marking, question: Question) -> HTMLResponse:
    stored = marking.rubric(question)
    carriers = _carriers(marking, question)
    lines: list[tuple[RubricItem, str, int]] = [
        (item, signed(item.points), carriers[item.id]) for item in stored.rubric.ordered
    ]
    values: dict[str, Any] = {"lines": lines, "start": stored.rubric.start, "version": stored.version}
    return render(request, "_rubric.html.jinja", address=address_of(question), **values)


def _bank(request: Request, marking: Marking, question: Question) -> HTMLResponse:
    return render(request, "_bank.html.jinja", address=address_of(question), remarks=marking.comments(question))


def _changed(request: Request, marking: Marking, question: Question, text: str, *, give: str = "") -> Response:
    """The rubric as it is now; the page behind it is told, and shows its panel anew."""
    response = _rubric(request, marking, question)
    told = {"grader:toast": {"text": text, "kind": "done"}, "grader:rubric": {"give": give}}
    response.headers["HX-Trigger"] = json.dumps(told)
    return response


def _carriers(marking: Marking, question: Question) -> Counter[str]:
    """How many answers carry each item."""
    marks = (one.mark for one in marking.database.marks.marks(question))
    return Counter(item for mark in marks if mark for item in mark.items)


def _effect(carriers: int) -> str:
    return f", with effect on {carriers} {'answer' if carriers == 1 else 'answers'}" if carriers else ""


ROUTES = (
    get(f"{PATH}/rubric", show_rubric, "rubric"),
    post(f"{PATH}/rubric", add_item, "add_item"),
    post(f"{PATH}/rubric/start", start_from, "start_from"),
    post(f"{PATH}/rubric/{{item}}", change_item, "change_item"),
    post(f"{PATH}/rubric/{{item}}/remove", remove_item, "remove_item"),
    post(f"{PATH}/rubric/{{item}}/up", move_item, "move_item"),
    get(f"{PATH}/comments", show_bank, "bank"),
    post(f"{PATH}/comments", keep_comment, "keep_comment"),
    post(f"{PATH}/comments/drop", drop_comment, "drop_comment"),
)
