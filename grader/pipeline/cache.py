"""Instructor versions kept ready: unchanged sources are not prepared again, and nbgrader is not even imported."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from grader.errors import StoreError
from grader.model import Notebook
from grader.store import CourseFolder


@dataclass(frozen=True, slots=True)
class Prepared:
    """What sources became: plain JSON, the same whether it was just made or lay in the cache."""

    sources: Mapping[str, Notebook]
    """Instructor versions by notebook name."""
    releases: Mapping[str, Notebook]
    digest: str
    """Of the bundle that they belong to."""


def cache_key(*parts: bytes) -> str:
    """The hash of everything that preparing depends on."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8))
        whole.update(part)
    return whole.hexdigest()


def kept(folder: CourseFolder, assignment: str, key: str) -> Prepared | None:
    """What was prepared from the same sources before; None where there is nothing that can be used."""
    try:
        found = json.loads((folder.private / _path(assignment)).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.pop("key", None) != key:
        return None
    try:
        return Prepared(**found)
    except TypeError:
        return None


def keep(folder: CourseFolder, assignment: str, key: str, prepared: Prepared) -> Prepared:
    """Put it into the cache, if that can be written, and give it as it will come from there."""
    text = json.dumps({"key": key, **asdict(prepared)})
    with suppress(StoreError):
        folder.write_private(_path(assignment), text)
    plain: dict[str, Any] = json.loads(text)
    del plain["key"]
    return Prepared(**plain)


def _path(assignment: str) -> str:
    return f"cache/{assignment}.json"
