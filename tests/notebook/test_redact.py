"""What a student may see of a graded notebook, after code that did its best to see more."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import nbformat
import pytest

from grader.model import Notebook
from grader.notebook import dump, instructor_version, redact, redact_unexecuted, release, restore, thaw
from grader.notebook.redact import FROM_HERE, HIDDEN

SECRET = "assert f(7) == 4242424242"
TESTS = f"assert f(1) == 1\n### BEGIN HIDDEN TESTS\n{SECRET}\n### END HIDDEN TESTS\nassert f(2) == 2"

SCHEME = "Draw.\n=== BEGIN MARK SCHEME ===\nTwo marks.\n=== END MARK SCHEME ==="


def cell(source: str, grade_id: str = "", kind: str = "code", **marks: Any) -> dict[str, Any]:
    """A cell, with nbgrader's metadata where it has an id."""
    base = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
    metadata = {"nbgrader": base | {"grade_id": grade_id} | marks} if grade_id else {}
    made = {"cell_type": kind, "source": source, "metadata": metadata}
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def notebook(*cells: dict[str, Any]) -> Any:
    """A Python notebook of these cells."""
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return nbformat.from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)})


INSTRUCTOR = instructor_version(
    notebook(
        cell("### BEGIN SOLUTION\ndef f(x):\n    return x\n### END SOLUTION", "f", solution=True),
        cell("assert f(0) == 0", "early", grade=True, locked=True, points=1),
        cell(TESTS, "hidden", grade=True, locked=True, points=2),
        cell("y = 1\nassert f(3) == 3, 'three'", "late", grade=True, locked=True, points=1),
        cell("print(f(1))", "shown", locked=True),
        cell(SCHEME, "task", "markdown", task=True, locked=True, points=2),
    )
)


def run(instructor: Notebook, answer: str, *own: str) -> Any:
    """The instructor's notebook with this answer and further cells at its end, after a run in a real kernel."""
    from nbclient import NotebookClient

    made = thaw(instructor)
    made["cells"][0]["source"] = answer
    made["cells"].extend(nbformat.v4.new_code_cell(source) for source in own)
    return NotebookClient(made, allow_errors=True, timeout=60).execute()


@cache
def executed(answer: str, *own: str) -> Any:
    """The same for the notebook above; a copy is changed by nobody."""
    return run(INSTRUCTOR, answer, *own)


HONEST = "print('mine')\ndef f(x):\n    print('called')\n    return x"

SPY = """\
import sys
from IPython import get_ipython
seen = []
def f(x):
    seen.append('\\n'.join(map(str, get_ipython().user_ns.get('In', []))))
    if x == 7:
        raise type('E' + seen[-1].encode().hex(), (AssertionError,), {})('hint: ' + seen[-1])
    if seen and x == 3:
        print(seen[-1][::-1])
        raise type('E' + seen[-1].encode().hex(), (Exception,), {})(seen[-1])
    return x
"""
TELL = """\
import base64
from IPython.display import display, HTML
text = seen[-1]
print(text, text[::-1], text.encode().hex())
print(base64.b64encode(text.encode()).decode(), file=sys.stderr)
display(HTML(text))
get_ipython().execution_count = int('42' * 5)
text"""
RAISE = "raise type(text.encode().hex(), (Exception,), {})(text)"


def test_the_spy_has_seen_the_hidden_test() -> None:
    """Else the tests below would show nothing."""
    assert dump(executed(SPY, TELL, RAISE)).count(SECRET) > 3


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        SECRET[::-1],
        "4242424242",
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode()[4:-4],
        "BEGIN HIDDEN",
        "Two marks",
        "MARK SCHEME",
    ],
)
def test_no_form_of_a_secret_is_left(form: str) -> None:
    """Not in the source, and not in any output, name, prompt number or picture that came after the hidden test."""
    assert form not in dump(redact(executed(SPY, TELL, RAISE), INSTRUCTOR))


def test_what_ran_before_the_hidden_test_is_shown_as_it_was() -> None:
    """The student's own outputs, and those of visible tests."""
    graded = executed(HONEST)
    shown = redact(graded, INSTRUCTOR)
    assert shown["cells"][0]["outputs"] == graded["cells"][0]["outputs"] != []
    assert shown["cells"][1]["outputs"] == graded["cells"][1]["outputs"] != []
    assert shown["cells"][1]["execution_count"] == 2


def test_what_ran_after_it_shows_nothing_of_the_student_s_process() -> None:
    """A cell of the student's own and a read-only cell look the same whether they printed, failed or did nothing."""
    shown = redact(executed(HONEST, "print(1)", "1 / 0", "pass"), INSTRUCTOR)
    assert [part["outputs"] for part in shown["cells"] if part["cell_type"] == "code"][3:] == [[], [], [], [], []]
    assert {part["execution_count"] for part in shown["cells"][2:] if part["cell_type"] == "code"} == {None}


def texts(part: Any) -> list[str]:
    """What a cell's outputs say."""
    return [output.get("text", "").strip() or "\n".join(output.get("traceback", [])) for output in part["outputs"]]


def test_a_cell_with_hidden_tests_says_so() -> None:
    """And that no outputs are shown from here on; whether it passed is told by its score."""
    shown = redact(executed(HONEST), INSTRUCTOR)
    assert texts(shown["cells"][2]) == [HIDDEN, FROM_HERE]
    assert shown["cells"][2]["source"] == "assert f(1) == 1\nassert f(2) == 2"
    assert shown["cells"][5]["source"] == "Draw."


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("def f(x):\n    return 1 if x == 0 else 5", "----> assert f(1) == 1"),
        ("def f(x):\n    try:\n        {}[x]\n    except KeyError:\n        1 / 0", "----> assert f(1) == 1"),
        ("def f(x):\n    return 4242424242 if x == 7 else 1", "----> assert f(2) == 2"),
    ],
)
def test_the_visible_line_that_failed_is_shown(answer: str, line: str) -> None:
    """Also in a cell with hidden tests, and where one error led to another."""
    shown = redact(executed(answer), INSTRUCTOR)
    assert texts(shown["cells"][2]) == [HIDDEN, line, FROM_HERE]
    assert texts(shown["cells"][3]) == ["----> assert f(3) == 3, 'three'"]


def test_a_hidden_line_that_failed_is_not_shown() -> None:
    """The student learns that something hidden failed, not what."""
    shown = redact(executed(HONEST), INSTRUCTOR)
    assert texts(shown["cells"][2]) == [HIDDEN, FROM_HERE]


HINTS = {
    "assert f(7) == 3, 'hint: think of zero'": "Hint: think of zero",
    "assert f(7) == 3, 'HINT:  two spaces'": "Hint: two spaces",
    "assert f(7) == 3, 'of one'  # public": "of one",
    "import unittest\nunittest.TestCase().assertEqual(f(7), 3, 'hint: of two')": "Hint: of two",
    "assert f(7) == 3, 'not public'": None,
    "assert f(7) == 3, f'hint: {f(7)} is computed'": None,
    "assert f(7) == 3  # public": None,
    "f(0)\n'hint: not reached'": None,
}
HINTED = instructor_version(
    notebook(
        cell("", "f", solution=True),
        *(
            cell(
                f"### BEGIN HIDDEN TESTS\n{test}\n### END HIDDEN TESTS", f"t{number}", grade=True, locked=True, points=1
            )
            for number, test in enumerate(HINTS)
        ),
    )
)


def test_a_hint_is_shown_if_the_instructor_made_it_public() -> None:
    """Word for word as it stands in the source; not what is computed, and not what the student's code says."""
    answer = "def f(x):\n    if x == 0:\n        raise AssertionError('hint: 4242')\n    return 1"
    shown = redact(run(HINTED, answer), HINTED)
    told = [[text for text in texts(part) if text not in (HIDDEN, FROM_HERE)] for part in shown["cells"][1:]]
    assert told == [[hint] if hint else [] for hint in HINTS.values()]


def test_an_early_output_with_a_hidden_line_is_left_out() -> None:
    """The second net, should an engine let a later output into an earlier cell."""
    graded = thaw(executed(HONEST))
    graded["cells"][0]["outputs"] = [
        {"output_type": "stream", "name": "stdout", "text": "fine"},
        {"output_type": "display_data", "data": {"text/plain": f"x{SECRET}x"}, "metadata": {}},
    ]
    assert texts(redact(graded, INSTRUCTOR)["cells"][0]) == ["fine"]


def test_metadata_is_the_instructor_s_and_little_of_it() -> None:
    """Widget states, timings and checksums are gone; the id by which a page finds the score stays."""
    graded = thaw(executed(HONEST))
    graded["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"x": SECRET}}}
    shown = redact(graded, INSTRUCTOR)
    assert set(shown["metadata"]) == {"kernelspec"}
    assert shown["cells"][2]["metadata"] == {
        "nbgrader": {"schema_version": 3, "grade_id": "hidden", "points": 2.0}
        | {"grade": True, "solution": False, "locked": True, "task": False}
    }


def test_a_notebook_that_was_not_run_keeps_its_student_s_outputs() -> None:
    """They were made without hidden tests; only the instructor's text is taken out."""
    graded = executed(HONEST)
    shown = redact_unexecuted(graded, INSTRUCTOR)
    assert [part.get("outputs") for part in shown["cells"]] == [part.get("outputs") for part in graded["cells"]]
    assert SECRET not in dump(shown)


def test_nothing_is_changed_in_place() -> None:
    """Notebook in, notebook out."""
    graded = executed(HONEST)
    before = dump(graded), dump(INSTRUCTOR)
    redact(graded, INSTRUCTOR)
    assert (dump(graded), dump(INSTRUCTOR)) == before


def test_a_rebuilt_submission_shows_its_student_s_work() -> None:
    """From a release handed in again to what its student sees: the answer is there, and the result validates."""
    released = release(INSTRUCTOR)
    submitted = thaw(released)
    submitted["cells"][0]["source"] = HONEST
    rebuilt = restore(submitted, INSTRUCTOR, released).notebook
    shown = redact(rebuilt, INSTRUCTOR)
    nbformat.validate(shown)
    assert shown["cells"][0]["source"] == HONEST
    assert SECRET not in dump(shown)
