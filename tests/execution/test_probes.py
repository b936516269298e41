"""Probes, run after one of a notebook's cells: both engines run them alike, and the notebook never knows."""

import pytest

from grader.model import Limits, RunStatus

pytestmark = pytest.mark.slow
FAILS = 'assert False, "word"'


@pytest.fixture
def probed(engine, notebook_of):
    """Run cells, and after the cell of an index these probes."""

    def probed(*sources, probes, **limits):
        return engine.execute(notebook_of(*sources), {}, Limits(**{"cell_seconds": 20, **limits}), probes)

    return probed


def test_a_probe_fails_with_its_word(probed):
    """The kernel answers with it and shows it."""
    (found,) = probed("1", probes={0: [FAILS]}).probes[0]
    assert (RunStatus.RAISED, "word", "word") == (found.status, found.replied, found.shown)


def test_the_notebook_does_not_change(probed):
    """Outputs, counts, history and tracebacks are those of a run without probes."""
    sources = ("x = 1; x", "def f():\n    1 / 0\nf()", "print(len(In), _ih[-2][:5], Out)", "x")
    without, beside = (probed(*sources, probes=probes) for probes in ({}, {0: [FAILS], 2: [FAILS, FAILS]}))
    assert [cell.outputs for cell in without.notebook.cells] == [cell.outputs for cell in beside.notebook.cells]
    assert [run.status for run in without.runs] == [run.status for run in beside.runs]
    assert {0: 1, 2: 2} == {index: len(found) for index, found in beside.probes.items()}


def test_only_what_ran_to_its_end_is_probed(probed):
    """A cell that raised needs no proof that tests can fail."""
    assert {} == probed("1 / 0", probes={0: [FAILS]}).probes


def test_one_that_passes_is_the_last(probed):
    """What is known then need not be asked again."""
    (found,) = probed("1", probes={0: ["pass", FAILS]}).probes[0]
    assert RunStatus.COMPLETED is found.status


def test_one_that_kills_the_kernel_costs_nothing(probed):
    """The cells that follow have their state back, and no incident is the student's."""
    executed = probed("x = 5", "x", probes={0: ["import os; os._exit(0)"]})
    assert RunStatus.STOPPED is executed.probes[0][0].status
    assert ["completed", "completed"] == [run.status.value for run in executed.runs]
    assert () == executed.incidents
