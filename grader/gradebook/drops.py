"""Which items to leave out: exactly the best choice, not the one that looks best.

The grade of a category is a quotient, reached over reachable, so the item with the lowest percentage is not always the
one to drop. For a given grade g, dropping the items with the smallest `reached - g * reachable` leaves the most; if
what is left is better than g, go on from there. Each step is a better choice out of finitely many, and when no step is
better, none exists (Dinkelbach's method for fractional programs). An item whose removal would not help stays, which
happens where others may not be dropped. All numbers are exact, so "better" is certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

_NOTHING = Fraction(0)


@dataclass(frozen=True, slots=True)
class Part:
    """One item as its category sees it."""

    name: str
    reached: Fraction
    reachable: Fraction
    """0 for extra credit."""
    may_drop: bool = True


def quotient(parts: Sequence[Part]) -> Fraction | None:
    """Return reached over reachable; None where nothing is reachable."""
    reachable = sum((part.reachable for part in parts), _NOTHING)
    return sum((part.reached for part in parts), _NOTHING) / reachable if reachable else None


def dropped(parts: Sequence[Part], lowest: int, highest: int) -> frozenset[str]:
    """Return the names to leave out: `lowest` for the best quotient, then `highest` for the worst of the rest.

    At least one item with something reachable stays. Both numbers together need items of equal weight.
    """
    low = _extreme(parts, lowest, sign=1)
    return low | _extreme([part for part in parts if part.name not in low], highest, sign=-1)


def _extreme(parts: Sequence[Part], number: int, *, sign: int) -> frozenset[str]:
    candidates = [part for part in parts if part.may_drop and part.reachable]
    number = min(number, len(candidates), sum(1 for part in parts if part.reachable) - 1)
    best = quotient(parts)
    if number <= 0 or best is None:
        return frozenset()
    while True:
        grade = best
        order = sorted(candidates, key=lambda part: (sign * (part.reached - grade * part.reachable), part.name))
        out = frozenset(p.name for p in order[:number] if sign * (p.reached - grade * p.reachable) <= 0)
        best = quotient([part for part in parts if part.name not in out])
        if best is None or sign * best <= sign * grade:
            return out
