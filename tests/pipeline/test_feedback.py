"""Feedback for a class: pages where something changed, nothing secret in them, one missing file costs one page."""

import json
from pathlib import Path

import pytest

from grader.notebook import instructor_version, release
from grader.pipeline import feedback, grade
from grader.pipeline.course import open_course
from tests.making import solved, squares

pytestmark = pytest.mark.slow


@pytest.fixture
def graded(course: Path) -> Path:
    """The small course with two submissions, graded."""
    for student, answer in (("ada", "return x * x"), ("bob", "return 4")):
        folder = course / "submitted" / student / "ps1"
        folder.mkdir(parents=True)
        work = solved(release(instructor_version(squares())), square=f"def square(x):\n    {answer}", essay="Because.")
        (folder / "squares.ipynb").write_text(json.dumps(work))
    opened = open_course(course)
    with opened.database() as database:
        list(grade.carry_out(opened, database, grade.plan_grade(opened, database, grade.GradeRequest()), 2))
    return course


def written(course: Path) -> tuple[list[str], dict[str, str]]:
    """Write what has to be written: the pages that stand anew, and the reasons for those that could not be made."""
    opened = open_course(course)
    with opened.database() as database:
        plan = feedback.plan_feedback(opened, database, ())
    results = list(feedback.carry_out(opened, plan, 2))
    pages = [result.path for result in results if isinstance(result, feedback.Written)]
    return sorted(pages), {r.path: r.reason for r in results if isinstance(r, feedback.Unwritten)}


def test_a_page_a_notebook_and_nothing_twice(graded: Path) -> None:
    """Both students get their page and everybody an index; the second time nothing is written."""
    assert (["ada/ps1/squares.html", "bob/ps1/squares.html"], {}) == written(graded)
    assert {"ada", "bob", "cem"} == {path.parent.name for path in (graded / "feedback").glob("*/index.html")}
    assert ([], {}) == written(graded)


def test_no_hidden_test_is_on_a_page(graded: Path) -> None:
    """Neither the source of a hidden test nor its message."""
    written(graded)
    for page in (graded / "feedback").rglob("*.html"):
        text = page.read_text()
        assert "HIDDEN-TOKEN" not in text
        assert "square(-7)" not in text


def test_a_grade_by_hand_writes_that_page_again(graded: Path) -> None:
    """Only the student whose essay a person graded, as the form grader does it, gets a new page."""
    written(graded)
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{graded / 'gradebook.db'}") as nbgraders:
        essay = nbgraders.find_grade("essay", "squares", "ps1", "ada")
        essay.manual_score, essay.needs_manual_grade = 2.5, False
        nbgraders.db.commit()
    assert (["ada/ps1/squares.html"], {}) == written(graded)
    assert "2.5" in (graded / "feedback/ada/ps1/squares.html").read_text()


def test_a_graded_notebook_that_is_gone_costs_one_page(graded: Path) -> None:
    """The other student's page is written, and the line says how to make the missing one."""
    (graded / "autograded/ada/ps1/squares.ipynb").unlink()
    pages, reasons = written(graded)
    assert ["bob/ps1/squares.html"] == pages
    assert "grader grade ps1 --student ada --force" in reasons["ada/ps1/squares.html"]
