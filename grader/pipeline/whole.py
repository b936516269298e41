"""A whole submission: every score with its reason, what was repaired and flagged, the attempts and how they differ."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from grader.errors import MarkingError, NotebookError
from grader.marking import Question
from grader.model import Bundle, Notebook, Student, Submission
from grader.notebook import find_notebooks, points_cells, read, source_of
from grader.store import NotebookFacts, OutcomeRow, StoredMark
from grader.text import escape

if TYPE_CHECKING:
    from grader.pipeline.marking import Marking

Side: TypeAlias = str
"""What is compared: `released`, `submitted`, or the name of an attempt."""
RELEASED, SUBMITTED = "released", "submitted"
_LONGEST_LINE = 2000
_MOST_COMPARED = 2_000_000
"""Pairs of lines of one notebook that are compared: about a second of it, whatever somebody handed in."""


@dataclass(frozen=True, slots=True)
class ScoredQuestion:
    """One question of a submission."""

    question: Question
    title: str
    hidden: bool
    """Whether some of its tests are hidden from students."""
    stored: StoredMark
    reason: str
    """Why the automatic score is what it is."""


@dataclass(frozen=True, slots=True)
class GradedNotebookView:
    """One notebook of a submission, as it was graded."""

    name: str
    notebook: Notebook | None
    """With outputs and hidden tests: for staff; None where the graded notebook is gone."""
    questions: tuple[ScoredQuestion, ...]
    facts: NotebookFacts
    """Repairs, flags with their evidence, incidents."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One of the times that a student handed something in."""

    name: Side
    """`submitted` for the one that counts."""
    time: datetime | None
    files: tuple[str, ...]
    counts: bool


@dataclass(frozen=True, slots=True)
class WholeSubmission:
    """All that staff can know of one submission."""

    student: Student
    assignment: str
    title: str
    outcome: OutcomeRow | None
    """None where the grader has not looked yet."""
    notebooks: tuple[GradedNotebookView, ...]
    attempts: tuple[Attempt, ...]
    """The one that counts first, then the others, the latest first."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a difference."""

    kind: Literal["same", "gone", "new"]
    text: str


@dataclass(frozen=True, slots=True)
class CellDiff:
    """One cell on both sides."""

    kind: Literal["same", "changed", "gone", "new"]
    cell_type: str
    lines: tuple[DiffLine, ...]


@dataclass(frozen=True, slots=True)
class NotebookDiff:
    """One notebook on both sides."""

    name: str
    cells: tuple[CellDiff, ...]
    problem: str = ""
    """Why it cannot be compared; then there are no cells."""

    @property
    def changed(self) -> int:
        """How many cells are not the same."""
        return sum(cell.kind != "same" for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole submissions of a course."""

    marking: Marking

    def submission(self, student_id: str, assignment: str) -> WholeSubmission:
        """Everything about one submission; `MarkingError` for a student or an assignment that is not there."""
        (chosen,) = self.marking.opened.course.chosen([assignment])
        self._check(student_id)
        outcome = next(iter(self.marking.database.outcomes(assignment, student_id)), None)
        facts = {notebook.name: notebook for notebook in (outcome.notebooks if outcome else ())}
        rows = {row.question: row for row in self.marking.database.marks.standing_in(assignment, student_id)}
        return WholeSubmission(
            student=self.marking.student(student_id),
            assignment=assignment,
            title=chosen.title,
            outcome=outcome,
            notebooks=tuple(
                self._notebook(student_id, assignment, name, facts.get(name, NotebookFacts(name)), rows)
                for name in sorted(self.marking.answers.bundle(assignment).sources)
            ),
            attempts=self.attempts(student_id, assignment),
        )

    def attempts(self, student_id: str, assignment: str) -> tuple[Attempt, ...]:
        """The attempts of a student, the one that counts first."""
        return tuple(_attempt(name, submission) for name, submission in self._attempts(student_id, assignment).items())

    def differences(
        self, student_id: str, assignment: str, old: Side = RELEASED, new: Side = SUBMITTED
    ) -> tuple[NotebookDiff, ...]:
        """How two sides of a submission differ, notebook by notebook, cell by cell."""
        bundle = self.marking.answers.bundle(assignment)
        before, after = (self._side(student_id, assignment, side, bundle) for side in (old, new))
        return tuple(
            _notebook_diff(name, before.get(name), after.get(name))
            for name in sorted({*before, *after, *bundle.sources})
        )

    def _notebook(
        self,
        student_id: str,
        assignment: str,
        name: str,
        facts: NotebookFacts,
        rows: Mapping[Question, StoredMark],
    ) -> GradedNotebookView:
        source = self.marking.answers.bundle(assignment).sources[name]
        cells = ((Question(assignment, name, cell.grade_id), cell) for cell in points_cells(source))
        questions = tuple(
            ScoredQuestion(question, cell.title, cell.hidden, rows[question], facts.reasons.get(cell.grade_id, ""))
            for question, cell in cells
            if question in rows
        )
        notebook = self.marking.answers.notebook(Question(assignment, name, ""), student_id)
        return GradedNotebookView(name, notebook, questions, facts)

    def _attempts(self, student_id: str, assignment: str) -> dict[Side, Submission]:
        folder = self.marking.opened.folder
        self._check(student_id)
        counts = folder.read_submission(student_id, assignment)
        kept = folder.named_attempts(student_id, assignment)
        return {**({SUBMITTED: counts} if counts else {}), **kept}

    def _side(self, student_id: str, assignment: str, side: Side, bundle: Bundle) -> dict[str, Notebook | str]:
        """Notebooks by name, or why one cannot be read."""
        if side == RELEASED:
            return dict(bundle.releases)
        submission = self._attempts(student_id, assignment).get(side)
        if submission is None:
            raise MarkingError(
                f"{escape(student_id, 60)} has no attempt {escape(side, 80)!r} at {escape(assignment, 80)}"
            )
        found = find_notebooks(submission.files, bundle.releases)
        return {name: _read(submission.files[path], path) for name, path in found.found.items()}

    def _check(self, student_id: str) -> None:
        if self.marking.answers.student(student_id) is None:
            raise MarkingError(
                f"there is no student {escape(student_id, 60)!r}; ids are as in roster.csv and submitted/"
            )


def _read(data: bytes, path: str) -> Notebook | str:
    try:
        return read(data, path).notebook
    except NotebookError as error:
        return str(error)


def _attempt(name: Side, submission: Submission) -> Attempt:
    return Attempt(name, submission.timestamp, tuple(sorted(submission.files)), name == SUBMITTED)


def _notebook_diff(name: str, old: Notebook | str | None, new: Notebook | str | None) -> NotebookDiff:
    for side in (old, new):
        if isinstance(side, str):
            return NotebookDiff(name, (), side)
    before, after = ([] if side is None else list(side["cells"]) for side in (old, new) if not isinstance(side, str))
    return NotebookDiff(name, tuple(_cell_diffs(before, after)))


def _cell_diffs(old: Sequence[Notebook], new: Sequence[Notebook]) -> list[CellDiff]:
    """Cells matched by their text, then in their order."""
    before, after = ([(str(cell.get("cell_type")), source_of(cell)) for cell in cells] for cells in (old, new))
    found: list[CellDiff] = []
    room = _MOST_COMPARED
    for tag, i1, i2, j1, j2 in _codes(before, after, room):
        if tag == "equal":
            found += [CellDiff("same", kind, _lines(text, text, 0)) for kind, text in before[i1:i2]]
            continue
        pairs = min(i2 - i1, j2 - j1)
        for one, other in zip(before[i1 : i1 + pairs], after[j1 : j1 + pairs], strict=True):
            found.append(CellDiff("changed", other[0], _lines(one[1], other[1], room)))
            room = max(0, room - len(one[1].splitlines()) * len(other[1].splitlines()))
        found += [CellDiff("gone", kind, _lines(text, "", 0)) for kind, text in before[i1 + pairs : i2]]
        found += [CellDiff("new", kind, _lines("", text, 0)) for kind, text in after[j1 + pairs : j2]]
    return found


def _codes(old: Sequence[Any], new: Sequence[Any], room: int) -> Sequence[tuple[str, int, int, int, int]]:
    """What makes `new` of `old`; where finding the least would take too long, all between equal ends is replaced."""
    if len(old) * len(new) <= room:
        return difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    most = min(len(old), len(new))
    head = next((n for n in range(most) if old[n] != new[n]), most)
    tail = next((n for n in range(most - head) if old[-1 - n] != new[-1 - n]), most - head)
    ends, other = (len(old) - tail, len(new) - tail), (len(old), len(new))
    codes = [
        ("equal", 0, head, 0, head),
        ("replace", head, ends[0], head, ends[1]),
        ("equal", ends[0], other[0], ends[1], other[1]),
    ]
    return [code for code in codes if code[1] < code[2] or code[3] < code[4]]


def _lines(old: str, new: str, room: int) -> tuple[DiffLine, ...]:
    before, after = old.splitlines(), new.splitlines()
    lines: list[DiffLine] = []
    for tag, i1, i2, j1, j2 in _codes(before, after, room):
        if tag == "equal":
            lines += [DiffLine("same", line[:_LONGEST_LINE]) for line in before[i1:i2]]
        else:
            lines += [DiffLine("gone", line[:_LONGEST_LINE]) for line in before[i1:i2]]
            lines += [DiffLine("new", line[:_LONGEST_LINE]) for line in after[j1:j2]]
    return tuple(lines)
