"""What lateness costs in one item."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from grader.gradebook.book import Step
from grader.gradebook.exact import shown
from grader.gradebook.policies import LatePolicy

_UNIT = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_MICROSECOND = timedelta(microseconds=1)


def units_late(lateness: timedelta, policy: LatePolicy) -> int:
    """Return how many hours or days have begun; none within the grace."""
    if Fraction(lateness // _MICROSECOND, 60_000_000) <= policy.grace_minutes:
        return 0
    return -(-lateness // _UNIT[policy.per])


def after_lateness(score: Fraction, points: Fraction, units: int, policy: LatePolicy) -> Fraction:
    """Return what is left of a score that is so many units late.

    The penalty is taken from the score and measured by the item's points; it pushes nobody below the floor, and after
    the cut-off nothing is left at all.
    """
    if units <= 0:
        return score
    if policy.cut_off is not None and units > policy.cut_off:
        return Fraction(0)
    penalty = units * (policy.points or points * (policy.percent or 0) / 100)
    return max(score - penalty, min(score, points * policy.floor / 100))


def late_step(score: Fraction, points: Fraction, units: int, forgiven: int, policy: LatePolicy) -> Step:
    """Say what lateness cost, and what late days spared."""
    left = units - forgiven
    change = after_lateness(score, points, left, policy) - score
    spent = f"{_count(forgiven, 'free', policy.per)} used, so that " if forgiven else ""
    if not left:
        return Step(f"{_count(units, '', policy.per)} late; {spent}nothing is taken off", change)
    if policy.cut_off is not None and left > policy.cut_off:
        reason = f"nothing counts after {_count(policy.cut_off, '', policy.per)}"
    elif policy.points:
        reason = f"each {policy.per} that has begun costs {shown(policy.points, 4)} points"
    else:
        reason = f"each {policy.per} that has begun costs {shown(policy.percent or Fraction(0), 4)} % of the points"
    floor = f", down to {shown(policy.floor, 4)} % at most" if policy.floor else ""
    counted = f"{spent}{_count(left, '', policy.per)} count{'s' if left == 1 else ''}; " if forgiven else ""
    return Step(f"{_count(units, '', policy.per)} late; {counted}{reason}{floor}", change)


def _count(number: int, kind: str, unit: str) -> str:
    return " ".join(word for word in (str(number), kind, unit if number == 1 else f"{unit}s") if word)
