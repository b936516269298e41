"""The demo: everything a course does, on an invented class, by the code of a real one."""

import csv
import io
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from grader.demo.run import copy_course
from grader.pipeline.course import open_course
from tests.postgres import Server

Run = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    """Run the demo once in a folder of its own."""
    import sys

    target = tmp_path_factory.mktemp("demo") / "course with a space"
    command = [sys.executable, "-m", "grader", "demo", str(target)]
    return target, subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)


def test_it_ends_with_the_class_and_where_to_look(demo: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    """The table and the paths are there, all as it should be, and no traceback."""
    target, result = demo
    assert 0 == result.returncode, result.stderr
    assert "Traceback" not in result.stderr
    assert "Łukasz Wójcik-Żak" in result.stderr
    assert str(target / "gradebook.csv") in result.stderr
    assert result.stderr.endswith(f"\n  grader -C '{target}' review\n")


def test_every_fate_is_told(demo: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    """A loop, a crash, a bomb, an unreadable file and changed tests each have their line."""
    _, result = demo
    for words in ("was stopped", "the kernel died", "MB of memory", "not JSON", "had been changed"):
        assert words in result.stderr


def test_nobody_is_suspected_but_who_changed_a_test(demo: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    """Of the whole class, graded as it is unless asked for: no scan and no cell that must fail gives a false alarm."""
    target, _ = demo
    with open_course(target).database() as database:
        flags = {flag.kind for row in database.outcomes() for notebook in row.notebooks for flag in notebook.flags}
    assert {"test-changed"} == flags


def test_the_gradebook_has_the_whole_class(demo: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    """24 rows with a total each, and the five categories as configured."""
    target, _ = demo
    rows = list(csv.DictReader(io.StringIO((target / "gradebook.csv").read_text(encoding="utf-8"))))
    assert 24 == len(rows)
    assert all(0 < float(row["total"]) <= 100 for row in rows)
    assert {"project %", "midterm %", "notebooks %", "homeworks %", "participation %"} <= set(rows[0])


def test_every_student_has_pages_without_secrets(demo: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    """An index a student; no page holds a hidden test, a solution marker or a script."""
    target, _ = demo
    pages = list((target / "feedback").rglob("*.html"))
    assert 24 == sum(page.name == "index.html" for page in pages)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "HIDDEN TESTS" not in text
        assert "BEGIN SOLUTION" not in text
        assert "<script" not in text


def test_a_second_run_does_nothing_again(demo: tuple[Path, "subprocess.CompletedProcess[str]"], grader: Run) -> None:
    """Everything is graded, collected and written already."""
    target, _ = demo
    again = grader("demo", target)
    assert "nothing to do" in again.stderr
    assert "0 pages written" in again.stderr


def test_on_postgresql_it_is_the_same(
    demo: tuple[Path, "subprocess.CompletedProcess[str]"], grader: Run, postgres: Server, tmp_path: Path
) -> None:
    """From release to gradebook with a server for the database: the same totals, byte by byte, and as many pages."""
    target, _ = demo
    other = tmp_path / "course"
    copy_course(other)
    with (other / "course.toml").open("a") as config:
        config.write(f'[database]\nurl = "{postgres.create(tmp_path.name)}"\n')
    result = grader("-C", other, "demo")
    assert 0 == result.returncode, result.stderr
    assert not (other / "gradebook.db").exists()
    assert (target / "gradebook.csv").read_bytes() == (other / "gradebook.csv").read_bytes()
    assert [24, 24] == [len(list(root.glob("feedback/*/index.html"))) for root in (target, other)]
    assert len(list(target.glob("autograded/*/*/*.ipynb"))) == len(list(other.glob("autograded/*/*/*.ipynb"))) > 100


def test_without_a_course_around_a_folder_has_to_be_named(grader: Run, tmp_path: Path) -> None:
    """It says how, and nothing is made where it was called."""
    result = grader("demo")
    assert 2 == result.returncode
    assert "say where to put the demo's: grader demo DIR" in result.stderr
    assert [] == list(tmp_path.iterdir())


def test_students_of_others_are_left_alone(grader: Run, tmp_path: Path) -> None:
    """A course with a student whom the demo did not invent is refused, and nothing in it is touched."""
    assert 0 == grader("init", tmp_path / "real").returncode
    (tmp_path / "real" / "roster.csv").write_text("student_id\nsomebody\n")
    result = grader("demo", tmp_path / "real")
    assert 2 == result.returncode
    assert "somebody" in result.stderr
    assert not (tmp_path / "real" / "submitted").exists()


@pytest.mark.skipif(find_spec("torch") is None, reason="the page shows the class with the PyTorch assignment")
def test_the_documented_grade_is_the_real_one(
    demo: tuple[Path, "subprocess.CompletedProcess[str]"], grader: Run
) -> None:
    """`docs/one-grade.md` shows what `grader explain` prints, to the letter."""
    target, _ = demo
    page = (ROOT / "docs" / "one-grade.md").read_text(encoding="utf-8")
    shown = page.split("```\n")[1]
    assert shown == grader("-C", target, "explain", "jl7208").stdout
