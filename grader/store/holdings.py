"""What a database file holds, read as plain SQL from any version of the schema, and how two of them differ."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_COUNTS = {
    "student": "SELECT count(*) FROM student",
    "grader_outcome": "SELECT count(*) FROM grader_outcome",
    "grade": "SELECT count(*) FROM grade WHERE manual_score IS NOT NULL",
    "grader_score": "SELECT count(*) FROM grader_score",
    "assignment": "SELECT count(*) FROM assignment",
}
"""By the table that has to be there."""
_GRADE = (
    "FROM grade JOIN submitted_notebook AS sn ON sn.id = grade.notebook_id "
    "JOIN submitted_assignment AS sa ON sa.id = sn.assignment_id JOIN assignment AS a ON a.id = sa.assignment_id "
)
_CELL = "JOIN notebook AS n ON n.id = sn.notebook_id JOIN base_cell AS c ON c.id = cell_id "
_POINTS = f"SELECT sa.student_id, a.name, sum(grade.auto_score) {_GRADE} GROUP BY sa.student_id, a.name"
_OUTCOMES = "SELECT student_id, assignment, status FROM grader_outcome"
_MANUAL = (
    f"SELECT sa.student_id, a.name || '/' || n.name || '/' || c.name, manual_score, extra_credit {_GRADE}"
    f"{_CELL}WHERE manual_score IS NOT NULL OR coalesce(extra_credit, 0) != 0"
)
_COMMENTS = (
    "SELECT sa.student_id, a.name || '/' || n.name || '/' || c.name, manual_comment "
    "FROM comment JOIN submitted_notebook AS sn ON sn.id = comment.notebook_id "
    "JOIN submitted_assignment AS sa ON sa.id = sn.assignment_id JOIN assignment AS a ON a.id = sa.assignment_id "
    "JOIN notebook AS n ON n.id = sn.notebook_id JOIN base_cell AS c ON c.id = cell_id "
    "WHERE coalesce(manual_comment, '') != ''"
)
_IMPORTED = "SELECT student_id, item, score, max_score, status FROM grader_score"

_BUSY_SECONDS = 30

Place = tuple[str, str]
"""A student and what of theirs."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a database holds."""

    students: int
    outcomes: int
    manual: int
    imported: int
    assignments: int

    @property
    def nothing(self) -> bool:
        """Whether nothing was entered or graded yet."""
        return not any((self.students, self.outcomes, self.manual, self.imported, self.assignments))


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a database says of each student, in words to compare."""

    outcomes: Mapping[Place, str]
    manual: Mapping[Place, str]
    comments: Mapping[Place, str]
    imported: Mapping[Place, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that one database says of a student and another does not."""

    kind: str
    """`outcome`, `manual grade`, `comment` or `imported score`."""
    student_id: str
    what: str
    now: str | None
    then: str | None


def opened(path: Path, options: str) -> sqlite3.Connection:
    """A connection to a database file, with SQLite's options of a URI."""
    uri = f"{path.absolute().as_uri()}?{options}"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)


def counts_of(path: Path) -> Counts:
    """Count what the database of a file that nobody writes to holds; a table that is not there holds nothing."""
    with closing(opened(path, "mode=ro&immutable=1")) as connection:
        tables = _tables(connection)
        found = {name: _number(connection, query) if name in tables else 0 for name, query in _COUNTS.items()}
    return Counts(found["student"], found["grader_outcome"], found["grade"], found["grader_score"], found["assignment"])


def holdings_of(path: Path, *, live: bool = False) -> Holdings:
    """Read what the database says of each student; one that is not there says nothing."""
    if not path.is_file():
        return Holdings({}, {}, {}, {})
    with closing(opened(path, "mode=rw" if live else "mode=ro&immutable=1")) as connection:
        tables = _tables(connection)
        connection.execute("BEGIN")
        nbgraders = "submitted_assignment" in tables
        points = _rows(connection, _POINTS) if nbgraders else {}
        outcomes = _rows(connection, _OUTCOMES) if "grader_outcome" in tables else {}
        return Holdings(
            outcomes={place: _graded(status, points.get(place)) for place, status in outcomes.items()},
            manual=_rows(connection, _MANUAL) if nbgraders else {},
            comments=_rows(connection, _COMMENTS) if nbgraders else {},
            imported=_rows(connection, _IMPORTED) if "grader_score" in tables else {},
        )


def differences(now: Holdings, then: Holdings) -> tuple[Difference, ...]:
    """What would change from one to the other, by kind, student and place."""
    pairs = (
        ("outcome", now.outcomes, then.outcomes),
        ("manual grade", now.manual, then.manual),
        ("comment", now.comments, then.comments),
        ("imported score", now.imported, then.imported),
    )
    return tuple(difference for kind, mine, theirs in pairs for difference in _between(kind, mine, theirs))


def _between(kind: str, now: Mapping[Place, str], then: Mapping[Place, str]) -> Iterator[Difference]:
    for place in sorted({*now, *then}):
        if now.get(place) != then.get(place):
            yield Difference(kind, *place, now.get(place), then.get(place))


def _graded(status: str, points: str | None) -> str:
    return status if points is None else f"{status}, {points} by tests"


def _rows(connection: sqlite3.Connection, query: str) -> dict[Place, str]:
    return {(str(row[0]), str(row[1])): _words(row[2:]) for row in connection.execute(query)}


def _words(values: tuple[object, ...]) -> str:
    told = (f"{value:.10g}" if isinstance(value, float) else str(value) for value in values if value not in (None, ""))
    return ", ".join(told)


def _number(connection: sqlite3.Connection, query: str) -> int:
    (found,) = connection.execute(query).fetchone()
    return int(found)


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
