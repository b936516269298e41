"""What would go wrong, found out before grading."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from grader.errors import ConfigError
from grader.execution import Check, Private, sandbox_checks
from grader.grading import NOTEBOOK
from grader.notebook import imported_modules, read
from grader.pipeline.course import find_root, open_course


def import_checks(directory: Path, names: tuple[str, ...]) -> Iterator[Check]:
    """For each of these assignments, whether all modules that its sources import are installed here."""
    if not names:
        return
    opened = open_course(directory)
    for assignment in opened.course.chosen(names):
        files = opened.folder.source_files(assignment.name)
        sources = [read(content, path).notebook for path, content in files.items() if path.endswith(NOTEBOOK)]
        local = {path.removesuffix(".py").split("/")[0] for path in files}
        wanted = {name.split(".")[0] for name in imported_modules(sources)} - local
        missing = sorted(name for name in wanted if find_spec(name) is None)
        yield Check(
            name=f"modules of {assignment.name}",
            ok=not missing,
            detail=f"not installed: {', '.join(missing)}"
            if missing
            else f"{', '.join(sorted(wanted)) or 'none needed'}",
            remedy=f"pip install {' '.join(missing)}" if missing else "",
        )


def breakout_checks(directory: Path) -> Iterator[Check]:
    """Try to get out of the sandbox to the course of this folder, if there is one, and to all else of this machine."""
    try:
        opened = open_course(root := find_root(directory))
    except ConfigError:
        yield from sandbox_checks(Private(course=_entries(directory.absolute()), home=_entries(Path.home())))
        return
    file = opened.database_file
    database = [] if file is None else [file, *(file.with_name(f"{file.name}-{end}") for end in ("wal", "shm"))]
    yield from sandbox_checks(Private([root, *_entries(root)], database, _entries(Path.home())))


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
