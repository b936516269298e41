"""Where a table holds what: the common language of all systems' exports."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from grader.errors import ScoresError
from grader.gradebook.formats.cells import unsafe
from grader.gradebook.formats.table import Row, Table
from grader.gradebook.scores import Item
from grader.text import escape

_MOST_NAMED = 30


@dataclass(frozen=True, slots=True)
class ScoreColumn:
    """One column of scores, and what stands beside it."""

    title: str
    """As people call it, without ids and points."""
    place: int
    full_title: str
    points: str = ""
    """The maximum, where the title or a row on top says so."""
    max_place: int | None = None
    late_place: int | None = None
    submitted_place: int | None = None
    status_place: int | None = None
    comment_place: int | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """One system's table."""

    format: str
    keys: tuple[tuple[str, int], ...]
    """What may name a student: the kind of name, and its column."""
    scores: tuple[ScoreColumn, ...]
    aside: Callable[[Row], str | None] = lambda _: None
    """Why a row is about no student, in words; None for a student's row."""
    names: tuple[int, int] | None = None
    """Columns of the first and the last name."""

    def students(self, table: Table) -> Iterable[Row]:
        """Return the rows that are about students."""
        return (row for row in table.rows[1:] if self.aside(row) is None)

    def keys_of(self, row: Row) -> tuple[tuple[str, str], ...]:
        """Return what names the student of a row."""
        found = tuple((kind, cell(row, place)) for kind, place in self.keys)
        if self.names is None:
            return found
        return (*found, ("name", " ".join(cell(row, place) for place in self.names)))


def cell(row: Row, place: int | None) -> str:
    """Return a cell; rows may be shorter than the titles."""
    return row.cells[place] if place is not None and place < len(row.cells) else ""


def folded(titles: Iterable[str]) -> list[str]:
    """Return titles as they are compared: case and an apostrophe against formulas aside."""
    return [unsafe(title).casefold() for title in titles]


def place_of(titles: Sequence[str], *wanted: str) -> int | None:
    """Return the first column with one of these titles (in lower case)."""
    return next((titles.index(title) for title in wanted if title in titles), None)


def placed(pairs: Mapping[str, int | None] | Iterable[tuple[str, int | None]]) -> tuple[tuple[str, int], ...]:
    """Keep the kinds of name that have a column."""
    entries = pairs.items() if isinstance(pairs, Mapping) else pairs
    return tuple((kind, place) for kind, place in entries if place is not None)


def choose(layout: Layout, item: Item, wanted: str | None, filename: str) -> ScoreColumn:
    """Return the column that is meant: the one that is named, else the item's own, else the only one."""
    names = {_letters(wanted)} if wanted else {_letters(item.name), _letters(item.title)} - {""}
    found = [column for column in layout.scores if {_letters(column.title), _letters(column.full_title)} & names]
    if len(found) == 1:
        return found[0]
    if not wanted and len(layout.scores) == 1:
        return layout.scores[0]
    titles = ", ".join(escape(column.title, 60) for column in layout.scores[:_MOST_NAMED]) or "none"
    titles += ", …" if len(layout.scores) > _MOST_NAMED else ""
    asked = f'"{escape(wanted)}"' if wanted else item.name
    several = "more than one column" if found else "no column"
    raise ScoresError(f"{escape(filename)}: {several} for {asked}; name one of: {titles}")


def _letters(title: str) -> str:
    return re.sub(r"[\W_]+", "", unsafe(title)).casefold()
