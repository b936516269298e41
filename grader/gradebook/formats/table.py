"""Bytes of a CSV, a tab-separated file or a spreadsheet, read into rows of text."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass

from grader.errors import ScoresError
from grader.text import escape

MOST_BYTES = 64 * 1024 * 1024
MOST_ROWS = 200_000
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class Row:
    """One row that holds something."""

    number: int
    """As a spreadsheet counts, from 1."""
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file, titles first."""

    rows: tuple[Row, ...]
    delimiter: str = ","
    notes: tuple[str, ...] = ()

    @property
    def titles(self) -> tuple[str, ...]:
        """The first row that holds something."""
        return self.rows[0].cells if self.rows else ()


def read_table(data: bytes, filename: str) -> Table:
    """Read any table that people send: UTF-8 or UTF-16, with commas, semicolons or tabs.

    Raises `ScoresError` with what is wrong with the file.
    """
    name = escape(filename)
    if len(data) > MOST_BYTES:
        raise ScoresError(f"{name}: is larger than {MOST_BYTES // 2**20} MB, which no table of scores is")
    text, notes = _decoded(data)
    delimiter = _delimiter(text)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = tuple(
            Row(number, tuple(cell.strip() for cell in cells))
            for number, cells in enumerate(reader, 1)
            if any(cell.strip() for cell in cells)
        )
    except csv.Error as error:
        raise ScoresError(f"{name}: is no table: {error}; save it as CSV (UTF-8) again") from None
    if not rows:
        raise ScoresError(f"{name}: is empty")
    if len(rows) > MOST_ROWS:
        raise ScoresError(f"{name}: has more than {MOST_ROWS} rows, which no table of scores has")
    return Table(rows, delimiter, notes)


def _decoded(data: bytes) -> tuple[str, tuple[str, ...]]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace"), ()
    if data[1:2] == b"\0":
        return data.decode("utf-16-le", errors="replace"), ()
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace"), ("the file is not UTF-8; it was read as Windows-1252",)


def _delimiter(text: str) -> str:
    """The delimiter is the one that gives the first line the most cells."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(_DELIMITERS, key=lambda delimiter: len(next(csv.reader([first], delimiter=delimiter), [])))
