"""Two answers side by side: line by line, and word by word where a line is another; values, no markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

_MOST_LINES = 300
_LONGEST_LINE = 4000
_MOST_PAIRS = 40_000
_MOST_COMPARED = 80
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a line, and whether the other side has it, too."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A line of each side; None where a side has none."""

    left: tuple[Piece, ...] | None
    right: tuple[Piece, ...] | None

    @property
    def same(self) -> bool:
        """Whether both sides say the same here."""
        return self.left == self.right


@dataclass(frozen=True, slots=True)
class Differences:
    """Two texts side by side."""

    rows: tuple[Row, ...]
    left_out: int
    """Lines beyond what a person would compare."""


def side_by_side(one: str, other: str) -> Differences:
    """Two texts, line beside line; bounded, however long they are."""
    left, right = one.splitlines(), other.splitlines()
    left_out = max(0, len(left) - _MOST_LINES, len(right) - _MOST_LINES)
    return Differences(tuple(_rows(_cut(left), _cut(right))), left_out)


def line_by_line(lines: Sequence[tuple[str, str]]) -> Differences:
    """Lines that are the same, gone or new, beside each other as they stand: for what is too long to be compared."""
    shown = lines[:_MOST_LINES]
    rows = (
        Row(_whole(text) if kind == "gone" else None, _whole(text) if kind == "new" else None)
        if kind != "same"
        else Row((Piece(text),), (Piece(text),))
        for kind, text in shown
    )
    return Differences(tuple(rows), len(lines) - len(shown))


def _cut(lines: Sequence[str]) -> list[str]:
    return [line[:_LONGEST_LINE] for line in lines[:_MOST_LINES]]


def _rows(left: Sequence[str], right: Sequence[str]) -> Iterator[Row]:
    compared = 0
    for kind, start, end, begin, stop in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from (Row((Piece(line),), (Piece(line),)) for line in left[start:end])
            continue
        for one, other in zip_longest(left[start:end], right[begin:stop]):
            compared += 1
            yield _row(one, other) if compared <= _MOST_COMPARED else Row(_whole(one), _whole(other))


def _row(one: str | None, other: str | None) -> Row:
    if one is None or other is None:
        return Row(_whole(one), _whole(other))
    words, others = _WORDS.findall(one), _WORDS.findall(other)
    if len(words) * len(others) > _MOST_PAIRS:
        return Row(_whole(one), _whole(other))
    codes = SequenceMatcher(None, words, others, autojunk=False).get_opcodes()
    left = (Piece("".join(words[start:end]), kind != "equal") for kind, start, end, _, _ in codes if start < end)
    right = (Piece("".join(others[start:end]), kind != "equal") for kind, _, _, start, end in codes if start < end)
    return Row(tuple(left), tuple(right))


def _whole(line: str | None) -> tuple[Piece, ...] | None:
    return None if line is None else (Piece(line, changed=True),)
