"""The demo course, and the class invented for it, once for all of these tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grader.demo import course_files, invent
from grader.pipeline.bundle import load_bundle
from grader.pipeline.course import open_course

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.demo import InventedClass
    from grader.model import Bundle
    from grader.pipeline.course import OpenCourse


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> OpenCourse:
    """A copy of the demo course in a folder of its own."""
    root: Path = tmp_path_factory.mktemp("demo")
    for path, content in course_files().items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return open_course(root)


@pytest.fixture(scope="session")
def bundles(course: OpenCourse) -> Mapping[str, Bundle]:
    """Every assignment of the demo course, made ready."""
    return {item.name: load_bundle(course, item) for item in course.course.notebook_assignments}


@pytest.fixture(scope="session")
def invented(course: OpenCourse, bundles: Mapping[str, Bundle]) -> InventedClass:
    """The class that `grader demo` invents."""
    return invent(course.course, bundles.values())
