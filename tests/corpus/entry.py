"""Hostile, broken and odd hand-ins to one small assignment, each with the end that a good grader gives it.

`entries/` holds them, a file for each class of attack. A table's keys:

- `title`; `ends`, one or several of: graded, flag (graded, and a person is asked to look), rejected (with its reason),
  limit:time|memory|output|disk|processes, crash (the kernel died);
- `at_most`, `at_least`: automatic points out of 7;
- `absent`: what no page for students, no gradebook and no terminal may say;
- `square`, `cube`: the source of that answer instead of a right one; `first`, `last`: an own cell there; `markdown`: an
  own cell of text at the end;
- `prepare`: a function of `preparations`, which changes the notebook, the folder or what is handed in instead of it;
- `student`: handed in under this id instead of the entry's;
- `falls_short`: why the entry does not end so today.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).with_name("entries")


@dataclass(frozen=True)
class Entry:
    """One hand-in and how it ends."""

    id: str
    category: str
    title: str
    ends: tuple[str, ...]
    at_most: float
    at_least: float
    absent: tuple[str, ...]
    student: str
    cells: dict[str, str]
    prepare: str | None
    falls_short: str | None

    def __str__(self) -> str:
        return self.id


def entries(*categories: str) -> tuple[Entry, ...]:
    """Read the entries of these classes, all for none."""
    files = [_FOLDER / f"{name}.toml" for name in categories] or sorted(_FOLDER.glob("*.toml"))
    return tuple(
        _entry(name, file.stem, table)
        for file in files
        for name, table in tomllib.loads(file.read_text(encoding="utf-8")).items()
    )


def _entry(name: str, category: str, table: dict[str, Any]) -> Entry:
    ends = table.pop("ends")
    return Entry(
        id=name,
        category=category,
        title=table.pop("title"),
        ends=(ends,) if isinstance(ends, str) else tuple(ends),
        at_most=table.pop("at_most", 7),
        at_least=table.pop("at_least", 0),
        absent=tuple(table.pop("absent", ())),
        student=table.pop("student", name),
        prepare=table.pop("prepare", None),
        falls_short=table.pop("falls_short", None),
        cells=table,
    )
