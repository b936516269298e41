"""The demo course's own files: packaged in the wheel, in the root of a checkout."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from grader.errors import GraderError
from grader.model import Files

_CONFIG, _SOURCES = "course.toml", "source_assignments"


def course_files() -> Files:
    """`course.toml` and everything under `source_assignments/`, by path."""
    root = _root()
    sources = root / _SOURCES
    found = {f"{_SOURCES}/{path}": content for path, content in _walk(sources, "")}
    return {_CONFIG: (root / _CONFIG).read_bytes(), **dict(sorted(found.items()))}


def _root() -> Traversable:
    packaged: Traversable = files("grader.demo") / "course"
    for root in (packaged, Path(__file__).resolve().parents[2]):
        if (root / _CONFIG).is_file() and (root / _SOURCES).is_dir():
            return root
    raise GraderError("the demo course is not in this installation; install grader from its wheel or its repository")


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.name.startswith((".", "__")):
            continue  # checkpoints and caches of who works on the course
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()
