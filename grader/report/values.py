"""What a report says, as frozen values; the caller gathers them, the renderer decides how they look."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from grader.model import Student
from grader.report.numbers import Summary, summary
from grader.report.questions import QuestionFigures
from grader.report.standing import Absence, Risk, RiskRule, Spread, Trend

Link = tuple[str, str]
"""Label and path relative to the report, not percent-encoded."""


class RemarkKind(StrEnum):
    """What somebody should look at, the most pressing first."""

    REJECTED = "rejected"
    FAULTED = "faulted"
    FLAG = "flag"
    LIMIT = "limit"
    PROBLEM = "problem"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to look at, in one submission."""

    kind: RemarkKind
    assignment: str
    student: Student
    sentence: str
    evidence: str = ""
    links: tuple[Link, ...] = ()
    """To the feedback pages that show it."""


@dataclass(frozen=True, slots=True)
class AssignmentQuestions:
    """The questions of one assignment."""

    assignment: str
    title: str
    figures: tuple[QuestionFigures, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question that waits for a person."""

    assignment: str
    notebook: str
    question: str
    waiting: int
    graded: int
    since: str
    """When the oldest of those that wait was ready."""


@dataclass(frozen=True, slots=True)
class Durations:
    """How long the submissions to one assignment took to run."""

    assignment: str
    title: str
    seconds: tuple[float, ...]
    slowest: Student
    links: tuple[Link, ...] = ()
    """To the slowest one's feedback pages."""

    @property
    def summary(self) -> Summary:
        """Where the seconds lie."""
        found = summary(self.seconds)
        assert found is not None, "there is no row without a time"
        return found


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the staff of a course may want to see at a glance."""

    course_title: str
    made_at: str
    zone: ZoneInfo
    students: int
    total: Spread
    items: tuple[Spread, ...]
    trends: tuple[Trend, ...]
    rule: RiskRule
    risks: tuple[Risk, ...]
    absences: tuple[Absence, ...]
    waiting: tuple[Waiting, ...]
    questions: tuple[AssignmentQuestions, ...]
    durations: tuple[Durations, ...]
    remarks: tuple[Remark, ...]
