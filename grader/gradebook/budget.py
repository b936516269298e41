"""Late days spent where they help the final grade most: the best of all ways to spend them, exactly.

Within a category, the best grade for each number of days is found together with the best drop: for a given grade g, a
table over (items dropped, days spent) holds the most that `reached - g * reachable` can add up to, and g is raised
until nothing is left to gain (see `drops`). Then the days are shared out among the categories, again by a table. The
grade of the whole grows with that of each category, so the best parts make the best whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

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
    found: list[tuple[Fraction, Spent]] = []
    start = _quotient(group.choices, {}, frozenset())
    for number in range(days + 1):
        grade, spent = _best(group, number, start)
        start = grade
        limited = grade if group.cap is None else min(grade, group.cap)
        found.append((group.weight * limited, spent))
    return found


def _best(group: Group, days: int, start: Fraction) -> tuple[Fraction, Spent]:
    grade, spent, out = start, *_table(group, days, start)
    while (better := _quotient(group.choices, spent, out)) > grade:
        grade = better
        spent, out = _table(group, days, grade)
    return grade, spent


def _quotient(choices: Iterable[Choice], spent: Spent, out: frozenset[str]) -> Fraction:
    kept = [choice for choice in choices if choice.name not in out]
    reached = sum((choice.reached[spent.get(choice.name, 0)] for choice in kept), _NOTHING)
    return reached / sum((choice.reachable for choice in kept), _NOTHING)


_State = dict[tuple[int, int], tuple[Fraction, tuple[tuple[str, int], ...]]]


def _table(group: Group, days: int, grade: Fraction) -> tuple[Spent, frozenset[str]]:
    """The days and the drops for which the most is left of `reached - grade * reachable`; -1 stands for a drop."""
    states: _State = {(0, 0): (_NOTHING, ())}
    for choice in sorted(group.choices, key=lambda choice: choice.name):
        after: _State = {}
        for (drops, used), (value, made) in states.items():
            cost = grade * choice.reachable
            for here in range(min(_useful(choice), days - used) + 1):
                _keep(after, (drops, used + here), value + choice.reached[here] - cost, (*made, (choice.name, here)))
            if choice.may_drop and drops < group.drops:
                _keep(after, (drops + 1, used), value, (*made, (choice.name, -1)))
        states = after
    value = max(entry[0] for entry in states.values())
    _, made = states[min(key for key, entry in states.items() if entry[0] == value)]
    return {name: used for name, used in made if used > 0}, frozenset(name for name, used in made if used < 0)


def _keep(states: _State, key: tuple[int, int], value: Fraction, made: tuple[tuple[str, int], ...]) -> None:
    if key not in states or value > states[key][0]:
        states[key] = (value, made)
