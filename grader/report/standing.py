"""The class as its gradebook has it: how the items spread, who is missing what, who is at risk and by which rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import TypeAlias

from grader.gradebook import Gradebook, Item, Status, StudentGrade, shown
from grader.model import Student
from grader.report.numbers import Summary, summary

GradedPoints: TypeAlias = Mapping[str, Mapping[str, Fraction]]
"""By item and student, how many points of work that waits in part are graded."""


@dataclass(frozen=True, slots=True)
class RiskRule:
    """Who is at risk: any one of these is enough."""

    below: Fraction = Fraction(60)
    """A current grade below so many percent."""
    missing: int = 2
    """So many items that are due and missing."""

    @property
    def sentence(self) -> str:
        """The rule in words."""
        return f"a grade so far below {shown(self.below)} %, or at least {_items(self.missing)} missing"


@dataclass(frozen=True, slots=True)
class Spread:
    """How the class did, in percent: in one item, or in total."""

    name: str
    title: str
    category: str
    due: datetime | None
    percents: tuple[float, ...]
    """Of everybody who has a score; where answers wait for a person, of the points that are graded."""
    statuses: Counter[Status]
    partial: int = 0
    """How many of the percentages are of a part of the points."""

    @property
    def summary(self) -> Summary | None:
        """Where the percentages lie."""
        return summary(self.percents)


@dataclass(frozen=True, slots=True)
class Trend:
    """The items of a category in the order in which they were due."""

    category: str
    weight: Fraction
    spreads: tuple[Spread, ...]


@dataclass(frozen=True, slots=True)
class Absence:
    """What one student has not handed in though it was due."""

    student: Student
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Risk:
    """One student at risk."""

    student: Student
    current: Fraction | None
    reasons: tuple[str, ...]


def item_spreads(book: Gradebook, graded_points: GradedPoints) -> tuple[Spread, ...]:
    """Each item that is worth points, by due date, as the scores came in: before rules such as lateness."""
    items = sorted((item for item in book.items if item.points), key=_by_due)
    return tuple(_spread(item, book, graded_points.get(item.name, {})) for item in items)


def total_spread(book: Gradebook) -> Spread:
    """The grade so far of everybody who has one."""
    totals = tuple(float(row.current.total) for row in book.rows if row.current.total is not None)
    return Spread("total", "Total so far", "", None, totals, Counter())


def trends(book: Gradebook, spreads: Iterable[Spread]) -> tuple[Trend, ...]:
    """The categories in their order, each with those items of which there are scores."""
    told = [spread for spread in spreads if spread.percents]
    found = (
        Trend(name, policy.weight, tuple(spread for spread in told if spread.category == name))
        for name, policy in book.policies.all_categories.items()
    )
    return tuple(trend for trend in found if trend.spreads)


def absences(book: Gradebook) -> tuple[Absence, ...]:
    """Who is missing what, most items first, in the gradebook's order among equals."""
    found = [Absence(row.student, _missing(row)) for row in book.rows]
    return tuple(sorted((one for one in found if one.items), key=lambda one: -len(one.items)))


def at_risk(book: Gradebook, rule: RiskRule) -> tuple[Risk, ...]:
    """Who is at risk and by which rule, the lowest grade first; those without any grade before them."""
    found = [Risk(row.student, row.current.total, tuple(_reasons(row, rule))) for row in book.rows]
    return tuple(sorted((one for one in found if one.reasons), key=_lowest_first))


def _spread(item: Item, book: Gradebook, graded_points: Mapping[str, Fraction]) -> Spread:
    grades = {row.student.student_id: row.items[item.name] for row in book.rows}
    whole = [
        grade.score / item.points
        for grade in grades.values()
        if grade.status is Status.GRADED and grade.score is not None
    ]
    partial = [
        grade.score / points
        for student_id, grade in grades.items()
        if grade.status is Status.WAITING and grade.score is not None and (points := graded_points.get(student_id))
    ]
    percents = tuple(float(100 * share) for share in (*whole, *partial))
    statuses = Counter(grade.status for grade in grades.values())
    return Spread(item.name, item.title or item.name, item.category, item.due, percents, statuses, len(partial))


def _reasons(row: StudentGrade, rule: RiskRule) -> Iterable[str]:
    current, missing = row.current.total, _missing(row)
    if current is not None and current < rule.below:
        yield f"below {shown(rule.below)} % so far"
    if len(missing) >= rule.missing:
        yield f"{_items(len(missing))} missing"


def _missing(row: StudentGrade) -> tuple[Item, ...]:
    grades = (grade for grade in row.items.values() if grade.status is Status.MISSING and grade.item.points)
    return tuple(sorted((grade.item for grade in grades), key=_by_due))


def _by_due(item: Item) -> tuple[bool, float]:
    """By due date, whatever has none at the end; the order of the gradebook decides between equals."""
    if item.due is None:
        return True, 0.0
    return False, (item.due if item.due.tzinfo else item.due.replace(tzinfo=UTC)).timestamp()


def _lowest_first(risk: Risk) -> tuple[bool, Fraction]:
    return risk.current is not None, risk.current or Fraction(0)


def _items(number: int) -> str:
    return "1 item" if number == 1 else f"{number} items"
