"""Which items to leave out: exactly the best choice, not the one that looks best.

The grade of a category is a quotient, reached over reachable, so the item with the lowest percentage is not always the
one to drop. For a given grade g, dropping the items with the smallest `reached - g * reachable` leaves the most; if
what is left is better than g, go on from there. Each step is a better choice out of finitely many, and when no step is
better, none exists (Dinkelbach's method for fractional programs). An item whose removal would not help stays, which
happens where others may not be dropped. All numbers are exact, so "better" is certain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from grader.gradebook.exact import total


class Part(NamedTuple):
    """One item as its category sees it."""

    name: str
    reached: Fraction
    reachable: Fraction
    """0 for extra credit."""
    may_drop: bool = True


class _Whole(NamedTuple):
    """A part in whole numbers: everything times the same factor, which changes no quotient and is quick."""

    name: str
    reached: int
    reachable: int
    may_drop: bool


def quotient(parts: Sequence[Part]) -> Fraction | None:
    """Return reached over reachable; None where nothing is reachable."""
    reachable = total(part.reachable for part in parts)
    return total(part.reached for part in parts) / reachable if reachable else None


def dropped(parts: Sequence[Part], lowest: int, highest: int) -> frozenset[str]:
    """Return the names to leave out: `lowest` for the best quotient, then `highest` for the worst of the rest.

    At least one item with something reachable stays. Both numbers together need items of equal weight.
    """
    factor = math.lcm(*(number.denominator for part in parts for number in (part.reached, part.reachable)))
    whole = [_Whole(p.name, int(p.reached * factor), int(p.reachable * factor), p.may_drop) for p in parts]
    low = _extreme(whole, lowest, sign=1)
    return low | _extreme([part for part in whole if part.name not in low], highest, sign=-1)


def _extreme(parts: Sequence[_Whole], number: int, *, sign: int) -> frozenset[str]:
    candidates = [part for part in parts if part.may_drop and part.reachable]
    number = min(number, len(candidates), sum(1 for part in parts if part.reachable) - 1)
    if number <= 0:
        return frozenset()
    above, below = _sums(parts, frozenset())
    while True:
        surplus = [(sign * (part.reached * below - above * part.reachable), part.name) for part in candidates]
        out = frozenset(name for value, name in sorted(surplus)[:number] if value <= 0)
        better_above, better_below = _sums(parts, out)
        if sign * (better_above * below - above * better_below) <= 0:
            return out
        above, below = better_above, better_below


def _sums(parts: Sequence[_Whole], out: frozenset[str]) -> tuple[int, int]:
    kept = [part for part in parts if part.name not in out]
    return sum(part.reached for part in kept), sum(part.reachable for part in kept)
