"""The queue of a question: its answers in the order of grading, how each stands, and how far the question is."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from grader.marking import Group, Mark, Question, Remark, exact_points
from grader.model import GradedKind, Student
from grader.notebook import NO_RESPONSE, PointsCell
from grader.pipeline.answers import Asked, Given
from grader.store import Claim, Glance, StoredMark, StoredRubric

State: TypeAlias = Literal["waiting", "changed", "marked", "blank", "automatic"]
"""Not graded; graded, but the answer changed since; graded; left as handed out (0 without a person); by tests alone."""


@dataclass(frozen=True, slots=True)
class QuestionProgress:
    """How far the grading of a question is."""

    question: Question
    title: str
    kind: GradedKind
    max_score: Decimal
    answered: int
    """Answers that are not blank."""
    blank: int
    marked: int
    waiting: int
    """Not graded, or changed since."""
    flagged: int
    mean: float | None
    """Of the points that people gave; None while there are none."""
    spread: float | None
    """Their standard deviation."""
    points: tuple[Decimal, ...]
    """All points that people gave, sorted: for a plot."""
    graders: tuple[str, ...]
    """Who works on it now."""

    @property
    def total(self) -> int:
        """All answers."""
        return self.answered + self.blank


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One answer in its place in the order of grading."""

    number: int
    """From 1."""
    key: str
    """Names the answer in addresses without naming its student."""
    student_id: str
    state: State
    points: Decimal | None
    extra_credit: Decimal
    flagged: bool
    version: str
    claimed_by: str = ""
    """Somebody else who looks at it now."""
    marked_by: str = ""

    @property
    def pseudonym(self) -> str:
        """What the answer is called while names are hidden."""
        return f"Answer {self.number}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer with all that a grader looks at."""

    question: Question
    title: str
    entry: QueueEntry
    total: int
    """How many answers the question has."""
    student: Student
    asked: Asked
    given: Given
    stored: StoredMark
    rubric: StoredRubric
    comments: tuple[Remark, ...]
    """Offered, the most used first."""
    previous: str | None
    """The student before in the queue."""
    next: str | None
    next_waiting: str | None
    """The next that waits, going on from the first at the end; None where none does."""
    waiting: int
    """How many answers to the question wait."""

    @property
    def mark(self) -> Mark:
        """The mark that stands, or one to begin with."""
        return self.stored.mark or Mark(flagged=self.stored.flagged)


@dataclass(frozen=True, slots=True)
class AnswerGroup:
    """Equal answers, and how they stand."""

    group: Group
    entries: tuple[QueueEntry, ...]
    """In the fair order."""
    text: str
    """What the first answer says, which stands for all."""
    stored: tuple[StoredMark, ...]
    """As the entries."""

    @property
    def seen(self) -> Mapping[str, str]:
        """By student, the versions that whoever grades the group has seen."""
        return {entry.student_id: entry.version for entry in self.entries}

    @property
    def waiting(self) -> int:
        """How many are not graded."""
        return sum(entry.state in {"waiting", "changed"} for entry in self.entries)


def key_of(question: Question, student_id: str) -> str:
    """What names an answer in addresses without naming its student."""
    return hashlib.sha256(f"{question}\0{student_id}".encode("utf-8", "replace")).hexdigest()[:12]


def state_of(stored: StoredMark) -> State:
    """How an answer stands, in one word."""
    if stored.mark is not None:
        return "changed" if stored.changed else "marked"
    if stored.waiting:
        return "waiting"
    return "automatic" if stored.kind is GradedKind.TESTS else "blank"


def entry_of(stored: StoredMark, number: int, claimed_by: str) -> QueueEntry:
    """An answer in its place, by how it stands."""
    return QueueEntry(
        number=number,
        key=key_of(stored.question, stored.student_id),
        student_id=stored.student_id,
        state=state_of(stored),
        points=stored.points,
        extra_credit=stored.extra_credit,
        flagged=stored.flagged,
        version=stored.version,
        claimed_by=claimed_by,
        marked_by=stored.grader if stored.mark else "",
    )


def progress_of(
    question: Question, cell: PointsCell, rows: Sequence[Glance], claims: Sequence[Claim]
) -> QuestionProgress:
    """How far a question is, by how its answers stand and who looks at them."""
    blank = sum(row.auto_comment == NO_RESPONSE for row in rows)
    given = [exact_points(round(row.manual_score, 6)) for row in rows if row.manual_score is not None]
    return QuestionProgress(
        question=question,
        title=cell.title,
        kind=cell.kind,
        max_score=exact_points(rows[0].max_score if rows else cell.max_score),
        answered=len(rows) - blank,
        blank=blank,
        marked=sum(row.manual_score is not None and not row.waiting for row in rows),
        waiting=sum(row.waiting for row in rows),
        flagged=sum(row.flagged for row in rows),
        mean=float(statistics.mean(given)) if given else None,
        spread=float(statistics.pstdev(given)) if given else None,
        points=tuple(sorted(given)),
        graders=tuple(sorted({claim.grader for claim in claims})),
    )


def next_waiting(round_about: Sequence[str], waiting: Mapping[str, bool], claims: Mapping[str, str]) -> str | None:
    """The next answer that waits and that nobody else looks at; one that somebody looks at where there is no other."""
    left = [student for student in round_about if waiting[student]]
    free = [student for student in left if student not in claims]
    return next(iter((*free, *left)), None)
