"""Releases: nothing secret in them, the same bytes each time, written only where they differ."""

import json
from pathlib import Path

import pytest

from grader.errors import NotebookError
from grader.pipeline.course import open_course
from grader.pipeline.release import carry_out, plan_release


def released(course: Path) -> dict[str, bytes]:
    """Release everything and read what stands."""
    opened = open_course(course)
    list(carry_out(opened, plan_release(opened, ())))
    return {path.name: path.read_bytes() for path in (course / "release" / "ps1").iterdir()}


def test_nothing_secret_is_released(course: Path) -> None:
    """Neither solution nor hidden test is anywhere in the bytes."""
    content = released(course)["squares.ipynb"]
    assert b"TOKEN" not in content
    assert b"BEGIN" not in content


def test_the_same_bytes_each_time(course: Path) -> None:
    """Releasing twice writes the same, and the second time plans nothing."""
    first = released(course)
    assert first == released(course)
    assert [False] == [planned.changed for planned in plan_release(open_course(course), ())]


def test_a_release_lists_its_cells(course: Path) -> None:
    """A student's notebook knows which cells it was given out with."""
    metadata = json.loads(released(course)["squares.ipynb"])["metadata"]
    assert ["square", "test_visible", "test_hidden", "essay"] == metadata["grader"]["cells"]


def test_data_files_come_along_and_stale_ones_go(course: Path) -> None:
    """The release holds exactly the data files that the sources hold."""
    data = course / "source_assignments" / "ps1" / "data.csv"
    data.write_text("x\n1\n")
    assert {"squares.ipynb", "data.csv"} == set(released(course))
    data.unlink()
    assert {"squares.ipynb"} == set(released(course))


def test_every_fault_of_every_source_is_told(course: Path) -> None:
    """Two faulty notebooks: a line for each, with file and cell, and nothing is written."""
    source = course / "source_assignments" / "ps1" / "squares.ipynb"
    faulty = source.read_text().replace("### END SOLUTION", "")
    source.write_text(faulty)
    (source.parent / "other.ipynb").write_text("not json")
    with pytest.raises(NotebookError) as caught:
        plan_release(open_course(course), ())
    assert 2 <= len(caught.value.messages)
    assert {"squares.ipynb", "other.ipynb"} == {
        name for name in ("squares.ipynb", "other.ipynb") if any(name in line for line in caught.value.messages)
    }
    assert not (course / "release").exists()
