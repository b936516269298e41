"""Letters, and cut-offs that nobody misses by a hair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from grader.gradebook.policies import Requirement


def cut_offs(letters: Mapping[str, Fraction], totals: Iterable[Fraction], gap: Fraction) -> dict[str, Fraction]:
    """Return the total that each letter really needs, the best letter first.

    With a `gap`, a cut-off may go down by so many percent points at most, to the total of the student above the widest
    gap that is there; among equal gaps the nearest one. It never goes up, and the lowest letter stays where it is.
    """
    ordered = sorted(letters.items(), key=lambda entry: -entry[1])
    known = sorted(set(totals), reverse=True) if gap else []
    lowest = ordered[-1][0] if ordered else ""
    return {name: at if name == lowest else _lowered(at, known, gap) for name, at in ordered}


def _lowered(at: Fraction, totals: Sequence[Fraction], gap: Fraction) -> Fraction:
    below = [total for total in totals if total < at]
    places = [at, *(total for total in below if total >= at - gap)]
    widths = [place - next((total for total in below if total < place), Fraction(0)) for place in places]
    return places[widths.index(max(widths))]


def letter_of(total: Fraction, offs: Mapping[str, Fraction], unmet: Iterable[Requirement]) -> str:
    """Return the best letter that the total reaches and no unmet requirement forbids; empty where none does."""
    names = list(offs)
    reached = next((place for place, name in enumerate(names) if total >= offs[name]), len(names))
    allowed = [names.index(wanted.letter) for wanted in unmet if wanted.letter is not None and wanted.letter in offs]
    place = max([reached, *allowed])
    return names[place] if place < len(names) else ""
