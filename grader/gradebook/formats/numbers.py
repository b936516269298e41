"""Numbers and times as people and systems write them into a cell."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

from grader.gradebook.exact import exact
from grader.text import escape

_COMMA_GROUPS = re.compile(r"[+-]?\d{1,3}(,\d{3})+", re.ASCII)
_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
_LATENESS = re.compile(r"(\d{1,5}):([0-5]\d):([0-5]\d)", re.ASCII)


def read_number(text: str, *, comma: bool) -> Fraction:
    """Read a number as it is written; `comma` says that the file writes decimals with a comma.

    Elsewhere `8,5` can only be a decimal comma, while `1,234` could be two things: `ValueError` for it, and for text.
    """
    if _COMMA.fullmatch(text):
        if not comma and _COMMA_GROUPS.fullmatch(text):
            shown = escape(text, 60)
            message = (
                f'"{shown}" may be {shown.replace(",", ".")} or {shown.replace(",", "")}; write it without the comma'
            )
            raise ValueError(message)
        text = text.replace(",", ".")
    try:
        return exact(text)
    except ValueError:
        message = f'"{escape(text, 60)}" is no number'
        raise ValueError(message) from None


def read_lateness(text: str) -> timedelta:
    """Read hours, minutes and seconds, `225:07:02`; nothing is not late. Raises `ValueError` for anything else."""
    if not text:
        return timedelta(0)
    found = _LATENESS.fullmatch(text)
    if not found:
        message = f'"{escape(text, 60)}" is no lateness in hours, minutes and seconds'
        raise ValueError(message)
    hours, minutes, seconds = (int(part) for part in found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)
