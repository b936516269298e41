"""Imports are read from the source, not from a run."""

import pytest

from grader.notebook.imports import imported_modules


def notebook(*sources: str, kind: str = "code") -> dict[str, object]:
    """Make a notebook of these cells."""
    return {"cells": [{"cell_type": kind, "source": source} for source in sources]}


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import numpy as np, os.path", ("numpy", "os.path")),
        ("from torch import nn\nfrom . import mine", ("torch",)),
        ("%matplotlib inline\nimport pandas", ("pandas",)),
        ("def f():\n    !pip install x\n    import scipy", ("scipy",)),
        ("%%bash\nimport -window root x.png", ()),
        ("import (", ()),
    ],
)
def test_what_a_cell_imports(source: str, modules: tuple[str, ...]) -> None:
    """Whole dotted names at any depth; magics, shell lines and broken cells do not matter."""
    assert modules == imported_modules([notebook(source)])


def test_prose_imports_nothing() -> None:
    """Only code cells count."""
    assert () == imported_modules([notebook("import numpy", kind="markdown")])
