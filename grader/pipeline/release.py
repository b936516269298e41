"""Student versions: planned from the sources, written where they differ from what stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from grader.errors import NotebookError
from grader.grading import NOTEBOOK
from grader.model import Bundle, Files, Notebook
from grader.notebook import dump, meta_of, points_cells
from grader.pipeline.bundle import load_bundle, read_source
from grader.pipeline.course import OpenCourse
from grader.store import atomic_write

METADATA = "grader"
"""The key of what we write into a notebook's own metadata."""


@dataclass(frozen=True, slots=True)
class Release:
    """What `release/<assignment>` is to hold."""

    assignment: str
    files: Files
    notebooks: tuple[str, ...]
    points: float
    changed: bool
    """Whether it differs from what stands there."""


def plan_release(opened: OpenCourse, names: Iterable[str], *, upgraded: bool = False) -> tuple[Release, ...]:
    """The student versions of these assignments, of all for no name; every fault of every source at once."""
    releases: list[Release] = []
    problems: list[str] = []
    for assignment in opened.course.chosen(names):
        try:
            bundle = load_bundle(opened, assignment, upgraded=upgraded)
        except NotebookError as error:
            problems.extend(error.messages)
            continue
        files = release_files(bundle)
        releases.append(
            Release(
                assignment=bundle.assignment,
                files=files,
                notebooks=tuple(sorted(bundle.releases)),
                points=sum(cell.max_score for source in bundle.sources.values() for cell in points_cells(source)),
                changed=files != opened.folder.release_files(bundle.assignment),
            )
        )
    if problems:
        raise NotebookError(*problems)
    return tuple(releases)


def release_files(bundle: Bundle) -> Files:
    """Student versions and data files by path."""
    notebooks = {f"{name}{NOTEBOOK}": dump(_listing_cells(n)).encode() for name, n in bundle.releases.items()}
    return {**bundle.files, **notebooks}


def _listing_cells(released: Notebook) -> Notebook:
    """The notebook with the ids of its cells in its metadata, so that its student can see when one is gone."""
    ids = [meta.grade_id for cell in released["cells"] if (meta := meta_of(cell))]
    return {**released, "metadata": {**released["metadata"], METADATA: {"cells": ids}}}


def carry_out(opened: OpenCourse, plan: Iterable[Release]) -> Iterator[Release]:
    """Write what changed, yielding each release once it stands."""
    with opened.folder.lock("release"):
        for planned in plan:
            if planned.changed:
                opened.folder.write_release(planned.assignment, planned.files)
            yield planned


def upgrade_sources(opened: OpenCourse, names: Iterable[str]) -> tuple[str, ...]:
    """Bring the sources' cell metadata to today's schema, in place; the paths of those that changed."""
    changed = []
    with opened.folder.lock("release --upgrade"):
        for assignment in opened.course.chosen(names):
            folder = opened.folder.source(assignment.name)
            for path in sorted(folder.glob(f"*{NOTEBOOK}")):
                before = path.read_bytes()
                after = dump(read_source(path.name, before, upgraded=True)).encode()
                if after != dump(read_source(path.name, before, upgraded=False)).encode():
                    atomic_write(path, after)
                    changed.append(str(path.relative_to(opened.folder.root)))
    return tuple(changed)
