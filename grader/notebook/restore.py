"""Rebuild a submission from the instructor's notebook: the heart of grading what students really hand in."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.notebook.answers import Plan, joined_source, plan_answers
from grader.notebook.match import Matching, match_templates
from grader.notebook.metadata import source_of, thaw
from grader.notebook.templates import Template, templates_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbformat import NotebookNode

    from grader.model import Flag, Notebook, Repair
    from grader.notebook.sources import Part


@dataclass(frozen=True, slots=True)
class Restored:
    """A submission rebuilt from the instructor's notebook, and what had to be done for it."""

    notebook: Notebook
    repairs: tuple[Repair, ...]
    flags: tuple[Flag, ...]
    origins: tuple[tuple[int, ...], ...] = ()
    """For each cell, the submitted cells whose source it carries; none where the source is the instructor's."""


def restore(submitted: Notebook, instructor: Notebook, released: Notebook) -> Restored:
    """Rebuild a submission: the instructor's notebook with the student's answers and own cells in it.

    Each of the instructor's cells is there once, in the instructor's order, with the instructor's metadata and type.
    Tests, tasks and read-only cells carry the instructor's source; the others the student's, if it was handed in.
    The student's own cells stand where they stood, without metadata. There are no outputs.
    """
    from grader.notebook.findings import findings

    templates = templates_of(instructor, released)
    matching = match_templates(submitted, templates)
    plan = plan_answers(templates, matching)
    cells: list[NotebookNode] = []
    origins: list[tuple[int, ...]] = []
    for item in _sequence(templates, matching, plan):
        cell, origin = _instructor_cell(item, plan, matching.parts) if isinstance(item, Template) else _own_cell(item)
        cells.append(cell)
        origins.append(origin)
    notebook = thaw({**instructor, "cells": []})
    notebook["nbformat"], notebook["nbformat_minor"] = 4, max(5, instructor.get("nbformat_minor", 5))
    notebook["cells"] = _with_ids(cells)
    repairs, flags = findings(templates, matching, plan)
    return Restored(notebook, repairs, flags, tuple(origins))


def with_student_outputs(restored: Restored, submitted: Notebook) -> Notebook:
    """The restored notebook with the outputs that the student handed in, marked as theirs in the cells' metadata.

    Only cells that carry the student's own source get them: what a test or a read-only cell is said to have printed
    counts for nothing. The mark is `metadata.grader.outputs == "student"`.
    """
    from grader.notebook.formats import from_dict

    notebook = thaw(restored.notebook)
    for cell, origin in zip(notebook["cells"], restored.origins, strict=True):
        if cell["cell_type"] != "code":
            continue
        outputs = [_output(output) for index in origin for output in _list(submitted["cells"][index].get("outputs"))]
        if kept := [output for output in outputs if output is not None]:
            cell["outputs"] = [from_dict(output) for output in kept]  # type: ignore[no-untyped-call]  # nbformat has no types
            cell["metadata"]["grader"] = from_dict({"outputs": "student"})  # type: ignore[no-untyped-call]  # nbformat has no types
    return notebook


def _sequence(templates: Sequence[Template], matching: Matching, plan: Plan) -> Iterator[Template | Part]:
    """The instructor's cells in their order, and the student's own after the cell that they stood after.

    Between two cells of the submission the instructor's missing ones come first, so that a stub put back does not
    undo what the student wrote; but tests come after the student's own cells, which they may need.
    """
    chain = [(row, number) for row, number in matching.chain if plan.chosen[row].parts]
    rows = [-1, *(row for row, _ in chain)]
    numbers = [-1, *(number for _, number in chain)]
    ends = [*rows[1:], len(templates)]
    last_numbers = [*numbers[1:], len(matching.parts)]
    for row, end, number, last in zip(rows, ends, numbers, last_numbers, strict=True):
        own = [matching.parts[extra] for extra in plan.extras if number < extra < last]
        if row >= 0:
            yield templates[row]
        between = templates[row + 1 : end]
        first_test = next((n for n, template in enumerate(between) if template.tests), len(between))
        yield from between[:first_test]
        yield from own
        yield from between[first_test:]


def _instructor_cell(template: Template, plan: Plan, parts: Sequence[Part]) -> tuple[NotebookNode, tuple[int, ...]]:
    """One of the instructor's cells with the source that belongs in it."""
    chosen = plan.chosen[template.index]
    cell = thaw(template.instructor)
    origin: tuple[int, ...] = ()
    if not template.fixed:
        cell["source"] = source_of(template.released)
    if chosen.parts and not template.fixed:
        taken = [parts[number] for number in chosen.parts]
        origin = tuple(dict.fromkeys(part.index for part in taken))
        cell["source"] = joined_source(taken)
        cell.pop("attachments", None)
        if attachments := _attachments(taken, cell["cell_type"]):
            cell["attachments"] = attachments
    return _without_outputs(cell), origin


def _own_cell(part: Part) -> tuple[NotebookNode, tuple[int, ...]]:
    """A cell of the student's own: its source and pasted images, nothing else."""
    kind = part.kind if part.kind in {"code", "markdown"} else "raw"
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": part.text.source}
    if attachments := _attachments([part], kind):
        cell["attachments"] = attachments
    return _without_outputs(thaw(cell)), (part.index,)


def _without_outputs(cell: NotebookNode) -> NotebookNode:
    if cell["cell_type"] == "code":
        cell["outputs"], cell["execution_count"] = [], None
    else:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)
    return cell


def _attachments(parts: Sequence[Part], kind: str) -> dict[str, dict[str, str]]:
    """The images pasted into these parts, as far as they have the form of such."""
    if kind == "code":
        return {}
    found: dict[str, dict[str, str]] = {}
    for part in parts:
        attachments = part.cell.get("attachments")
        for name, data in attachments.items() if isinstance(attachments, dict) else ():
            if isinstance(data, dict) and data and all(isinstance(x, str) for pair in data.items() for x in pair):
                found[name] = dict(data)
    return found


def _with_ids(cells: Sequence[NotebookNode]) -> list[NotebookNode]:
    """The cells with ids: the instructor's where they are unique, else made from the place."""
    taken = {cell["id"] for cell in cells if "id" in cell}
    seen: set[str] = set()
    number = 0
    for cell in cells:
        if cell.get("id") and cell["id"] not in seen:
            seen.add(cell["id"])
            continue
        stem = "added" if not cell["metadata"] else "restored"
        number += 1
        while f"{stem}-{number:04}" in taken:
            number += 1
        cell["id"] = f"{stem}-{number:04}"
        taken.add(cell["id"])
        seen.add(cell["id"])
    return list(cells)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _output(output: object) -> dict[str, Any] | None:
    """One output as nbformat has it; None if it is nothing of the kind."""
    import nbformat

    if not isinstance(output, dict):
        return None
    candidate = copy.deepcopy(dict(output))
    candidate.pop("transient", None)
    try:
        nbformat.validate(candidate, ref="output", version=4, version_minor=5)
    except nbformat.ValidationError:
        return None
    return candidate
