"""`grader db copy` shows what it copies, and says in a line why it does not."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader.cli import group
from grader.errors import StoreError
from grader.model import Student
from grader.store import Database
from tests.postgres import Server


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A database of three students."""
    path = tmp_path / "gradebook.db"
    with Database(path) as database:
        database.sync_students([Student(name) for name in ("ada", "bob", "cem")])
    return path


def grader(*arguments: object) -> Result:
    """Call the command here."""
    return CliRunner().invoke(group, [str(argument) for argument in arguments])


def test_copying_tells_every_table_that_has_rows(source: Path, tmp_path: Path) -> None:
    """For a person a table and a line; a path is a file, with whatever name."""
    done = grader("db", "copy", source, tmp_path / "other.db")
    assert (0, "") == (done.exit_code, done.stdout)
    assert "student" in done.stderr
    assert "notebook" not in done.stderr
    assert re.search(r"copied 4 rows in \d+ tables to .*other\.db; every row is the same in both", done.stderr)


def test_a_server_is_named_by_its_url(source: Path, tmp_path: Path, postgres: Server) -> None:
    """For programs a JSON object a table, the same digests in both directions; no password is shown."""
    url = postgres.create(tmp_path.name).replace("grader@", "grader:s3cret@")
    dry = grader("db", "copy", "--dry-run", "--json", source, url)
    there = grader("db", "copy", "--json", source, url)
    back = grader("db", "copy", "--json", url, tmp_path / "back.db")
    assert there.stdout == back.stdout
    rows = [json.loads(line) for line in there.stdout.splitlines()]
    assert {"table": "student", "rows": 3} == {key: rows[1][key] for key in ("table", "rows")}
    assert [{"table": row["table"], "rows": row["rows"]} for row in rows] == [
        json.loads(line) for line in dry.stdout.splitlines()
    ]
    assert "nothing was written" in dry.stderr
    assert "s3cret" not in there.output + back.output + dry.output


def test_a_target_with_rows_is_refused(source: Path, tmp_path: Path) -> None:
    """As an error of one line, which the command line shows with exit status 2."""
    grader("db", "copy", source, tmp_path / "other.db")
    again = grader("db", "copy", source, tmp_path / "other.db")
    assert isinstance(again.exception, StoreError)
    assert f"{tmp_path / 'other.db'}: is not empty (see table student); name an empty database" == str(again.exception)
