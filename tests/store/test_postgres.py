"""PostgreSQL holds the same course as SQLite: the same answers, one writer at a time, errors in a line."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import nbformat
import pytest
from sqlalchemy import text

from grader.errors import StoreError
from grader.marking import Mark, Question
from grader.model import Faulted, Graded, GradedNotebook, Missing, Rejected, Student
from grader.store import By, Database, ImportedScore, ScoreStatus
from grader.store import postgres as dialect
from tests.postgres import Server

DAY = datetime(2026, 1, 2, 3, 4, 5, 600700, tzinfo=UTC)
STUDENTS = ("ab", "a_b", "a-b", "B", "adam", "Zoë", "zoe", "_x", "Élodie", "10", "9")
"""Which a language orders otherwise than a computer."""

Grade = Callable[..., Graded]
Notebook = nbformat.NotebookNode


@pytest.fixture
def url(postgres: Server, tmp_path: Path) -> str:
    """A database of the test's own, with tables and nothing in them."""
    return postgres.create(tmp_path.name, "template")


def fill(where: Path | str, graded: Grade, instructor: Notebook, released: Notebook) -> None:
    """Let everything happen that a course's database sees."""
    facts = {"engine": "test", "finished_at": DAY, "timestamp": DAY - timedelta(days=1)}
    unread = GradedNotebook("p1", instructor, graded().notebooks[0].scores, rejection="no JSON: \\x00 \N{SNOWMAN}")
    with Database(where, course_id="squares") as database:
        database.sync_students([Student(name, f"{name}son", name, f"{name}@example.org") for name in STUDENTS[:-1]])
        database.sync_assignment("ps1", due=DAY, notebooks={"p1": (instructor, released)})
        for number, name in enumerate(STUDENTS):
            database.record(graded(name, auto=number / 7), key=f"k{number}", **facts)
        database.record(Rejected("B", "ps1", "not read", (unread,)), key="k", **facts, problems=("a pipe",))
        database.record(Missing("adam", "ps1"), key="", **facts)
        database.record(Faulted("9", "ps1", "out of memory"), key="", **facts)
        given = [
            ImportedScore("Zoë", Decimal("1.50"), Decimal(3), comment="Ø", submitted=DAY, late=timedelta(hours=1)),
            ImportedScore("_x", None, status=ScoreStatus.EXCUSED),
        ]
        database.import_scores("exam", given, source="exam.csv", imported_at=DAY)
        database.import_scores("exam", [ImportedScore("Zoë", Decimal(2))], source="again.csv", imported_at=DAY)
        why = Question("ps1", "p1", "why")
        for name in ("ab", "a-b"):
            seen = database.marks.mark(why, name).version
            database.marks.give(why, {name: (Mark(adjustment=Decimal("1.25"), comment="Wohl."), seen)}, By("tom", DAY))
        database.record(graded("ab", why="Other."), key="k-ab", **facts)


def told(where: Path | str) -> dict[str, object]:
    """All that the database says of the course."""
    with Database(where) as database:
        return {
            "outcomes": database.outcomes(),
            "one": database.outcomes("ps1"),
            "questions": database.question_scores(),
            "keys": sorted(database.keys("ps1").items()),
            "points": sorted(database.max_scores().items()),
            "scores": database.scores(),
            "audit": database.audit(),
            "marks": database.marks.marks(Question("ps1", "p1", "why")),
        }


def test_it_answers_as_sqlite_does(
    url: str, tmp_path: Path, graded: Grade, instructor: Notebook, released: Notebook
) -> None:
    """The same events leave the same rows, with the same types, in the same order."""
    for where in (tmp_path / "gradebook.db", url):
        fill(where, graded, instructor, released)
    expected, found = told(tmp_path / "gradebook.db"), told(url)
    assert sorted(STUDENTS) == [row.student_id for row in found["one"]]
    for what, rows in expected.items():
        assert repr(rows) == repr(found[what]), what


def test_the_driver_need_not_be_named(postgres: Server, url: str) -> None:
    """`postgres://` and another driver's name mean the same server."""
    for prefix in ("postgres://", "postgresql+psycopg2://", "postgresql+psycopg://"):
        with Database(url.replace("postgresql://", prefix)) as database:
            assert {} == database.max_scores()


def test_two_may_make_the_tables_at_once(postgres: Server) -> None:
    """Each of four opens the empty database at the same moment; the tables are there once."""
    where = postgres.create("at_once")
    together = threading.Barrier(4)

    def opened(_: int) -> dict[str, float]:
        together.wait(30)
        with Database(where) as database:
            return dict(database.max_scores())

    with ThreadPoolExecutor(4) as pool:
        assert [{}] * 4 == list(pool.map(opened, range(4)))
    assert [(1,)] == postgres.sql("SELECT count(*) FROM alembic_version", "at_once")
    assert [(1,)] == postgres.sql("SELECT count(*) FROM grader_schema", "at_once")


NAMES = [f"s{number}" for number in range(6)]
WHY = Question("ps1", "p1", "why")
FACTS = {"engine": "test", "finished_at": DAY, "timestamp": None}


def run_four_times(where: Path | str, graded: Grade, names: list[str]) -> None:
    """Record every student's result, again and again, as `grader grade --force` does."""
    with Database(where) as database:
        for number in range(4):
            for name in names:
                database.record(graded(name, auto=1.0), key=f"{number}", **FACTS)


def review(where: Path | str) -> None:
    """Mark every student's answer, as the review pages do."""
    with Database(where) as database:
        for name in NAMES:
            mark = Mark(adjustment=Decimal("1.5"), comment=f"for {name}")
            seen = database.marks.mark(WHY, name).version
            database.marks.give(WHY, {name: (mark, seen)}, By("tom", DAY))


def form_grader(url: str) -> None:
    """Score every student's task and say something, as nbgrader's form grader does."""
    from nbgrader.api import Gradebook

    with Gradebook(url) as gradebook:
        for name in NAMES:
            gradebook.find_grade("draw", "p1", "ps1", name).manual_score = 0.75
            gradebook.find_comment("draw", "p1", "ps1", name).manual_comment = f"seen {name}"
            gradebook.db.commit()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_is_lost_between_graders_reviewers_and_nbgrader(  # noqa: PLR0917 - fixtures
    kind: str, url: str, tmp_path: Path, graded: Grade, instructor: Notebook, released: Notebook
) -> None:
    """Two runs record, a person marks, nbgrader's own program scores, all at once: whatever anybody wrote is there."""
    where = tmp_path / "gradebook.db" if kind == "sqlite" else url
    theirs = f"sqlite:///{where}" if kind == "sqlite" else url.replace("postgresql://", "postgresql+psycopg://")
    with Database(where) as database:
        database.sync_assignment("ps1", due=None, notebooks={"p1": (instructor, released)})
        for name in NAMES:
            database.record(graded(name), key="0", **FACTS)
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(run_four_times, where, graded, names) for names in (NAMES, NAMES[::-1])]
        for done in (*runs, pool.submit(review, where), pool.submit(form_grader, theirs)):
            done.result(120)
    with Database(where) as database:
        rows = {(row.student_id, row.grade_id): row for row in database.question_scores("ps1")}
    assert len(NAMES) * 3 == len(rows)
    for name in NAMES:
        assert 1.0 == rows[name, "test_square"].auto_score
        why, draw = rows[name, "why"], rows[name, "draw"]
        assert (1.5, f"for {name}") == (why.manual_score, why.manual_comment)
        assert (0.75, f"seen {name}") == (draw.manual_score, draw.manual_comment)


def test_a_writer_waits_for_its_turn_and_says_when_it_gives_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who writes keeps others from writing, not from reading; after a while the other says so in a line."""
    monkeypatch.setattr(dialect, "_SESSION", ("SET lock_timeout = '50ms'",))
    with Database(url) as first, Database(url) as second:
        with first._writing() as connection:
            connection.execute(text("INSERT INTO course (id) VALUES ('mine')"))
            with pytest.raises(StoreError, match="another program keeps it locked"):
                second.sync_students([Student("ada")])
            assert {} == second.max_scores()
        second.sync_students([Student("ada")])


def test_a_reader_sees_one_moment(url: str) -> None:
    """What is written between two queries of a reader is not in the second."""
    with Database(url) as first, Database(url) as second, first._reading() as connection:
        assert 0 == connection.scalar(text("SELECT count(*) FROM student"))
        second.sync_students([Student("ada")])
        assert 0 == connection.scalar(text("SELECT count(*) FROM student"))
        with pytest.raises(StoreError, match="only lets read"):
            second_write(first)


def second_write(database: Database) -> None:
    """Try to write in a transaction that reads."""
    with database._reading() as connection:
        connection.execute(text("DELETE FROM student"))


def test_a_dropped_connection_is_made_again(postgres: Server, url: str) -> None:
    """A server that closed an idle connection is asked anew, without a word."""
    with Database(url) as database:
        database.sync_students([Student("ada")])
        dropped = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'grader'"
        assert [(True,)] == postgres.sql(dropped)
        database.sync_students([Student("bob")])


def test_a_killed_writer_gives_its_turn_back(postgres: Server, url: str) -> None:
    """`kill -9` in the middle of a transaction: nothing of it stays, and the next writer need not wait."""
    code = (
        "import sys; from sqlalchemy import text; from grader.store import Database\n"
        "with Database(sys.argv[1])._writing() as c:\n"
        "    c.execute(text(\"INSERT INTO student (id) VALUES ('ada')\")); print('in', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert "in\n" == writer.stdout.readline()
        writer.kill()
    with Database(url) as database:
        database.sync_students([Student("bob")])
    assert [("bob",)] == postgres.sql("SELECT id FROM student", url.partition("@/")[2].partition("?")[0])


def test_a_text_that_it_cannot_hold_is_told_in_a_line(url: str) -> None:
    """A NUL character is refused by PostgreSQL, and nothing is written."""
    with Database(url) as database:
        with pytest.raises(StoreError, match=r"the database refused: .*NUL"):
            database.sync_students([Student("ada", "Love\0lace"), Student("bob")])
        database.sync_students([Student("ada", "Lovelace")])


def write_while(database: Database, event: Callable[[], None]) -> None:
    """Let something happen in the middle of a transaction that writes."""
    with database._writing() as connection:
        connection.execute(text("INSERT INTO student (id) VALUES ('bob')"))
        event()
        connection.execute(text("INSERT INTO student (id) VALUES ('cem')"))


def test_a_server_that_goes_away_loses_only_what_was_not_committed(postgres: Server, url: str) -> None:
    """One line says so; when it is back, the same object goes on, and the unfinished transaction never was."""
    with Database(url) as database:
        database.sync_students([Student("ada")])
        with pytest.raises(StoreError, match="connection was lost; what was committed is kept") as caught:
            write_while(database, postgres.stop)
        assert 1 == len(caught.value.messages[0].splitlines())
        with pytest.raises(StoreError, match="no server answers"):
            database.max_scores()
        postgres.start()
        with database._reading() as connection:
            assert ["ada"] == list(connection.scalars(text("SELECT id FROM student")))


REFUSED = {
    "wrong password": ("guarded:wr0ng-secret@/template?host={host}", "password is wrong"),
    "no password": ("guarded@/template?host={host}", "wants a password"),
    "password as an option": ("guarded@/template?host={host}&password=wr0ng-secret", "password is wrong"),
    "no user": ("nobody-here:wr0ng-secret@/template?host={host}", "password is wrong"),
    "no database": ("grader:wr0ng-secret@/nowhere?host={host}", "make it on the server first"),
    "no right": ("guarded:right-secret@/bare?host={host}", "user lacks a right"),
    "encoding": ("grader:wr0ng-secret@/latin?host={host}", "ENCODING 'UTF8'"),
    "no server": ("grader:wr0ng-secret@/template?host={host}/nowhere", "no server answers"),
    "no host": ("grader:wr0ng-secret@nowhere.invalid/template", "no server answers"),
    "no port": ("grader:wr0ng-secret@localhost:port/template", "no database URL"),
    "an @ too many": ("grader:wr0ng@secret@localhost/template", "write %40"),
    "option": ("grader:wr0ng-secret@/template?host={host}&sslfoo=1", "does not know"),
    "a foreign database": ("grader:wr0ng-secret@/birds?host={host}", "no nbgrader database"),
}


@pytest.fixture(scope="module")
def guarded(postgres: Server) -> Server:
    """The server, with a user who has to give a password and may do nothing, and some unfit databases."""
    postgres.sql("CREATE ROLE guarded LOGIN PASSWORD 'right-secret'")
    postgres.sql("CREATE DATABASE bare")
    postgres.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC", "bare")
    latin = "ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc"
    postgres.sql(f"CREATE DATABASE latin {latin} TEMPLATE template0")
    postgres.sql("CREATE DATABASE birds")
    postgres.sql("CREATE TABLE birds (name text)", "birds")
    return postgres


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_opened_is_told_in_a_line_without_the_password(guarded: Server, kind: str) -> None:
    """The line says what to do, and no part of a password is in it or in what is shown of the database."""
    address, remedy = REFUSED[kind]
    with pytest.raises(StoreError) as caught:
        Database(f"postgresql://{address.format(host=guarded.folder)}")
    (line,) = caught.value.messages
    assert remedy in line
    assert "\n" not in line
    assert "secret" not in line
    assert "wr0ng" not in line


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'grader\[postgres\]'"):
        Database("postgresql://localhost/grades")


def test_no_other_kind_of_database_is_taken() -> None:
    """MySQL has neither our locks nor our order."""
    with pytest.raises(StoreError, match=r"^mysql: no driver.*postgresql://") as caught:
        Database("mysql://me:secret@localhost/grades")
    assert "secret" not in str(caught.value)
