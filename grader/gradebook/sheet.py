"""One student's scores, item by item: how each stands and what of it counts."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from fractions import Fraction

from grader.gradebook.book import ItemGrade
from grader.gradebook.policies import Policies
from grader.gradebook.scores import Item, ItemScore, Status

_NOTHING = Fraction(0)


def item_grades(
    items: tuple[Item, ...], scores: Mapping[str, ItemScore], *, begun: AbstractSet[str], as_of: datetime | None
) -> dict[str, ItemGrade]:
    """Return how the student stands in every item, in the order of the items.

    `begun` names the items in which somebody has a score already.
    """
    return {
        item.name: _item_grade(item, scores.get(item.name), begun=item.name in begun, as_of=as_of) for item in items
    }


def _item_grade(item: Item, score: ItemScore | None, *, begun: bool, as_of: datetime | None) -> ItemGrade:
    status = _status(item, score, begun=begun, as_of=as_of)
    if score is None or score.score is None:
        return ItemGrade(item, status, None, _NOTHING, score.waiting if score else 0)
    points = score.score
    if score.max_score and score.max_score != item.points:
        points = points * item.points / score.max_score
    return ItemGrade(item, status, points, points, score.waiting)


def _status(item: Item, score: ItemScore | None, *, begun: bool, as_of: datetime | None) -> Status:
    if score is not None and score.status is not Status.MISSING:
        return score.status
    if as_of is not None and item.due is not None and as_of < item.due:
        return Status.NOT_DUE
    return Status.MISSING if begun or score is not None else Status.UNGRADED


def counts_in_final(grade: ItemGrade) -> bool:
    """Everything counts in the final grade but what the student is excused from."""
    return grade.status is not Status.EXCUSED


def counts_in_current(grade: ItemGrade, policies: Policies) -> bool:
    """Graded items count in the current grade, and missing ones unless the course ignores them."""
    if grade.status is Status.MISSING:
        return policies.grading.missing == "zero"
    return grade.status is Status.GRADED
