"""Bytes of a CSV, a tab-separated file or a spreadsheet, read into rows of text."""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
import zlib
from dataclasses import dataclass

from grader.errors import ScoresError
from grader.text import escape

MOST_BYTES = 64 * 1024 * 1024
MOST_UNPACKED = 256 * 1024 * 1024
MOST_ROWS = 200_000
_ZIP = b"PK\x03\x04"
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
    """Read any table that people send: UTF-8 or UTF-16; commas, semicolons or tabs; a workbook; a zip with one table.

    Raises `ScoresError` with what is wrong with the file.
    """
    name = escape(filename)
    if len(data) > MOST_BYTES:
        raise ScoresError(f"{name}: is larger than {MOST_BYTES // 2**20} MB, which no table of scores is")
    if data.startswith(_ZIP):
        return _zipped(data, filename)
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
    return _checked(Table(rows, delimiter, notes), name)


def _checked(table: Table, name: str) -> Table:
    if not table.rows:
        raise ScoresError(f"{name}: is empty")
    if len(table.rows) > MOST_ROWS:
        raise ScoresError(f"{name}: has more than {MOST_ROWS} rows, which no table of scores has")
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
                return _checked(_workbook(data), name)
            tables = [m for m in inside if _is_table(m.filename)]
            if len(tables) != 1:
                raise ScoresError(f"{name}: holds {len(tables)} tables, not one; unpack it and name the file")
            content = archive.read(tables[0])
            if content.startswith(_ZIP):
                raise ScoresError(f"{name}: holds another archive; unpack it and name the file")
            return read_table(content, tables[0].filename)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError) as error:
        raise ScoresError(f"{name}: cannot be unpacked: {escape(error)}") from None


def _is_table(name: str) -> bool:
    return name.lower().endswith((".csv", ".tsv", ".txt")) and "__MACOSX" not in name


def _workbook(data: bytes) -> Table:
    """The first sheet that holds something; formulas count as what they were when the file was saved."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheets = [
            tuple(
                Row(number, cells)
                for number, values in enumerate(sheet.iter_rows(values_only=True, max_row=MOST_ROWS + 1), 1)
                if any(cells := tuple(_cell(value) for value in values))
            )
            for sheet in book.worksheets
        ]
    except (InvalidFileException, KeyError, ValueError, SyntaxError, TypeError, AttributeError) as error:
        raise ScoresError(f"the workbook cannot be read: {escape(error)}; save it as CSV (UTF-8)") from None
    filled = [rows for rows in sheets if rows]
    notes = ("the workbook has several sheets; the first was read",) if len(filled) > 1 else ()
    return Table(filled[0] if filled else (), "\t", notes)


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
