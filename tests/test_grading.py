"""The heart, with a plain function in the place of a kernel."""

import io
import json
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest

from grader.grading import best, grade_submission, work_files
from grader.model import Bundle, CellRun, Executed, Files, Graded, Limits, Notebook, Rejected, RunStatus, Submission
from grader.notebook import instructor_version, release, thaw
from tests.making import make_cell, make_notebook, solved, squares

RIGHT = "def square(x):\n    return x ** 2"


def run_here(notebook: Notebook, files: Files, limits: Limits) -> Executed:
    """Run cells by `exec` in this process: enough of a kernel for honest code."""
    space: dict[str, Any] = {}
    executed = thaw(notebook)
    runs = []
    for cell in executed["cells"]:
        status = RunStatus.COMPLETED
        try:
            if cell["cell_type"] == "code":
                with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                    exec(cell["source"], space)
        except Exception as error:  # noqa: BLE001 - as a kernel does
            status = RunStatus.RAISED
            cell["outputs"] = [
                {"output_type": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": []}
            ]
        runs.append(CellRun(status) if cell["cell_type"] == "code" else None)
    return Executed(executed, tuple(runs))


def bundle(*, execute: bool = True, **sources: Mapping[str, Any]) -> Bundle:
    """Make an assignment of these sources."""
    instructors = {name: instructor_version(source) for name, source in sources.items()}
    releases = {name: release(source) for name, source in instructors.items()}
    return Bundle("ps1", instructors, releases, {"data.csv": b"ours"}, Limits(), execute, "digest")


def submission(**files: object) -> Submission:
    """Hand in notebooks (as values) and other files (as bytes) by name."""
    content = {
        f"{name}.ipynb" if isinstance(value, Mapping) else name: json.dumps(value).encode()
        if isinstance(value, Mapping)
        else bytes(value)  # type: ignore[call-overload]
        for name, value in files.items()
    }
    return Submission("ada", "ps1", content, "digest")


def points(outcome: Graded | Rejected) -> dict[str, float | None]:
    """Automatic scores by grade id."""
    return {score.grade_id: score.auto_score for notebook in outcome.notebooks for score in notebook.scores}


def test_right_work_earns_its_points() -> None:
    """Passed tests are full marks, an answered question waits for a person."""
    assignment = bundle(squares=squares())
    work = solved(assignment.releases["squares"], square=RIGHT, essay="Minus times minus.")
    outcome = grade_submission(submission(squares=work), assignment, run_here)
    assert isinstance(outcome, Graded)
    assert {"test_visible": 1, "test_hidden": 4, "essay": None} == points(outcome)
    assert () == outcome.notebooks[0].flags + outcome.notebooks[0].repairs


def test_work_that_only_passes_what_is_seen_loses_the_hidden_points() -> None:
    """A function that is right for 2 and 3 alone fails the hidden test."""
    assignment = bundle(squares=squares())
    work = solved(assignment.releases["squares"], square="def square(x):\n    return {2: 4, 3: 9}[x]")
    assert {"test_visible": 1, "test_hidden": 0, "essay": 0} == points(
        grade_submission(submission(squares=work), assignment, run_here)
    )


def test_nothing_readable_is_rejected_with_its_reason() -> None:
    """Every score is 0, and the reason names the file."""
    assignment = bundle(squares=squares())
    outcome = grade_submission(submission(**{"squares.ipynb": b"\x00\x01"}), assignment, run_here)
    assert isinstance(outcome, Rejected)
    assert {0.0} == set(points(outcome).values())
    assert "squares.ipynb" in outcome.reason


def test_one_unreadable_notebook_of_two_costs_only_itself() -> None:
    """The other one is graded."""
    other = make_notebook(make_cell("code", "assert True", "trivial", grade=True, locked=True, points=2))
    assignment = bundle(squares=squares(), other=other)
    work = solved(assignment.releases["squares"], square=RIGHT)
    outcome = grade_submission(submission(squares=work, **{"other.ipynb": b"{"}), assignment, run_here)
    assert isinstance(outcome, Graded)
    assert {"trivial": 0, "test_visible": 1, "test_hidden": 4, "essay": 0} == points(outcome)


def test_an_assignment_that_is_not_run_leaves_its_tests_to_a_person() -> None:
    """With `execute = false` the student's outputs stay, and no test counts by itself."""
    assignment = bundle(execute=False, squares=squares())
    work = solved(assignment.releases["squares"], square=RIGHT)
    work["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "trained for a week"}]
    outcome = grade_submission(submission(squares=work), assignment, never)
    assert {"test_visible": None, "test_hidden": None, "essay": 0} == points(outcome)
    assert "trained for a week" in json.dumps(outcome.notebooks[0].notebook)


def never(notebook: Notebook, files: Files, limits: Limits) -> Executed:
    """Fail if anything is run."""
    pytest.fail("nothing is to be run")


def test_the_instructors_data_wins() -> None:
    """A student's file takes no place of the assignment's, their own files come along, their notebooks do not."""
    handed_in = submission(squares=squares(), **{"data.csv": b"theirs", "helper.py": b"x = 1"})
    assert {"data.csv": b"ours", "helper.py": b"x = 1"} == work_files(handed_in, bundle(squares=squares()))


def test_the_best_of_several_attempts_counts() -> None:
    """The one with the most automatic points, of equals the latest; what cannot be read never wins."""
    assignment = bundle(squares=squares())
    good, poor = (
        grade_submission(
            submission(squares=solved(assignment.releases["squares"], square=answer)), assignment, run_here
        )
        for answer in (RIGHT, "def square(x):\n    return 4")
    )
    unreadable = grade_submission(submission(**{"squares.ipynb": b"{"}), assignment, run_here)
    assert good is best([good, poor])
    chosen = best([poor, unreadable, good])
    assert isinstance(chosen, Graded)
    assert 2 == chosen.attempt
    assert ["best-attempt"] == [repair.kind for repair in chosen.notebooks[0].repairs]
    assert poor is best([poor, poor])
    assert unreadable is best([unreadable, unreadable])
