"""Single cells of a table that people open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - wide signs start formulas too


def safe(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: what could start one gets an apostrophe in front.

    A dash alone, with which systems say "nothing", is no formula.
    """
    return f"'{text}" if text != "-" and text.lstrip("'").startswith(_FORMULA_STARTS) else text


def unsafe(text: str) -> str:
    """Take the apostrophe of `safe` off again."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(_FORMULA_STARTS) else text


def to_text(rows: Iterable[Sequence[str]], *, delimiter: str = ",") -> str:
    """Return the rows as CSV: quoted where needed, a line feed at the end of each line."""
    out = io.StringIO()
    plain = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    quoted = csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in rows:
        # the standard library leaves a carriage return unquoted, and then reads it as the end of a line
        (quoted if any("\r" in cell for cell in row) else plain).writerow(row)
    return out.getvalue()


def to_quoted_text(rows: Iterable[Sequence[str]], *, delimiter: str = ",") -> str:
    """Return the rows with every cell in quotation marks, which Blackboard wants."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue()
