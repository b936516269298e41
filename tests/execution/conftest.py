"""What tests of execution share: both engines, and a short way to run cells."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from grader.model import Limits


def code_notebook(*sources, kernel=None):
    """Make a notebook of code cells."""
    metadata = {} if kernel is None else {"kernelspec": kernel}
    return new_notebook(cells=[new_code_cell(source) for source in sources], metadata=metadata)


@pytest.fixture(scope="session", params=["stock", "forked"])
def engine(request, sandbox):
    """Each engine in turn: they must agree."""
    from grader.execution import open_engine

    with open_engine(request.param, preload=["numpy"]) as opened:
        yield opened


@pytest.fixture
def run(engine):
    """Run code cells in each engine, under limits that keep tests short."""

    def run(*sources, files=None, **limits):
        short = {"cell_seconds": 20, "notebook_seconds": 90, "memory_mb": 1024, **limits}
        return engine.execute(code_notebook(*sources), files or {}, Limits(**short))

    return run


@pytest.fixture
def notebook_of():
    """Make a notebook of code cells."""
    return code_notebook


@pytest.fixture
def text_of():
    """Read all plain text of one cell's outputs."""

    def text_of(executed, index):
        outputs = executed.notebook["cells"][index]["outputs"]
        parts = [output.get("text") or output.get("data", {}).get("text/plain") or "" for output in outputs]
        return "".join(parts)

    return text_of


@pytest.fixture
def statuses():
    """Say how each cell ran, in words."""
    return lambda executed: [run.status.value for run in executed.runs]


@pytest.fixture
def kinds():
    """Say which limits were reached at which cell."""
    return lambda executed: [(incident.kind.value, incident.cell) for incident in executed.incidents]
