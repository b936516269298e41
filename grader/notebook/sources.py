"""What a cell's source has in common with another's, apart from what editors change without asking."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from grader.notebook.metadata import CellMeta, meta_of, source_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMPARED = 4_000
"""Characters of a source that enter a comparison letter by letter; what follows counts by whole lines only."""

_DEFINITION = re.compile(
    r"^(?:(?:async[ \t]+)?(?:def|class|function)[ \t]+([^\W\d]\w*)"
    r"|([^\W\d]\w*)[ \t]*(?:<-|=)[ \t]*(?:function\b|lambda\b))",
    re.MULTILINE,
)
"""A function or class that a line without indentation defines, in Python, Julia or R."""


def normal(source: str) -> str:
    """The source without what editors change: line endings, blanks at line ends, blank lines around it."""
    lines = [line.rstrip() for line in source.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return "\n".join(lines).strip("\n")


def definitions(source: str) -> frozenset[str]:
    """Names of the functions and classes that the source defines at its top level."""
    return frozenset(found[1] or found[2] for found in _DEFINITION.finditer(source))


class Text:
    """One source, with what comparisons need of it, worked out once and only when asked for."""

    def __init__(self, source: str) -> None:
        self.source = source

    @cached_property
    def normal(self) -> str:
        """The source as `normal` has it."""
        return normal(self.source)

    @cached_property
    def lines(self) -> frozenset[str]:
        """Its lines without indentation, blank ones left out."""
        return frozenset(stripped for line in self.normal.split("\n") if (stripped := line.strip()))

    @cached_property
    def names(self) -> frozenset[str]:
        """What it defines at its top level."""
        return definitions(self.normal)

    @property
    def blank(self) -> bool:
        """Whether nothing is in it."""
        return not self.normal.strip()


class Part:
    """A cell as it was handed in, or one part of a cell into which several had been merged."""

    def __init__(self, index: int, cell: Mapping[str, Any], source: str | None = None, *, named: bool = True) -> None:
        self.index = index
        self.cell = cell
        self.text = Text(source_of(cell) if source is None else source)
        self.whole = source is None
        self.meta: CellMeta | None = meta_of(cell) if named else None
        self.named = named

    @property
    def kind(self) -> str:
        """The type of its cell."""
        return str(self.cell.get("cell_type"))

    @property
    def raw_meta(self) -> object:
        """Nbgrader's metadata as it came, whatever it is; None where there is none."""
        metadata = self.cell.get("metadata") if self.named else None
        return metadata.get("nbgrader") if isinstance(metadata, dict) else None


def likeness(released: Text, distinctive: frozenset[str], other: Text) -> float:
    """How much of a released source is in another: 0 nothing, 1 all of it.

    Either letter by letter, or by the released cell's lines that no other released cell has: an answer often
    keeps all of its stub and adds ten times as much.
    """
    from rapidfuzz import fuzz

    if released.normal == other.normal:
        return 1.0
    by_letters = fuzz.ratio(released.normal[:_COMPARED], other.normal[:_COMPARED]) / 100
    by_lines = len(distinctive & other.lines) / len(distinctive) if distinctive else 0.0
    return max(by_letters, 0.95 * by_lines)
