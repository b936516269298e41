"""A database is copied whole or not at all, in either direction, and is the same there row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.errors import StoreError
from grader.marking import Mark, Question
from grader.model import Graded, Student
from grader.store import By, Database, ImportedScore
from grader.store.copy import Copied, Copying, copy_database, plan_copy
from tests.postgres import Server

DAY = datetime(2026, 1, 2, 3, 4, 5, 600700, tzinfo=UTC)
Grade = Callable[..., Graded]
Notebook = nbformat.NotebookNode


def by_hand(path: Path, *statements: str) -> None:
    """Change a SQLite file as a program that checks nothing does."""
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def rows_of(path: Path) -> dict[str, list[Any]]:
    """Every row of a SQLite file, as SQLite has it."""
    connection = sqlite3.connect(path)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for name in names}
    connection.close()
    return found


def copied(source: Path | str, target: Path | str) -> dict[str, Copied]:
    """Plan, copy, and what was told of each table."""
    events = list(copy_database(plan_copy(source, target)))
    return {event.table: event for event in events if isinstance(event, Copied)}


@pytest.fixture
def course(tmp_path: Path, graded: Grade, instructor: Notebook, released: Notebook) -> Path:
    """A database with something in every table that matters, and an extension that nbgrader's own program gave."""
    path = tmp_path / "gradebook.db"
    facts = {"engine": "test", "finished_at": DAY, "timestamp": DAY - timedelta(days=1)}
    why = Question("ps1", "p1", "why")
    with Database(path, course_id="squares") as database:
        database.sync_students([Student(name, "O'Ñandú \N{SNOWMAN}", "\t") for name in ("ab", "B", "a-b", "Zoë")])
        database.sync_assignment("ps1", due=DAY, notebooks={"p1": (instructor, released)})
        for number, name in enumerate(("ab", "B", "a-b", "Zoë")):
            database.record(graded(name, auto=number / 7), key=f"k{number}", **facts)
        database.import_scores("exam", [ImportedScore("B", Decimal("1.50"))], source="a.csv", imported_at=DAY)
        seen = database.marks.mark(why, "B").version
        database.marks.give(why, {"B": (Mark(adjustment=Decimal("1.25"), comment="Wohl."), seen)}, By("tom", DAY))
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{path}", course_id="squares") as gradebook:
        gradebook.find_submission("ps1", "ab").extension = timedelta(days=2, seconds=3.5)
        gradebook.find_submission("ps1", "B").notebooks[0].late_submission_penalty = 1 / 3
        gradebook.db.commit()
    return path


def test_there_and_back_is_the_same(postgres: Server, course: Path, tmp_path: Path) -> None:
    """SQLite to PostgreSQL to SQLite: each row, each type, each table's digest."""
    there = postgres.create(tmp_path.name)
    first = copied(course, there)
    back = copied(there, tmp_path / "back.db")
    beside = copied(tmp_path / "back.db", tmp_path / "beside.db")
    assert rows_of(course) == rows_of(tmp_path / "back.db") == rows_of(tmp_path / "beside.db")
    assert first == back == beside
    assert [(4, 12, 1)] == [tuple(first[name].rows for name in ("student", "grade", "grader_mark"))]
    with Database(course) as here, Database(there) as other:
        assert here.question_scores() == other.question_scores()
        assert here.audit() == other.audit()
        assert here.outcomes() == other.outcomes()


def test_counting_goes_on_after_the_copy(postgres: Server, course: Path, tmp_path: Path) -> None:
    """The audit trail's next line comes after those that were copied."""
    where = postgres.create(tmp_path.name)
    copied(course, where)
    with Database(where) as database:
        before = database.audit()
        database.import_scores("exam", [ImportedScore("B", Decimal(2))], source="b.csv", imported_at=DAY)
        assert before == database.audit()[:-1]
        assert ("1.50", "2") == (database.audit()[-1].before, database.audit()[-1].after)


def test_a_database_named_in_advance_is_empty(postgres: Server, course: Path, tmp_path: Path) -> None:
    """Tables that were made by opening it are no rows; with a row in any it is refused, and so is a second copy."""
    where = postgres.create(tmp_path.name, "template")
    copied(course, where)
    with pytest.raises(StoreError, match=r"is not empty .*name an empty database"):
        plan_copy(course, where)
    with Database(tmp_path / "other.db") as database:
        database.sync_students([Student("ada")])
    with pytest.raises(StoreError, match=r"other\.db: is not empty \(see table student\)"):
        plan_copy(where, tmp_path / "other.db")


def test_planning_writes_nothing(postgres: Server, course: Path, tmp_path: Path) -> None:
    """The plan counts every table; neither a file nor a table is made."""
    where = postgres.create(tmp_path.name)
    plan = plan_copy(course, where)
    assert (4, 1) == tuple(next(t.rows for t in plan.tables if t.table == name) for name in ("student", "assignment"))
    assert [] == postgres.sql("SELECT 1 FROM pg_tables WHERE schemaname = 'public'", tmp_path.name)
    plan_copy(course, tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()


def test_a_copy_that_ends_early_leaves_nothing(postgres: Server, course: Path, tmp_path: Path) -> None:
    """Interrupted in the middle: PostgreSQL has no table, SQLite no file."""
    where = postgres.create(tmp_path.name)
    for target in (where, tmp_path / "new.db"):
        events = copy_database(plan_copy(course, target))
        seen = [next(events) for _ in range(5)]
        assert all(isinstance(event, Copying) for event in seen)
        events.close()
    assert [] == postgres.sql("SELECT 1 FROM pg_tables WHERE schemaname = 'public'", tmp_path.name)
    assert [] == list(tmp_path.glob("new.db*"))


def test_a_row_that_changes_on_the_way_is_seen(course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that keeps something else than it was given is told by the table, and nothing stays."""
    from grader.store import copy

    honest = copy._copy

    def lossy(parts: Any, writing: Any, table: Any) -> Any:
        yield from honest(parts, writing, table)
        if table.name == "grade":
            writing.exec_driver_sql("UPDATE grade SET auto_score = auto_score + 1e-9 WHERE auto_score > 0.1")

    monkeypatch.setattr(copy, "_copy", lossy)
    with pytest.raises(StoreError, match="table grade is not the same in both"):
        copied(course, tmp_path / "new.db")
    assert [] == list(tmp_path.glob("new.db*"))


SPOILED = {
    "orphans": (
        "UPDATE grade SET cell_id = 'gone' WHERE auto_score > 0.2",
        r"table grade, row \w{32}, and 1 more: cell_id: there is no such base_cell",
    ),
    "long": (
        "UPDATE student SET first_name = hex(zeroblob(65)) WHERE id = 'B'",
        "table student, row B: first_name: is longer than PostgreSQL allows, 128 characters",
    ),
    "nul": (
        "UPDATE comment SET manual_comment = 'a' || char(0) WHERE manual_comment != ''",
        "table comment, row .*: manual_comment: holds a character NUL",
    ),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_what_the_target_cannot_hold_is_named_before(postgres: Server, course: Path, tmp_path: Path, kind: str) -> None:
    """Nbgrader lets SQLite keep rows that PostgreSQL refuses: table, row and column are told, nothing is begun."""
    statement, told = SPOILED[kind]
    by_hand(course, statement)
    with pytest.raises(StoreError, match=told) as caught:
        plan_copy(course, postgres.url("template"))
    assert 1 == len(str(caught.value).splitlines())


def test_what_is_not_ours_is_left_out_and_told(course: Path, tmp_path: Path) -> None:
    """Another program's table and column in the source."""
    by_hand(course, "CREATE TABLE birds (name)", "ALTER TABLE student ADD COLUMN shoe_size INTEGER")
    with pytest.raises(StoreError, match="there is no folder"):
        plan_copy(course, tmp_path / "nowhere" / "new.db")
    assert ("birds", "student.shoe_size") == plan_copy(course, tmp_path / "new.db").left_out


def test_an_older_database_is_copied_as_todays(course: Path, tmp_path: Path) -> None:
    """Nbgrader's own database, and one of an older grader without tables for marks."""
    tables = [name for name in rows_of(course) if name.startswith("grader_")]
    by_hand(course, *(f"DROP TABLE {name}" for name in tables))
    copied(course, tmp_path / "new.db")
    with Database(tmp_path / "new.db") as database:
        assert 12 == len(database.question_scores())
        assert () == database.outcomes()


def test_a_source_must_be_a_course(tmp_path: Path) -> None:
    """No file, an empty one, another program's: each is told, and none is made."""
    (tmp_path / "empty.db").touch()
    by_hand(tmp_path / "birds.db", "CREATE TABLE birds (name)")
    for name, told in {"none.db": "no such file", "empty.db": "nothing to copy", "birds.db": "no nbgrader"}.items():
        with pytest.raises(StoreError, match=told):
            plan_copy(tmp_path / name, tmp_path / "new.db")
    assert not (tmp_path / "none.db").exists()
