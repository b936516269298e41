"""Rows as CSV text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def csv_text(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Titles and rows as CSV, quoted where needed, a line feed at the end of each line."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([titles, *rows])
    return out.getvalue()
