"""How commands speak: data on stdout, everything for a person on stderr, every word of a student's escaped."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import click

from grader.text import escape

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

Function = TypeVar("Function", bound=Callable[..., Any])

_WIDTH_OF_A_FILE = 200
ALL_DONE = 0
ATTENTION = 1


@lru_cache(maxsize=1)
def console() -> Console:
    """The console for people: stderr, plain where it is no terminal."""
    from rich.console import Console

    width = None if sys.stderr.isatty() else _WIDTH_OF_A_FILE
    return Console(stderr=True, highlight=False, emoji=False, markup=False, width=width, soft_wrap=width is not None)


def say(line: str = "", style: str | None = None) -> None:
    """Print one line for a person."""
    console().print(line, style=style)


def data(record: Mapping[str, Any]) -> None:
    """Print one JSON object on a line of stdout."""
    click.echo(json.dumps(record, ensure_ascii=True, default=str))


def table(titles: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[int] = ()) -> None:
    """Print a table for a person; every cell is escaped, and a column that says nothing is left out."""
    from rich import box
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    numbers, lines = set(right), [[escape(cell, 300) for cell in row] for row in rows]
    telling = [index for index in range(len(titles)) if index == 0 or any(line[index] for line in lines)]
    for index in telling:
        shown.add_column(titles[index], justify="right" if index in numbers else "left", overflow="fold")
    for line in lines:
        shown.add_row(*(line[index] for index in telling))
    console().print(shown)


def progress() -> AbstractContextManager[Progress]:
    """A bar on a terminal; on anything else a bar that never shows."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), "{task.fields[now]}")
    built = [TextColumn(c, markup=False) if isinstance(c, str) else c for c in columns]
    return Progress(*built, console=console(), transient=True, disable=not console().is_terminal)


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 notebook, 2 notebooks."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def as_json(function: Function) -> Function:
    """The option `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object a line on stdout, for programs.")(
        function
    )


def dry_run(function: Function) -> Function:
    """The option `--dry-run`."""
    return click.option("--dry-run", "-n", "dry", is_flag=True, help="Show what would be done; write nothing.")(
        function
    )


def assignments(function: Function) -> Function:
    """The argument that names assignments, all for none."""
    return click.argument("assignments", nargs=-1, metavar="[ASSIGNMENT]...")(function)
