"""Scores in and grades out by the command line: formats, rules that might be, what has changed, why."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.making import small_course

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small course with scores of its exam, imported once."""
    folder = tmp_path_factory.mktemp("imported")
    root = small_course(folder / "course")
    file = folder / "exam.csv"
    file.write_text("student_id,score\nada,45\nbob,25\ncem,EX\n")
    command = [sys.executable, "-m", "grader", "-C", root, "scores", "import", "exam", file]
    subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=True)
    return root


@pytest.fixture
def scored(imported: Path, tmp_path: Path) -> Path:
    """A copy of the small course with scores of its exam."""
    return Path(shutil.copytree(imported, tmp_path / "course"))


def test_explain_tells_the_total_down_to_the_item(scored: Path, grader: Run) -> None:
    """The student's exam is there with its points, and the total."""
    result = grader("-C", scored, "explain", "ada")
    assert 0 == result.returncode
    assert "45 of 50 points" in result.stdout
    assert "total 36.00 %" in result.stdout


def test_explain_names_who_is_not_there(scored: Path, grader: Run) -> None:
    """An unknown student is one line, status 2."""
    result = grader("-C", scored, "explain", "eve")
    assert 2 == result.returncode
    assert 'no student "eve"' in result.stderr


def test_what_if_shows_who_would_change_and_writes_nothing(scored: Path, grader: Run) -> None:
    """Other weights: two students would change, no gradebook is written."""
    changes = ["--what-if", "categories.exams=50", "--what-if", "categories.notebooks=50"]
    result = grader("-C", scored, "gradebook", *changes)
    assert "2 students would change" in result.stderr
    assert "+9" in result.stderr
    assert not (scored / "gradebook.csv").exists()


def test_diff_shows_what_has_changed_and_why(scored: Path, grader: Run, tmp_path: Path) -> None:
    """After a new import, the earlier CSV differs in one student, with the item as the reason."""
    grader("-C", scored, "gradebook", "-o", tmp_path / "old.csv")
    (tmp_path / "again.csv").write_text("student_id,score\nbob,30\n")
    imported = grader("-C", scored, "scores", "import", "exam", tmp_path / "again.csv")
    assert "25 → 30" in imported.stderr
    result = grader("-C", scored, "gradebook", "--diff", tmp_path / "old.csv")
    assert "1 student changed" in result.stderr
    assert "exam" in result.stderr


def test_the_gradebook_of_an_earlier_day(scored: Path, grader: Run) -> None:
    """Before anything was imported, nobody has a score."""
    result = grader("-C", scored, "gradebook", "--as-of", "2020-01-01", "-o", "-")
    assert [""] == list({line.split(",")[-2] for line in result.stdout.splitlines()[1:]})


@pytest.mark.parametrize(
    ("kind", "begins"),
    [
        ("canvas", b"Student,ID,SIS User ID"),
        ("moodle", b"ID number,Full name"),
        ("blackboard", b"\xff\xfe"),
        ("brightspace", b"OrgDefinedId,Username"),
        ("xlsx", b"PK"),
        ("html", b"<!doctype html>"),
        ("json", b"{"),
    ],
)
def test_every_format_is_written(scored: Path, grader: Run, tmp_path: Path, kind: str, begins: bytes) -> None:
    """Each format goes to a file and begins as it should."""
    target = tmp_path / "out"
    assert 0 == grader("-C", scored, "gradebook", "--format", kind, "-o", target).returncode
    assert target.read_bytes().startswith(begins)


def test_json_has_the_totals(scored: Path, grader: Run) -> None:
    """On stdout, for programs."""
    table = json.loads(grader("-C", scored, "gradebook", "--format", "json").stdout)
    assert {"ada": 36.0} == {row["student_id"]: row["total"] for row in table["students"] if row["student_id"] == "ada"}


def test_a_rubric_becomes_a_template_and_comes_back_as_scores(course: Path, grader: Run, tmp_path: Path) -> None:
    """A team's row counts for all its members, with an adjustment for one; the comment is kept."""
    (course / "rubrics").mkdir()
    (course / "rubrics" / "exam.toml").write_text(
        '[[criteria]]\nname = "idea"\npoints = 20\n[criteria.levels]\ngood = 20\nweak = 5\n'
        '[[criteria]]\nname = "proof"\npoints = 30\n'
    )
    (course / "teams.csv").write_text("team,student_id\nT1,ada\nT1,bob\n")
    sheet = grader("-C", course, "scores", "template", "exam").stdout
    titles, *rows = sheet.splitlines()
    assert ["team,student_id,name,idea (20),proof (30),adjustment,comment", "T1,,,,,,"] == [titles, rows[0]]
    filled = [titles, "T1,,,good,21,,Fine", "T1,ada,Ada Lovelace,,,,", "T1,bob,Bob,,,-3,"]
    (tmp_path / "exam.csv").write_text("\n".join(filled))
    result = grader("-C", course, "scores", "import", "exam", tmp_path / "exam.csv")
    assert "2 scores" in result.stderr, result.stderr
    book = json.loads(grader("-C", course, "gradebook", "--format", "json").stdout)
    assert {"ada": 41, "bob": 38} == {
        row["student_id"]: row["items"]["exam"]["score"] for row in book["students"] if row["items"]["exam"]["score"]
    }


def test_attendance_has_free_absences(course: Path, grader: Run, tmp_path: Path) -> None:
    """Two of three sessions with one free absence are all points."""
    file = tmp_path / "attendance.csv"
    file.write_text("student_id,w1,w2,w3\nada,x,,x\nbob,x,,\ncem,,x,x\n")
    grader("-C", course, "scores", "import", "exam", file, "--attendance", "1")
    book = json.loads(grader("-C", course, "gradebook", "--format", "json").stdout)
    assert {"ada": 50, "bob": 25, "cem": 50} == {
        row["student_id"]: row["items"]["exam"]["score"] for row in book["students"] if row["items"]["exam"]["score"]
    }
