"""What a student may see of a graded notebook: never a hidden test, a mark scheme, or anything that tells of them.

A hidden test runs in the same process as the student's code, which can look at it while it runs and carry what it saw
into any later output: reversed, as a picture, in an error's name, in a prompt number. So from the first hidden test on,
nothing that the student's process could choose freely is shown. What is shown instead is the instructor's own text,
picked by what happened:

- for a cell with hidden tests, a sentence; the line that failed if students can see it; and the hint of the assertion
  that failed where the instructor made it public: its message starts with `hint:`, or its line ends in `# public`. Only
  a message that stands word for word in the source is shown; one that is computed is not.
- for visible tests that run later, the line that failed.
- for every other cell that runs later, nothing.

Outputs of earlier cells are shown as they are, which asks of an engine that a finished cell's outputs stay as they
were; as a second net, one that holds a line of a hidden test is left out.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from grader.notebook.metadata import (
    HIDDEN_TESTS,
    MARK_SCHEME,
    PYTHON_ERRORS,
    SOLUTION,
    CellMeta,
    has_region,
    lines_outside,
    meta_of,
    source_of,
    thaw,
    without_regions,
)
from grader.notebook.release import drop_unused_attachments
from grader.notebook.syntax import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from grader.model import Notebook

    Cell = Mapping[str, Any]

HIDDEN = "This cell also runs hidden tests, which are not shown."
FROM_HERE = "Outputs of the cells below are not shown, so that hidden tests stay hidden."

_SHORTEST_SECRET = 8
"""Characters: shorter lines of hidden tests (`x = 1`) are in anybody's output."""
_KEPT_METADATA = ("kernelspec", "language_info", "title")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ARROW = re.compile(r"^-+> ?(?P<number>\d{1,5})(?: (?P<line>.*))?$", re.MULTILINE)
_PUBLIC = re.compile(r"#\s*public\s*$")
_LONGEST_TRACEBACK = 100_000


def redact(graded: Notebook, instructor: Notebook) -> Notebook:
    """The graded notebook, executed here with its hidden tests, as its student may see it."""
    shown = redact_unexecuted(graded, instructor)
    originals = _originals(instructor)
    secrets = _secrets(instructor)
    after_hidden = False
    for cell in shown["cells"]:
        if cell["cell_type"] != "code":
            continue
        meta = meta_of(cell)
        original = originals.get(meta.grade_id) if meta else None
        if original is not None and has_region(source_of(original), HIDDEN_TESTS):
            cell["outputs"] = list(_hidden_outputs(cell, original, first=not after_hidden))
            after_hidden = True
        elif after_hidden:
            cell["outputs"] = list(_later_outputs(cell, original))
        else:
            cell["outputs"] = [output for output in cell["outputs"] if not _tells(output, secrets)]
        if after_hidden:
            cell["execution_count"] = None
    return thaw(shown)


def redact_unexecuted(notebook: Notebook, instructor: Notebook) -> Notebook:
    """The same for a notebook that was not run here: its outputs are the student's own, made without hidden tests."""
    shown = thaw(notebook)
    originals = _originals(instructor)
    metadata = instructor["metadata"]
    shown["metadata"] = {key: metadata[key] for key in _KEPT_METADATA if key in metadata}
    for cell in shown["cells"]:
        meta = meta_of(cell)
        if meta and meta.grade_id in originals:
            cell["source"] = without_regions(cell["source"], SOLUTION, HIDDEN_TESTS, MARK_SCHEME)
            drop_unused_attachments(cell)
        cell["metadata"] = {"nbgrader": _public(meta)} if meta else {}
    return shown


def _originals(instructor: Notebook) -> dict[str, Cell]:
    """The instructor's tests, tasks and read-only cells by their ids."""
    metas = ((meta_of(cell), cell) for cell in instructor["cells"])
    return {meta.grade_id: cell for meta, cell in metas if meta is not None and meta.fixed}


def _secrets(instructor: Notebook) -> frozenset[str]:
    """The lines that stand in hidden tests and nowhere else."""
    everything, visible = set(), set()
    for cell in instructor["cells"]:
        if has_region(source := source_of(cell), HIDDEN_TESTS):
            everything |= {line.strip() for line in source.split("\n")}
        visible |= {line.strip() for line in without_regions(source, HIDDEN_TESTS).split("\n")}
    return frozenset(line for line in everything - visible if len(line) >= _SHORTEST_SECRET)


def _tells(output: Cell, secrets: frozenset[str]) -> bool:
    text = "\n".join(_texts(output)) if secrets else ""
    return any(secret in text for secret in secrets)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


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
    yield from _failure(cell, original)
    hints = sorted(_public_hints(source_of(original)), key=len, reverse=True)
    for error in _errors(cell):
        told = str(error.get("evalue", "")).rstrip()
        hint = next((hint for hint in hints if told.endswith(hint.rstrip())), None)
        if hint is not None:
            yield _said(re.sub(r"^hint:\s*", "Hint: ", hint, flags=re.IGNORECASE))
            break
    if first:
        yield _said(FROM_HERE)


def _later_outputs(cell: Cell, original: Cell | None) -> Iterator[dict[str, Any]]:
    """What is shown of a cell that ran after a hidden test: of the instructor's tests, what failed."""
    meta = meta_of(original) if original is not None else None
    if original is not None and meta is not None and meta.grade:
        yield from _failure(cell, original)


def _failure(cell: Cell, original: Cell) -> Iterator[dict[str, Any]]:
    """The line at which the instructor's cell failed, if students can see it, and Python's name of the error."""
    source = source_of(original)
    for error in _errors(cell):
        at = _failed_line(error, source.split("\n"))
        line = source.split("\n")[at] if at in lines_outside(source, HIDDEN_TESTS) else None
        if line is not None or not has_region(source, HIDDEN_TESTS):
            yield {
                "output_type": "error",
                "ename": name if (name := error.get("ename")) in PYTHON_ERRORS else "Error",
                "evalue": "a test failed",
                "traceback": [f"----> {line}"] if line is not None else [],
            }
        return


def _failed_line(error: Cell, lines: list[str]) -> int | None:
    """The index of the line of the test cell at which the error came up, as its last traceback says first."""
    traceback = error.get("traceback")
    text = "\n".join(map(str, traceback)) if isinstance(traceback, list) else ""
    last = _ANSI.sub("", text[-_LONGEST_TRACEBACK:]).rpartition("Traceback (most recent call last)")[2]
    match = _ARROW.search(last)
    if match is None or not 1 <= int(match["number"]) <= len(lines):
        return None
    index = int(match["number"]) - 1
    return index if lines[index].strip() == (match["line"] or "").strip() else None


def _errors(cell: Cell) -> Iterator[Cell]:
    return (output for output in cell["outputs"] if output.get("output_type") == "error")


def _public_hints(source: str) -> set[str]:
    """The messages in the source that its author made public, word for word."""
    tree = parsed(source)
    if tree is None:
        return set()
    lines = source.split("\n")
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lower().startswith("hint:"):
            found.add(node.value)
        elif isinstance(node, ast.Assert) and isinstance(node.msg, ast.Constant) and isinstance(node.msg.value, str):
            last = lines[(node.end_lineno or node.lineno) - 1]
            if _PUBLIC.search(last):
                found.add(node.msg.value)
    return {hint for hint in found if hint.strip()}


def _said(sentence: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": f"{sentence}\n"}
