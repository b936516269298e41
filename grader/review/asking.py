"""Which question, answer or cells a request is about, and those cells as safe markup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.feedback import CellFragment, render_cells
from grader.marking import Question
from grader.review.course import chosen
from grader.review.desk import desk_of
from grader.review.errors import not_found
from grader.text import escape

if TYPE_CHECKING:
    from starlette.requests import Request

    from grader.model import Notebook
    from grader.pipeline.answers import Asked, Given
    from grader.pipeline.marking import Marking

PATH = "/assignments/{assignment}/questions/{notebook}/{question}"
NAMES = "grader-names"
FOLDS = "grader-folds"
_OPEN_AT_FIRST = "prompt"


@dataclass(frozen=True, slots=True)
class Cells:
    """What a grader reads, as safe markup."""

    prompt: tuple[CellFragment, ...]
    scheme: tuple[CellFragment, ...]
    before: tuple[CellFragment, ...]
    answer: tuple[CellFragment, ...]
    after: tuple[CellFragment, ...]


def marking_of(request: Request) -> Marking:
    """Grading by hand, by whoever started this run."""
    return desk_of(request).marking()


def question_of(request: Request, marking: Marking) -> Question:
    """The question that the address names; refused as not there where there is none."""
    parameters = request.path_params
    assignment = chosen(desk_of(request), parameters["assignment"]).name
    question = Question(assignment, parameters["notebook"], parameters["question"])
    if marking.answers.asked(question) is None:
        raise not_found(f"{escape(assignment)} has no question {escape(question.key)}")
    return question


def address_of(question: Question) -> Mapping[str, str]:
    """What the addresses of a question's pages are made with."""
    return {"assignment": question.assignment, "notebook": question.notebook, "question": question.grade_id}


def shows_names(request: Request) -> bool:
    """Whether whoever grades asked for names; they are hidden otherwise."""
    return request.cookies.get(NAMES) == "shown"


def folds_of(request: Request) -> frozenset[str]:
    """Which foldable parts of the page are open, as they were left."""
    return frozenset(request.cookies.get(FOLDS, _OPEN_AT_FIRST).split("."))


def cells_of(asked: Asked, given: Given) -> Cells:
    """Question, mark scheme and answer with the cells around it; each cell by the safe way of pages for students."""
    places = given.places
    first, last = (places[0], places[-1]) if places else (0, 0)
    metadata = given.notebook.get("metadata") or {}
    return Cells(
        prompt=_alone(asked.prompt, metadata),
        scheme=_alone(asked.scheme, metadata),
        before=render_cells(given.notebook, range(first - len(given.before), first)) if given.before else (),
        answer=render_cells(given.notebook, places) if places else (),
        after=render_cells(given.notebook, range(last + 1, last + 1 + len(given.after))) if given.after else (),
    )


def _alone(cells: Iterable[Mapping[str, Any]], metadata: Mapping[str, Any]) -> tuple[CellFragment, ...]:
    notebook: Notebook = {"metadata": metadata, "cells": list(cells)}
    return render_cells(notebook)
