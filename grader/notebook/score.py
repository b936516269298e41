"""What an executed notebook earns: points come from the instructor's version, and whatever is unclear goes to a person.

The rule for a test cell, in this order:

1. it raised, was stopped or did not run: 0, with the reason;
2. it ran to its end and its last expression has no value: full marks;
3. the value of its last expression is a number from 0 to the maximum: that number (nbgrader's partial credit);
4. anything else (a boolean, text, NaN, a number out of range, several values, none where there must be one): no score,
   and a person decides. nbgrader gives full marks here, which is to fail open.

Text on stderr means nothing. A manual answer that is the release's own text, or blank, scores 0 with "No response.";
every other one waits for a person, and so does a task.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from grader.model import CellScore, Executed, Flag, GradedKind, RunStatus
from grader.notebook.metadata import (
    HIDDEN_TESTS,
    PYTHON_ERRORS,
    PointsCell,
    has_region,
    meta_of,
    points_cells,
    source_of,
)
from grader.notebook.release import release
from grader.notebook.syntax import parsed
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grader.model import Notebook

    Cell = Mapping[str, Any]

NO_RESPONSE = "No response."
"""nbgrader's comment on an answer that was left as released."""

_WRAPPED = re.compile(r"(?:np\.|numpy\.)?(?:u?int|float|longdouble)\d*\((?P<inner>.+)\)|Decimal\('(?P<decimal>.+)'\)")
_FRACTION = re.compile(r"Fraction\((?P<above>-?\d{1,30}), (?P<below>\d{1,30})\)", re.ASCII)
_NUMBER = re.compile(r"(?:\[1\] )?(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)
_GIVE_A_NUMBER = frozenset({"abs", "float", "int", "len", "max", "min", "round", "sum"})
_TOLERANCE = 1e-9
"""Of a partial score at the ends of its range: 0.1 + 0.2 is 0.3 points."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The automatic verdict on every cell that carries points, in the order of the instructor's version."""

    scores: tuple[CellScore, ...]
    flags: tuple[Flag, ...] = ()
    unanswered: tuple[str, ...] = ()
    """Ids of answers, graded by hand or by tests, that were left as released: nbgrader comments "No response."."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is found out about one cell; without a score, a person decides."""

    score: float | None
    reason: str
    flags: tuple[Flag, ...] = ()
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class _Exam:
    """All that a verdict is found from."""

    notebook: Notebook
    instructor: Notebook
    given: Mapping[str, str]
    """What was handed out for each answer."""
    places: Mapping[str, Sequence[int]]
    """Where each of the instructor's ids is in the notebook."""
    executed: Executed | None
    """None where the notebook is not run here."""

    def is_unanswered(self, grade_id: str) -> bool:
        """Whether an answer is what was handed out, up to white space, or blank; a picture is an answer."""
        indexes = self.places.get(grade_id, ())
        if grade_id not in self.given or len(indexes) != 1:
            return False
        cell = self.notebook["cells"][indexes[0]]
        return not cell.get("attachments") and _squeezed(source_of(cell)) in ("", _squeezed(self.given[grade_id]))


def score(executed: Executed, instructor: Notebook, *, released: Notebook | None = None) -> Scored:
    """Score an executed notebook that was rebuilt from this instructor's version.

    `released` is the release version of `instructor`, for those who have it at hand.
    """
    return _scored(executed.notebook, instructor, released, executed)


def score_unexecuted(notebook: Notebook, instructor: Notebook, *, released: Notebook | None = None) -> Scored:
    """Score a notebook that cannot be run here: its tests count nothing by themselves and wait for a person."""
    return _scored(notebook, instructor, released, None)


def _scored(notebook: Notebook, instructor: Notebook, released: Notebook | None, executed: Executed | None) -> Scored:
    given = _answers(release(instructor) if released is None else released)
    exam = _Exam(notebook, instructor, given, _places(notebook), executed)
    verdicts = [(cell, _verdict(cell, exam)) for cell in points_cells(instructor)]
    scores = tuple(
        CellScore(
            cell.grade_id, cell.kind, cell.max_score, found.score, found.score is None, found.reason, found.comment
        )
        for cell, found in verdicts
    )
    unanswered = tuple(grade_id for grade_id in given if exam.is_unanswered(grade_id))
    return Scored(scores, tuple(flag for _, found in verdicts for flag in found.flags), unanswered)


def _verdict(cell: PointsCell, exam: _Exam) -> _Verdict:
    indexes = exam.places.get(cell.grade_id, [])
    if len(indexes) != 1:
        sentence = f"The cell is in the graded notebook {len(indexes)} times, not once."
        return _unclear(cell, "cell-misplaced", sentence)
    match cell.kind:
        case GradedKind.TASK:
            return _Verdict(None, "A person grades this task.")
        case GradedKind.ANSWER if exam.is_unanswered(cell.grade_id):
            flags = tuple(_elsewhere(cell, indexes[0], exam))
            return _Verdict(0.0, "This answer was left as it was handed out.", flags, NO_RESPONSE)
        case GradedKind.ANSWER:
            return _Verdict(None, "A person grades this answer.")
        case GradedKind.TESTS:
            return _tests(cell, indexes[0], exam)


def _tests(cell: PointsCell, index: int, exam: _Exam) -> _Verdict:
    executed, found = exam.executed, exam.notebook["cells"][index]
    if executed is None:
        return _Verdict(None, "This notebook is not run here: a person grades what was handed in.")
    if found["cell_type"] != "code" or source_of(found) != source_of(exam.instructor["cells"][cell.index]):
        return _unclear(cell, "tests-changed", "The tests that ran are not the instructor's.")
    run = executed.runs[index] if index < len(executed.runs) else None
    match run.status if run else RunStatus.NOT_RUN:
        case RunStatus.COMPLETED:
            return _completed(cell, found)
        case RunStatus.RAISED:
            return _Verdict(0.0, f"A test failed{_error_name(found)}.")
        case RunStatus.STOPPED:
            return _Verdict(0.0, f"The tests did not come to their end{_why(executed, index)}.")
        case _:
            return _Verdict(0.0, f"The tests did not run{_why(executed, index)}.")


def _completed(cell: PointsCell, found: Cell) -> _Verdict:
    """The verdict on a test cell that the kernel ran to its end."""
    results = [output for output in found["outputs"] if output.get("output_type") == "execute_result"]
    if any(output.get("output_type") == "error" for output in found["outputs"]):
        flag = Flag(
            "error-shown", "The tests ran to their end, yet show an error; they count as failed.", cell.grade_id
        )
        return _Verdict(0.0, f"A test failed{_error_name(found)}.", (flag,))
    if len(results) > 1:
        return _unclear(cell, "several-values", "The tests showed several values, so none of them is the score.")
    if results:
        return _partial(cell, _plain_text(results[0]))
    if _must_show_a_value(source_of(found)):
        return _unclear(cell, "no-value", "The last expression of the tests has a value, but none was shown.")
    return _Verdict(cell.max_score, "All tests passed.")


def _partial(cell: PointsCell, shown: str) -> _Verdict:
    """The verdict on a test cell whose last expression has this value."""
    number = _number(shown)
    if number is None:
        return _unclear(cell, "no-number", "The last value of the tests is no number, which may mean anything.", shown)
    if not -_TOLERANCE <= number <= cell.max_score + _TOLERANCE:
        return _unclear(cell, "out-of-range", f"The tests gave {number:g} of {cell.max_score:g} points.", shown)
    number = min(max(number, 0.0), cell.max_score)
    return _Verdict(number, f"The tests gave {number:g} of {cell.max_score:g} points.")


def _unclear(cell: PointsCell, kind: str, sentence: str, evidence: str = "") -> _Verdict:
    flag = Flag(kind, f"{sentence} A person must decide the score.", cell.grade_id, escape(evidence))
    return _Verdict(None, "The result of these tests is not clear; a person decides.", (flag,))


def _number(shown: str) -> float | None:
    """The number that a value's text stands for; None for every other value, booleans and NaN among them."""
    text = shown.strip()
    if match := _FRACTION.fullmatch(text):
        return float(Fraction(int(match["above"]), int(match["below"]) or 1)) if int(match["below"]) else None
    if match := _WRAPPED.fullmatch(text):
        text = match["inner"] or match["decimal"]
    if len(text) > 400 or not (match := _NUMBER.fullmatch(text)):
        return None
    number = float(match["number"])
    return number if math.isfinite(number) else None


def _plain_text(output: Cell) -> str:
    data = output.get("data")
    text = data.get("text/plain", "") if isinstance(data, dict) else ""
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def _must_show_a_value(source: str) -> bool:
    """Whether the last expression of Python code surely has a value that the kernel shows.

    A name, a number or a sum has; a call may return nothing, and what is no Python is not judged.
    """
    tree = parsed(source)
    body = tree.body if tree else []
    if not body or not isinstance(body[-1], ast.Expr) or source.rstrip().endswith(";"):
        return False
    last = body[-1].value
    if isinstance(last, ast.Call):
        return isinstance(last.func, ast.Name) and last.func.id in _GIVE_A_NUMBER
    if isinstance(last, ast.Constant):
        return last.value is not None
    return isinstance(last, ast.Name | ast.BinOp | ast.UnaryOp | ast.Compare)


def _error_name(cell: Cell) -> str:
    """The kind of error in brackets, if it is one of Python's and tells nothing of a hidden test."""
    if has_region(source_of(cell), HIDDEN_TESTS):
        return ""
    names = [str(output.get("ename", "")) for output in cell["outputs"] if output.get("output_type") == "error"]
    return f" ({names[-1]})" if names and names[-1] in PYTHON_ERRORS else ""


def _why(executed: Executed, index: int) -> str:
    """The last limit or crash up to this cell."""
    reasons = [incident.sentence for incident in executed.incidents if incident.cell <= index]
    return f": {reasons[-1].rstrip('.')}" if reasons else ""


def _answers(released: Notebook) -> dict[str, str]:
    """What was handed out for each answer, by its id."""
    metas = ((meta_of(cell), cell) for cell in released["cells"])
    return {meta.grade_id: source_of(cell) for meta, cell in metas if meta is not None and meta.solution}


def _places(notebook: Notebook) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for index, cell in enumerate(notebook["cells"]):
        if (meta := meta_of(cell)) is not None:
            places.setdefault(meta.grade_id, []).append(index)
    return places


def _squeezed(source: str) -> str:
    return "".join(source.split())


def _elsewhere(cell: PointsCell, index: int, exam: _Exam) -> Iterator[Flag]:
    """A flag where an answer was left alone but cells of the student's own follow it."""
    if any(_own_cells_after(index, exam.notebook, exam.instructor)):
        sentence = "The answer was left as handed out, but cells of the student's own follow it: it may be there."
        yield Flag("answer-elsewhere", sentence, cell.grade_id)


def _own_cells_after(index: int, notebook: Notebook, instructor: Notebook) -> Iterator[Cell]:
    """The cells with text of the same type as this one, up to the next cell of the instructor's."""
    cells: Sequence[Cell] = notebook["cells"]
    known = {(cell["cell_type"], source_of(cell)) for cell in instructor["cells"]}
    for cell in cells[index + 1 :]:
        if meta_of(cell) is not None or (cell["cell_type"], source_of(cell)) in known:
            return
        if cell["cell_type"] == cells[index]["cell_type"] and source_of(cell).strip():
            yield cell
