"""Bytes of a CSV, a tab-separated file or a spreadsheet, read into rows of text."""

from __future__ import annotations

import codecs
import csv
import io
import lzma
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from grader.errors import ScoresError
from grader.text import escape

MOST_BYTES = 64 * 1024 * 1024
MOST_UNPACKED = 256 * 1024 * 1024
MOST_ROWS = 200_000
MOST_COLUMNS = 2_000
MOST_CELLS = 5_000_000
_MOST_GIVEN = 50_000_000
"""Cells of a workbook's sheet, empty ones and all."""
LONGEST_TITLE = 1_000
_ZIP = b"PK\x03\x04"
_DELIMITERS = (",", ";", "\t")
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ArithmeticError, LookupError, MemoryError,
    NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip
"""What the standard library and openpyxl raise on archives and workbooks that are none."""


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
    """Read any table that people send: UTF-8 or UTF-16; commas, semicolons or tabs; a workbook; a zip with one table.

    Raises `ScoresError` with what is wrong with the file.
    """
    name = escape(filename)
    if len(data) > MOST_BYTES:
        raise ScoresError(f"{name}: is larger than {MOST_BYTES // 2**20} MB, which no table of scores is")
    if data.startswith(_ZIP):
        return _zipped(data, filename)
    text, notes = _decoded(data)
    try:
        delimiter = _delimiter(text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = _rows(([cell.strip() for cell in cells] for cells in reader), name)
    except csv.Error as error:
        raise ScoresError(f"{name}: is no table: {escape(error)}; save it as CSV (UTF-8) again") from None
    return _checked(Table(rows, delimiter, notes), name)


def _rows(lines: Iterable[Sequence[str]], name: str) -> tuple[Row, ...]:
    """The rows that hold something, no further than a table of scores goes."""
    rows: list[Row] = []
    cells = 0
    for number, line in enumerate(lines, 1):
        if not any(line):
            continue
        cells += len(line)
        if len(rows) == MOST_ROWS:
            raise ScoresError(f"{name}: has more than {MOST_ROWS:,} rows, which no table of scores has")
        if len(line) > MOST_COLUMNS or cells > MOST_CELLS:
            raise ScoresError(f"{name}: row {number}: has more cells than any table of scores; delete the empty ones")
        rows.append(Row(number, tuple(line)))
    return tuple(rows)


def _checked(table: Table, name: str) -> Table:
    if not table.rows:
        raise ScoresError(f"{name}: is empty")
    if any(len(title) > LONGEST_TITLE for title in table.titles):
        raise ScoresError(
            f"{name}: a title has more than {LONGEST_TITLE:,} characters; is its first row that of titles?"
        )
    return table


def _zipped(data: bytes, filename: str) -> Table:
    """A workbook is a zip, and so is the download of a leaderboard: with one table in it."""
    name = escape(filename)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = archive.infolist()
            if sum(member.file_size for member in inside) > MOST_UNPACKED:
                raise ScoresError(
                    f"{name}: unpacks to more than {MOST_UNPACKED // 2**20} MB; that is no table of scores"
                )
            if any(member.filename == "xl/workbook.xml" for member in inside):
                return _checked(_workbook(data, name), name)
            tables = [m for m in inside if _is_table(m.filename)]
            if len(tables) != 1:
                raise ScoresError(f"{name}: holds {len(tables)} tables, not one; unpack it and name the file")
            content = archive.read(tables[0])
            if content.startswith(_ZIP):
                raise ScoresError(f"{name}: holds another archive; unpack it and name the file")
            return read_table(content, tables[0].filename)
    except _DAMAGED as error:
        raise ScoresError(f"{name}: cannot be unpacked: {escape(error)}") from None


def _is_table(name: str) -> bool:
    return name.lower().endswith((".csv", ".tsv", ".txt")) and "__MACOSX" not in name


def _workbook(data: bytes, name: str) -> Table:
    """The first sheet that holds something; formulas count as what they were when the file was saved."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what openpyxl leaves out of a workbook is no score
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            sheets = [_rows(_lines(sheet, name), name) for sheet in book.worksheets]
    except (InvalidFileException, SyntaxError, TypeError, AttributeError, *_DAMAGED) as error:
        raise ScoresError(f"{name}: the workbook cannot be read: {escape(error)}; save it as CSV (UTF-8)") from None
    filled = [rows for rows in sheets if rows]
    notes = ("the workbook has several sheets; the first was read",) if len(filled) > 1 else ()
    return Table(filled[0] if filled else (), "\t", notes)


def _lines(sheet: Any, name: str) -> Iterator[list[str]]:
    """The rows of a sheet without the blank cells at their ends: openpyxl gives those that are formatted, too."""
    given = 0
    for values in sheet.iter_rows(values_only=True):
        given += len(values) + 1
        if given > _MOST_GIVEN:
            raise ScoresError(f"{name}: has more rows and columns than any table of scores; delete the empty ones")
        end = next((place for place in range(len(values), 0, -1) if values[place - 1] is not None), 0)
        yield [_cell(value) for value in values[:end]]


def _cell(value: object) -> str:
    """A cell as text: 5.0 is 5, for a workbook knows no whole numbers."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


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
