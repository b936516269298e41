"""Cells that had been merged, taken apart again."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from grader.notebook.sources import Part, Text, definitions, normal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grader.notebook.templates import Template

_TELLING = 8
"""Characters below which a cell's text may well stand in another by chance."""


def take_apart(parts: Sequence[Part], templates: Sequence[Template]) -> tuple[Part, ...]:
    """The parts, those divided that hold the whole text of a fixed cell which is nowhere else.

    The metadata stay with the part that is the text of the cell that they name, else with the first that is none.
    """
    present = {part.text.normal for part in parts}
    missing: dict[str, list[tuple[tuple[str, ...], str | None]]] = {}
    for template in templates:
        text = template.text.normal
        if template.fixed and len(text.strip()) >= _TELLING and text not in present:
            lines = tuple(text.split("\n"))
            missing.setdefault(lines[0], []).append((lines, template.grade_id))
    found: set[tuple[str, ...]] = set()
    return tuple(piece for part in parts for piece in _pieces(part, missing, found)) if missing else tuple(parts)


def _pieces(
    part: Part, missing: Mapping[str, list[tuple[tuple[str, ...], str | None]]], found: set[tuple[str, ...]]
) -> Iterator[Part]:
    """One part divided at the missing texts in it."""
    lines = part.text.normal.split("\n")
    sources: list[tuple[str, str | None, bool]] = []
    start = at = 0
    while at < len(lines):
        hit = next(
            (
                (block, grade_id)
                for block, grade_id in missing.get(lines[at], ())
                if block not in found and tuple(lines[at : at + len(block)]) == block
            ),
            None,
        )
        if hit is None:
            at += 1
            continue
        block, grade_id = hit
        found.add(block)
        sources += [("\n".join(lines[start:at]), None, False), ("\n".join(block), grade_id, True)]
        start = at = at + len(block)
    if not sources:
        yield part
        return
    sources.append(("\n".join(lines[start:]), None, False))
    yield from _named_pieces(part, [piece for piece in sources if piece[0].strip()])


def _named_pieces(part: Part, sources: Sequence[tuple[str, str | None, bool]]) -> Iterator[Part]:
    own_id = part.meta.grade_id if part.meta else None
    bearer = next(
        (n for n, (_, grade_id, block) in enumerate(sources) if block and grade_id == own_id and own_id), None
    )
    if bearer is None:
        bearer = next((n for n, (_, _, block) in enumerate(sources) if not block), 0)
    for number, (source, _, _) in enumerate(sources):
        yield Part(part.index, part.cell, normal(source), named=number == bearer and part.named)


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
