"""A whole submission as a page shows it: cells with their points, and what should be known; values, no markup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from grader.feedback import CellFragment, QuestionScore, ScoreState, render_cells
from grader.model import GradedKind
from grader.review.panel import signed

if TYPE_CHECKING:
    from grader.marking import Question, Rubric
    from grader.model import Flag, Incident, Repair
    from grader.pipeline.marking import Marking
    from grader.pipeline.whole import GradedNotebookView, ScoredQuestion, WholeSubmission
    from grader.store import StoredMark

Concern: TypeAlias = Literal["flag", "incident", "repair"]


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know: a flag, a limit that was reached, or a repair."""

    concern: Concern
    sentence: str
    evidence: str
    where: str
    """The question or cell, in words; empty where it is about the whole notebook."""
    anchor: str
    """The id of the cell; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Line:
    """One question of the submission: how it stands, and where."""

    number: int
    """From 1, over all notebooks."""
    question: Question
    title: str
    hidden: bool
    stored: StoredMark
    reason: str
    items: tuple[tuple[str, str], ...]
    """Points with their sign and texts of the rubric's items that the answer carries."""
    anchor: str
    """The id of its cell; empty where the notebook has none."""

    @property
    def by_tests(self) -> bool:
        """Whether tests give its points unless somebody overrides them."""
        return self.stored.kind is GradedKind.TESTS

    @property
    def overridden(self) -> bool:
        """Whether a person gave points in place of the tests."""
        return self.by_tests and self.stored.mark is not None

    @property
    def score(self) -> QuestionScore:
        """As pages for students tell it."""
        stored = self.stored
        waits = stored.waiting and not stored.changed
        return QuestionScore(
            grade_id=self.question.grade_id,
            title=self.title,
            kind=stored.kind,
            score=None if waits or stored.points is None else float(stored.points),
            max_score=float(stored.max_score),
            waiting=stored.waiting,
            extra_credit=float(stored.extra_credit),
        )

    @property
    def state(self) -> ScoreState:
        """The shape and the word of its points."""
        return self.score.state


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell in its place."""

    fragment: CellFragment
    anchor: str
    line: Line | None
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One notebook of the submission."""

    name: str
    lines: tuple[Line, ...]
    cells: tuple[Cell, ...]
    """None where nothing of the student's could be read, or the graded notebook is not there."""
    remarks: tuple[Remark, ...]
    rejection: str
    seconds: float
    gone: bool
    """Whether it was graded, but the graded notebook is not there any more."""


def sheets_of(marking: Marking, whole: WholeSubmission) -> tuple[Sheet, ...]:
    """The notebooks of a submission with their cells, ready to be shown."""
    first, made = 1, []
    for place, view in enumerate(whole.notebooks):
        made.append(_sheet(marking, view, place, first))
        first += len(view.questions)
    return tuple(made)


def lines_of(sheets: Sequence[Sheet]) -> tuple[Line, ...]:
    """All questions, in their order."""
    return tuple(line for sheet in sheets for line in sheet.lines)


def read_from(line: Line, places: Sequence[int]) -> str:
    """The id of the cell at which reading begins: for tests, the student's first above them."""
    notebook, _, cell = line.anchor.rpartition("-")
    return f"{notebook}-{min(int(cell), *(place + 1 for place in places))}" if notebook and places else line.anchor


def outline(marking: Marking, whole: WholeSubmission) -> tuple[Sheet, ...]:
    """The notebooks without their cells: enough for the list of questions, and quick."""
    first, made = 1, []
    for place, view in enumerate(whole.notebooks):
        anchors = _anchors(view, place)
        lines = _lines(marking, view, anchors, first)
        made.append(Sheet(view.name, lines, (), (), view.facts.rejection or "", view.facts.seconds, gone=False))
        first += len(view.questions)
    return tuple(made)


def _sheet(marking: Marking, view: GradedNotebookView, place: int, first: int) -> Sheet:
    anchors = _anchors(view, place)
    lines = _lines(marking, view, anchors, first)
    remarks = tuple(_remarks(view, place, anchors, {line.question.grade_id: line.title for line in lines}))
    readable = view.notebook is not None and not view.facts.rejection
    fragments = render_cells(view.notebook) if view.notebook is not None and readable else ()
    by_anchor = {line.anchor: line for line in lines if line.anchor}
    cells = tuple(
        Cell(
            fragment,
            (anchor := _anchor(place, fragment.place)),
            by_anchor.get(anchor),
            tuple(remark for remark in remarks if remark.anchor == anchor),
        )
        for fragment in fragments
    )
    gone = view.notebook is None and bool(lines) and not view.facts.rejection
    return Sheet(view.name, lines, cells, remarks, view.facts.rejection or "", view.facts.seconds, gone)


def _anchors(view: GradedNotebookView, place: int) -> Mapping[str, str]:
    """The ids of cells by their grade ids: of the first that carries one."""
    found: dict[str, str] = {}
    if view.notebook is None or view.facts.rejection:
        return found
    for number, cell in enumerate(view.notebook["cells"]):
        metadata = cell.get("metadata") if isinstance(cell, dict) else None
        own = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        grade_id = own.get("grade_id") if isinstance(own, dict) else None
        if isinstance(grade_id, str):
            found.setdefault(grade_id, _anchor(place, number))
    return found


def _anchor(notebook: int, cell: int) -> str:
    return f"cell-{notebook + 1}-{cell + 1}"


def _lines(marking: Marking, view: GradedNotebookView, anchors: Mapping[str, str], first: int) -> tuple[Line, ...]:
    return tuple(
        _line(marking, scored, anchors.get(scored.question.grade_id, ""), number)
        for number, scored in enumerate(view.questions, first)
    )


def _line(marking: Marking, scored: ScoredQuestion, anchor: str, number: int) -> Line:
    mark = scored.stored.mark
    rubric = marking.rubric(scored.question).rubric if mark and mark.items else None
    return Line(
        number=number,
        question=scored.question,
        title=scored.title,
        hidden=scored.hidden,
        stored=scored.stored,
        reason=scored.reason,
        items=_items(scored.stored, rubric) if rubric else (),
        anchor=anchor,
    )


def _items(stored: StoredMark, rubric: Rubric) -> tuple[tuple[str, str], ...]:
    mark = stored.mark
    if mark is None:
        return ()
    items = tuple((signed(item.points), item.text) for item in rubric.ordered if item.id in mark.items)
    return (*items, (signed(mark.adjustment), "Further points")) if mark.adjustment else items


def _remarks(
    view: GradedNotebookView, place: int, anchors: Mapping[str, str], titles: Mapping[str, str]
) -> Iterator[Remark]:
    """Flags first, for they may change what a person gives; then limits, then repairs."""
    there = set(range(len(view.notebook["cells"]))) if anchors and view.notebook is not None else set()
    told: Sequence[tuple[Concern, Sequence[Flag | Incident | Repair]]] = (
        ("flag", view.facts.flags),
        ("incident", view.facts.incidents),
        ("repair", view.facts.repairs),
    )
    for concern, facts in told:
        for fact in facts:
            grade_id = fact.grade_id or ""
            cell = getattr(fact, "cell", None)
            anchor = _anchor(place, cell) if cell in there else anchors.get(grade_id, "")
            where = titles.get(grade_id, "") or grade_id or (f"Cell {cell + 1}" if cell is not None else "")
            yield Remark(concern, fact.sentence, getattr(fact, "evidence", ""), where, anchor)
