"""The command line's contract: exit statuses, streams, errors of one line, help for everything."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.cli.grade import watch
from grader.cli.reference import reference
from grader.model import Faulted

Run = Callable[..., "subprocess.CompletedProcess[str]"]
COMMANDS = [
    "init",
    "release",
    "collect",
    "grade",
    "feedback",
    "scores",
    "gradebook",
    "report",
    "log",
    "status",
    "validate",
    "doctor",
    "demo",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(grader: Run, command: str) -> None:
    """Help is there, exits with 0 and shows how it is called."""
    result = grader(command, "--help")
    assert 0 == result.returncode
    assert f"grader {command}" in result.stdout


def test_the_reference_is_what_help_says() -> None:
    """`docs/cli.md` is generated: run `python -m grader.cli.reference > docs/cli.md` after changing a command."""
    root = Path(__file__).parents[2]
    assert (root / "docs" / "cli.md").read_text() == reference()


def test_a_wrong_command_gets_a_suggestion(grader: Run) -> None:
    """The nearest command is offered, with exit status 2."""
    result = grader("colect")
    assert 2 == result.returncode
    assert "did you mean 'collect'" in result.stderr


def test_no_course_is_one_line(grader: Run) -> None:
    """Outside of a course: status 2, one line that says how to begin, no traceback."""
    result = grader("status")
    assert 2 == result.returncode
    assert 1 == len(result.stderr.splitlines())
    assert "grader init" in result.stderr


def test_a_wrong_configuration_is_a_line_each(grader: Run, course: Path) -> None:
    """All problems at once, status 2."""
    (course / "course.toml").write_text('[course]\nid = 3\nzone = "x"\n[limits]\nprocesses = 1\n')
    result = grader("-C", course, "status")
    assert 2 == result.returncode
    assert 3 == len(result.stderr.splitlines())
    assert "Traceback" not in result.stderr


def test_init_makes_a_course_that_works(grader: Run, tmp_path: Path) -> None:
    """The new course is valid as it is, and a second init leaves it alone."""
    assert 0 == grader("init", tmp_path / "new", "--id", 'odd "id"').returncode
    assert 0 == grader("-C", tmp_path / "new", "status").returncode
    assert (tmp_path / "new" / "nbgrader_config.py").exists()
    again = grader("init", tmp_path / "new")
    assert 2 == again.returncode
    assert "is a course already" in again.stderr


def test_json_is_the_only_thing_on_stdout(grader: Run, course: Path) -> None:
    """One object a line, everything for people elsewhere."""
    result = grader("-C", course, "release", "--json")
    assert [{"assignment": "ps1", "notebooks": ["squares"], "points": 8.0, "changed": True, "written": True}] == [
        json.loads(line) for line in result.stdout.splitlines()
    ]


def test_a_dry_run_writes_nothing(grader: Run, course: Path) -> None:
    """It says what it would do."""
    result = grader("-C", course, "release", "--dry-run")
    assert "would write" in result.stderr
    assert not (course / "release").exists()


def test_scores_are_imported_and_weighed(grader: Run, course: Path, tmp_path: Path) -> None:
    """A wrong row is listed and costs status 1, the others count; formulas in names are no formulas in the CSV."""
    scores = tmp_path / "exam.csv"
    scores.write_text("student_id,score\nada,45\nbob,51\neve,40\ncem,\n")
    result = grader("-C", course, "scores", "import", "exam", scores)
    assert 1 == result.returncode
    assert {"row 3", "row 4"} == {row for row in ("row 2", "row 3", "row 4", "row 5") if row in result.stderr}
    csv = grader("-C", course, "gradebook", "-o", "-").stdout
    assert "'=Cell()" in csv
    ada = next(line for line in csv.splitlines() if line.startswith("ada,"))
    assert ",36.00," in ada


@pytest.mark.slow
def test_validate_tells_a_student_what_to_see_to(grader: Run, course: Path, tmp_path: Path) -> None:
    """An untouched release: the test fails, the answers are missing; without a cell, that is told, too."""
    grader("-C", course, "release")
    notebook = json.loads((course / "release/ps1/squares.ipynb").read_text())
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] != "test-hidden"]
    mine = tmp_path / "squares.ipynb"
    mine.write_text(json.dumps(notebook))
    result = grader("validate", mine, "--json")
    assert 1 == result.returncode
    kinds = sorted(finding["kind"] for finding in json.loads(result.stdout)["findings"])
    assert ["failed", "missing", "unanswered", "unanswered"] == kinds


def test_without_a_terminal_there_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """How many of how many, how fast, how long still, and what became of them."""
    monkeypatch.setattr("grader.cli.grade._SECONDS_A_LINE", 0)
    watch([Faulted("ada", "ps1", "no disk"), Faulted("bob", "ps1", "no disk")], 3, as_json=False)
    told = capsys.readouterr().err
    assert "2 of 3" in told
    assert "2 failed" in told


@pytest.mark.slow
def test_ctrl_c_stops_soon_keeps_what_is_done_and_says_how_to_go_on(grader: Run, course: Path) -> None:
    """Interrupted while workers grade: status 130, a line, nothing left running; the next run finishes the class."""
    grader("-C", course, "release")
    (course / "roster.csv").unlink()
    for number in range(6):
        folder = course / "submitted" / f"s{number}" / "ps1"
        folder.mkdir(parents=True)
        work = json.loads((course / "release/ps1/squares.ipynb").read_text())
        work["cells"][1]["source"] = f"print('x' * 10**6)\ndef square(x):\n    return x * {number}"
        (folder / "squares.ipynb").write_text(json.dumps(work))
    command = [sys.executable, "-m", "grader", "-C", str(course), "grade", "--json"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    first = json.loads(running.stdout.readline())
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert 130 == running.returncode
    assert "goes on from here" in said
    rest = {json.loads(line)["student"] for line in grader("-C", course, "grade", "--json").stdout.splitlines()}
    assert first["student"] not in rest
    assert "nothing to do: 6 submissions" in grader("-C", course, "grade").stderr
