"""Writing answers into a released notebook, as a student does: notebook in, notebook out."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from grader.model import Notebook
from grader.notebook import meta_of, source_of, thaw

_STUB = re.compile(r"^(?P<indent>[ \t]*)# YOUR CODE HERE\n(?P=indent)raise NotImplementedError\(\)", re.MULTILINE)
_REGION = re.compile(r"^[ \t]*### BEGIN SOLUTION\n(?P<body>.*?)\n[ \t]*### END SOLUTION", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class OwnCell:
    """A cell that a student adds."""

    kind: Literal["code", "markdown"]
    source: str
    cell_id: str


@dataclass(frozen=True, slots=True)
class Answers:
    """All that one student puts into one notebook."""

    bodies: Mapping[str, str] = field(default_factory=dict)
    """By grade_id: what stands where the release has its stub."""
    whole: Mapping[str, str] = field(default_factory=dict)
    """By grade_id: the new source of the whole cell."""
    below: Mapping[str, Sequence[OwnCell]] = field(default_factory=dict)
    """By grade_id: cells added below."""


def solution_of(instructor: Notebook, grade_id: str) -> str:
    """The instructor's own answer to a code question: what is between its solution markers."""
    for cell in instructor["cells"]:
        meta = meta_of(cell)
        if meta and meta.grade_id == grade_id and (region := _REGION.search(source_of(cell))):
            return textwrap.dedent(region["body"])
    raise ValueError(f"{grade_id} has no solution region")


def fill(source: str, body: str) -> str:
    """A released cell with this body in the place of its stub, indented as the stub is."""
    return _STUB.sub(lambda stub: textwrap.indent(body.strip("\n"), stub["indent"]), source, count=1)


def write(released: Notebook, answers: Answers) -> Notebook:
    """The released notebook with a student's answers in it."""
    notebook = thaw(released)
    cells = []
    for cell in notebook["cells"]:
        meta = meta_of(cell)
        grade_id = meta.grade_id if meta else ""
        if grade_id in answers.whole:
            cell["source"] = answers.whole[grade_id]
        elif grade_id in answers.bodies:
            cell["source"] = fill(source_of(cell), answers.bodies[grade_id])
        cells += [cell, *(_new(own) for own in answers.below.get(grade_id, ()))]
    notebook["cells"] = cells
    return notebook


def _new(own: OwnCell) -> Notebook:
    from nbformat import v4

    make = v4.new_code_cell if own.kind == "code" else v4.new_markdown_cell
    cell: Notebook = make(own.source, id=own.cell_id)  # type: ignore[no-untyped-call]  # nbformat has no types
    return cell
