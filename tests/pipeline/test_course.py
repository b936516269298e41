"""A course is found from any folder inside it."""

from pathlib import Path

import pytest

from grader.errors import ConfigError
from grader.pipeline.course import find_root, open_course


def test_it_is_found_upward(course: Path) -> None:
    """From deep inside, the nearest folder with a course.toml is the course."""
    assert course == find_root(course / "source_assignments" / "ps1")


def test_no_course_is_one_line_with_a_remedy(tmp_path: Path) -> None:
    """Outside of a course, the message says how to begin one."""
    with pytest.raises(ConfigError, match="grader init"):
        find_root(tmp_path)


def test_the_class_is_the_roster_and_whoever_handed_in(course: Path) -> None:
    """A student who is not on the roster but handed in is one of the class, after the others."""
    (course / "submitted" / "zoe" / "ps1").mkdir(parents=True)
    assert ["ada", "bob", "cem", "zoe"] == [student.student_id for student in open_course(course).students]


def test_without_a_roster_the_class_is_whoever_handed_in(course: Path) -> None:
    """A roster is not needed."""
    (course / "roster.csv").unlink()
    (course / "submitted" / "zoe" / "ps1").mkdir(parents=True)
    assert ["zoe"] == [student.student_id for student in open_course(course).students]
