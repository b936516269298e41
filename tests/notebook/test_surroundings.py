"""A missing module, file or network is told as such, not as a wrong answer."""

import pytest

from grader.model import CellRun, Executed, IncidentKind, RunStatus
from grader.notebook.surroundings import missed
from tests.making import make_cell, make_notebook

RAISED = CellRun(RunStatus.RAISED)


def executed(*errors: tuple[str, str], **cell: object) -> Executed:
    """Make a notebook whose cells raised these errors."""
    cells = [{**make_cell("code", "x", **cell), "outputs": [error(*names)]} for names in errors]
    return Executed(make_notebook(*cells), tuple(RAISED for _ in cells))


def error(ename: str, evalue: str) -> dict[str, object]:
    """Make an error output."""
    return {"output_type": "error", "ename": ename, "evalue": evalue, "traceback": []}


@pytest.mark.parametrize(
    ("ename", "evalue", "said"),
    [
        (
            "ModuleNotFoundError",
            "No module named 'torchvision'",
            "it imports torchvision, which this environment lacks",
        ),
        ("FileNotFoundError", "[Errno 2] No such file or directory: 'my.csv'", "it reads “my.csv”, which is not there"),
        ("URLError", "<urlopen error [Errno -3] Temporary failure in name resolution>", "the network"),
        ("requests.exceptions.ConnectionError", "x", "the network"),
        ("OSError", "[Errno 101] Network is unreachable", "the network"),
    ],
)
def test_what_is_missing_is_told(ename: str, evalue: str, said: str) -> None:
    """One incident, with its cell, in words that a student understands."""
    (found,) = missed(executed((ename, evalue)), make_notebook())
    assert IncidentKind.ENVIRONMENT is found.kind
    assert said in found.sentence
    assert 0 == found.cell


def test_a_wrong_answer_is_none_of_it() -> None:
    """Other errors say nothing about the machine."""
    assert () == missed(
        executed(("AssertionError", "No module"), ("NameError", "name 'np' is not defined")), make_notebook()
    )


def test_the_same_lack_is_told_once() -> None:
    """Ten cells that import what is not there are one sentence."""
    lacking = ("ModuleNotFoundError", "No module named 'torch'")
    assert 1 == len(missed(executed(*[lacking] * 10), make_notebook()))


def test_what_a_hidden_test_asks_for_is_not_told() -> None:
    """Its error could name what students may not see."""
    hidden = make_cell(
        "code", "### BEGIN HIDDEN TESTS\nx\n### END HIDDEN TESTS", "t", grade=True, locked=True, points=1
    )
    raised = executed(("FileNotFoundError", "[Errno 2] No such file or directory: 'secret.csv'"), grade_id="t")
    assert () == missed(raised, make_notebook(hidden))


def test_names_are_escaped() -> None:
    """What a student's error says cannot fool a terminal."""
    (found,) = missed(executed(("FileNotFoundError", "No such file or directory: '\x1b[2Jx'")), make_notebook())
    assert "\x1b" not in found.sentence
