"""Honest work raises no suspicion: the invented class, whose worst are unlucky, lazy or late."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from grader.errors import NotebookError
from grader.notebook import read
from grader.notebook.scan import scan

if TYPE_CHECKING:
    from grader.demo import Drop, InventedClass


def _notebooks(drop: Drop) -> Iterator[tuple[str, bytes]]:
    for path, content in drop.files.items():
        if path.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                yield from ((name, archive.read(name)) for name in archive.namelist() if name.endswith(".ipynb"))
        elif path.endswith(".ipynb"):
            yield path, content


def test_nothing_in_the_class_reaches_for_the_tests(invented: InventedClass) -> None:
    """No cell of anybody's looks into frames, memory or the shell, not even of who changed a test."""
    seen = 0
    for drop in invented.drops:
        for name, content in _notebooks(drop):
            try:
                notebook = read(content, name).notebook
            except NotebookError:
                continue
            seen += 1
            assert () == scan(notebook), name
    assert seen > 50
