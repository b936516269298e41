"""Which modules a notebook imports, without running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from grader.model import Notebook
from grader.notebook.metadata import source_of
from grader.notebook.syntax import parsed

_MAGIC = re.compile(r"^(\s*)(?:%|!|\?)")


def imported_modules(notebooks: Iterable[Notebook]) -> tuple[str, ...]:
    """Every module that code cells of these notebooks import at any depth, dotted names whole, sorted.

    Lines of magics are left out; a cell that is no Python contributes nothing.
    """
    return tuple(sorted({name for notebook in notebooks for cell in notebook["cells"] for name in _of_cell(cell)}))


def _of_cell(cell: Notebook) -> Iterator[str]:
    if cell["cell_type"] != "code":
        return
    source = source_of(cell)
    if source.startswith("%%"):
        return
    tree = parsed("\n".join(_MAGIC.sub(r"\1pass  #", line) for line in source.splitlines()))
    if tree is None:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
