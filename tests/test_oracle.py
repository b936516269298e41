"""nbgrader's own test notebooks, read from the installed package, get the scores that its own tests expect.

The numbers are those of nbgrader's `tests/apps/test_nbgrader_autograde.py`; where ours differ, the row says why.
"""

import csv
import io
from importlib.util import find_spec
from pathlib import Path

import pytest

from grader.gradebook import to_csv
from grader.pipeline import grade, gradebook, release
from grader.pipeline.course import OpenCourse, open_course

pytestmark = pytest.mark.slow

SPEC = find_spec("nbgrader")
assert SPEC is not None
assert SPEC.origin is not None
NBGRADER = Path(SPEC.origin).parent
FILES = NBGRADER / "tests" / "apps" / "files"
GUIDE = NBGRADER / "docs" / "source" / "user_guide"

EXPECTED = {
    "submitted-unchanged": {"submitted-unchanged": (1, 7), "submitted-changed": (2, 7)},
    "cheating": {"submitted-cheat-attempt": (1, 7), "submitted-cheat-attempt-alternative": (1, 7)},
    "test-hidden-tests": {"test-hidden-tests": (1.5, 3)},
    "autotest-simple": {"autotest-simple-unchanged": (0, 1), "autotest-simple-changed": (1, 1)},
    "autotest-hashed": {"autotest-hashed-unchanged": (0, 1), "autotest-hashed-changed": (1, 1)},
    "autotest-multi": {"autotest-multi-unchanged": (0, 4), "autotest-multi-changed": (3, 4)},
    "autotest-hidden": {
        "autotest-hidden-unchanged": (0, 1),
        "autotest-hidden-changed-wrong": (0, 1),
        "autotest-hidden-changed-right": (1, 1),
    },
    "validating-environment-variable": {"validating-environment-variable": (0, 1)},
}
SOURCES = {"cheating": "submitted-unchanged"}
"""Whose source is another notebook than the assignment's name says."""


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> OpenCourse:
    """All of nbgrader's notebooks in one course, graded in one run."""
    root = tmp_path_factory.mktemp("oracle")
    (root / "course.toml").write_text('[course]\nid = "oracle"\n[limits]\ncell_seconds = 30\n')
    (root / "autotests.yml").write_bytes((FILES / "autotests.yml").read_bytes())
    for assignment, submissions in EXPECTED.items():
        _copy(FILES / f"{SOURCES.get(assignment, assignment)}.ipynb", root / "source_assignments" / assignment)
        for name in submissions:
            _copy(FILES / f"{name}.ipynb", root / "submitted" / name / assignment)
    return _graded(root)


def _copy(notebook: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "p1.ipynb").write_bytes(notebook.read_bytes())


def _graded(root: Path) -> OpenCourse:
    opened = open_course(root)
    with opened.database() as database:
        plan = grade.plan_grade(opened, database, grade.GradeRequest())
        list(grade.carry_out(opened, database, plan, 2))
    return opened


@pytest.mark.parametrize(
    ("assignment", "name", "expected"),
    [(assignment, name, score) for assignment, names in EXPECTED.items() for name, score in names.items()],
)
def test_the_score_is_nbgraders(graded: OpenCourse, assignment: str, name: str, expected: tuple[float, float]) -> None:
    """Points and maximum are what nbgrader's own tests expect."""
    with graded.database() as database:
        totals = gradebook.notebook_totals(database.question_scores(assignment))
    assert expected == (float(totals[name].score), float(totals[name].max_score))


def test_the_sample_course_runs_from_release_to_gradebook(tmp_path: Path) -> None:
    """The user guide's course: two notebooks with a header, two students, one of them with a missing answer."""
    (tmp_path / "course.toml").write_text('[course]\nid = "guide"\n[limits]\ncell_seconds = 30\n')
    sources = tmp_path / "source_assignments"
    for path in [*(GUIDE / "source" / "ps1").iterdir(), GUIDE / "source" / "header.ipynb"]:
        _copy_as_it_is(path, sources / path.relative_to(GUIDE / "source"))
    for path in (GUIDE / "submitted").rglob("ps1/*"):
        _copy_as_it_is(path, tmp_path / "submitted" / path.relative_to(GUIDE / "submitted"))
    opened = open_course(tmp_path)
    released = list(release.carry_out(opened, release.plan_release(opened, ())))
    assert [("ps1", ("problem1", "problem2"))] == [(done.assignment, done.notebooks) for done in released]
    _graded(tmp_path)
    with opened.database() as database:
        rows = list(csv.DictReader(io.StringIO(to_csv(gradebook.build(opened, database)))))
    assert {"bitdiddle", "hacker"} == {row["student_id"] for row in rows}
    # the automatic points that nbgrader's own guide shows for these two, in its grades.csv
    points = {row["student_id"]: float(row["ps1 (13)"]) for row in rows}
    assert {"bitdiddle": 1.5, "hacker": 3.0} == points


def _copy_as_it_is(path: Path, target: Path) -> None:
    if path.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())


def test_only_those_that_cheat_raise_an_alarm(graded: OpenCourse) -> None:
    """Of nbgrader's own notebooks; that some were not made from their release is told of them, and is true."""
    with graded.database() as database:
        rows = database.outcomes()
    flags = {(flag.kind, row.assignment) for row in rows for notebook in row.notebooks for flag in notebook.flags}
    assert {("canary", "cheating"), ("reaches-out", "cheating")} == {
        (kind, name) for kind, name in flags if kind in {"canary", "reaches-out"}
    }


def test_an_untouched_answer_has_nbgraders_comment(graded: OpenCourse) -> None:
    """`No response.` stands at the answers that were left as released, as nbgrader writes it."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{graded.folder.database}") as nbgraders:
        notebook = nbgraders.find_submission_notebook("p1", "submitted-unchanged", "submitted-unchanged")
        comments = {comment.name: comment.comment for comment in notebook.comments}
    assert {"set_a": "No response.", "baz": "No response.", "quux": "No response."} == comments
