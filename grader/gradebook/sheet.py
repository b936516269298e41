"""One student's scores, item by item: how each stands and what the rules make of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from grader.gradebook.book import ItemGrade, Step
from grader.gradebook.exact import shown
from grader.gradebook.late import after_lateness, late_step, units_late
from grader.gradebook.policies import StudentException
from grader.gradebook.rules import Improvement, Rules
from grader.gradebook.scores import Item, ItemScore, Status

_NOTHING = Fraction(0)
_ON_TIME = timedelta(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a student stands in one item before lateness is judged."""

    item: Item
    status: Status
    score: Fraction | None
    units: int = 0
    """Hours or days late, as the policy counts them."""
    waiting: int = 0
    exceptions: tuple[StudentException, ...] = ()


def standings(rules: Rules, student_id: str, scores: Mapping[str, ItemScore]) -> tuple[Standing, ...]:
    """Return how the student stands in every item."""
    exceptions = rules.exceptions.get(student_id, {})
    return tuple(_standing(rules, item, scores.get(item.name), exceptions.get(item.name, ())) for item in rules.items)


def _standing(rules: Rules, item: Item, score: ItemScore | None, exceptions: tuple[StudentException, ...]) -> Standing:
    extension = _ON_TIME
    for exception in exceptions:
        if exception.excuse:
            return Standing(item, Status.EXCUSED, None, exceptions=exceptions)
        if exception.score is not None:
            known = score.score if score is not None else None
            return Standing(item, Status.GRADED, _scaled(item, score, known), exceptions=exceptions)
        extension += timedelta(seconds=round((exception.extension_hours or 0) * 3600))
    status = _status(rules, item, score, extension)
    if score is None or score.score is None:
        return Standing(item, status, None, 0, score.waiting if score else 0, exceptions)
    late = _lateness(item, score, extension)
    waived = late > _ON_TIME and (any(exception.waive_late for exception in exceptions) or not rules.may_be_late(item))
    units = units_late(late, rules.policies.late) if late > _ON_TIME and not waived else 0
    return Standing(item, status, _scaled(item, score, score.score), units, score.waiting, exceptions)


def _scaled(item: Item, score: ItemScore | None, points: Fraction | None) -> Fraction | None:
    if points is None or score is None or not score.max_score or score.max_score == item.points:
        return points
    return points * item.points / score.max_score


def _status(rules: Rules, item: Item, score: ItemScore | None, extension: timedelta) -> Status:
    if score is not None and score.status is not Status.MISSING:
        return score.status
    if rules.as_of is not None and item.due is not None and rules.as_of < item.due + extension:
        return Status.NOT_DUE
    return Status.MISSING if item.name in rules.begun or score is not None else Status.UNGRADED


def _lateness(item: Item, score: ItemScore, extension: timedelta) -> timedelta:
    if score.submitted is not None and item.due is not None:
        return score.submitted - item.due - extension
    return score.late - extension


def item_grade(rules: Rules, standing: Standing, forgiven: int, sources: Mapping[str, ItemGrade]) -> ItemGrade:
    """Return what counts of an item when so many late days are spent on it; `sources` may improve it."""
    item, score = standing.item, standing.score
    if not standing.exceptions and not standing.units and item.name not in rules.special:
        return ItemGrade(item, standing.status, score, score or _NOTHING, standing.waiting)
    steps: tuple[Step, ...] = ()
    counted = score or _NOTHING
    for step in _excepted(standing, counted):
        steps, counted = _with(steps, counted, step)
    for more in (_late(rules, standing, counted, forgiven), *_added(standing)):
        steps, counted = _with(steps, counted, more)
    steps, counted = _with(steps, counted, _improved(standing, rules.improvements.get(item.name), counted, sources))
    cap = rules.item_policy(item.name).cap
    limit = None if cap is None else item.points * cap / 100
    if cap is not None and limit is not None and counted > limit:
        steps, counted = _with(steps, counted, Step(f"at most {shown(cap)} % of the points count", limit - counted))
    return ItemGrade(item, standing.status, score, counted, standing.waiting, steps)


def counted_with(rules: Rules, standing: Standing, forgiven: int, sources: Mapping[str, ItemGrade]) -> Fraction:
    """Return the points that would count if so many late days were spent here."""
    item = standing.item
    if standing.score is None or standing.exceptions or item.name in rules.special:
        return item_grade(rules, standing, forgiven, sources).counted
    return after_lateness(standing.score, item.points, standing.units - forgiven, rules.policies.late)


def _with(steps: tuple[Step, ...], counted: Fraction, step: Step | None) -> tuple[tuple[Step, ...], Fraction]:
    if step is None:
        return steps, counted
    change = max(step.change, -counted)
    return (*steps, Step(step.sentence, change)), counted + change


def _excepted(standing: Standing, counted: Fraction) -> Iterator[Step]:
    """What exceptions do before lateness is judged, each with its reason."""
    for exception in standing.exceptions:
        if exception.excuse:
            yield Step(f"excused: {exception.reason}", _NOTHING)
        elif exception.score is not None:
            yield Step(f"set to {shown(exception.score, 4)}: {exception.reason}", exception.score - counted)
        elif exception.waive_late:
            yield Step(f"lateness costs nothing here: {exception.reason}", _NOTHING)
        elif exception.extension_hours is not None:
            yield Step(f"due {shown(exception.extension_hours, 2)} hours later: {exception.reason}", _NOTHING)


def _late(rules: Rules, standing: Standing, counted: Fraction, forgiven: int) -> Step | None:
    if not standing.units:
        return None
    return late_step(counted, standing.item.points, standing.units, forgiven, rules.policies.late)


def _added(standing: Standing) -> tuple[Step, ...]:
    return tuple(
        Step(exception.reason, exception.add) for exception in standing.exceptions if exception.add is not None
    )


def _improved(
    standing: Standing, improvement: Improvement | None, counted: Fraction, sources: Mapping[str, ItemGrade]
) -> Step | None:
    """A better source lifts the item: old + share * (new - old), in percent of the points of each."""
    if improvement is None or standing.status is Status.EXCUSED or not standing.item.points:
        return None
    source, share = sources.get(improvement.source), improvement.policy.share
    if source is None or source.status is not Status.GRADED or not source.item.points:
        return None
    reached = source.counted / source.item.points
    change = share * (reached * standing.item.points - counted)
    if change <= 0:
        return None
    word = "revised by" if improvement.policy.revises else "replaced by"
    part = "" if share == 1 else f", {shown(share * 100)} % of the improvement"
    return Step(f"{word} {source.item.name} ({shown(reached * 100)} %){part}", change)


def counts_in_final(rules: Rules, grade: ItemGrade) -> bool:
    """Everything counts in the final grade but what the student is excused from, and revisions of other items."""
    return grade.status is not Status.EXCUSED and grade.item.name not in rules.revisions


def counts_in_current(rules: Rules, grade: ItemGrade) -> bool:
    """Graded items count in the current grade, and missing ones unless the course ignores them."""
    if grade.status is Status.MISSING:
        return rules.policies.grading.missing == "zero" or bool(grade.counted)
    return grade.status is Status.GRADED
