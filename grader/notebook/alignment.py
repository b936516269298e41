"""Pairing cells by how alike they are, in order, within bounded work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.notebook.sources import likeness

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from grader.notebook.sources import Part
    from grader.notebook.templates import Template

_COMPARISONS = 20_000
"""Comparisons letter by letter in one notebook; beyond them only lines and names count."""
_GAP = 2_500
"""Pairs within one gap that are weighed against each other; a longer gap is matched by strength alone."""
_ALIKE = 0.5
_ALIKE_FAR = 0.65
_BY_PLACE = 0.1


class Comparer:
    """How alike each part and each of the instructor's cells are, remembered."""

    def __init__(self, parts: Sequence[Part], templates: Sequence[Template]) -> None:
        self.parts = parts
        self.templates = templates
        self._ids = {template.grade_id for template in templates}
        self._given = {template.text.normal for template in templates if not template.answer}
        self._known: dict[tuple[int, int], float] = {}

    def likeness(self, row: int, number: int) -> float:
        """How alike they are by their text, from 0 to 1."""
        key = (row, number)
        if key not in self._known:
            template, text = self.templates[row], self.parts[number].text
            if len(self._known) < _COMPARISONS:
                self._known[key] = likeness(template.text, template.distinctive, text)
            else:
                shared = len(template.distinctive & text.lines)
                return shared / len(template.distinctive) if shared else 0.0
        return self._known[key]

    def strength(self, row: int, number: int, least: float) -> float:
        """How surely they are the same cell; 0 where they are not alike enough."""
        template, part = self.templates[row], self.parts[number]
        alike = self.likeness(row, number)
        if template.answer and template.text.names:
            common = template.text.names & part.text.names
            return 1 + alike if common else 0.0
        if template.fixed:
            least = max(least, 0.6)
        return alike if alike >= least and not part.text.blank else 0.0

    def placed(self, row: int, number: int) -> float:
        """How well a part would do as the answer that is missing where it stands; 0 where it would not."""
        template, part = self.templates[row], self.parts[number]
        if not template.answer or template.text.names or part.text.blank or self._another(part):
            return 0.0
        if part.kind != template.kind and part.whole and not template.manual:
            return 0.0
        if any(t.fixed and self.likeness(t.index, number) >= 0.6 for t in self._near(row)):
            return 0.0
        return (_BY_PLACE if part.kind == template.kind else _BY_PLACE / 5) + min(len(part.text.normal), 10_000) * 1e-6

    def _another(self, part: Part) -> bool:
        """Whether it is, or bears the metadata of, some other cell; an older release may have called it anything."""
        if part.text.normal in self._given:
            return True
        return part.meta is not None and (part.meta.grade_id in self._ids or not part.meta.solution)

    def _near(self, row: int) -> Sequence[Template]:
        return self.templates[max(0, row - 5) : row + 6]


def align(
    rows: Sequence[int], numbers: Sequence[int], comparer: Comparer, *, by_place: bool
) -> Iterator[tuple[int, int]]:
    """The pairs, in order on both sides, that are most alike in sum."""
    if not rows or not numbers or len(rows) * len(numbers) > _GAP:
        return iter(())
    weigh = comparer.placed if by_place else lambda row, number: comparer.strength(row, number, _ALIKE)
    weights = [[weigh(row, number) for number in numbers] for row in rows]
    best = [[0.0] * (len(numbers) + 1) for _ in range(len(rows) + 1)]
    for i in range(len(rows) - 1, -1, -1):
        for j in range(len(numbers) - 1, -1, -1):
            taken = weights[i][j] + best[i + 1][j + 1] if weights[i][j] else 0.0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], taken)
    return _walk(rows, numbers, weights, best)


def _walk(
    rows: Sequence[int], numbers: Sequence[int], weights: Sequence[Sequence[float]], best: Sequence[Sequence[float]]
) -> Iterator[tuple[int, int]]:
    i = j = 0
    while i < len(rows) and j < len(numbers):
        if weights[i][j] and best[i][j] == weights[i][j] + best[i + 1][j + 1]:
            yield rows[i], numbers[j]
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1


def strongest(rows: Iterable[int], numbers: Sequence[int], comparer: Comparer) -> Iterator[tuple[int, int]]:
    """The most alike pairs wherever they stand, each cell once; only cells that share a line or a name are compared."""
    by_line: dict[str, list[int]] = {}
    by_name: dict[str, list[int]] = {}
    for row in rows:
        template = comparer.templates[row]
        for line in template.distinctive:
            by_line.setdefault(line, []).append(row)
        for name in template.text.names if template.answer else ():
            by_name.setdefault(name, []).append(row)
    weighed: list[tuple[float, int, int]] = []
    for number in numbers:
        text = comparer.parts[number].text
        near = {row for line in text.lines for row in by_line.get(line, ())}
        near |= {row for name in text.names for row in by_name.get(name, ())}
        weighed += [
            (-strength, row, number) for row in near if (strength := comparer.strength(row, number, _ALIKE_FAR))
        ]
    taken_rows: set[int] = set()
    taken_numbers: set[int] = set()
    for _, row, number in sorted(weighed):
        if row not in taken_rows and number not in taken_numbers:
            taken_rows.add(row)
            taken_numbers.add(number)
            yield row, number
