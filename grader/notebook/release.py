"""From an instructor's source to the version that grades and the version that students get, by nbgrader's own steps.

`instructor_version` is what everything else is built from: header and footer, cell ids, locks, AUTOTEST lines made
tests. `release` takes the answers, the hidden tests and the mark schemes out of it, and proves that it did.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from grader.errors import NotebookError
from grader.notebook.autotest import Autotest, instantiate
from grader.notebook.check import check_source, has_autotest, language_of
from grader.notebook.metadata import (
    HIDDEN_TESTS,
    MARK_SCHEME,
    SOLUTION,
    has_region,
    meta_of,
    source_of,
    thaw,
    without_regions,
)
from grader.notebook.shape import give_ids
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nbformat import NotebookNode

    from grader.model import Notebook

_ATTACHMENT = re.compile(r"attachment:([^)\s\"'>]+)")


def upgrade(source: Notebook, name: str = "the notebook") -> Notebook:
    """The notebook with nbgrader's cell metadata of schema 0, 1 or 2 brought to today's schema by nbgrader itself."""
    from nbgrader.nbgraderformat import MetadataValidator

    upgraded = thaw(source)
    validator = MetadataValidator()
    for number, cell in enumerate(upgraded["cells"], 1):
        try:
            validator.upgrade_cell_metadata(cell)
        except (ValueError, TypeError, AttributeError) as error:
            reason = f"its nbgrader metadata cannot be upgraded: {escape(error)}; set the cell's type again"
            raise NotebookError(f"{escape(name)}: cell {number}: {reason}") from error
    return upgraded


def instructor_version(
    source: Notebook,
    *,
    header: Notebook | None = None,
    footer: Notebook | None = None,
    autotest: Autotest | None = None,
    name: str = "the notebook",
) -> Notebook:
    """The instructor's version of a notebook: complete, checked, with solutions, hidden tests and mark schemes in it.

    `autotest` is needed only where a cell holds an AUTOTEST line, which takes a kernel. Same input, same bytes. A
    source that `check_source` finds fault with raises `NotebookError` with every problem.
    """
    from nbgrader.preprocessors import ClearOutput, LockCells

    notebook = thaw(source)
    before = list(thaw(header)["cells"]) if header else []
    after = list(thaw(footer)["cells"]) if footer else []
    notebook["cells"] = before + list(notebook["cells"]) + after
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    give_ids(notebook["cells"])
    _refuse_faults(notebook, name)
    if any(map(has_autotest, notebook["cells"])):
        if autotest is None:
            raise NotebookError(f"{escape(name)}: it has AUTOTEST lines, which cannot be made into tests here")
        instantiate(notebook, autotest, name)
    return _through(notebook, [LockCells, ClearOutput])


def release(instructor: Notebook, name: str = "the notebook") -> Notebook:
    """The student version of an instructor's version; never with a solution, hidden test or mark scheme in it.

    The steps are nbgrader's. That nothing is left is then shown by other means, else it raises `NotebookError`.
    """
    from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, ComputeChecksums

    cleared = thaw(_without_solutions(instructor, name))
    released = _through(cleared, [ClearHiddenTests, ClearMarkScheme, ComputeChecksums])
    for cell in released["cells"]:
        drop_unused_attachments(cell)
    leaks = tuple(_leaks(instructor, released, escape(name)))
    if leaks:
        raise NotebookError(*leaks)
    return released


def stored_version(instructor: Notebook, name: str = "the notebook") -> Notebook:
    """What nbgrader keeps in its database: without solutions, with hidden tests, mark schemes and checksums."""
    from nbgrader.preprocessors import ComputeChecksums

    return _through(thaw(_without_solutions(instructor, name)), [ComputeChecksums])


def _without_solutions(instructor: Notebook, name: str) -> NotebookNode:
    from nbgrader.preprocessors import ClearOutput, ClearSolutions, LockCells

    _refuse_faults(instructor, name)
    return _through(thaw(instructor), [LockCells, ClearSolutions, ClearOutput])


def _through(notebook: NotebookNode, steps: Sequence[Any]) -> NotebookNode:
    """The notebook after nbgrader's steps, which change the very object they are given."""
    resources: dict[str, Any] = {}
    for step in steps:
        notebook, resources = step().preprocess(notebook, resources)
    return notebook


def _refuse_faults(notebook: Notebook, name: str) -> None:
    problems = check_source(notebook, name)
    if problems:
        raise NotebookError(*problems)


def drop_unused_attachments(cell: NotebookNode) -> None:
    """Take out the pictures of an answer that is no longer there: nbgrader leaves them for students to see."""
    attachments = cell.get("attachments")
    if not isinstance(attachments, dict):
        return
    used = set(_ATTACHMENT.findall(cell["source"]))
    kept = {key: value for key, value in attachments.items() if key in used}
    if kept:
        cell["attachments"] = kept
    else:
        del cell["attachments"]


def _leaks(instructor: Notebook, released: Notebook, name: str) -> Iterator[str]:
    """A line for each cell that still shows what students may not see."""
    from nbgrader.preprocessors import ClearSolutions

    stubs = ClearSolutions()
    language = language_of(instructor)
    for number, (before, after) in enumerate(zip(instructor["cells"], released["cells"], strict=True), 1):
        stub = stubs.code_stub[language] if after["cell_type"] == "code" else stubs.text_stub
        allowed = _visible_lines(before, stub)
        left = [line for line in source_of(after).split("\n") if line.strip() not in allowed]
        marked = has_region(source_of(after), SOLUTION, HIDDEN_TESTS, MARK_SCHEME)
        if left or marked or after.get("outputs"):
            yield f"{name}: cell {number}: a solution, hidden test or mark scheme would be left in it"


def _visible_lines(cell: Mapping[str, Any], stub: str) -> set[str]:
    """The lines that students may see of an instructor's cell."""
    meta, source = meta_of(cell), source_of(cell)
    shown = without_regions(source, SOLUTION, HIDDEN_TESTS, MARK_SCHEME)
    if meta is not None and meta.solution:
        shown = f"{shown}\n{stub}" if has_region(source, SOLUTION) else stub
    return {line.strip() for line in shown.split("\n")}
