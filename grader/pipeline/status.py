"""Where a course stands: received, graded, waiting for a person, in trouble. Reads only what is cheap to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.pipeline.gradebook import NotebookTotal, notebook_totals
from grader.store import OutcomeRow, OutcomeStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grader.config import Assignment
    from grader.model import Student
    from grader.pipeline.course import OpenCourse
    from grader.store import Database


@dataclass(frozen=True, slots=True)
class SubmissionStatus:
    """How one student stands in one assignment."""

    student: Student
    received: bool
    outcome: OutcomeRow | None
    """None where the grader has not looked yet."""
    total: NotebookTotal | None

    @property
    def state(self) -> str:
        """One word: what it is, or what it waits for."""
        if self.outcome is None or (self.received and self.outcome.status is OutcomeStatus.MISSING):
            return "to grade" if self.received else "missing"
        if self.outcome.status is OutcomeStatus.GRADED:
            return "waiting" if self.total and self.total.waiting else "graded"
        return str(self.outcome.status)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What somebody should know about it, a sentence each."""
        return remarks_of(self.outcome) if self.outcome else ()

    def has(self, kind: str) -> bool:
        """Whether any of its notebooks has repairs, flags or incidents."""
        return any(getattr(notebook, kind) for notebook in (self.outcome.notebooks if self.outcome else ()))


@dataclass(frozen=True, slots=True)
class AssignmentStatus:
    """How one assignment stands."""

    assignment: Assignment
    submissions: tuple[SubmissionStatus, ...]

    def count(self, state: str) -> int:
        """How many submissions are in a state."""
        return sum(submission.state == state for submission in self.submissions)

    @property
    def mean(self) -> float | None:
        """Of the points of everything that is graded to the end, in percent."""
        totals = [s.total for s in self.submissions if s.total and s.total.max_score and not s.total.waiting]
        return float(sum(100 * t.score / t.max_score for t in totals) / len(totals)) if totals else None


def remarks_of(outcome: OutcomeRow) -> tuple[str, ...]:
    """What somebody should know about how a submission ended, a sentence each."""
    reason = (outcome.reason,) if outcome.reason else ()
    found = (
        f"{fact.sentence} ({kind})"
        for notebook in outcome.notebooks
        for kind, facts in (("limit", notebook.incidents), ("flag", notebook.flags), ("repair", notebook.repairs))
        for fact in facts
    )
    return (*reason, *outcome.problems, *found)


def status(opened: OpenCourse, database: Database, names: Iterable[str]) -> tuple[AssignmentStatus, ...]:
    """How these assignments stand, all for no name."""
    students = opened.students
    return tuple(_assignment(opened, database, assignment, students) for assignment in opened.course.chosen(names))


def _assignment(
    opened: OpenCourse, database: Database, assignment: Assignment, students: Iterable[Student]
) -> AssignmentStatus:
    outcomes = {row.student_id: row for row in database.outcomes(assignment.name)}
    totals = notebook_totals(database.question_scores(assignment.name))
    received = set(opened.folder.submitters(assignment.name))
    return AssignmentStatus(
        assignment,
        tuple(
            SubmissionStatus(s, s.student_id in received, outcomes.get(s.student_id), totals.get(s.student_id))
            for s in students
        ),
    )
