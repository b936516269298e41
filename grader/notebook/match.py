"""Which of a student's cells is which of the instructor's: by id, by checksum, by source, by likeness and place."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from grader.notebook.alignment import Comparer, align, strongest
from grader.notebook.parts import split_at_definitions, take_apart
from grader.notebook.sources import Part
from grader.notebook.templates import Template, templates_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from grader.model import Notebook


class How(StrEnum):
    """What tells that a cell is the instructor's."""

    GRADE_ID = "grade_id"
    CHECKSUM = "checksum"
    SOURCE = "source"
    LIKENESS = "likeness"
    PLACE = "place"
    """Nothing but that it stands where the cell was: a person should look."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One part of a submission that may be a certain cell of the instructor's."""

    part: int
    how: How


@dataclass(frozen=True, slots=True)
class Matching:
    """Which part of a submission is which of the instructor's cells."""

    parts: tuple[Part, ...]
    """The submitted cells in order, those divided that had been merged."""
    candidates: tuple[tuple[Candidate, ...], ...]
    """For each of the instructor's cells; several where it was handed in more than once."""

    @property
    def chain(self) -> tuple[tuple[int, int], ...]:
        """The longest run of (instructor's cell, part) in which both orders agree: the cells that were not moved."""
        return tuple(_longest_chain((row, found[0].part) for row, found in enumerate(self.candidates) if found))

    @property
    def extras(self) -> tuple[int, ...]:
        """The parts that are none of the instructor's cells."""
        taken = {candidate.part for found in self.candidates for candidate in found}
        return tuple(number for number in range(len(self.parts)) if number not in taken)


def match(submitted: Notebook, released: Notebook) -> Matching:
    """Match a submission's cells to those of the release."""
    return match_templates(submitted, templates_of(released, released))


def match_templates(submitted: Notebook, templates: Sequence[Template]) -> Matching:
    """Match a submission's cells to the instructor's, given with their released versions."""
    parts = take_apart([Part(index, cell) for index, cell in enumerate(submitted["cells"])], templates)
    matching = _Matcher(parts, templates).matching()
    divided = _divided(matching, templates)
    return matching if len(divided) == len(parts) else _Matcher(divided, templates).matching()


def _divided(matching: Matching, templates: Sequence[Template]) -> tuple[Part, ...]:
    """The parts, those divided that define what another solution cell, which is gone, was to define."""
    rows = list(zip(templates, matching.candidates, strict=True))
    lost = frozenset(name for template, found in rows if template.answer and not found for name in template.text.names)
    kept = frozenset(name for template, found in rows if template.answer and found for name in template.text.names)
    if not lost - kept:
        return matching.parts
    fixed = {candidate.part for template, found in rows if template.fixed for candidate in found}
    divided: list[Part] = []
    for number, part in enumerate(matching.parts):
        wanted = part.text.names & lost
        divided += [part] if number in fixed or not wanted else split_at_definitions(part, wanted, kept)
    return tuple(divided)


class _Matcher:
    """The steps of a matching, each of which takes what the surer ones before it have left."""

    def __init__(self, parts: Sequence[Part], templates: Sequence[Template]) -> None:
        self._parts = tuple(parts)
        self._templates = templates
        self._found: list[list[Candidate]] = [[] for _ in templates]
        self._free = dict.fromkeys(range(len(parts)))
        self._fixed = {t.text.normal: t.index for t in templates if t.fixed and not t.text.blank}
        self._doubtful: list[tuple[int, int]] = []
        self._comparer = Comparer(self._parts, templates)

    def matching(self) -> Matching:
        self._by_grade_id()
        self._by_checksum()
        self._by_source()
        self._in_gaps(by_place=False)
        self._anywhere()
        self._settle_doubtful()
        self._in_gaps(by_place=True)
        self._prefer_in_order()
        return Matching(self._parts, tuple(tuple(found) for found in self._found))

    def _take(self, row: int, part: int, how: How) -> None:
        self._found[row].append(Candidate(part, how))
        del self._free[part]

    def _open_rows(self) -> list[int]:
        return [row for row, found in enumerate(self._found) if not found]

    def _by_grade_id(self) -> None:
        """Believe an id unless the cell is plainly another of the instructor's cells, or unlike the one it names."""
        rows = {template.grade_id: template.index for template in self._templates if template.grade_id}
        for number, part in enumerate(self._parts):
            row = rows.get(part.meta.grade_id) if part.meta else None
            if row is None or self._foreign(row, number):
                continue
            if self._unlike(row, number):
                self._doubtful.append((row, number))
            else:
                self._take(row, number, How.GRADE_ID)
        for row, found in enumerate(self._found):
            self._found[row] = sorted(found, key=lambda candidate: self._rank(row, candidate))
        self._release_misnamed()

    def _foreign(self, row: int, number: int) -> bool:
        """Whether a part is the text of another fixed cell, whatever its metadata say."""
        text = self._parts[number].text.normal
        return self._fixed.get(text, row) != row and text != self._templates[row].text.normal

    def _unlike(self, row: int, number: int) -> bool:
        """Whether a part that bears a fixed cell's id has little of that cell's text."""
        return self._templates[row].fixed and self._comparer.likeness(row, number) < 0.5

    def _rank(self, row: int, candidate: Candidate) -> tuple[float, int]:
        """Fixed cells: the most alike first. Others: in the order of the submission."""
        alike = self._comparer.likeness(row, candidate.part) if self._templates[row].fixed else 0.0
        return (-alike, candidate.part)

    def _release_misnamed(self) -> None:
        """Set free the copy of a solution cell, metadata and all, in which another, absent solution was written."""
        absent = {
            name
            for template, found in zip(self._templates, self._found, strict=True)
            if template.answer and not found
            for name in template.text.names
        }
        for template in self._templates:
            found = self._found[template.index]
            if not template.answer or len(found) < 2:
                continue
            for candidate in list(found):
                names = self._parts[candidate.part].text.names
                if names & absent and not names & template.text.names and len(found) > 1:
                    found.remove(candidate)
                    self._free[candidate.part] = None

    def _alternatives(self) -> Iterator[tuple[int, int]]:
        """Each row with those of its candidates that are the same as the first: the last of them first."""
        for row, found in enumerate(self._found):
            same = [c.part for c in found if self._parts[c.part].text.normal == self._parts[found[0].part].text.normal]
            yield from ((row, number) for number in sorted(same, reverse=True))

    def _prefer_in_order(self) -> None:
        """Of equal copies of a cell put that one first that stands where the order of the cells wants it."""
        for row, number in _longest_chain(self._alternatives()):
            at = next(index for index, candidate in enumerate(self._found[row]) if candidate.part == number)
            self._found[row].insert(0, self._found[row].pop(at))

    def _by_checksum(self) -> None:
        rows = {t.released["metadata"]["nbgrader"].get("checksum"): t.index for t in self._templates if t.meta}
        rows.pop(None, None)
        for number in list(self._free):
            raw = self._parts[number].raw_meta
            checksum = raw.get("checksum") if isinstance(raw, dict) else None
            row = rows.get(checksum) if isinstance(checksum, str) else None
            if row is None or self._found[row] or self._foreign(row, number) or self._unlike(row, number):
                continue
            self._take(row, number, How.CHECKSUM)

    def _by_source(self) -> None:
        """Pair equal sources, in order; those that occur more often on one side than the other wait for the gaps."""
        rows: dict[str, list[int]] = {}
        for row in self._open_rows():
            rows.setdefault(self._templates[row].text.normal, []).append(row)
        numbers: dict[str, list[int]] = {}
        for number in self._free:
            numbers.setdefault(self._parts[number].text.normal, []).append(number)
        for source, same in rows.items():
            equal = numbers.get(source, [])
            if source.strip() and len(same) == len(equal):
                for row, number in zip(same, equal, strict=True):
                    self._take(row, number, How.SOURCE)

    def _in_gaps(self, *, by_place: bool) -> None:
        """Align what is left between neighbours that are settled; without any, a place tells nothing."""
        how = How.PLACE if by_place else How.LIKENESS
        settled = list(_longest_chain(self._alternatives()))
        if by_place and not settled:
            return
        edges = [(-1, -1), *settled, (len(self._templates), len(self._parts))]
        for (row, number), (next_row, next_number) in pairwise(edges):
            rows = [r for r in range(row + 1, next_row) if not self._found[r]]
            numbers = [n for n in range(number + 1, next_number) if n in self._free]
            for pair in align(rows, numbers, self._comparer, by_place=by_place):
                self._take(*pair, how)

    def _anywhere(self) -> None:
        """Pair what was moved: what is much alike wherever it stands."""
        for row, number in strongest(self._open_rows(), list(self._free), self._comparer):
            self._take(row, number, How.LIKENESS)

    def _settle_doubtful(self) -> None:
        """Believe an id on an unlike cell after all, where neither has found a better partner."""
        for row, number in self._doubtful:
            if number in self._free and not self._found[row] and not self._parts[number].text.names:
                self._take(row, number, How.GRADE_ID)


def _longest_chain(pairs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The longest subsequence of pairs, given in order of the first, in which the second grows too.

    Alternatives for one first are given with the second falling, so that at most one of them is in it.
    """
    given = list(pairs)
    ends: list[int] = []
    last: list[int] = []
    before: list[int | None] = []
    for index, (_, second) in enumerate(given):
        length = bisect_left(ends, second)
        before.append(last[length - 1] if length else None)
        if length == len(ends):
            ends.append(second)
            last.append(index)
        else:
            ends[length], last[length] = second, index
    chain: list[tuple[int, int]] = []
    at = last[-1] if last else None
    while at is not None:
        chain.append(given[at])
        at = before[at]
    return reversed(chain)
