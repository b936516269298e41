"""The forked engine gives the notebook that a standard kernel gives: one notebook through both, cell by cell."""

import json
import re
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from grader.model import Limits

pytestmark = pytest.mark.slow

_TEXT = Path(__file__).with_name("stress_cells.txt").read_text(encoding="utf-8")
_PARTS = [part.partition("\n") for part in re.split(r"^%% ", _TEXT, flags=re.MULTILINE)[1:]]
_CELLS = [(title, source.strip()) for title, _, source in _PARTS]
_FILES = {"data/given.txt": b"given"}
_LIMITS = Limits(cell_seconds=30, notebook_seconds=300)
_PRELOAD = ("numpy", "numpy.testing", "pandas", "matplotlib.pyplot")

_JUSTIFIED = {
    # title: what may differ, and why
    "magic: time": (r"\d+(\.\d+)?(e[+-]\d+)? (ns|μs|us|ms|s)\b", "it prints how long it took"),
    "magic: timeit": (r"\d+(\.\d+)?(e[+-]\d+)? (ns|μs|us|ms|s)\b", "it prints how long it took"),
}
_RANDOM = (
    (r"ipykernel_\d+/", "ipykernel_PID/"),
    (r"0x[0-9a-f]{6,}", "0xADDRESS"),
    (r"\b[0-9a-f]{32}\b", "UUID"),
    (r"<dc:date>[^<]*</dc:date>", "DATE"),
)
"""What differs between any two runs of the standard kernel itself."""


@pytest.fixture(scope="module")
def both(sandbox):
    """The stress notebook as the standard kernel and the forked engine leave it."""
    from grader.execution import open_engine

    notebook = new_notebook(cells=[new_code_cell(source) for _, source in _CELLS])
    executed = []
    for kind in ("stock", "forked"):
        with open_engine(kind, preload=_PRELOAD) as engine:
            executed.append(engine.execute(notebook, _FILES, _LIMITS))
    return executed


def _comparable(executed, index):
    title = _CELLS[index][0]
    cell = executed.notebook.cells[index]
    result = [executed.runs[index].status, cell.execution_count, cell.outputs]
    text = json.dumps(result, sort_keys=True, ensure_ascii=False)
    patterns = [*_RANDOM, (_JUSTIFIED[title][0], "JUSTIFIED")] if title in _JUSTIFIED else _RANDOM
    for pattern, name in patterns:
        text = re.sub(pattern, name, text)
    return text


def test_there_are_enough_cells():
    """The stress notebook covers at least 80 ways to use a kernel, each named once."""
    titles = [title for title, _ in _CELLS]
    assert len(titles) >= 80
    assert len(titles) == len(set(titles))
    assert set(_JUSTIFIED) <= set(titles)


@pytest.mark.parametrize("index", range(len(_CELLS)), ids=[title for title, _ in _CELLS])
def test_cell_is_the_same(both, index):
    """A cell ends the same way, with the same count and the same outputs, in both engines."""
    stock, forked = (_comparable(executed, index) for executed in both)
    assert stock == forked


def test_nothing_went_wrong(both):
    """No cell of the stress notebook meets a limit or costs a kernel its life."""
    assert [executed.incidents for executed in both] == [(), ()]
