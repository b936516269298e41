"""What a feedback page says, as frozen values; the caller decides what to say, the renderer how it looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from grader.gradebook import Explanation
from grader.model import GradedKind, Incident, Notebook, Repair


class ScoreState(StrEnum):
    """What a score means to its student; told in words and by a shape, never by colour alone."""

    FULL = "full"
    PARTIAL = "partial"
    ZERO = "zero"
    WAITING = "waiting"
    """A person has yet to look at it."""
    NOT_RUN = "not-run"
    """Its tests never ran to a verdict."""
    NONE = "none"
    """There is no score."""
    UNWEIGHTED = "unweighted"
    """It carries no points."""


@dataclass(frozen=True, slots=True)
class QuestionScore:
    """The result of one cell that carries points."""

    grade_id: str
    title: str
    kind: GradedKind
    score: float | None
    """Points without extra credit; None while there are none."""
    max_score: float
    waiting: bool = False
    """A person has yet to grade it."""
    extra_credit: float = 0.0
    reason: str = ""
    """Why the score is what it is, in words for the student."""
    comments: tuple[str, ...] = ()
    """Comments by a person or by the grader, in Markdown."""
    rubric: tuple[tuple[float, str], ...] = ()
    """What a person gave points for, or took them off for: points, and what for, in Markdown."""
    hidden: bool = False
    """Some of its tests are hidden: title, result and points are all that a student learns of them."""
    not_run: bool = False
    """The cell never ran to a verdict; shown as such even though it counts 0."""

    @property
    def state(self) -> ScoreState:
        """What the score means."""
        if self.waiting:
            return ScoreState.WAITING
        if self.not_run:
            return ScoreState.NOT_RUN
        return state_of(self.score, self.max_score)


def state_of(score: float | None, max_score: float) -> ScoreState:
    """What a number of points out of a maximum means; a score that is no finite number means nothing."""
    if score is None or not math.isfinite(score):
        return ScoreState.NONE
    if max_score <= 0:
        return ScoreState.UNWEIGHTED if score <= 0 else ScoreState.FULL
    if score >= max_score:
        return ScoreState.FULL
    return ScoreState.PARTIAL if score > 0 else ScoreState.ZERO


@dataclass(frozen=True, slots=True)
class NotebookPage:
    """One graded notebook as its student sees it."""

    course_title: str
    assignment_title: str
    student_name: str
    student_id: str
    notebook_name: str
    notebook: Notebook
    """Executed, and already redacted by `grader.notebook.redact`."""
    questions: tuple[QuestionScore, ...]
    score: float
    """The notebook's points, extra credit included."""
    max_score: float
    repairs: tuple[Repair, ...] = ()
    incidents: tuple[Incident, ...] = ()
    rejection: str | None = None
    """Why nothing of the notebook could be read."""
    late: str | None = None
    """What lateness cost, or that it cost nothing, in one sentence."""
    graded_at: str | None = None
    """As the student should read it, in the course's time zone."""
    index_href: str | None = None
    """The student's index page, relative to this page."""
    executed: bool = True
    """False where the student's own outputs are shown because the assignment is not run here."""


@dataclass(frozen=True, slots=True)
class AssignmentRow:
    """One assignment on a student's index page."""

    title: str
    category: str
    status: str
    """In a few words: "graded", "handed in late", "nothing handed in", "rejected: not a notebook"."""
    score: float | None
    max_score: float
    waiting: bool = False
    links: tuple[tuple[str, str], ...] = ()
    """Label and path of each notebook's page, relative to the index page and not percent-encoded."""
    due: str | None = None
    late: str | None = None
    comment: str = ""
    """What whoever graded it elsewhere has to say."""

    @property
    def state(self) -> ScoreState:
        """What the score means."""
        return ScoreState.WAITING if self.waiting else state_of(self.score, self.max_score)


@dataclass(frozen=True, slots=True)
class IndexPage:
    """All assignments of one student."""

    course_title: str
    student_name: str
    student_id: str
    rows: tuple[AssignmentRow, ...]
    totals: tuple[tuple[str, str], ...] = ()
    """Labels and values worth a large figure, as the student should read them; the first is the most important."""
    graded_at: str | None = None
    explanation: Explanation | None = None
    """How the grade is made, down to each assignment."""
