"""Where a course stands: received, graded, waiting for a person, in trouble. Reads only what is cheap to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from grader.errors import NotebookError
from grader.pipeline.bundle import skipped
from grader.pipeline.grade import GradeRequest, plan_grade
from grader.pipeline.gradebook import NotebookTotal, notebook_totals
from grader.pipeline.worker import EngineChoice
from grader.store import Holder, OutcomeRow, OutcomeStatus
from grader.store.changes import written_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
    changed: bool = False
    """Whether it was handed in anew, or its assignment changed, since it was graded."""

    @property
    def state(self) -> str:
        """One word: what it is, or what it waits for."""
        if self.changed:
            return "to grade"
        if self.outcome is None or (self.received and self.outcome.status is OutcomeStatus.MISSING):
            return "to grade" if self.received else "missing"
        if self.outcome.status is OutcomeStatus.GRADED:
            return "waiting" if self.total and self.total.waiting else "graded"
        return str(self.outcome.status)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What somebody should know about it, a sentence each."""
        return remarks_of(self.outcome) if self.outcome else ()

    @property
    def unfinished(self) -> str:
        """Why it stands unfinished, in words; nothing where it does not."""
        match self.state:
            case "to grade":
                return "changed since it was graded" if self.changed else "not graded yet"
            case "faulted":
                return f"a fault of the grader: {self.outcome.reason}" if self.outcome else ""
            case "waiting":
                return f"{self.total.waiting if self.total else 0} of its answers wait for a person"
        return ""

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


@dataclass(frozen=True, slots=True)
class Work:
    """Who works in the course now, and which command before did not come to its end."""

    holder: Holder | None
    unfinished: Holder | None


def work(opened: OpenCourse) -> Work:
    """Who works in the course, as the lock tells."""
    return Work(opened.folder.holder(), opened.folder.unfinished())


def status(
    opened: OpenCourse, database: Database, names: Iterable[str], *, exact: bool = False
) -> tuple[AssignmentStatus, ...]:
    """How these assignments stand, all for no name.

    `exact` also finds what has changed since it was graded: what is newer than its result is read and compared.
    """
    students = opened.students
    return tuple(
        _assignment(opened, database, assignment, students, exact=exact) for assignment in opened.course.chosen(names)
    )


def _assignment(
    opened: OpenCourse, database: Database, assignment: Assignment, students: Iterable[Student], *, exact: bool
) -> AssignmentStatus:
    outcomes = {row.student_id: row for row in database.outcomes(assignment.name)}
    totals = notebook_totals(database.question_scores(assignment.name))
    received = set(opened.folder.submitters(assignment.name))
    graded = {sid: row for sid, row in outcomes.items() if sid in received and row.key}
    changed = changed_since(opened, database, assignment, graded) if exact else frozenset()
    return AssignmentStatus(
        assignment,
        tuple(
            SubmissionStatus(
                s,
                s.student_id in received,
                outcomes.get(s.student_id),
                totals.get(s.student_id),
                s.student_id in changed,
            )
            for s in students
        ),
    )


def changed_since(
    opened: OpenCourse, database: Database, assignment: Assignment, graded: Mapping[str, OutcomeRow]
) -> frozenset[str]:
    """Of those graded, whom the next run grades again.

    They are compared only where something is newer than a result, or a result is of a time that is to come: then the
    clock was put back, and does not tell what is newer.
    """
    if skipped(assignment) or not graded:
        return frozenset()
    folder = opened.folder
    source = max(written_at(folder.source(assignment.name)), written_at(folder.config))
    now = datetime.now(UTC)
    newer = (
        row.finished_at > now
        or max(source, written_at(folder.submission(sid, assignment.name))) > row.finished_at.timestamp()
        for sid, row in graded.items()
    )
    if not any(newer):
        return frozenset()
    try:
        request = GradeRequest((assignment.name,), tuple(graded), engine=EngineChoice(opened.course.engine))
        plan = plan_grade(opened, database, request)
    except NotebookError:
        return frozenset(graded)  # its source cannot be graded as it stands now; `grader grade` says why
    return frozenset(job.student_id for job in plan.jobs) & graded.keys()
