"""The course folder has nbgrader's layout, and names what is wrong with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from grader.errors import ConfigError, StoreError
from grader.model import Student
from grader.store import CourseFolder, nbgrader_config


def test_assignments_are_the_folders_of_the_sources(tmp_path: Path) -> None:
    """Sorted; hidden folders and files do not count."""
    for name in ("ps2", "ps1", ".git", "__pycache__", "Übung 3"):
        (tmp_path / "source_assignments" / name).mkdir(parents=True)
    (tmp_path / "source_assignments" / "README.md").touch()
    assert ("ps1", "ps2", "Übung 3") == CourseFolder(tmp_path).assignment_names()
    assert () == CourseFolder(tmp_path / "empty").assignment_names()


def test_source_files_are_read_with_their_folders(course: CourseFolder) -> None:
    """Notebooks and data files, without checkpoints."""
    (course.source("ps1") / ".ipynb_checkpoints").mkdir()
    (course.source("ps1") / ".ipynb_checkpoints" / "p1-checkpoint.ipynb").touch()
    (course.source("ps1") / "img").mkdir()
    (course.source("ps1") / "img" / "a.png").write_bytes(b"\x89PNG")
    assert {"p1.ipynb", "data.csv", "img/a.png"} == set(course.source_files("ps1"))
    assert {"p1.ipynb"} == set(course.release_files("ps1"))
    assert {} == course.release_files("ps2")


def test_a_source_that_is_no_file_is_named(course: CourseFolder) -> None:
    """A link among the sources is refused with its path and a remedy; an unknown assignment with those there are."""
    with pytest.raises(StoreError, match=r"no assignment 'ps9' .*ps1"):
        course.source_files("ps9")
    (course.source("ps1") / "link.csv").symlink_to("data.csv")
    with pytest.raises(StoreError, match=r"link\.csv is no plain file; put a copy"):
        course.source_files("ps1")


def test_results_are_written_where_nbgrader_looks(course: CourseFolder) -> None:
    """Each kind of result in its folder; the graded one knows of which submission it is."""
    home = course.submission("ada", "ps1")
    home.mkdir(parents=True)
    (home / "timestamp.txt").write_text("2026-01-02 03:04:05 UTC")
    course.write_autograded("ada", "ps1", {"p1.ipynb": b"{}"})
    course.write_feedback("ada", "ps1", {"p1.html": b"<p>"})
    course.write_feedback_index("ada", "<html>")
    written = {
        path.relative_to(course.root).as_posix()
        for top in (course.autograded, course.feedback)
        for path in top.rglob("*")
        if path.is_file()
    }
    assert {
        "autograded/ada/ps1/p1.ipynb",
        "autograded/ada/ps1/timestamp.txt",
        "feedback/ada/ps1/p1.html",
        "feedback/ada/index.html",
    } == written


def test_the_roster_is_read_as_spreadsheets_save_it(course: CourseFolder) -> None:
    """UTF-8 with or without BOM, and UTF-16; a file of another encoding is named; without a file there is none."""
    assert course.read_roster() is None
    text = "student_id,first_name\nzoë,Zoë\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        course.roster.write_bytes(text.encode(encoding))
        assert (Student("zoë", first_name="Zoë"),) == course.read_roster()
    course.roster.write_bytes(text.encode("latin-1"))
    with pytest.raises(StoreError, match=r"roster\.csv: not UTF-8 at byte 24"):
        course.read_roster()
    course.roster.write_text("name\n")
    with pytest.raises(ConfigError, match=r"roster\.csv, line 1: no column `student_id`"):
        course.read_roster()


def test_the_configuration_is_understood_by_nbgrader(tmp_path: Path) -> None:
    """Course id with quotes, folders and database are what nbgrader reads from it."""
    from traitlets.config.loader import PyFileConfigLoader

    (tmp_path / "nbgrader_config.py").write_text(nbgrader_config('it\'s "one"'))
    config = PyFileConfigLoader("nbgrader_config.py", str(tmp_path)).load_config()["CourseDirectory"]
    assert ('it\'s "one"', str(tmp_path), "source_assignments") == (
        config["course_id"],
        config["root"],
        config["source_directory"],
    )
    assert "db_url" not in config


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("sqlite:///grades.db", "sqlite:///{root}/grades.db"),
        ("sqlite:////srv/grades.db", "sqlite:////srv/grades.db"),
        ("postgresql://me:a%40b@host/ml?sslmode=require", "postgresql+psycopg://me:a%40b@host/ml?sslmode=require"),
        ("postgres+psycopg2://host/ml", "postgresql+psycopg://host/ml"),
    ],
)
def test_nbgrader_finds_the_database_that_the_course_names(tmp_path: Path, ours: str, theirs: str) -> None:
    """Its configuration follows `course.toml`, also when that is changed later."""
    from traitlets.config.loader import PyFileConfigLoader

    (tmp_path / "nbgrader_config.py").write_text(nbgrader_config("ml"))
    (tmp_path / "course.toml").write_text(f'[course]\nid = "ml"\n[database]\nurl = "{ours}"\n')
    config = PyFileConfigLoader("nbgrader_config.py", str(tmp_path)).load_config()["CourseDirectory"]
    assert theirs.format(root=tmp_path) == config["db_url"]


def test_the_face_is_light() -> None:
    """Importing the package loads no database library; asking for the database does."""
    code = (
        "import sys, grader.store as s; assert 'sqlalchemy' not in sys.modules;"
        "s.Database; assert 'sqlalchemy' in sys.modules; assert 'nbgrader' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
