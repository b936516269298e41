"""What the gradebook is made from: items, and what each student has in each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias

from grader.errors import ScoresError
from grader.text import escape


class Status(StrEnum):
    """How a student stands in one item."""

    GRADED = "graded"
    WAITING = "waiting"
    """Handed in; a person still has to grade some of it. The score is what is known so far."""
    MISSING = "missing"
    """Nothing came in, and the item is due."""
    EXCUSED = "excused"
    """The item does not exist for this student."""
    NOT_DUE = "not due"
    """Nothing came in, and nothing has to yet."""
    UNGRADED = "ungraded"
    """Nobody in the class has a score in this item yet."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something that earns points: a notebook assignment, a homework, an exam."""

    name: str
    category: str
    points: Fraction
    title: str = ""
    due: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse points that nobody can have."""
        if self.points < 0:
            raise ScoresError(f"{escape(self.name)}: {self.points} points: an item cannot be worth less than nothing")


@dataclass(frozen=True, slots=True)
class ItemScore:
    """What one student has in one item, before any policy."""

    score: Fraction | None
    """Points; None where there are none yet."""
    status: Status = Status.GRADED
    max_score: Fraction | None = None
    """The points of the source, where they are not the item's own: the score is scaled to the item's then."""
    waiting: int = 0
    """How many questions wait for a person."""
    comment: str = ""
    submitted: datetime | None = None
    """When it came in: later than the item's due date is late."""
    late: timedelta = timedelta(0)
    """How late it was, where only that is known."""

    def __post_init__(self) -> None:
        """Refuse a score that says two things at once."""
        if self.status is Status.GRADED and self.score is None:
            raise ScoresError("a graded score needs a number; without one it is missing, waiting or excused")
        if self.status in {Status.MISSING, Status.EXCUSED} and self.score is not None:
            raise ScoresError(f"a score of {self.score} cannot be {self.status} at the same time")
        if self.score is not None and self.score < 0:
            raise ScoresError(f"a score of {self.score}: nobody has less than nothing")


Scores: TypeAlias = Mapping[str, Mapping[str, ItemScore]]
"""By student id, then by the item's name. What is not there is not known."""
