"""Random numbers belong to the submission: the same from both engines, other ones for other work."""

from typing import Any, Literal

import pytest

from grader.execution import open_engine
from grader.execution.seeding import seed
from grader.model import Limits
from tests.making import make_cell, make_notebook

DRAWS = "import random\nimport numpy as np\nprint(random.random(), np.random.rand(), sorted(dir())[-3:])"


def drawn(kind: Literal["forked", "stock"], notebook: dict[str, Any], preload: tuple[str, ...] = ()) -> object:
    """Run a notebook and give its first output."""
    with open_engine(kind, preload=preload) as engine:
        return engine.execute(notebook, {}, Limits()).notebook["cells"][0]["outputs"]


@pytest.mark.slow
def test_both_engines_draw_the_same() -> None:
    """Whichever engine runs it, and whether numpy was imported beforehand, a notebook draws the same numbers."""
    notebook = make_notebook(make_cell("code", DRAWS))
    first = drawn("stock", notebook)
    assert first
    assert first == drawn("forked", notebook)
    assert first == drawn("forked", notebook, preload=("numpy",))


def test_other_work_has_another_seed() -> None:
    """Code and files count, outputs and prose do not."""
    notebook = make_notebook(make_cell("code", "1"))
    assert seed(notebook, {}) == seed(make_notebook(make_cell("markdown", "x"), make_cell("code", "1")), {})
    assert seed(notebook, {}) != seed(make_notebook(make_cell("code", "2")), {})
    assert seed(notebook, {}) != seed(notebook, {"a": b""})
