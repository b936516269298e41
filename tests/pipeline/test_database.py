"""A course is the same on PostgreSQL as on SQLite, file by file; its database moves from one to the other."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grader.notebook import instructor_version, release
from grader.pipeline import feedback, grade, gradebook
from grader.pipeline.course import open_course
from tests.making import solved, squares

if TYPE_CHECKING:
    from tests.postgres import Server

pytestmark = pytest.mark.slow

ANSWERS = {"ada": "return x * x", "bob": "return 4", "cem": "while True: pass"}
NOW = datetime(2026, 9, 22, tzinfo=UTC)


def whole_course(root: Path) -> dict[str, bytes]:
    """Grade, write feedback and the gradebook; every file that came of it."""
    opened = open_course(root)
    with opened.database() as database:
        list(grade.carry_out(opened, database, grade.plan_grade(opened, database, grade.GradeRequest()), 2))
        list(feedback.carry_out(opened, feedback.plan_feedback(opened, database, ()), 1))
        gradebook.write(opened, gradebook.build(opened, database))
    files = [*root.glob("autograded/**/*.ipynb"), *root.glob("feedback/**/*.html"), root / "gradebook.csv"]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


@pytest.fixture
def class_of_three(course: Path) -> Path:
    """Two honest submissions and one that never ends."""
    (course / "course.toml").write_text(
        (course / "course.toml").read_text().replace("cell_seconds = 5", "cell_seconds = 1")
    )
    for student, answer in ANSWERS.items():
        folder = course / "submitted" / student / "ps1"
        folder.mkdir(parents=True)
        work = solved(release(instructor_version(squares())), square=f"def square(x):\n    {answer}", essay="Because.")
        (folder / "squares.ipynb").write_text(json.dumps(work))
    return course


def test_every_file_is_the_same_as_with_sqlite(
    class_of_three: Path, tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Graded notebooks, pages and the gradebook, byte by byte; a second run has nothing to do in either."""
    monkeypatch.setattr(grade, "datetime", Frozen)
    other = tmp_path / "other"
    shutil.copytree(class_of_three, other)
    url = postgres.create(tmp_path.name)
    with (other / "course.toml").open("a") as out:
        out.write(f'[database]\nurl = "{url}"\n')
    expected, found = whole_course(class_of_three), whole_course(other)
    assert 3 + 3 + 3 + 1 == len(expected)
    assert expected == found
    assert not (other / "gradebook.db").exists()
    opened = open_course(other)
    with opened.database() as database:
        assert () == grade.plan_grade(opened, database, grade.GradeRequest()).jobs


class Frozen(datetime):
    """A clock that stands: the time of grading is on every page."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:
        """Always the same."""
        return NOW
