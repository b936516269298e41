"""Cells that had been merged, taken apart again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from grader.notebook.sources import Part, Text, definitions, normal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grader.notebook.templates import Template

_TELLING = 8
"""Characters below which a cell's text may well stand in another by chance."""


@dataclass(frozen=True)
class Block:
    """Some lines of a merged cell."""

    lines: tuple[str, ...]
    grade_id: str | None = None
    released: bool = False

    def begins(self, lines: Sequence[str], at: int) -> bool:
        """Whether these lines stand there."""
        return tuple(lines[at : at + len(self.lines)]) == self.lines


def take_apart(parts: Sequence[Part], templates: Sequence[Template]) -> tuple[Part, ...]:
    """The parts, those divided that hold the whole text of a cell which is nowhere else.

    Fixed cells are looked for everywhere; the instructor's other cells only where an answer may have been swallowed.
    The metadata stay with the part that is the text of the cell that they name, else with the first that is none.
    """
    parts = [piece for part in parts for piece in _task_and_answer(part, templates)]
    present = {part.text.normal for part in parts}
    named = {part.meta.grade_id for part in parts if part.meta}
    complete = all(template.grade_id in named for template in templates if template.answer)
    missing: dict[str, list[Block]] = {}
    for template in templates:
        text = template.text.normal
        sought = template.fixed or not (template.answer or complete)
        if sought and len(text.strip()) >= _TELLING and text not in present:
            block = Block(tuple(text.split("\n")), template.grade_id, released=True)
            missing.setdefault(block.lines[0], []).append(block)
    found: set[Block] = set()
    return tuple(
        piece
        for part in parts
        for piece in ((part,) if complete and _owns(part, missing) else _pieces(part, missing, found))
    )


def _task_and_answer(part: Part, templates: Sequence[Template]) -> tuple[Part, ...]:
    """A task's cell, and below it what its student wrote into it: a person grades what stands below a task."""
    template = next((t for t in templates if t.task and part.meta and t.grade_id == part.meta.grade_id), None)
    if template is None or part.text.blank or part.text.normal in template.originals:
        return (part,)
    written = part.text.normal.replace(template.text.normal, "", 1)
    return (
        Part(part.index, part.cell, template.text.source),
        Part(part.index, part.cell, normal(written), named=False),
    )


def _owns(part: Part, missing: Mapping[str, Sequence[Block]]) -> bool:
    """Whether a part bears the id of a missing cell: no other cell was merged into it, it was changed."""
    own_id = part.meta.grade_id if part.meta else None
    return own_id is not None and any(block.grade_id == own_id for blocks in missing.values() for block in blocks)


def _pieces(part: Part, missing: Mapping[str, Sequence[Block]], found: set[Block]) -> Iterator[Part]:
    """One part divided at the missing texts in it, which are found with that."""
    if part.text.lines.isdisjoint(line.strip() for line in missing):
        return iter((part,))
    lines = part.text.normal.split("\n")
    pieces: list[Block] = []
    start = at = 0
    while at < len(lines):
        hit = next(
            (block for block in missing.get(lines[at], ()) if block not in found and block.begins(lines, at)), None
        )
        if hit is None:
            at += 1
            continue
        found.add(hit)
        pieces += [Block(tuple(lines[start:at])), hit]
        start = at = at + len(hit.lines)
    if not pieces:
        return iter((part,))
    pieces.append(Block(tuple(lines[start:])))
    return _named_pieces(part, [piece for piece in pieces if "".join(piece.lines).strip()])


def _named_pieces(part: Part, pieces: Sequence[Block]) -> Iterator[Part]:
    own_id = part.meta.grade_id if part.meta else None
    bearer = next((n for n, piece in enumerate(pieces) if own_id and piece.grade_id == own_id), None)
    if bearer is None:
        bearer = next((n for n, piece in enumerate(pieces) if not piece.released), 0)
    for number, piece in enumerate(pieces):
        source = normal("\n".join(piece.lines))
        yield Part(part.index, part.cell, source, named=number == bearer and part.named)


def split_at_definitions(part: Part, wanted: frozenset[str], others: frozenset[str]) -> tuple[Part, ...]:
    """The part divided where it begins to define one of the wanted names, and again where it turns to others."""
    lines = part.text.normal.split("\n")
    cuts: list[int] = []
    inside: bool | None = None
    for number, line in enumerate(lines):
        names = definitions(line)
        if names & wanted and inside is not True:
            inside = True
            cuts.append(_with_decorators(lines, number))
        elif names & others and inside is not False:
            if inside is True:
                cuts.append(_with_decorators(lines, number))
            inside = False
    edges = [0, *(cut for cut in cuts if cut > 0), len(lines)]
    pieces = ["\n".join(lines[a:b]) for a, b in pairwise(edges)]
    pieces = [piece for piece in pieces if piece.strip()]
    if len(pieces) < 2:
        return (part,)
    bearer = next((n for n, piece in enumerate(pieces) if not Text(piece).names & wanted), 0)
    return tuple(
        Part(part.index, part.cell, normal(piece), named=number == bearer and part.named)
        for number, piece in enumerate(pieces)
    )


def _with_decorators(lines: Sequence[str], number: int) -> int:
    """Where a definition begins, with the decorators and comments right above it."""
    while number > 0 and lines[number - 1].startswith(("@", "#")):
        number -= 1
    return number
