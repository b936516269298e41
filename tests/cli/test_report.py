"""`grader report` and `grader log` as a user calls them."""

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
    """The small course with an exam: one low score, one high, one missing."""
    folder = tmp_path_factory.mktemp("scored")
    course, scores = small_course(folder / "course"), folder / "exam.csv"
    scores.write_text("student_id,score\nada,45\nbob,20\n")
    command = [sys.executable, "-m", "grader", "-C", str(course), "scores", "import", "exam", str(scores)]
    subprocess.run(command, check=True, capture_output=True)
    return course


@pytest.fixture
def scored(imported: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(imported, tmp_path / "course")


def test_the_page_is_written_where_it_was_asked_for(grader: Run, scored: Path, tmp_path: Path) -> None:
    """In the course by default, elsewhere, or on stdout alone."""
    assert 0 == grader("-C", scored, "report").returncode
    assert (scored / "report.html").is_file()
    assert 0 == grader("-C", scored, "report", "-o", "mine.html").returncode
    assert (tmp_path / "mine.html").is_file()
    page = grader("-C", scored, "report", "-o", "-")
    assert page.stdout.startswith("<!DOCTYPE html>")
    assert page.stdout.rstrip().endswith("</html>")


def test_the_rule_for_risk_is_the_callers(grader: Run, scored: Path) -> None:
    """Whoever is below the given percentage is told with the reason, the lowest first; --json writes no page."""
    result = grader("-C", scored, "report", "--json", "--risk-below", "50", "--risk-missing", "9")
    risks = [record for line in result.stdout.splitlines() if (record := json.loads(line))["kind"] == "risk"]
    assert [("cem", 0.0), ("bob", 40.0)] == [(risk["student"], risk["current"]) for risk in risks]
    assert all(["below 50 % so far"] == risk["reasons"] for risk in risks)
    assert not (scored / "report.html").exists()


def test_the_numbers_are_one_object_a_line(grader: Run, scored: Path) -> None:
    """The exam's distribution with stable keys."""
    lines = [json.loads(line) for line in grader("-C", scored, "report", "--json").stdout.splitlines()]
    (exam,) = [line for line in lines if line["kind"] == "item" and line["name"] == "exam"]
    assert (2, 65.0, 40.0, 90.0) == (exam["count"], exam["median"], exam["low"], exam["high"])


def test_the_trail_is_a_line_a_change(grader: Run, scored: Path) -> None:
    """When, who, item, before and after, source; on stdout, newest last."""
    first, second = grader("-C", scored, "log").stdout.splitlines()
    assert "Ada Lovelace (ada)  exam  – → 45  " in first
    assert "exam.csv" in first
    assert "(bob)" in second


def test_the_trail_for_programs(grader: Run, scored: Path) -> None:
    """One object a change, with the time as ISO 8601; of one student."""
    (line,) = grader("-C", scored, "log", "--json", "--student", "bob", "--item", "exam").stdout.splitlines()
    record = json.loads(line)
    assert ("bob", "exam", None, "20") == tuple(record[key] for key in ("student", "item", "before", "after"))
    assert "T" in record["time"]


def test_nothing_and_nobody_are_told_apart(grader: Run, course: Path) -> None:
    """No changes is fine and said so; an unknown student is wrong use."""
    empty = grader("-C", course, "log", "--student", "ada")
    assert (0, "") == (empty.returncode, empty.stdout)
    assert "no score has changed yet" in empty.stderr
    unknown = grader("-C", course, "log", "--student", "adda")
    assert 2 == unknown.returncode
    assert 'did you mean "ada"' in unknown.stderr
    assert 1 == len(unknown.stderr.splitlines())
