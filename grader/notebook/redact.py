"""What a student may see of a graded notebook: never a hidden test, a mark scheme, or anything that tells of them.

A hidden test runs in the same process as the student's code, which can look at it while it runs and carry what it saw
into any later output: reversed, as a picture, in an error's name, in a prompt number. So text is not searched for; from
the first hidden test on, nothing that the student's process could choose freely is shown. What is shown instead is the
instructor's own text, picked by what happened:

- for a cell with hidden tests, a sentence, and the hint of the assertion that failed where the instructor made it
  public: its message starts with `hint:`, or its line ends in `# public`. Only a message that stands word for word in
  the source is shown; one that is computed is not.
- for visible tests that run later, the line that failed.
- for every other cell that runs later, nothing.

Outputs of earlier cells are shown as they are, which asks of an engine that a finished cell's outputs stay as they
were.
"""

from __future__ import annotations

import ast
import builtins
import re
from typing import TYPE_CHECKING, Any

from grader.notebook.metadata import (
    HIDDEN_TESTS,
    MARK_SCHEME,
    SOLUTION,
    CellMeta,
    has_region,
    meta_of,
    source_of,
    thaw,
    without_regions,
)
from grader.notebook.release import drop_unused_attachments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbformat import NotebookNode

    from grader.model import Notebook

    Cell = Mapping[str, Any]

HIDDEN = "This cell also runs hidden tests, which are not shown."
FROM_HERE = "Outputs of the cells below are not shown, so that hidden tests stay hidden."

_KEPT_METADATA = ("kernelspec", "language_info", "title")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ARROW = re.compile(r"^-+> ?(\d{1,5})(?: |$)", re.MULTILINE)
_ERRORS = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)
)


def redact(graded: Notebook, instructor: Notebook) -> Notebook:
    """The graded notebook as its student may see it."""
    shown = thaw(graded)
    originals = {meta.grade_id: cell for cell in instructor["cells"] if (meta := meta_of(cell))}
    metadata = instructor["metadata"]
    shown["metadata"] = {key: metadata[key] for key in _KEPT_METADATA if key in metadata}
    after_hidden = False
    for cell in shown["cells"]:
        meta = meta_of(cell)
        original = originals.get(meta.grade_id) if meta else None
        hides = original is not None and has_region(source_of(original), HIDDEN_TESTS) and _is_fixed(original)
        if original is not None and _is_fixed(original):
            _redact_source(cell)
        cell["metadata"] = {"nbgrader": _public(meta)} if meta else {}
        if cell["cell_type"] != "code":
            continue
        if hides and original is not None:
            cell["outputs"] = list(_hidden_outputs(cell, original, first=not after_hidden))
        elif after_hidden:
            cell["outputs"] = list(_later_outputs(cell, original))
        after_hidden = after_hidden or hides
        if after_hidden:
            cell["execution_count"] = None
    return shown


def _is_fixed(original: Cell) -> bool:
    meta = meta_of(original)
    return meta is not None and meta.fixed


def _redact_source(cell: NotebookNode) -> None:
    cell["source"] = without_regions(cell["source"], SOLUTION, HIDDEN_TESTS, MARK_SCHEME)
    drop_unused_attachments(cell)


def _public(meta: CellMeta) -> dict[str, Any]:
    """Metadata by which a page finds a cell's score; checksums and what an editor added are nobody's business."""
    kept = {
        "schema_version": meta.schema_version,
        "grade_id": meta.grade_id,
        "grade": meta.grade,
        "solution": meta.solution,
        "locked": meta.locked,
        "task": meta.task,
    }
    return kept | ({"points": meta.points} if meta.kind else {})


def _hidden_outputs(cell: Cell, original: Cell, *, first: bool) -> Iterator[dict[str, Any]]:
    """What stands in the place of the outputs of a cell with hidden tests."""
    yield _said(HIDDEN)
    hints = sorted(_public_hints(source_of(original)), key=len, reverse=True)
    for error in _errors(cell):
        told = str(error.get("evalue", ""))
        hint = next((hint for hint in hints if told.endswith(hint)), None)
        if hint is not None:
            yield _said(re.sub(r"^hint:\s*", "Hint: ", hint, flags=re.IGNORECASE))
            break
    if first:
        yield _said(FROM_HERE)


def _later_outputs(cell: Cell, original: Cell | None) -> Iterator[dict[str, Any]]:
    """What is shown of a cell that ran after a hidden test: of the instructor's tests, what failed."""
    meta = meta_of(original) if original is not None else None
    if original is None or meta is None or not (meta.grade and meta.fixed):
        return
    for error in _errors(cell):
        name = error.get("ename")
        lines = source_of(original).split("\n")
        at = _failed_line(error)
        failed = lines[at - 1] if at is not None and 1 <= at <= len(lines) else None
        yield {
            "output_type": "error",
            "ename": name if isinstance(name, str) and name in _ERRORS else "Error",
            "evalue": "a test failed",
            "traceback": [f"----> {at} {failed}"] if failed is not None else [],
        }
        return


def _failed_line(error: Cell) -> int | None:
    """The number of the line of the test cell at which the error came up, as the traceback's first arrow says."""
    traceback = error.get("traceback")
    text = "\n".join(map(str, traceback)) if isinstance(traceback, list) else ""
    match = _ARROW.search(_ANSI.sub("", text[:20_000]))
    return int(match[1]) if match else None


def _errors(cell: Cell) -> Iterator[Cell]:
    return (output for output in cell["outputs"] if output.get("output_type") == "error")


def _public_hints(source: str) -> set[str]:
    """The messages in the source that its author made public, word for word."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    lines = source.split("\n")
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lower().startswith("hint:"):
            found.add(node.value)
        elif isinstance(node, ast.Assert) and isinstance(node.msg, ast.Constant) and isinstance(node.msg.value, str):
            last = lines[(node.end_lineno or node.lineno) - 1]
            if re.search(r"#\s*public\s*$", last):
                found.add(node.msg.value)
    return {hint for hint in found if hint.strip()}


def _said(sentence: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": f"{sentence}\n"}
