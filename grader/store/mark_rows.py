"""What the database tells of grading by hand, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from grader.marking import Mark, Question, Rubric
from grader.model import GradedKind


@dataclass(frozen=True, slots=True)
class By:
    """Who writes, and when."""

    grader: str
    time: datetime


@dataclass(frozen=True, slots=True)
class StoredMark:
    """How one answer stands: its points, the mark that a person gave, and what to name when it is written anew."""

    question: Question
    student_id: str
    kind: GradedKind
    max_score: Decimal
    auto_score: Decimal | None
    points: Decimal | None
    """As nbgrader counts, without extra credit; None where there are none yet."""
    mark: Mark | None
    """None where no person gave one."""
    version: str
    """Opaque: of the mark, of nbgrader's columns and of the answer, as they are now."""
    waiting: bool
    """Whether it waits for a person: not graded yet, or the answer changed since."""
    changed: bool = False
    """Whether the answer is another than the one that was graded."""
    foreign: bool = False
    """Whether points or comment were written by nbgrader's form grader, or another program, not by us."""
    flagged: bool = False
    grader: str = ""
    """Who wrote last; empty where nobody of us did."""
    time: datetime | None = None
    auto_comment: str = ""

    @property
    def extra_credit(self) -> Decimal:
        """Beyond the question's points."""
        return self.mark.extra_credit if self.mark else Decimal(0)


@dataclass(frozen=True, slots=True)
class Glance:
    """As much of an answer's grade as progress and order need: read for a whole class at each step."""

    question: Question
    student_id: str
    max_score: float
    manual_score: float | None
    waiting: bool
    auto_comment: str | None
    flagged: bool


@dataclass(frozen=True, slots=True)
class StoredRubric:
    """A question's rubric, its version and how many marks carry each item."""

    rubric: Rubric
    version: int = 0


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a grader did, and can undo while nobody else has written."""

    id: int
    time: datetime
    grader: str
    question: Question
    sentence: str
    """"gave 2 of 3 to 12 answers", for one."""
    students: tuple[str, ...]
    """Whose marks it changed."""
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """Who looks at an answer now."""

    question: Question
    student_id: str
    grader: str
    time: datetime


class RequestStatus(StrEnum):
    """Where a request for a regrade stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a request's thread."""

    time: datetime
    author: str
    text: str
    status: RequestStatus
    """What the request became with it."""


@dataclass(frozen=True, slots=True)
class Request:
    """A student's request to look at something again."""

    id: str
    assignment: str
    question: Question | None
    """None where it is about the whole assignment."""
    student_id: str
    status: RequestStatus
    version: int
    opened_at: datetime
    before: Decimal | None
    """The points when it was opened: of the question, or of the assignment; None while there were none."""
    after: Decimal | None
    """The points when it was decided; None before."""
    messages: tuple[Message, ...]
    """The student's first, then as they came."""
