"""Bytes to a notebook of nbformat 4.5 and back: whatever wrote the file, it is read if there is a way."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, cast

from grader.errors import NotebookError
from grader.notebook.shape import Notes, encodable, shaped_cells, shaped_metadata, tamed
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.model import Notebook, Repair

MAX_BYTES = 64 * 1024 * 1024
"""Of a file: what a real notebook with many pictures stays well below."""
MAX_CELLS = 5_000
MAX_CONTAINERS = 300_000
MAX_VALUES = 2_000_000
"""Of a file: `[[],[],` and `{"a":0,"b":0,` take many times their size in memory, and this bounds it to some 500 MB."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OTHER_FILES = (
    (b"PK\x03\x04", "a zip archive"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a picture"),
    (b"SQLite format 3", "a database"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
)
_UTF8_PAIR = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""One that never ends goes to the end of the text: else each quotation mark in it would be tried as a beginning."""
_CONFLICT = re.compile(r"^<{7}(?: |$)", re.MULTILINE)
_DECISIVE = frozenset({"cells", "worksheets", "cell_type", "source", "input", "metadata", "nbgrader", "grade_id"})
"""Fields of which a file cannot hold two versions: nobody could tell which was meant."""
_LONGEST_NUMBER = 300
"""Digits: a longer whole number is no number that a notebook needs."""


@dataclass(frozen=True, slots=True)
class ReadNotebook:
    """A notebook of nbformat 4.5, and what had to be repaired to read it."""

    notebook: Notebook
    repairs: tuple[Repair, ...] = ()


def read(data: bytes, name: str, *, max_bytes: int = MAX_BYTES) -> ReadNotebook:
    """Read a notebook of nbformat 2 to 4.5 and beyond, in any encoding, mended where it can be.

    What cannot be read raises `NotebookError` with the reason and, where there is one, the line. Time and memory are
    bounded by the limits above; the same bytes give the same notebook, ids included.
    """
    from grader.notebook.formats import from_dict

    shown = escape(name)
    if len(data) > max_bytes:
        _reject(shown, f"it has {len(data):,} bytes, more than the {max_bytes:,} that are read; clear its outputs")
    notes = Notes()
    text = _text(data, shown, notes)
    document = tamed(_document(text, shown, notes), notes)
    cells, metadata = _parts(document, shown, notes)
    if len(cells) > MAX_CELLS:
        _reject(shown, f"it has {len(cells):,} cells, more than the {MAX_CELLS:,} that are read")
    plain = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": shaped_metadata(metadata),
        "cells": shaped_cells(cells, notes),
    }
    notebook = cast("Notebook", from_dict(plain))  # type: ignore[no-untyped-call]  # nbformat has no types
    return ReadNotebook(notebook, notes.repairs())


def dump(notebook: Notebook) -> str:
    """The notebook as nbformat writes it, in one canonical form: same notebook, same text, always encodable."""
    from grader.notebook.formats import split_lines, writes_json
    from grader.notebook.metadata import thaw

    # `thaw` made a copy already; nbformat would make another one before it splits the lines
    return encodable(writes_json(split_lines(thaw(notebook)), split_lines=False) + "\n")  # type: ignore[no-untyped-call]  # nbformat has no types


def _reject(name: str, reason: str) -> NoReturn:
    raise NotebookError(f"{name}: {reason}")


def _text(data: bytes, name: str, notes: Notes) -> str:
    """The file's text, whatever its encoding."""
    start = data[:64].lstrip().lower()
    if not data.strip(b"\0 \t\r\n"):
        _reject(name, "the file is empty; hand in the notebook again")
    for magic, kind in _OTHER_FILES:
        if start.startswith(magic.lower()):
            _reject(name, f"this is {kind}, not a notebook; hand in the .ipynb file itself")
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(encoding, "replace")
    if data[1:2] == b"\0" or data[:1] == b"\0":
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        notes.add("encoding", "The file is not in UTF-8, as notebooks are; some characters may have changed.")
        return data.decode("utf-8", "replace") if _UTF8_PAIR.search(data) else data.decode("cp1252", "replace")


def _document(text: str, name: str, notes: Notes) -> Any:
    """The JSON value that the text stands for; of an unresolved merge, the side that is one."""
    if _holds_too_much(text) and _holds_too_much(_STRING.sub("", text)):
        _reject(name, "it holds more values than any real notebook; clear its outputs")
    try:
        return _parsed(text, name, notes)
    except json.JSONDecodeError as error:
        conflict = _CONFLICT.search(text)
        if conflict is None:
            return _first_value(text, name, notes, error)
        line = text.count("\n", 0, conflict.start()) + 1
    for side in _sides(text):
        try:
            document = _parsed(side, name, notes)
        except json.JSONDecodeError:
            continue
        sentence = (
            f"The file holds an unresolved merge of two versions (line {line}); the first one that is whole was read."
        )
        notes.add("merge-conflict", sentence)
        return document
    return _reject(name, f"line {line}: an unresolved merge of two versions; resolve it and hand in the notebook again")


def _holds_too_much(text: str) -> bool:
    return text.count("{") + text.count("[") > MAX_CONTAINERS or text.count(",") > MAX_VALUES


def _parsed(text: str, name: str, notes: Notes) -> Any:
    """The JSON value of the whole text; lenient about control characters, strict about a notebook with two meanings."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            for key, value in pairs:
                if key in _DECISIVE and value != found[key]:
                    _reject(name, f"it gives {key!r} twice, and differently; save it in Jupyter and hand it in again")
            notes.add("duplicate-key", "The file gives some fields twice; the last of them counts, as in Jupyter.")
        return found

    def whole(digits: str) -> int | None:
        return int(digits) if len(digits) <= _LONGEST_NUMBER else None

    try:
        return json.loads(text, strict=False, object_pairs_hook=unique, parse_int=whole)
    except RecursionError as error:
        raise json.JSONDecodeError("nested too deeply to be a notebook", text, 0) from error


def _first_value(text: str, name: str, notes: Notes, error: json.JSONDecodeError) -> Any:
    """The value that the text begins with, where something follows it; else the reason why it is none."""
    if error.msg == "Extra data" and (value := _parsed(text[: error.pos], name, notes)) and isinstance(value, dict):
        notes.add("extra-data", "After the notebook's end the file goes on; what follows was left out.")
        return value
    _reject(name, f"line {error.lineno}, column {error.colno}: not JSON: {escape(error.msg)}; save it in Jupyter again")


def _sides(text: str) -> Iterator[str]:
    """Both versions of a text with Git's conflict markers, one's own first."""
    for wanted in ("ours", "theirs"):
        kept: list[str] = []
        side = "both"
        for line in text.split("\n"):
            if line.startswith("<<<<<<<"):
                side = "ours"
            elif line.startswith("|||||||") and side == "ours":
                side = "base"
            elif line.startswith("=======") and side in ("ours", "base"):
                side = "theirs"
            elif line.startswith(">>>>>>>") and side == "theirs":
                side = "both"
            elif side in ("both", wanted):
                kept.append(line)
        yield "\n".join(kept)


def _parts(document: Any, name: str, notes: Notes) -> tuple[list[Any], Any]:
    """The cells and the metadata of whatever JSON this is."""
    if isinstance(document, dict) and isinstance(document.get("content"), dict) and "cells" not in document:
        notes.add("wrapped", "The notebook was wrapped in another document, as a server sends it; it was unwrapped.")
        document = document["content"]
    if (
        isinstance(document, list)
        and document
        and all(isinstance(cell, dict) and "cell_type" in cell for cell in document)
    ):
        notes.add("only-cells", "The file is a bare list of cells; it was read as a notebook.")
        return document, {}
    if not isinstance(document, dict):
        _reject(name, "it is JSON, but no notebook; hand in the .ipynb file itself")
    if isinstance(document.get("cells"), list):
        return document["cells"], document.get("metadata")
    if isinstance(document.get("worksheets"), list):
        sheets = [sheet["cells"] for sheet in document["worksheets"] if isinstance(sheet, dict) and "cells" in sheet]
        return [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet], document.get("metadata")
    return _reject(name, "it is JSON, but no notebook: it has no list of cells; hand in the .ipynb file itself")
