"""How fast results are written down: `python -m benchmarks.database [--students 500] [URL ...]`.

Without URLs: SQLite on this disk, and a PostgreSQL server of its own where the programs are there; both durable.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from grader.model import CellScore, Graded, GradedKind, GradedNotebook, Notebook, Student
from grader.store import Database
from tests.making import make_cell, make_notebook
from tests.postgres import programs, running_server

_NOW = datetime(2026, 1, 2, tzinfo=UTC)
_NOTEBOOKS, _TESTS, _ANSWERS = 2, 8, 2


@dataclass(frozen=True, slots=True)
class Rates:
    """Of one database, a second."""

    recorded: float
    """Submissions, the first time."""
    regraded: float
    """Submissions whose scores are others now."""
    read: float
    """Cells with points, with all that the gradebook needs of them."""
    longest: float
    """Seconds of the longest transaction."""
    processor: float
    """Seconds of the writer's own processor that a submission takes: its ceiling, however fast the disk is."""


def main() -> None:
    """Print a table, and how the databases compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=500)
    parser.add_argument("urls", nargs="*")
    given = parser.parse_args()
    print(
        f"{given.students} submissions of {_NOTEBOOKS} notebooks, {_NOTEBOOKS * (_TESTS + _ANSWERS)} cells with points"
    )
    print(
        f"{'database':12} {'recorded/s':>12} {'regraded/s':>12} {'cells read/s':>14} {'longest ms':>12} {'CPU ms':>8}"
    )
    with _databases(given.urls) as databases:
        rates = {name: measure(where, given.students) for name, where in databases.items()}
    first = next(iter(rates.values()))
    for name, rate in rates.items():
        ratio = f"   {rate.recorded / first.recorded:.2f} of the first" if rate is not first else ""
        numbers = f"{rate.recorded:12.0f} {rate.regraded:12.0f} {rate.read:14.0f} {1000 * rate.longest:12.1f}"
        numbers += f" {1000 * rate.processor:8.1f}"
        print(f"{name:12} {numbers}{ratio}")


def measure(where: Path | str, students: int) -> Rates:
    """Record a class twice, and read it."""
    notebook = _notebook()
    names = [f"part{number}" for number in range(_NOTEBOOKS)]
    with Database(where) as database:
        database.sync_students([Student(f"s{number:05}", "Last", "First") for number in range(students)])
        database.sync_assignment("hw1", due=None, notebooks=dict.fromkeys(names, (notebook, notebook)))
        began = time.process_time()
        spent = [_record_all(database, students, names, notebook, points) for points in (1.0, 0.5)]
        processor = (time.process_time() - began) / (2 * students)
        began = time.perf_counter()
        cells = len(database.question_scores("hw1"))
        read = time.perf_counter() - began
    first, again = (students / sum(each) for each in spent)
    return Rates(first, again, cells / read, max(map(max, spent)), processor)


def _record_all(database: Database, students: int, names: list[str], notebook: Notebook, points: float) -> list[float]:
    seconds = []
    for number in range(students):
        outcome = _outcome(f"s{number:05}", names, notebook, points)
        began = time.perf_counter()
        database.record(outcome, key=f"{points}", engine="bench", timestamp=_NOW, finished_at=_NOW)
        seconds.append(time.perf_counter() - began)
    return seconds


def _notebook() -> Notebook:
    cells = [make_cell("markdown", "Prose. " * 50)]
    for number in range(_TESTS):
        cells.append(make_cell("code", f"x{number} = {number}\n" * 10, f"answer{number}", solution=True))
        cells.append(make_cell("code", "assert x\n" * 5, f"test{number}", grade=True, locked=True, points=1))
    answers = (
        make_cell("markdown", "Because. " * 40, f"why{number}", grade=True, solution=True, points=2)
        for number in range(_ANSWERS)
    )
    return make_notebook(*cells, *answers)


def _outcome(student_id: str, names: list[str], notebook: Notebook, points: float) -> Graded:
    scores = (
        *(CellScore(f"test{n}", GradedKind.TESTS, 1, points, False, "All tests passed.") for n in range(_TESTS)),
        *(CellScore(f"why{n}", GradedKind.ANSWER, 2, None, True, "Waits for a person.") for n in range(_ANSWERS)),
    )
    made = (GradedNotebook(name, notebook, scores, seconds=1.5, cell_seconds=(0.1,) * 17) for name in names)
    return Graded(student_id, "hw1", tuple(made), seconds=3.0)


@contextmanager
def _databases(urls: list[str]) -> Iterator[dict[str, Path | str]]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        if urls:
            yield {str(number): url for number, url in enumerate(urls)}
            return
        sqlite: dict[str, Path | str] = {"SQLite": Path(folder) / "gradebook.db"}
        if programs() is None:
            yield sqlite
            return
        with running_server(durable=True) as server:
            yield {**sqlite, "PostgreSQL": server.create("bench")}


if __name__ == "__main__":
    main()
