"""Cells that must fail after tests that passed, and what it means if they do not."""

import ast
import itertools

import pytest

from grader.model import Canaries, Executed, ProbeRun, RunStatus
from grader.notebook.canaries import tampering_seen, twins
from tests.making import make_cell, make_notebook

WORDS = [f"word{number}" for number in range(50)]


def made(*tests):
    """Make a notebook of test cells."""
    cells = (make_cell("code", source, f"t{n}", grade=True, locked=True, points=1) for n, source in enumerate(tests))
    return make_notebook(make_cell("code", "x = 1"), *cells)


def planned(*tests, wanted=Canaries.NORMAL):
    """Plan the twins of these tests."""
    notebook = made(*tests)
    return twins(notebook, notebook, iter(WORDS), wanted)


def flags(twins_of_first, *runs):
    """Judge how the twins of the first test ran."""
    return tampering_seen(Executed(made("assert x == 1"), (), (), {1: runs}), {1: twins_of_first})


def raised(text, shown=None):
    """Say that a probe raised with this text."""
    return ProbeRun(RunStatus.RAISED, text, text if shown is None else shown)


@pytest.mark.parametrize(
    "test", ["assert x == 1", "import numpy.testing as npt\nnpt.assert_allclose(f(1), 1)", "%magic\n"]
)
def test_every_twin_is_python_that_fails(test):
    """Run where the test has run, each raises with its word."""
    from types import SimpleNamespace

    def assert_allclose(left, right):
        assert left == right

    for twin in planned(test, wanted=Canaries.ALL)[1]:
        with pytest.raises(AssertionError, match=twin.word):
            exec(twin.source, {"x": 1, "npt": SimpleNamespace(assert_allclose=assert_allclose)})


def test_a_helper_that_says_nothing_is_named():
    """The first error is its own, not that of the assertion after it."""
    from types import SimpleNamespace

    (twin, *_) = planned("npt.assert_allclose(f(1), 1)")[1]
    with pytest.raises(AssertionError) as caught:
        exec(twin.source, {"npt": SimpleNamespace(assert_allclose=lambda *_: None)})
    (flag,) = flags([twin], raised(str(caught.value)))
    assert "assert_allclose of two different things" in flag.sentence


@pytest.mark.parametrize(
    "run",
    [ProbeRun(RunStatus.COMPLETED), ProbeRun(RunStatus.STOPPED), raised("word0", shown=""), raised("", shown="word0")],
    ids=["passed", "killed", "not shown", "not answered"],
)
def test_a_twin_that_does_not_fail_is_a_flag(run):
    """Passed, or failed in one of the two ways that a test's failure is told, but not in the other."""
    (flag,) = flags(planned("assert x == 1")[1], run)
    assert ("canary", "t0") == (flag.kind, flag.grade_id)
    assert "cell 2" in flag.evidence


def test_twins_that_fail_raise_no_flag():
    """The rule on honest work; an error of the test's own about something else says nothing either."""
    found = planned("assert x == 1")[1]
    assert () == flags(found, *(raised(twin.word) for twin in found))
    assert () == flags(found, raised(found[0].word), raised("name 'x' is not defined"))


def test_students_functions_are_called_again_only_if_asked():
    """By default nothing is evaluated twice that could draw, count or print."""
    calling = "assert square(3) == 9"
    assert 1 == len(planned(calling)[1])
    assert 3 == len(planned(calling, wanted=Canaries.ALL)[1])
    assert 2 == len(planned("assert len(x) == 2")[1])


def test_the_number_of_twins_is_bounded():
    """First, last and one between, unless all are wanted; none where they are off."""
    tests = ["assert x == 1"] * 9
    assert {1, 5, 9} == set(planned(*tests))
    assert set(range(1, 10)) == set(planned(*tests, wanted=Canaries.ALL))
    assert {} == planned(*tests, wanted=Canaries.OFF)


def test_other_languages_have_none():
    """An assertion in Python is no assertion in R."""
    notebook = made("stopifnot(x == 1)")
    notebook["metadata"]["kernelspec"] = {"name": "ir", "language": "R", "display_name": "R"}
    assert {} == twins(notebook, notebook, iter(WORDS), Canaries.ALL)


def test_no_word_is_used_twice():
    """What one twin says cannot stand for another."""
    found = list(itertools.chain(*planned("assert x == 1", "assert x == 2", wanted=Canaries.ALL).values()))
    assert len({twin.word for twin in found}) == len(found)
    assert all(ast.parse(twin.source) for twin in found)
