"""What an executed notebook earns: nbgrader's expectations where they are sound, and never full marks in doubt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.model import CellRun, CellScore, Executed, GradedKind, Incident, IncidentKind, Notebook, RunStatus
from grader.notebook import instructor_version, meta_of, read, release, score, score_unexecuted, thaw

DONE, RAISED = CellRun(RunStatus.COMPLETED), CellRun(RunStatus.RAISED)
STOPPED, NOT_RUN = CellRun(RunStatus.STOPPED), CellRun(RunStatus.NOT_RUN)
HIDDEN = "assert f(1) == 1\n### BEGIN HIDDEN TESTS\nassert f(2) == 4\n### END HIDDEN TESTS"


def cell(source: str, grade_id: str, kind: str = "code", **marks: Any) -> dict[str, Any]:
    """A cell with nbgrader's metadata."""
    base = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
    made = {"cell_type": kind, "source": source, "metadata": {"nbgrader": base | {"grade_id": grade_id} | marks}}
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def notebook(*cells: dict[str, Any]) -> Notebook:
    """The instructor's version of these cells."""
    return instructor_version(
        nbformat.from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)})
    )


def graded_by_tests(source: str = "assert f(1) == 1", points: float = 2) -> Notebook:
    """An instructor's notebook of one test cell."""
    return notebook(cell(source, "t", grade=True, locked=True, points=points))


def result(text: Any) -> dict[str, Any]:
    """An output as the value of a last expression leaves it."""
    return {"output_type": "execute_result", "data": {"text/plain": text}, "metadata": {}, "execution_count": 1}


def error(name: str = "AssertionError") -> dict[str, Any]:
    """An output as an exception leaves it."""
    return {"output_type": "error", "ename": name, "evalue": "v", "traceback": []}


def verdict(instructor: Notebook, *outputs: dict[str, Any], run: CellRun | None = DONE, **more: Any) -> CellScore:
    """The score of a notebook's first cell after it ran like this."""
    executed = thaw(instructor)
    executed["cells"][0]["outputs"] = list(outputs)
    return score(Executed(executed, (run,), **more), instructor).scores[0]


def flags(instructor: Notebook, *outputs: dict[str, Any], run: CellRun = DONE) -> list[str]:
    """The kinds of flags that it gets."""
    executed = thaw(instructor)
    executed["cells"][0]["outputs"] = list(outputs)
    return [flag.kind for flag in score(Executed(executed, (run,)), instructor).flags]


def test_tests_that_ran_to_their_end_earn_full_marks() -> None:
    """Text on stdout and on stderr, and pictures, change nothing."""
    noise = [{"output_type": "stream", "name": name, "text": "careful"} for name in ("stdout", "stderr")]
    picture = {"output_type": "display_data", "data": {"image/png": "aGk=", "text/plain": "0.5"}, "metadata": {}}
    assert verdict(graded_by_tests(), *noise, picture) == CellScore(
        "t", GradedKind.TESTS, 2.0, auto_score=2.0, needs_manual=False, reason="All tests passed."
    )
    assert flags(graded_by_tests(), *noise, picture) == []


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (RAISED, "A test failed (NameError)."),
        (STOPPED, "The tests did not come to their end: Cell 1 took too long"),
        (NOT_RUN, "The tests did not run: Cell 1 took too long"),
        (None, "The tests did not run: Cell 1 took too long"),
    ],
)
def test_anything_short_of_the_end_earns_nothing(run: CellRun | None, reason: str) -> None:
    """Whatever the outputs show: the reason is told."""
    incident = Incident(IncidentKind.TIME, "Cell 1 took too long.", cell=0)
    found = verdict(graded_by_tests(), error("NameError"), result("2"), run=run, incidents=(incident,))
    assert (found.auto_score, found.needs_manual) == (0.0, False)
    assert found.reason.rstrip(".") == reason.rstrip(".")


def test_an_error_of_hidden_tests_is_not_named() -> None:
    """The kind of error could tell what the hidden test is."""
    assert verdict(graded_by_tests(HIDDEN), error("SecretError"), run=RAISED).reason == "A test failed."


def test_a_name_of_an_error_that_is_no_name_is_not_shown() -> None:
    """What a student's code calls its errors may be anything."""
    assert verdict(graded_by_tests(), error("<script>"), run=RAISED).reason == "A test failed."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1.0),
        ("0", 0.0),
        ("2.0", 2.0),
        ("1.5e0", 1.5),
        ("+.5", 0.5),
        ("np.float64(0.5)", 0.5),
        ("np.int64(1)", 1.0),
        ("numpy.float32(1.25)", 1.25),
        ("Decimal('0.25')", 0.25),
        ("Fraction(1, 2)", 0.5),
        ("[1] 0.5", 0.5),
        (["1", ".5"], 1.5),
        ("2.0000000001", 2.0),
        ("-1e-17", 0.0),
    ],
)
def test_a_number_in_range_is_the_score(text: Any, expected: float) -> None:
    """Partial credit as nbgrader has it, in the notations of numpy, decimals, fractions and R."""
    found = verdict(graded_by_tests("score()"), result(text))
    assert (found.auto_score, found.needs_manual) == (expected, False)
    assert flags(graded_by_tests("score()"), result(text)) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("True", "no-number"),
        ("np.True_", "no-number"),
        ("False", "no-number"),
        ("nan", "no-number"),
        ("np.float64(nan)", "no-number"),
        ("inf", "no-number"),
        ("1e999", "no-number"),
        ("'1'", "no-number"),
        ("1 1", "no-number"),
        ("", "no-number"),
        ("[1]", "no-number"),
        ("1_0", "no-number"),
        ("Fraction(1, 0)", "no-number"),
        ("٣", "no-number"),
        ("9" * 10_000, "no-number"),
        ("-0.5", "out-of-range"),
        ("2.5", "out-of-range"),
        ("1e300", "out-of-range"),
    ],
)
def test_any_other_value_is_a_person_s_decision(text: str, kind: str) -> None:
    """Where nbgrader gives full marks or fails, nobody guesses; the flag shows the value."""
    found = verdict(graded_by_tests("score()"), result(text))
    assert (found.auto_score, found.needs_manual) == (None, True)
    assert flags(graded_by_tests("score()"), result(text)) == [kind]


def test_several_values_are_a_person_s_decision() -> None:
    """Only the last expression has a value to show; more of them were made by somebody."""
    assert flags(graded_by_tests("score()"), result("2"), result("1")) == ["several-values"]
    assert verdict(graded_by_tests("score()"), result("2"), result("1")).auto_score is None


@pytest.mark.parametrize(
    ("source", "clear"),
    [
        ("points", False),
        ("total / 2", False),
        ("max(a, b)", False),
        ("-x", False),
        ("0.5", False),
        ("check()", True),
        ("points;", True),
        ("assert x", True),
        ("None", True),
        ("%%time\nx", True),
        ("", True),
        ("obj.check()", True),
    ],
)
def test_a_value_that_must_be_there_is_missed(source: str, clear: bool) -> None:
    """A silenced display hook turns partial credit into nothing to see, which is not full marks."""
    assert (verdict(graded_by_tests(source)).auto_score == 2) is clear
    assert flags(graded_by_tests(source)) == ([] if clear else ["no-value"])


def test_an_error_shown_by_tests_that_went_on_is_a_failure() -> None:
    """`%run` of a failing script shows an error and goes on; nbgrader counts it, and so is it counted here."""
    assert verdict(graded_by_tests(), error()).auto_score == 0
    assert flags(graded_by_tests(), error()) == ["error-shown"]


@given(st.text(max_size=12), st.sampled_from(list(RunStatus)))
def test_never_full_marks_in_doubt(text: str, status: RunStatus) -> None:
    """No text earns more than the maximum, and none but the maximum's own notation earns it."""
    instructor = INSTRUCTOR
    found = verdict(instructor, result(text), run=CellRun(status))
    assert found.auto_score is None or 0 <= found.auto_score <= found.max_score
    assert (found.auto_score is None) is found.needs_manual
    if found.auto_score == found.max_score:
        assert float(text.strip().rpartition(" ")[2]) == found.max_score


INSTRUCTOR = graded_by_tests("score()", points=3)


def test_tests_that_are_not_the_instructor_s_count_nothing() -> None:
    """Nor does a notebook without them, or with two of them: a person decides."""
    instructor = graded_by_tests()
    changed, lacking, doubled, retyped = (thaw(instructor) for _ in range(4))
    changed["cells"][0]["source"] = "pass"
    lacking["cells"] = []
    doubled["cells"] = [*doubled["cells"], thaw(instructor)["cells"][0]]
    retyped["cells"][0]["cell_type"] = "raw"
    kinds = ("tests-changed", "cell-misplaced", "cell-misplaced", "tests-changed")
    for executed, kind in zip((changed, lacking, doubled, retyped), kinds, strict=True):
        found = score(Executed(executed, (DONE, DONE)), instructor)
        assert [flag.kind for flag in found.flags] == [kind]
        assert found.scores[0].auto_score is None
        assert found.scores[0].needs_manual


MANUAL = notebook(
    cell("# Why?\n\nBecause.", "essay", "markdown", grade=True, solution=True, points=3),
    cell("### BEGIN SOLUTION\nplot()\n### END SOLUTION", "plot", grade=True, solution=True, points=2),
    cell("Draw.", "task", "markdown", task=True, locked=True, points=4),
    cell("### BEGIN SOLUTION\nx = 1\n### END SOLUTION", "x", solution=True),
)


def answered(**sources: str) -> Notebook:
    """The released notebook with these answers."""
    made = thaw(release(MANUAL))
    for part in made["cells"]:
        meta = meta_of(part)
        if meta and meta.grade_id in sources:
            part["source"] = sources[meta.grade_id]
    return made


def scored(submitted: Notebook) -> Any:
    """The verdict on a notebook of which every code cell ran."""
    runs = tuple(DONE if part["cell_type"] == "code" else None for part in submitted["cells"])
    return score(Executed(submitted, runs), MANUAL)


def test_an_untouched_answer_earns_nothing_and_waits_for_nobody() -> None:
    """Up to white space, or blank: nbgrader's "No response."; a task always waits."""
    for submitted in (answered(), answered(essay=" YOUR ANSWER\n\nHERE \n", plot="", x="")):
        found = scored(submitted)
        essay, plot, task = found.scores
        assert (essay.auto_score, essay.needs_manual, essay.comment) == (0.0, False, "No response.")
        assert (plot.auto_score, plot.needs_manual, plot.comment) == (0.0, False, "No response.")
        assert (task.auto_score, task.needs_manual, task.comment) == (None, True, None)
        assert found.unanswered == ("essay", "plot", "x")
        assert found.flags == ()


def test_a_given_answer_waits_for_a_person() -> None:
    """Text or code; also where the instructor's own solution comes back."""
    found = scored(answered(essay="Because of entropy.", plot="# my plot\nplot()", x="x = 2"))
    assert [(part.auto_score, part.needs_manual, part.comment) for part in found.scores] == [(None, True, None)] * 3
    assert found.unanswered == ()


def test_a_picture_is_an_answer() -> None:
    """A photo of a derivation pasted below the stub's text."""
    submitted = answered()
    submitted["cells"][0]["attachments"] = {"a.png": {"image/png": "aGk="}}
    assert scored(submitted).scores[0].needs_manual


def test_an_answer_beside_its_cell_is_flagged() -> None:
    """The score stays by the rule, and a person is told where to look."""
    submitted = answered()
    submitted["cells"].insert(1, nbformat.v4.new_markdown_cell("Because of entropy."))
    submitted["cells"].insert(3, nbformat.v4.new_markdown_cell("A note below the plot."))
    found = scored(submitted)
    assert [(flag.kind, flag.grade_id) for flag in found.flags] == [("answer-elsewhere", "essay")]
    assert found.scores[0].auto_score == 0


def test_what_is_not_run_waits_for_a_person() -> None:
    """Tests count nothing in an assignment that cannot be run; untouched answers are still seen."""
    instructor = notebook(
        cell("assert x", "t", grade=True, locked=True, points=1),
        cell("Because.", "essay", "markdown", grade=True, solution=True, points=3),
    )
    submitted = thaw(release(instructor))
    submitted["cells"][0]["outputs"] = [result("1")]
    tests, essay = score_unexecuted(submitted, instructor).scores
    assert (tests.auto_score, tests.needs_manual) == (None, True)
    assert (essay.auto_score, essay.needs_manual) == (0.0, False)


def shipped(name: str) -> Notebook:
    """One of nbgrader's own notebooks."""
    import nbgrader

    path = Path(nbgrader.__file__).parent.joinpath("tests", "apps", "files", name)
    return read(path.read_bytes(), name).notebook


@pytest.mark.parametrize(
    ("name", "bar_runs", "total", "needs_manual", "unanswered"),
    [
        ("submitted-unchanged.ipynb", RAISED, 1, False, ("set_a", "baz", "quux")),
        ("submitted-changed.ipynb", DONE, 2, True, ()),
        ("submitted-cheat-attempt.ipynb", RAISED, 1, True, ()),
    ],
)
def test_nbgrader_s_expectations_hold(
    name: str, bar_runs: CellRun, total: float, needs_manual: bool, unanswered: tuple[str, ...]
) -> None:
    """Scores, what is left to a person and "No response." as nbgrader's own tests of autograding expect them."""
    instructor = instructor_version(shipped("submitted-unchanged.ipynb"))
    submitted = shipped(name)
    by_id = {"bar": bar_runs}
    runs = tuple(by_id.get(part["metadata"]["nbgrader"]["grade_id"], DONE) for part in submitted["cells"])
    for part in submitted["cells"]:
        if part["cell_type"] == "code":
            part["outputs"] = []
    found = score(Executed(submitted, runs), instructor)
    assert sum(part.auto_score or 0 for part in found.scores) == total
    assert sum(part.max_score for part in found.scores) == 7
    assert any(part.needs_manual for part in found.scores) is needs_manual
    assert found.unanswered == unanswered


def test_a_release_at_hand_is_used() -> None:
    """The verdict is the same as with one that is made anew."""
    executed = Executed(answered(essay="Mine."), (None, DONE, None, DONE))
    assert score(executed, MANUAL, released=release(MANUAL)) == score(executed, MANUAL)
    assert score(replace(executed, runs=()), MANUAL) == score(executed, MANUAL)
