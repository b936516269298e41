"""The gradebook as a value: what each student has, from the single item up to the total."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from grader.errors import ScoresError
from grader.gradebook.exact import rounded
from grader.gradebook.policies import Policies, Requirement
from grader.gradebook.scores import Item, Status
from grader.model import Student
from grader.text import escape


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule did, and why, in a sentence for the student."""

    sentence: str
    change: Fraction
    """In points where it is about an item, in percent points where it is about the total."""


@dataclass(frozen=True, slots=True)
class ItemGrade:
    """What one item brings one student."""

    item: Item
    status: Status
    score: Fraction | None
    """Points as they came in, scaled to the item's; None where there are none."""
    counted: Fraction
    """Points that count: the score and all that the steps changed."""
    waiting: int = 0
    """How many questions wait for a person."""
    steps: tuple[Step, ...] = ()
    """What the rules made of the score, in order."""


@dataclass(frozen=True, slots=True)
class CategoryGrade:
    """What one category brings one student, in one of the two grades."""

    name: str
    weight: Fraction
    """Percent of the total that it really carries, once the weights of empty categories are shared out."""
    fraction: Fraction | None
    """What was reached, 1 for everything; None where no item counts."""
    kept: tuple[str, ...] = ()
    """The items that count."""
    dropped: frozenset[str] = frozenset()
    """The items that were left out."""

    @property
    def points(self) -> Fraction:
        """Percent points of the total."""
        return self.weight * (self.fraction or 0)


@dataclass(frozen=True, slots=True)
class Overall:
    """One total and what it is made of."""

    total: Fraction | None
    """In percent, exact; None where nothing counts yet."""
    categories: Mapping[str, CategoryGrade]
    steps: tuple[Step, ...] = ()
    """What changed the sum of the categories."""
    unmet: tuple[Requirement, ...] = ()
    """Requirements that are not met."""

    def rounded(self, digits: int) -> Decimal | None:
        """Return the total as it is shown."""
        return None if self.total is None else rounded(self.total, digits)


@dataclass(frozen=True, slots=True)
class StudentGrade:
    """One row of the gradebook."""

    student: Student
    items: Mapping[str, ItemGrade]
    """By item name, in the gradebook's order."""
    final: Overall
    """Everything that is not there counts 0."""
    current: Overall
    """Only what is graded, or due and missing."""
    letter: str = ""
    """Empty where the course has none, or there is no total."""

    @property
    def ungraded(self) -> tuple[str, ...]:
        """What is still to be graded, each in a few words."""
        return tuple(_ungraded(grade) for grade in self.items.values() if grade.status in _OPEN)


_OPEN = {Status.WAITING, Status.UNGRADED}


def _ungraded(grade: ItemGrade) -> str:
    if not grade.waiting:
        return grade.item.name
    return f"{grade.item.name} ({grade.waiting} question{'s' if grade.waiting > 1 else ''})"


@dataclass(frozen=True, slots=True)
class Gradebook:
    """The class: a row a student, sorted by last name, first name, id."""

    policies: Policies
    items: tuple[Item, ...]
    rows: tuple[StudentGrade, ...]
    notes: tuple[str, ...] = ()
    """What the whole class should know of how it was made, a sentence each."""
    cut_offs: Mapping[str, Fraction] = field(default_factory=dict)
    """The total that each letter really needs, the best letter first."""

    def row(self, student_id: str) -> StudentGrade:
        """Return one student's row; `ScoresError` if there is none."""
        for row in self.rows:
            if row.student.student_id == student_id:
                return row
        raise ScoresError(f'there is no student "{escape(student_id)}" in the gradebook; ids are as in roster.csv')
