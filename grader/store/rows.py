"""What the database tells, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from grader.errors import ScoresError
from grader.model import Flag, GradedKind, Incident, Repair
from grader.text import escape


class OutcomeStatus(StrEnum):
    """What became of a submission."""

    GRADED = "graded"
    REJECTED = "rejected"
    MISSING = "missing"
    FAULTED = "faulted"


class ScoreStatus(StrEnum):
    """What stands behind an imported score."""

    NORMAL = "normal"
    EXCUSED = "excused"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class NotebookFacts:
    """What is known of one graded notebook beside its scores."""

    name: str
    repairs: tuple[Repair, ...] = ()
    flags: tuple[Flag, ...] = ()
    """For staff only."""
    incidents: tuple[Incident, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why each automatic score is what it is, by grade id; fit for students' eyes."""
    rejection: str | None = None
    seconds: float = 0.0
    cell_seconds: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """How one submission ended, the last time it was looked at."""

    student_id: str
    assignment: str
    status: OutcomeStatus
    reason: str
    """Why it was rejected or faulted; empty otherwise."""
    key: str
    """The hash of all that the result depends on; empty where a further run has to try again."""
    engine: str
    timestamp: datetime | None
    """When it was handed in, in UTC."""
    finished_at: datetime
    """When its result was known, in UTC."""
    notebooks: tuple[NotebookFacts, ...] = ()
    problems: tuple[str, ...] = ()
    """Entries of the submission that were not taken, each in one escaped sentence."""
    abridged: bool = False
    """Whether facts were left out because there were too many."""


@dataclass(frozen=True, slots=True)
class QuestionScore:
    """What one student has in one cell that carries points."""

    student_id: str
    assignment: str
    notebook: str
    grade_id: str
    kind: GradedKind
    cell_type: str
    max_score: float
    auto_score: float | None
    manual_score: float | None
    extra_credit: float | None
    needs_manual: bool
    """Whether it waits for a person."""
    auto_comment: str | None
    manual_comment: str | None
    late_penalty: float
    """Points that nbgrader takes off, of the whole notebook: the same on each of its cells."""
    flagged: bool
    """Whether a person flagged the notebook in the form grader."""

    @property
    def score(self) -> float:
        """As nbgrader counts: the manual score, else the automatic one, else 0; and extra credit."""
        base = self.manual_score if self.manual_score is not None else self.auto_score
        return (base or 0.0) + (self.extra_credit or 0.0)

    @property
    def comment(self) -> str | None:
        """The person's comment, else the automatic one."""
        return self.manual_comment if self.manual_comment is not None else self.auto_comment


@dataclass(frozen=True, slots=True)
class ImportedScore:
    """A score that comes from elsewhere than notebooks."""

    student_id: str
    score: Decimal | None
    """Points; None exactly where the status is not normal."""
    max_score: Decimal | None = None
    """The points of the source, where it states them."""
    status: ScoreStatus = ScoreStatus.NORMAL
    comment: str = ""
    submitted: datetime | None = None
    """When the work came in, with a zone, where the source says so."""
    late: timedelta = timedelta(0)
    """How late it was, where only that is known; whole seconds."""

    def __post_init__(self) -> None:
        """Refuse a score that says two things at once or is no number."""
        who = escape(self.student_id, 60)
        if (self.score is None) == (self.status is ScoreStatus.NORMAL):
            raise ScoresError(f"{who}: a score of {self.score} cannot be {self.status}; give a number or a status")
        if any(number is not None and not number.is_finite() for number in (self.score, self.max_score)):
            raise ScoresError(f"{who}: {self.score} of {self.max_score} is no number of points")


@dataclass(frozen=True, slots=True)
class StoredScore:
    """An imported score and where it comes from."""

    item: str
    score: ImportedScore
    source: str
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """What an import changes for one student."""

    student_id: str
    item: str
    before: ImportedScore | None
    """None where the student had no score in the item."""
    after: ImportedScore


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One change of a score: when, of what, from what to what, by whom."""

    time: datetime
    item: str
    student_id: str
    before: str | None
    after: str | None
    source: str


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What writing an assignment into the database did."""

    added: tuple[str, ...] = ()
    """Cells by `notebook/grade_id`."""
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    """Cells that are gone from the instructor's notebook, and stay because a person graded them."""
