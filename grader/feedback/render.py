"""Pages to HTML text."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from grader.feedback.cells import MAX_CELLS, cells_for_staff, cells_of, limits_of, questions_of
from grader.feedback.pages import IndexPage, NotebookPage, ScoreState, state_of
from grader.feedback.prose import markdown
from grader.gradebook import Explanation, to_fragment
from grader.model import GradedKind, Notebook
from grader.page import environment as page_environment

if TYPE_CHECKING:
    from jinja2 import Environment

_STATES = {
    ScoreState.FULL: "Full marks",
    ScoreState.PARTIAL: "Part of the points",
    ScoreState.ZERO: "No points",
    ScoreState.WAITING: "Waiting for a person",
    ScoreState.NOT_RUN: "Not run",
    ScoreState.NONE: "No score",
    ScoreState.UNWEIGHTED: "Carries no points",
}
_KINDS = {GradedKind.TESTS: "Tests", GradedKind.ANSWER: "Graded by a person", GradedKind.TASK: "Graded by a person"}


def render_notebook_page(page: NotebookPage) -> str:
    """One self-contained HTML page for one graded notebook; the same page gives the same text."""
    questions = questions_of(page)
    waiting = sum(question.waiting for question in page.questions)
    return (
        environment()
        .get_template("notebook.html.jinja")
        .render(
            page=page,
            questions=questions,
            cells=cells_of(page, questions),
            limits=limits_of(page, questions),
            cells_left_out=max(0, len(page.notebook.get("cells") or ()) - MAX_CELLS),
            waiting=waiting,
            state=ScoreState.WAITING if waiting else state_of(page.score, page.max_score),
        )
    )


def render_index_page(page: IndexPage) -> str:
    """One self-contained HTML page with all assignments of one student."""
    return environment().get_template("index.html.jinja").render(page=page)


@dataclass(frozen=True, slots=True)
class CellFragment:
    """One cell as safe markup, for a page that is not a student's."""

    place: int
    """Its index in the notebook."""
    grade_id: str
    """Empty where it has none."""
    kind: str
    """code, markdown or raw."""
    html: Markup
    """Its source and what came out of it."""


def render_cells(notebook: Notebook, places: Container[int] | None = None) -> tuple[CellFragment, ...]:
    """The notebook's cells as they stand, hidden tests and all: for staff; those at some places, or all."""
    body = environment().get_template("cells.html.jinja").make_module().__dict__["cell_body"]
    found = cells_for_staff(notebook, places)
    return tuple(CellFragment(cell.number, grade_id, cell.kind, body(cell)) for grade_id, cell in found)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates of these pages, with the words and shapes for scores; other pages about scores build on it."""
    shared = page_environment("grader.feedback")
    own = {"markdown": markdown, "share": _share, "state_words": _STATES.__getitem__, "kind_words": _KINDS.__getitem__}
    own["statement"] = _statement
    made = shared.overlay()
    made.filters = shared.filters | own
    return made


def _statement(explanation: Explanation) -> Markup:
    """Each sentence in it has been escaped where the fragment is made."""
    return Markup(to_fragment(explanation))  # noqa: S704 - see above


def _share(score: float | None, max_score: float) -> float:
    """How much of a bar of length 100 is filled."""
    if score is None or not max_score > 0:
        return 0.0
    return round(min(max(100 * score / max_score, 0.0), 100.0), 1)
