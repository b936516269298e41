"""What an import would do: a value to look at before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from grader.gradebook.exact import shown
from grader.gradebook.scores import ItemScore, Status


@dataclass(frozen=True, slots=True)
class Matched:
    """One row whose student and score are beyond doubt."""

    row: int
    student_id: str
    score: ItemScore
    matched_by: str = "student_id"
    """What in the row named the student."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One row that is not imported, and why."""

    row: int
    sentence: str

    def __str__(self) -> str:
        """Say where and what."""
        return f"row {self.row}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Change:
    """A score that the import would write: new, or other than before."""

    student_id: str
    before: ItemScore | None
    after: ItemScore

    def __str__(self) -> str:
        """Say what was and what will be."""
        return f"{self.student_id}: {words(self.before)} → {words(self.after)}"


def words(score: ItemScore | None) -> str:
    """Say in a word or a number what a score is."""
    if score is None:
        return "nothing"
    if score.score is None or score.status is Status.EXCUSED:
        return str(score.status)
    return shown(score.score, 4)


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What a file holds for one item."""

    item: str
    filename: str
    digest: str
    """SHA-256 of the file."""
    format: str
    matched: tuple[Matched, ...]
    problems: tuple[Problem, ...] = ()
    blank: tuple[str, ...] = ()
    """Ids of students who are in the file without a score."""
    absent: tuple[str, ...] = ()
    """Ids of students of the roster who are not in the file."""
    notes: tuple[str, ...] = ()
    before: Mapping[str, ItemScore] = field(default_factory=dict)

    @property
    def scores(self) -> dict[str, ItemScore]:
        """What to store, by student id."""
        return {found.student_id: found.score for found in self.matched}

    @property
    def changes(self) -> tuple[Change, ...]:
        """What would differ from before."""
        return tuple(
            Change(found.student_id, self.before.get(found.student_id), found.score)
            for found in self.matched
            if self.before.get(found.student_id) != found.score
        )
