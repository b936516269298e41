"""`course.toml`: good defaults, and every problem told at once."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from grader.config import parse_course
from grader.errors import ConfigError
from grader.model import Limits

WEIGHTS = '[course]\nid = "x"\n[categories]\nexams = 60\nhomework = 40\n'


def problems(text: str, *folders: str) -> tuple[str, ...]:
    """Parse a wrong file and give its lines."""
    with pytest.raises(ConfigError) as caught:
        parse_course(text, folders)
    return caught.value.messages


def test_an_id_is_enough() -> None:
    """Every folder is an assignment of the one category, under the default limits."""
    course = parse_course('[course]\nid = "x"\n', ["b", "a"])
    assert ["a", "b"] == [a.name for a in course.notebook_assignments]
    assert {"assignments": Decimal(100)} == course.categories
    assert {"assignments"} == {a.category for a in course.assignments.values()}
    assert Limits() == course.limits


def test_a_due_date_gets_the_time_zone_of_the_course() -> None:
    """A date-time without a zone is local; a bare date means the end of that day; a zone of its own is kept."""
    course = parse_course(
        '[course]\nid = "x"\ntimezone = "Europe/Berlin"\n[assignments]\n'
        "a.due = 2026-09-21T20:00:00\nb.due = 2026-09-21\nc.due = 2026-09-21T20:00:00Z\nd.due = '2026-09-21 20:00'\n",
        "abcd",
    )
    berlin = ZoneInfo("Europe/Berlin")
    assert [
        datetime(2026, 9, 21, 20, tzinfo=berlin),
        datetime(2026, 9, 21, 23, 59, 59, tzinfo=berlin),
        datetime(2026, 9, 21, 20, tzinfo=UTC),
        datetime(2026, 9, 21, 20, tzinfo=berlin),
    ] == [course.assignments[name].due for name in "abcd"]


def test_decimal_weights_are_exact() -> None:
    """33.3 + 33.3 + 33.4 is 100."""
    assert parse_course('[course]\nid = "x"\n[categories]\na = 33.3\nb = 33.3\nc = 33.4\n', [])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 'course.toml: [course]: is missing; add it with id = "my-course"'),
        ("[course]\n", "course.toml: [course] id: is missing; add it"),
        (
            "[course\n",
            "course.toml: is not valid TOML: Expected ']' at the end of a table declaration (at line 1, column 8)",
        ),
        ('[course]\nid = "x"\ntitel = "y"', 'course.toml: [course] titel: unknown key; did you mean "title"?'),
        (
            '[course]\nid = "x"\ntimezone = "Mars"',
            'course.toml: [course] timezone: "Mars" is no time zone; write one like "Europe/Berlin"',
        ),
        (
            '[course]\nid = "x"\n[assignments.a]\npoints = 1\ndue = "soon"',
            'course.toml: [assignments.a] due: "soon" is no date; write e.g. 2026-09-21T23:59:00',
        ),
        (
            '[course]\nid = "x"\n[limits]\nmemory_mb = "big"',
            "course.toml: [limits] memory_mb: should be a valid integer, not 'big'",
        ),
        (
            WEIGHTS.replace("40", "35.5"),
            (
                "course.toml: [categories]: weights add up to 95.5, not 100 (exams 60, homework 35.5); "
                "change them until they do"
            ),
        ),
        (
            WEIGHTS + "[assignments.a]\npoints = 1",
            "course.toml: [assignments.a]: is in no category; add category = one of exams, homework",
        ),
        (
            WEIGHTS + '[assignments.a]\npoints = 1\ncategory = "exam"',
            'course.toml: [assignments.a] category: "exam" is no category; use one of exams, homework',
        ),
        (
            WEIGHTS + '[assignments.a]\ncategory = "exams"',
            "course.toml: [assignments.a]: has neither a folder source_assignments/a nor points; add points = 100, say",
        ),
    ],
)
def test_a_problem_is_one_line(text: str, line: str) -> None:
    """File, key, what is wrong, what to do."""
    assert (line,) == problems(text)


def test_all_problems_are_told_at_once() -> None:
    """One line each, none hidden behind another."""
    lines = problems('[course]\nid = 3\nzone = "x"\n[categories]\na = "x"\n[limits]\nprocesses = 1\n[foo]\n')
    assert 5 == len(lines)


def test_a_folder_without_category_is_named() -> None:
    """A folder that nobody put into a category is a problem of the file, too."""
    assert ("course.toml: [assignments.hw9]: is in no category; add category = one of exams, homework",) == problems(
        WEIGHTS, "hw9"
    )


def test_an_unknown_assignment_gets_a_suggestion() -> None:
    """The nearest name is offered."""
    course = parse_course('[course]\nid = "x"\n', ["notebook_1"])
    with pytest.raises(ConfigError, match='did you mean "notebook_1"'):
        course.chosen(["notebok_1"])
