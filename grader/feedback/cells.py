"""A notebook's cells as the page shows them, each with the question, repairs and incidents that belong to it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from grader.feedback.highlight import highlight, language_of
from grader.feedback.outputs import Output, outputs
from grader.feedback.plain import join, shorten
from grader.feedback.prose import markdown
from grader.page import clean

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from grader.feedback.pages import NotebookPage, QuestionScore
    from grader.model import Notebook

MAX_CELLS = 2000
_MAX_RAW = 20_000
_MAX_PROSE = 500_000
"""Characters of Markdown on a page; setting some of it takes a minute a million, and what is beyond stands as text."""
_MAX_COLOURED = 500_000
"""Characters of code with colours on a page; what is beyond stands without."""
_ANSWER = "Your answer"


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its place on the page."""

    number: int
    score: QuestionScore
    anchor: str
    """The id of the element that shows it; empty when the notebook has no such cell."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as it is shown."""

    number: int
    kind: str
    """code, markdown or raw."""
    prompt: str
    """The number under which it ran, or nothing."""
    role: str
    """Whose it is and what for: "Your answer", "Tests", "Task"; nothing for any other."""
    source: Markup
    outputs: tuple[Output, ...]
    question: Question | None
    notices: tuple[str, ...]


def questions_of(page: NotebookPage) -> tuple[Question, ...]:
    """The page's questions, numbered, with anchors to those whose cell is there."""
    present = {_nbgrader(cell).get("grade_id") for cell in _cells(page)}
    return tuple(
        Question(number, score, f"question-{number}" if score.grade_id in present else "")
        for number, score in enumerate(page.questions, start=1)
    )


def cells_of(page: NotebookPage, questions: Sequence[Question]) -> tuple[Cell, ...]:
    """The page's cells in order; a question appears at the first cell that carries its id."""
    language = language_of(page.notebook.get("metadata") or {})
    waiting = {question.score.grade_id: question for question in questions}
    by_id, by_number = _notices(page)
    shown = []
    room = {"markdown": _MAX_PROSE, "code": _MAX_COLOURED}
    for number, cell in enumerate(_cells(page)):
        kind = str(cell.get("cell_type"))
        room[kind] = room.get(kind, 0) - len(join(cell.get("source")))
        grade_id = str(_nbgrader(cell).get("grade_id", ""))
        notices = (*by_id.pop(grade_id, ()), *by_number.pop(number, ()))
        shown.append(_cell(number, cell, language, waiting.pop(grade_id, None), notices, plain=room[kind] < 0))
    return tuple(shown)


def cells_for_staff(notebook: Notebook, places: Container[int] | None) -> Iterator[tuple[str, Cell]]:
    """Cells as they stand, each with its grade id; those at some places, or as many as a person would look at."""
    language = language_of(notebook.get("metadata") or {})
    for number, cell in enumerate(notebook.get("cells") or ()):
        if isinstance(cell, dict) and (number < MAX_CELLS if places is None else number in places):
            shown = _cell(number, cell, language, None, ())
            grade_id = str(_nbgrader(cell).get("grade_id", ""))
            yield grade_id, replace(shown, role="Answer") if shown.role == _ANSWER else shown


def limits_of(page: NotebookPage, questions: Sequence[Question]) -> tuple[tuple[str, str, str], ...]:
    """Where a limit was reached (in words, and as an anchor where there is one) and which."""
    by_id = {question.score.grade_id: question for question in questions}
    return tuple(
        (found.score.title, found.anchor, sentence(incident.sentence))
        if (found := by_id.get(incident.grade_id or ""))
        else (f"Cell {incident.cell + 1}", "", sentence(incident.sentence))
        for incident in page.incidents
    )


def sentence(text: str) -> str:
    """A remark about something, with its full stop."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _cells(page: NotebookPage) -> Sequence[Mapping[str, Any]]:
    """The cells to show: of a notebook that could not be read, none, for what there is was not the student's."""
    if page.rejection:
        return []
    return [cell for cell in page.notebook.get("cells") or () if isinstance(cell, dict)][:MAX_CELLS]


def _nbgrader(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = cell.get("metadata")
    found = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def _notices(page: NotebookPage) -> tuple[dict[str, list[str]], dict[int, list[str]]]:
    """Sentences about single cells: by grade id where there is one, else by the cell's place."""
    by_id: dict[str, list[str]] = defaultdict(list)
    by_number: dict[int, list[str]] = defaultdict(list)
    for repair in page.repairs:
        if repair.grade_id:
            by_id[repair.grade_id].append(repair.sentence)
    for incident in page.incidents:
        told = f"A limit was reached: {sentence(incident.sentence)}"
        if incident.grade_id:
            by_id[incident.grade_id].append(told)
        else:
            by_number[incident.cell].append(told)
    return by_id, by_number


def _cell(  # noqa: PLR0913 - what a cell is shown with
    number: int,
    cell: Mapping[str, Any],
    language: str,
    question: Question | None,
    notices: tuple[str, ...],
    *,
    plain: bool = False,
) -> Cell:
    kind = str(cell.get("cell_type"))
    source = join(cell.get("source"))
    count = cell.get("execution_count")
    if kind == "code":
        prompt, shown = (str(count) if isinstance(count, int) else ""), outputs(cell)
        body = highlight(source, "" if plain else language)
    elif kind == "markdown" and not plain:
        attachments = cell.get("attachments")
        prompt, body, shown = "", markdown(source, attachments if isinstance(attachments, dict) else None), ()
    else:
        kind, prompt, body, shown = "raw", "", escape(shorten(clean(source), _MAX_RAW)[0]), ()
    return Cell(number, kind, prompt, _role(_nbgrader(cell)), body, shown, question, notices)


def _role(nbgrader: Mapping[str, Any]) -> str:
    if nbgrader.get("task"):
        return "Task"
    if nbgrader.get("solution"):
        return _ANSWER
    return "Tests" if nbgrader.get("grade") else ""
