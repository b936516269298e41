"""The database keeps what the grader says and never loses what a person said."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.errors import StoreError
from grader.model import (
    CellScore,
    Faulted,
    Flag,
    Graded,
    GradedKind,
    Incident,
    IncidentKind,
    Missing,
    Rejected,
    Repair,
    Student,
)
from grader.store import Database, OutcomeStatus, QuestionScore

Grade = Callable[..., Graded]
Record = Callable[..., None]
AsNobody = Callable[[], AbstractContextManager[None]]
DAY = datetime(2026, 1, 2, tzinfo=UTC)


def questions(database: Database, student_id: str = "ada") -> dict[str, QuestionScore]:
    """A student's questions by id."""
    return {row.grade_id: row for row in database.question_scores("ps1") if row.student_id == student_id}


def by_hand(path: Path, statement: str, *values: Any) -> None:
    """Change the database as the form grader does, beside our own connection."""
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement, values).rowcount > 0
    connection.close()


def grade_by_hand(path: Path, name: str, score: float | None, extra: float | None = None) -> None:
    """Give a manual score to a cell of every student, as the form grader does."""
    by_hand(
        path,
        "UPDATE grade SET manual_score = ?, extra_credit = ?, needs_manual_grade = 0"
        " WHERE cell_id IN (SELECT id FROM base_cell WHERE name = ?)",
        score,
        extra,
        name,
    )


@pytest.fixture
def path(database: Database, tmp_path: Path) -> Path:
    """The database's file."""
    return tmp_path / "gradebook.db"


@pytest.fixture
def regrade(record: Record, graded: Grade) -> Record:
    """Grade Ada's work, anew if it was graded before."""

    def write(key: str = "k1", **change: Any) -> None:
        record(graded(**change), key=key)

    return write


def test_scores_come_back(database: Database, record: Record, graded: Grade) -> None:
    """Each cell with points has its kind, maximum and automatic score; those without wait for a person."""
    record(graded())
    rows = questions(database)
    assert {
        "test_square": (GradedKind.TESTS, "code", 2.0, 2.0, False),
        "why": (GradedKind.ANSWER, "markdown", 3.0, None, True),
        "draw": (GradedKind.TASK, "markdown", 1.0, None, True),
    } == {
        name: (row.kind, row.cell_type, row.max_score, row.auto_score, row.needs_manual) for name, row in rows.items()
    }
    assert {"ps1": 6.0} == database.max_scores()


def test_outcomes_come_back_with_their_facts(database: Database, record: Record, graded: Grade) -> None:
    """Repairs, flags, incidents, reasons, times and problems are what was recorded."""
    graded_one = graded()
    (notebook,) = graded_one.notebooks
    facts = {
        "repairs": (Repair("renamed", "It was called é.", "why"),),
        "flags": (Flag("gc", "Looked around.", None, "gc.get_objects()"),),
        "incidents": (Incident(IncidentKind.TIME, "Too slow.", 3, "square"),),
        "cell_seconds": (None, 0.25),
    }
    outcome = replace(graded_one, notebooks=(replace(notebook, **facts),))
    record(outcome, key="k7", engine="stock", timestamp=DAY, problems=("x was not taken.",))
    (row,) = database.outcomes("ps1")
    assert (OutcomeStatus.GRADED, "k7", "stock", DAY, ("x was not taken.",), False) == (
        row.status,
        row.key,
        row.engine,
        row.timestamp,
        row.problems,
        row.abridged,
    )
    (told,) = row.notebooks
    assert facts == {name: getattr(told, name) for name in facts}
    assert ("p1", 1.5, "All tests passed.") == (told.name, told.seconds, told.reasons["test_square"])


def test_facts_are_bounded(database: Database, record: Record, graded: Grade) -> None:
    """A submission with a hundred thousand flags takes about a megabyte, and it is known that some were left out."""
    graded_one = graded()
    many = tuple(Flag("gc", "x" * 5000, None, "y" * 5000) for _ in range(1000))
    (notebook,) = graded_one.notebooks
    record(replace(graded_one, notebooks=(replace(notebook, flags=many),)))
    (row,) = database.outcomes("ps1")
    assert row.abridged
    assert 0 < len(row.notebooks[0].flags) < 1000


def test_recording_twice_changes_nothing(database: Database, record: Record, graded: Grade, path: Path) -> None:
    """The same result again leaves the same rows, with the same ids."""

    def dump() -> list[str]:
        with sqlite3.connect(path) as connection:
            lines = list(connection.iterdump())
        connection.close()
        return lines

    record(graded())
    before = dump()
    record(graded())
    assert before == dump()


def test_manual_work_survives_a_regrade(database: Database, record: Record, graded: Grade, path: Path) -> None:
    """Manual scores, extra credit and comments stay; where nothing changed, nobody has to look again."""
    record(graded())
    grade_by_hand(path, "why", 2.5, 0.5)
    grade_by_hand(path, "test_square", 1.0)
    by_hand(path, "UPDATE comment SET manual_comment = 'Fine.'")
    record(graded(), key="k2")
    rows = questions(database)
    assert (3.0, False, "Fine.") == (rows["why"].score, rows["why"].needs_manual, rows["why"].comment)
    assert (1.0, 2.0, False) == (
        rows["test_square"].score,
        rows["test_square"].auto_score,
        rows["test_square"].needs_manual,
    )


@pytest.mark.parametrize(
    ("change", "waiting"),
    [
        ({}, set()),
        ({"why": "Another answer."}, {"why", "draw", "test_square"}),
        ({"square": "square = abs"}, {"draw", "test_square"}),
        ({"auto": 1.0}, {"test_square"}),
    ],
)
def test_changed_work_waits_for_a_person_again(
    database: Database, regrade: Record, path: Path, change: dict[str, Any], waiting: set[str]
) -> None:
    """A manual score stays, and waits again exactly where the work that it is about has changed."""
    regrade()
    for name in ("why", "draw", "test_square"):
        grade_by_hand(path, name, 0.5)
    regrade("k2", **change)
    rows = questions(database)
    assert {0.5} == {row.manual_score for row in rows.values()}
    assert waiting == {name for name, row in rows.items() if row.needs_manual}
    regrade("k3", **change)
    assert waiting == {name for name, row in questions(database).items() if row.needs_manual}


def test_a_grade_that_we_did_not_see_made_waits_again(
    database: Database, record: Record, graded: Grade, path: Path
) -> None:
    """Where nbgrader graded before us, nobody knows what a manual score was given for."""
    record(graded())
    grade_by_hand(path, "why", 1)
    by_hand(path, "DELETE FROM grader_outcome")
    record(graded())
    assert (1.0, True) == (questions(database)["why"].manual_score, questions(database)["why"].needs_manual)


def test_the_automatic_comment_comes_and_goes(database: Database, record: Record, graded: Grade) -> None:
    """An unchanged answer is commented; once answered, the comment is gone."""
    outcome = graded()
    (notebook,) = outcome.notebooks
    none = CellScore("why", GradedKind.ANSWER, 3, 0.0, needs_manual=False, reason="-", comment="No response.")
    scores = tuple(none if score.grade_id == "why" else score for score in notebook.scores)
    record(replace(outcome, notebooks=(replace(notebook, scores=scores),)))
    assert ("No response.", 0.0) == (questions(database)["why"].comment, questions(database)["why"].auto_score)
    record(outcome, key="k2")
    assert (None, None) == (questions(database)["why"].comment, questions(database)["why"].auto_score)


def test_a_rejected_submission_has_zeros(database: Database, record: Record) -> None:
    """Every cell is 0 and waits for nobody; the reason is told."""
    record(Rejected("ada", "ps1", "p1.ipynb is not JSON"))
    rows = questions(database)
    assert dict.fromkeys(("test_square", "why", "draw"), 0.0) == {name: row.auto_score for name, row in rows.items()}
    assert not any(row.needs_manual for row in rows.values())
    assert "p1.ipynb is not JSON" == rows["why"].comment
    (row,) = database.outcomes()
    assert (OutcomeStatus.REJECTED, "p1.ipynb is not JSON") == (row.status, row.reason)


def test_a_fault_is_no_zero(database: Database, record: Record, graded: Grade, path: Path) -> None:
    """A fault of ours leaves earlier scores and is tried again; then nothing that stayed the same waits."""
    record(graded())
    grade_by_hand(path, "why", 2)
    before = questions(database)
    record(Faulted("ada", "ps1", "no sandbox"))
    record(Faulted("bob", "ps1", "no sandbox"))
    assert before == questions(database)
    assert ({}, {}) == (questions(database, "bob"), database.keys("ps1"))
    assert {OutcomeStatus.FAULTED} == {row.status for row in database.outcomes()}
    record(graded())
    assert (before, {"ada": "k1"}) == (questions(database), database.keys("ps1"))


def test_missing_is_no_submission(database: Database, record: Record, graded: Grade, path: Path) -> None:
    """Who handed in nothing has no scores; what was withdrawn loses its own, unless a person graded some of it."""
    record(Missing("eve", "ps1"))
    record(graded("ada"))
    record(Missing("ada", "ps1"))
    assert () == database.question_scores()
    record(graded("ada"))
    grade_by_hand(path, "why", 1)
    record(Missing("ada", "ps1"))
    assert 1.0 == questions(database)["why"].manual_score


def test_a_notebook_that_is_not_there_earns_nothing(
    database: Database, record: Record, graded: Grade, instructor: nbformat.NotebookNode
) -> None:
    """A second notebook of the assignment without a result is 0 throughout."""
    both = dict.fromkeys(("p1", "p2"), (instructor, instructor))
    database.sync_assignment("ps1", due=None, notebooks=both)
    record(graded())
    scores = {(row.notebook, row.grade_id): row.score for row in database.question_scores()}
    assert {("p1", "test_square")} == {place for place, score in scores.items() if score}
    assert 6 == len(scores)


def test_times_are_kept_in_utc(database: Database, record: Record, graded: Grade, path: Path) -> None:
    """A time of another zone comes back as the same moment; nbgrader's column holds UTC."""
    east = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=9)))
    record(graded(), timestamp=east, finished_at=east)
    (row,) = database.outcomes()
    assert (east, east) == (row.timestamp, row.finished_at)
    with sqlite3.connect(path) as connection:
        (stored,) = connection.execute("SELECT timestamp FROM submitted_assignment").fetchone()
    connection.close()
    assert stored.startswith("2026-07-01 03:00:00")


def test_recording_reads_no_rows_of_others(database: Database, regrade: Record, path: Path) -> None:
    """Every table that grows with the class is reached by an index, so that a large class costs no more a student."""
    from sqlalchemy import event

    seen: list[tuple[str, Any]] = []
    event.listen(database._engine, "before_cursor_execute", lambda *call: seen.append((call[2], call[3])))
    regrade()
    regrade("k2", auto=1.0)
    database.keys("ps1")
    with sqlite3.connect(path) as connection:
        steps = [
            str(step[3]).split()
            for statement, values in seen
            if statement.startswith("SELECT")
            for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    connection.close()
    growing = {"grade", "comment", "submitted_notebook", "submitted_assignment", "student", "grader_outcome"}
    assert growing == growing & {step[1] for step in steps if step[0] == "SEARCH"}
    assert set() == growing & {step[1] for step in steps if step[0] == "SCAN"}


def test_an_unknown_cell_is_refused_and_nothing_written(database: Database, record: Record, graded: Grade) -> None:
    """A result for a cell that the database does not have undoes the whole submission."""
    outcome = graded()
    (notebook,) = outcome.notebooks
    other = CellScore("ghost", GradedKind.TESTS, 1, 1.0, needs_manual=False, reason="")
    with pytest.raises(StoreError, match="no cell p1/ghost"):
        record(replace(outcome, notebooks=(replace(notebook, scores=(other,)),)))
    with pytest.raises(StoreError, match="no assignment 'ps9'"):
        record(replace(outcome, assignment="ps9"))
    assert ((), ()) == (database.outcomes(), database.question_scores())


def test_one_transaction_a_submission(
    database: Database, record: Record, graded: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the last row cannot be written, none is."""

    def fails(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("grader.store.outcomes._write_outcome", fails)
    with pytest.raises(RuntimeError):
        record(graded())
    assert ((), ()) == (database.outcomes(), database.question_scores())


# the assignment's cells


def without(notebook: nbformat.NotebookNode, *names: str) -> nbformat.NotebookNode:
    """A notebook without some of its cells."""
    cells = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") not in names]
    return nbformat.from_dict({**notebook, "cells": cells})


def test_sync_is_repeatable(
    database: Database, instructor: nbformat.NotebookNode, released: nbformat.NotebookNode
) -> None:
    """Writing the same assignment again changes nothing."""
    report = database.sync_assignment("ps1", due=None, notebooks={"p1": (instructor, released)})
    assert ((), (), (), ()) == (report.added, report.changed, report.removed, report.kept)


def test_sync_follows_the_notebook(
    database: Database, record: Record, graded: Grade, instructor: nbformat.NotebookNode
) -> None:
    """New points are taken over, cells that are gone are removed with their automatic grades."""
    record(graded())
    changed = without(instructor, "draw")
    changed = nbformat.from_dict(changed)
    changed.cells[2] = nbformat.from_dict(changed.cells[2])
    changed.cells[2].metadata["nbgrader"] = {**changed.cells[2].metadata["nbgrader"], "points": 5}
    report = database.sync_assignment("ps1", due=None, notebooks={"p1": (changed, changed)})
    assert (("p1/test_square",), ("p1/draw",), ()) == (report.changed, report.removed, report.kept)
    assert {"test_square": 5.0, "why": 3.0} == {name: row.max_score for name, row in questions(database).items()}


@pytest.mark.parametrize("what", ["manual_score", "extra_credit", "manual_comment"])
def test_sync_keeps_what_a_person_graded(
    database: Database, regrade: Record, instructor: nbformat.NotebookNode, path: Path, what: str
) -> None:
    """A cell that is gone from the notebook stays, and is reported, when any of its grades is a person's."""
    regrade()
    table = "comment" if what == "manual_comment" else "grade"
    by_hand(path, f"UPDATE {table} SET {what} = 1 WHERE cell_id IN (SELECT id FROM base_cell WHERE name = 'why')")
    smaller = without(instructor, "draw", "why")
    report = database.sync_assignment("ps1", due=None, notebooks={"p1": (smaller, smaller)})
    assert (("p1/draw",), ("p1/why",)) == (report.removed, report.kept)
    assert {"test_square", "why"} == set(questions(database))


def test_sync_removes_notebooks(
    database: Database, record: Record, graded: Grade, instructor: nbformat.NotebookNode, path: Path
) -> None:
    """A notebook that is gone goes with all its rows, unless a person graded some of it."""
    record(graded())
    grade_by_hand(path, "why", 1)
    database.sync_assignment("ps1", due=None, notebooks={"p2": (instructor, instructor)})
    assert {("p1", "why")} == {(row.notebook, row.grade_id) for row in database.question_scores()}
    by_hand(path, "UPDATE grade SET manual_score = NULL")
    database.sync_assignment("ps1", due=None, notebooks={"p2": (instructor, instructor)})
    assert (() == database.question_scores(), {"ps1": 6.0}) == (True, database.max_scores())


def test_a_due_date_of_the_form_grader_stays(database: Database, path: Path) -> None:
    """Without a date of ours, the one in the database is not touched; with one, ours counts."""
    by_hand(path, "UPDATE assignment SET duedate = '2026-01-02 00:00:00.000000'")
    for due, expected in ((None, "2026-01-02 00:00:00.000000"), (DAY + timedelta(1), "2026-01-03 00:00:00.000000")):
        database.sync_assignment("ps1", due=due, notebooks={})
        with sqlite3.connect(path) as connection:
            assert (expected,) == connection.execute("SELECT duedate FROM assignment").fetchone()
        connection.close()


def test_two_courses_in_one_database_are_kept_apart(
    tmp_path: Path, instructor: nbformat.NotebookNode, released: nbformat.NotebookNode
) -> None:
    """An assignment of the same name in another course is refused, and nothing of the first is touched."""
    given = {"due": None, "notebooks": {"p1": (instructor, released)}}
    for course_id in ("default_course", "ml", "ml"):
        with Database(tmp_path / "gradebook.db", course_id=course_id) as database:
            database.sync_assignment("hw1" if course_id == "ml" else "hw0", **given)
    with Database(tmp_path / "gradebook.db", course_id="db") as database:
        database.sync_assignment("hw0", **given)
        with pytest.raises(StoreError, match="hw1: the database has it from the course 'ml', and this one is 'db'"):
            database.sync_assignment("hw1", **given)


def test_students_are_named(database: Database, record: Record, graded: Grade, path: Path) -> None:
    """The roster's names reach the database, for students who were there before too."""
    record(graded("ada"))
    database.sync_students([Student("ada", "Lovelace", "Ada"), Student("zoë", "O'Toole", "Zoë", "z@x")])
    with sqlite3.connect(path) as connection:
        found = set(connection.execute("SELECT id, last_name, first_name, email FROM student"))
    connection.close()
    assert {("ada", "Lovelace", "Ada", None), ("zoë", "O'Toole", "Zoë", "z@x")} == found


def test_a_name_that_is_known_is_not_forgotten(database: Database, path: Path) -> None:
    """A blank in the roster leaves what was entered in the form grader; a name there replaces it."""
    database.sync_students([Student("ada", email="ada@x")])
    by_hand(path, "UPDATE student SET last_name = 'Byron', email = 'old@x'")
    database.sync_students([Student("ada", first_name="Ada", email="ada@x")])
    with sqlite3.connect(path) as connection:
        row = connection.execute("SELECT last_name, first_name, email FROM student").fetchone()
    connection.close()
    assert ("Byron", "Ada", "ada@x") == row


# opening


def test_a_reader_is_never_kept_out(database: Database, record: Record, graded: Grade, path: Path) -> None:
    """While another program is in the middle of writing, we read; we write as soon as it is done."""
    record(graded("ada"))
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE grade SET manual_score = 1")
    assert {None} == {row.manual_score for row in database.question_scores()}
    timer = threading.Timer(0.2, other.commit)
    timer.start()
    record(graded("bob"))
    timer.join()
    other.close()
    assert {"ada": 3.0, "bob": 2.0} == {
        student: sum(row.score for row in questions(database, student).values()) for student in ("ada", "bob")
    }


def test_an_existing_nbgrader_database_is_taken_over(tmp_path: Path) -> None:
    """What nbgrader made and filled stays, and our tables come beside it."""
    path = tmp_path / "gradebook.db"
    Database(path).close()
    for table in ("grader_outcome", "grader_score", "grader_audit", "grader_schema"):
        with sqlite3.connect(path) as connection:
            connection.execute(f"DROP TABLE {table}")
        connection.close()
    by_hand(path, "INSERT INTO student (id) VALUES ('old')")
    with Database(path) as database:
        database.sync_students([Student("new")])
    with sqlite3.connect(path) as connection:
        assert [("new",), ("old",)] == connection.execute("SELECT id FROM student ORDER BY id").fetchall()
    connection.close()


def test_a_database_that_nbgrader_could_not_finish_is_taken_over(tmp_path: Path) -> None:
    """Without alembic on PATH nbgrader leaves its tables without a revision; they are today's, so we note it."""
    from nbgrader.api import Base
    from sqlalchemy import create_engine

    path = tmp_path / "gradebook.db"
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    engine.dispose()
    for _ in range(2):
        Database(path).close()
    by_hand(path, "UPDATE alembic_version SET version_num = 'e43177bfe90b' WHERE version_num = 'e43177bfe90b'")


def test_the_schema_is_the_installed_nbgraders(tmp_path: Path) -> None:
    """The revision that we write and expect is the head of the package's own alembic scripts."""
    import nbgrader
    from alembic.script import ScriptDirectory

    from grader.store.schema import _OLDER_REVISIONS, NBGRADER_REVISION

    scripts = ScriptDirectory(str(Path(nbgrader.__file__).parent / "alembic"))
    assert NBGRADER_REVISION == scripts.get_current_head()
    assert {*_OLDER_REVISIONS, NBGRADER_REVISION} == {script.revision for script in scripts.walk_revisions()}


REFUSED = {
    "newer nbgrader": ("UPDATE alembic_version SET version_num = 'fffffffffff'", "newer nbgrader"),
    "older nbgrader": ("UPDATE alembic_version SET version_num = '724cde206c17'", "nbgrader db upgrade"),
    "no revision": ("DELETE FROM alembic_version", "nbgrader db upgrade"),
    "newer grader": ("UPDATE grader_schema SET version = 99", "update grader"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_other_schemas_are_refused(tmp_path: Path, kind: str) -> None:
    """A database of another version is left alone, with one line that names it and says what to do."""
    path = tmp_path / "gradebook.db"
    Database(path).close()
    statement, remedy = REFUSED[kind]
    by_hand(path, statement)
    with pytest.raises(StoreError, match=remedy) as caught:
        Database(path)
    assert (str(path) in str(caught.value), 1) == (True, len(str(caught.value).splitlines()))


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """Text, another program's database, a folder, a missing folder and a wrong URL: one line each."""
    (tmp_path / "text.db").write_text("not a database, and long enough to be looked at" * 20)
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE birds (name)")
    connection.close()
    (tmp_path / "folder.db").mkdir()
    cases: dict[Path | str, str] = {
        tmp_path / "text.db": "no SQLite database",
        tmp_path / "other.db": "no nbgrader database",
        tmp_path / "folder.db": "cannot be opened",
        tmp_path / "nowhere" / "x.db": "cannot be opened",
        "nonsense": "no database URL",
        "martian://x/y": "no driver",
    }
    for where, message in cases.items():
        with pytest.raises(StoreError, match=message) as caught:
            Database(where)
        assert 1 == len(str(caught.value).splitlines())


def test_a_url_works_like_a_path(tmp_path: Path) -> None:
    """An SQLAlchemy URL opens the same database, in a folder with blanks and signs in its name too."""
    home = tmp_path / "a b?c%d#é"
    home.mkdir()
    with Database(home / "gradebook.db") as database:
        database.sync_students([Student("ada")])
    assert ["gradebook.db"] == [path.name for path in home.iterdir()]
    with Database(f"sqlite:///{tmp_path}/plain.db") as database:
        database.sync_students([Student("ada")])
    assert (tmp_path / "plain.db").is_file()


MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /home rw,relatime - nfs4 server:/home rw
31 30 254:1 / /home/me/my\\040disk rw - xfs /dev/vdb rw
"""


@pytest.mark.parametrize(
    ("path", "journal"),
    [
        ("/srv/course/gradebook.db", "WAL"),
        ("/home/me/course/gradebook.db", "DELETE"),
        ("/home/me/my disk/gradebook.db", "WAL"),
        ("/homeless/gradebook.db", "WAL"),
    ],
)
def test_no_write_ahead_log_on_a_network_file_system(path: str, journal: str) -> None:
    """Programs on two hosts would not see each other's writes in it."""
    from grader.store.connection import journal_mode

    assert journal == journal_mode(Path(path), MOUNTS)


def test_the_journal_is_changed_where_it_is_the_wrong_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A course that was moved to a network disk gets the journal that works there, and keeps its rows."""
    path = tmp_path / "gradebook.db"
    with Database(path) as database:
        database.sync_students([Student("ada")])
    monkeypatch.setattr("grader.store.connection._journal_of", lambda _url: "DELETE")
    with Database(path) as database:
        database.sync_students([Student("bob")])
    with sqlite3.connect(path) as connection:
        assert ("delete",) == connection.execute("PRAGMA journal_mode").fetchone()
        assert (2,) == connection.execute("SELECT count(*) FROM student").fetchone()
    connection.close()


ENDLESS = """
import sys, itertools
from datetime import UTC, datetime
from pathlib import Path
from grader.model import Rejected
from grader.store import Database
with Database(Path(sys.argv[1])) as database:
    for number in itertools.count():
        outcome = Rejected(f"s{number:05}", "ps1", "unreadable")
        database.record(outcome, key="k", engine="e", timestamp=None, finished_at=datetime.now(UTC))
        sys.stdout.write(outcome.student_id + "\\n")
        sys.stdout.flush()
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_whole_submissions(database: Database, path: Path) -> None:
    """After kill -9 at any moment, what was told as done is there, and every submission has all rows or none."""
    for rounds in (1, 7, 40):
        process = subprocess.Popen([sys.executable, "-c", ENDLESS, str(path)], stdout=subprocess.PIPE, text=True)
        with process:
            assert process.stdout is not None
            told = [process.stdout.readline().strip() for _ in range(rounds)]
            process.kill()
        done = database.keys("ps1")
        assert set(told) <= set(done)
        counts: dict[str, int] = {}
        for row in database.question_scores("ps1"):
            counts[row.student_id] = counts.get(row.student_id, 0) + 1
        assert dict.fromkeys(done, 3) == counts
    with sqlite3.connect(path) as connection:
        assert ("ok",) == connection.execute("PRAGMA integrity_check").fetchone()
        assert [] == connection.execute("PRAGMA foreign_key_check").fetchall()
    connection.close()


def test_a_read_only_folder_is_named(as_nobody: AsNobody) -> None:
    """Where we may not write, one line names the database and says what to do."""
    with tempfile.TemporaryDirectory() as top:
        path = Path(top) / "gradebook.db"
        Database(path).close()
        path.chmod(0o444)
        Path(top).chmod(0o555)
        with as_nobody(), pytest.raises(StoreError, match=r"gradebook\.db: .*writ") as caught:
            Database(path).sync_students([Student("ada")])
        assert 1 == len(str(caught.value).splitlines())
        Path(top).chmod(0o755)
