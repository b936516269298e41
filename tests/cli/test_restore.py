"""`grader restore`: what was before a run is kept, listed, and put back."""

import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import StoreError
from grader.pipeline import restore
from grader.pipeline.course import open_course
from grader.store import CourseFolder

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def scored(course: Path, grader: Run, tmp_path: Path) -> Path:
    """The small course, into which scores were imported twice."""
    for points in (45, 30):
        file = tmp_path / "exam.csv"
        file.write_text(f"student_id,score\nada,{points}\nbob,25\n")
        assert 0 == grader("-C", course, "scores", "import", "exam", file).returncode
    return course


def exam(course: Path) -> dict[str, str]:
    """Points of the exam by student."""
    connection = sqlite3.connect(course / "gradebook.db")
    found = dict(connection.execute("SELECT student_id, score FROM grader_score"))
    connection.close()
    return found


def test_the_last_run_is_undone_and_done_again(grader: Run, scored: Path) -> None:
    """It is told what changes, how to undo it, and the other student's score is as it was."""
    (before,) = [json.loads(line) for line in grader("-C", scored, "restore", "--json").stdout.splitlines()]
    assert ("scores-import", 2, 0) == (before["before"], before["imported"], before["manual"])
    dry = grader("-C", scored, "restore", "latest", "--dry-run")
    assert "would change: 1 imported score" in dry.stderr
    assert "ada exam: 30, normal → 45, normal" in dry.stderr
    assert {"ada": "30", "bob": "25"} == exam(scored)
    done = grader("-C", scored, "restore", "latest")
    assert 0 == done.returncode
    assert {"ada": "45", "bob": "25"} == exam(scored)
    assert "grader restore 2" in done.stderr
    grader("-C", scored, "restore", "2")
    assert {"ada": "30", "bob": "25"} == exam(scored)


def test_nothing_is_restored_while_somebody_grades(grader: Run, course: Path) -> None:
    """The first is named, before anything else is looked at."""
    with CourseFolder(course).lock("grade"):
        refused = grader("-C", course, "restore", "latest")
    assert 2 == refused.returncode
    assert "in use by `grade`" in refused.stderr


def test_a_damaged_database_names_the_way_out(grader: Run, scored: Path) -> None:
    """Every command says to restore, in one line; restoring helps."""
    for log in scored.glob("gradebook.db-*"):
        log.unlink()
    size = (scored / "gradebook.db").stat().st_size
    (scored / "gradebook.db").write_bytes(b"\xff" * size)
    refused = grader("-C", scored, "status")
    assert 2 == refused.returncode
    assert "grader restore" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert 0 == grader("-C", scored, "restore", "latest").returncode
    assert {"ada": "45", "bob": "25"} == exam(scored)


def test_before_our_tables_come_a_copy_is_kept(course: Path) -> None:
    """A database that nbgrader made, with a class in it, is kept before ours are added."""
    opened = open_course(course)
    with opened.database() as database:
        database.sync_students(opened.students)
    connection = sqlite3.connect(course / "gradebook.db")
    query = "SELECT name FROM sqlite_master WHERE name LIKE 'grader%' AND type = 'table'"
    for (table,) in connection.execute(query).fetchall():
        connection.execute(f"DROP TABLE {table}")
    connection.commit()
    connection.close()
    opened.database().close()
    (kept,) = restore.listed(opened)
    assert kept.counts is not None
    assert ("migration", 3) == (kept.snapshot.command, kept.counts.students)
    restore.carry_out(opened, restore.plan_restore(opened, "latest"))
    with opened.database() as database:
        assert () == database.scores()


def test_a_servers_database_is_saved_by_its_own_tools(course: Path) -> None:
    """No snapshot is kept, and restoring says what to use instead."""
    with (course / "course.toml").open("a") as config:
        config.write('[database]\nurl = "postgresql://nobody@localhost:1/none"\n')
    opened = open_course(course)
    opened.keep_snapshot("grade")
    assert not (course / ".grader").exists()
    with pytest.raises(StoreError, match="pg_dump"):
        restore.listed(opened)
