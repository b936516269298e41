"""An assignment made ready: instructor versions, release versions, data files, from the course's folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from grader import __version__
from grader.config import Assignment
from grader.errors import GraderError, NotebookError
from grader.execution.installed import environment
from grader.execution.instructor import instructor_kernel
from grader.grading import NOTEBOOK
from grader.model import Bundle, Canaries, Files, Notebook
from grader.notebook import Autotest, dump, instructor_version, read, release, upgrade
from grader.pipeline.cache import Prepared, cache_key, keep, kept
from grader.pipeline.course import OpenCourse
from grader.text import escape


@dataclass(frozen=True, slots=True)
class Skipped:
    """An assignment that this machine cannot run, and why."""

    assignment: str
    reason: str


def skipped(assignment: Assignment) -> Skipped | None:
    """Why this environment cannot grade an assignment: a module that it requires is not installed."""
    missing = [name for name in assignment.requires if not _installed(name)]
    if not missing:
        return None
    names = ", ".join(missing)
    return Skipped(assignment.name, f"{assignment.name} needs {names}, not installed here: pip install {names}")


def load_bundle(opened: OpenCourse, assignment: Assignment, *, upgraded: bool = False) -> Bundle:
    """Read an assignment's sources; `NotebookError` names every notebook, cell and reason that stands against it.

    What was made of the same sources before is taken from the course's cache.
    """
    everything = opened.folder.source_files(assignment.name)
    data = {path: content for path, content in everything.items() if not _is_source(path)}
    key = _cache_key(opened, assignment, everything, upgraded=upgraded)
    prepared = kept(opened.folder, assignment.name, key)
    if prepared is None:
        made = _prepared(opened, assignment, everything, upgraded=upgraded)
        prepared = keep(opened.folder, assignment.name, key, made)
    return Bundle(
        assignment=assignment.name,
        sources=prepared.sources,
        releases=prepared.releases,
        files=data,
        limits=opened.course.limits,
        execute=assignment.execute,
        digest=prepared.digest,
        canaries=Canaries(opened.course.canaries),
    )


def _cache_key(opened: OpenCourse, assignment: Assignment, everything: Files, *, upgraded: bool) -> str:
    """Tests that AUTOTEST lines become depend on the environment, and so does what nbgrader makes of a notebook."""
    shared = [opened.folder.sources / f"{name}{NOTEBOOK}" for name in ("header", "footer")]
    beside = [_bytes(path) if path.is_file() else b"" for path in (*shared, opened.folder.root / "autotests.yml")]
    settings = repr(
        (opened.course.limits, opened.course.canaries, assignment.execute, upgraded, __version__, environment().digest)
    )
    files = [part for path in sorted(everything) for part in (path.encode(), everything[path])]
    return cache_key(settings.encode(), *beside, *files)


def _prepared(opened: OpenCourse, assignment: Assignment, everything: Files, *, upgraded: bool) -> Prepared:
    sources, problems = _instructor_versions(opened, assignment, everything, upgraded=upgraded)
    if not everything or not (sources or problems):
        problems.append(f"source_assignments/{assignment.name}: holds no notebook; add one")
    if problems:
        raise NotebookError(*problems)
    data = {path: content for path, content in everything.items() if not _is_source(path)}
    return Prepared(
        sources=sources,
        releases={name: release(source, _label(assignment, name)) for name, source in sources.items()},
        digest=_digest(sources, data, (opened.course.limits, opened.course.canaries), execute=assignment.execute),
    )


def read_source(path: str, content: bytes, *, upgraded: bool) -> Notebook:
    """One instructor's notebook, its cell metadata brought to today's schema if asked for."""
    source = read(content, path).notebook
    return upgrade(source, path) if upgraded else source


def _instructor_versions(
    opened: OpenCourse, assignment: Assignment, everything: Files, *, upgraded: bool
) -> tuple[dict[str, Notebook], list[str]]:
    sources: dict[str, Notebook] = {}
    problems: list[str] = []
    data = {path: content for path, content in everything.items() if not _is_source(path)}
    frame = {name: _shared(opened, f"{name}{NOTEBOOK}") for name in ("header", "footer")}
    for path, content in everything.items():
        if not _is_source(path):
            continue
        label = f"source_assignments/{assignment.name}/{path}"
        try:
            sources[path.removesuffix(NOTEBOOK)] = instructor_version(
                read_source(label, content, upgraded=upgraded),
                header=frame["header"],
                footer=frame["footer"],
                autotest=Autotest(_autotests(opened, data), instructor_kernel, data),
                name=label,
            )
        except NotebookError as error:
            problems.extend(error.messages)
    return sources, problems


def _is_source(path: str) -> bool:
    """Instructors' notebooks lie directly in the assignment's folder; one further down is data."""
    return path.endswith(NOTEBOOK) and "/" not in path


def _shared(opened: OpenCourse, name: str) -> Notebook | None:
    path = opened.folder.sources / name
    return read(_bytes(path), f"source_assignments/{name}").notebook if path.is_file() else None


def _autotests(opened: OpenCourse, data: Files) -> str | None:
    """Nbgrader looks for `autotests.yml` beside the notebook, then in the course."""
    content = data.get("autotests.yml")
    path = opened.folder.root / "autotests.yml"
    if content is None and path.is_file():
        content = _bytes(path)
    return None if content is None else content.decode("utf-8", "replace")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise GraderError(f"{escape(path)} cannot be read: {escape(error.strerror)}") from None


def _label(assignment: Assignment, name: str) -> str:
    return f"source_assignments/{assignment.name}/{name}{NOTEBOOK}"


def _digest(sources: Mapping[str, Notebook], data: Files, settings: object, *, execute: bool) -> str:
    whole = hashlib.sha256(f"{settings!r} {execute}".encode())
    parts = {f"{name}{NOTEBOOK}": dump(source).encode() for name, source in sources.items()} | dict(data)
    for path, content in sorted(parts.items()):
        whole.update(f"{path}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.hexdigest()


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
