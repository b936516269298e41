"""Late days spent where they help the final grade most: the best of all ways to spend them, exactly.

Within a category, the best grade for each number of days is found together with the best drop: for a given grade g, a
table over (items dropped, days spent) holds the most that `reached - g * reachable` can add up to, and g is raised
until nothing is left to gain (see `drops`). Then the days are shared out among the categories, again by a table. The
grade of the whole grows with that of each category, so the best parts make the best whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

_NOTHING = Fraction(0)


@dataclass(frozen=True, slots=True)
class Choice:
    """One item, with what it brings for 0, 1, 2, ... days spent on it."""

    name: str
    reached: tuple[Fraction, ...]
    """Never falling; one entry where there is nothing to forgive."""
    reachable: Fraction
    may_drop: bool


@dataclass(frozen=True, slots=True)
class Group:
    """One category as the budget sees it."""

    choices: tuple[Choice, ...]
    drops: int
    weight: Fraction
    cap: Fraction | None


class _Line(NamedTuple):
    name: str
    reached: list[int]
    may_drop: bool


class _Whole(NamedTuple):
    """A group in whole numbers: everything times the same factor, which changes no quotient and makes tables quick."""

    lines: list[_Line]
    reachable: list[int]
    drops: int


Spent = Mapping[str, int]
"""Days by item."""


def spend(groups: Iterable[Group], days: int) -> Spent:
    """Return how many days to spend on which item."""
    groups = [group for group in groups if _worth(group)]
    needed: dict[str, int] = {choice.name: _useful(choice) for group in groups for choice in group.choices}
    if sum(needed.values()) <= days:
        return {name: used for name, used in needed.items() if used}
    best: dict[int, tuple[Fraction, Spent]] = {0: (_NOTHING, {})}
    for group in groups:
        best = _joined(best, _by_days(group, days), days)
    gain, spent = max(best.values(), key=lambda entry: entry[0])
    fewest = min(used for used, entry in best.items() if entry[0] == gain)
    return best[fewest][1] if gain else spent


def _worth(group: Group) -> bool:
    return bool(group.weight) and any(_useful(choice) for choice in group.choices)


def _useful(choice: Choice) -> int:
    """The fewest days that bring the most."""
    return choice.reached.index(choice.reached[-1])


def _joined(
    before: Mapping[int, tuple[Fraction, Spent]], more: Sequence[tuple[Fraction, Spent]], days: int
) -> dict[int, tuple[Fraction, Spent]]:
    joined: dict[int, tuple[Fraction, Spent]] = {}
    for used, (value, spent) in before.items():
        for here, (gain, choice) in enumerate(more):
            total = used + here
            if total <= days and (total not in joined or value + gain > joined[total][0]):
                joined[total] = (value + gain, {**spent, **choice})
    return joined


def _by_days(group: Group, days: int) -> list[tuple[Fraction, Spent]]:
    """What the category brings to the total with 0, 1, 2, ... days, and how to spend them."""
    whole = _whole(group)
    found: list[tuple[Fraction, Spent]] = []
    start = _sums(whole, {}, frozenset())
    most = min(days, sum(_useful(choice) for choice in group.choices))
    for number in range(most + 1):
        start, spent = _best(whole, number, start)
        grade = Fraction(*start)
        found.append((group.weight * (grade if group.cap is None else min(grade, group.cap)), spent))
    return found


def _whole(group: Group) -> _Whole:
    choices = sorted(group.choices, key=lambda choice: choice.name)
    numbers = (number for choice in choices for number in (choice.reachable, *choice.reached))
    factor = math.lcm(*(number.denominator for number in numbers))
    return _Whole(
        [
            _Line(choice.name, [int(got * factor) for got in choice.reached[: _useful(choice) + 1]], choice.may_drop)
            for choice in choices
        ],
        [int(choice.reachable * factor) for choice in choices],
        group.drops,
    )


def _best(group: _Whole, days: int, start: tuple[int, int]) -> tuple[tuple[int, int], Spent]:
    """Raise the grade, a numerator and a denominator, until nothing is left to gain."""
    above, below = start
    while True:
        spent, out = _table(group, days, above, below)
        better_above, better_below = _sums(group, spent, out)
        if better_above * below <= above * better_below:
            return (above, below), spent
        above, below = better_above, better_below


def _sums(group: _Whole, spent: Spent, out: frozenset[str]) -> tuple[int, int]:
    kept = [
        (line, reachable) for line, reachable in zip(group.lines, group.reachable, strict=True) if line.name not in out
    ]
    reached = sum(line.reached[spent.get(line.name, 0)] for line, _ in kept)
    return reached, sum(reachable for _, reachable in kept)


_State = dict[tuple[int, int], tuple[int, tuple[tuple[str, int], ...]]]


def _table(group: _Whole, days: int, above: int, below: int) -> tuple[Spent, frozenset[str]]:
    """The days and the drops for which the most is left of `reached - grade * reachable`; -1 stands for a drop."""
    states: _State = {(0, 0): (0, ())}
    for line, reachable in zip(group.lines, group.reachable, strict=True):
        after: _State = {}
        left = [reached * below - above * reachable for reached in line.reached]
        for (drops, used), (value, made) in states.items():
            for here, more in enumerate(left[: days - used + 1]):
                choice = (line.name, here)
                _keep(after, (drops, used + here), value + more, made if not here else (*made, choice))
            if line.may_drop and drops < group.drops:
                _keep(after, (drops + 1, used), value, (*made, (line.name, -1)))
        states = after
    value = max(entry[0] for entry in states.values())
    _, made = states[min(key for key, entry in states.items() if entry[0] == value)]
    return {name: used for name, used in made if used > 0}, frozenset(name for name, used in made if used < 0)


def _keep(states: _State, key: tuple[int, int], value: int, made: tuple[tuple[str, int], ...]) -> None:
    if key not in states or value > states[key][0]:
        states[key] = (value, made)
