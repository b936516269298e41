"""Grading a class for real: sandbox, kernels, database; what is done stays done."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.errors import ConfigError, StoreError
from grader.model import Faulted, Graded, Missing, Outcome, Rejected
from grader.notebook import instructor_version, release
from grader.pipeline import collect, grade
from grader.pipeline.course import OpenCourse, open_course
from tests.making import solved, squares

RIGHT = {"square": "def square(x):\n    return x ** 2", "essay": "Minus times minus."}

pytestmark = pytest.mark.slow


def hand_in(course: Path, student: str, **answers: str) -> Path:
    """Submit an answer to ps1."""
    folder = course / "submitted" / student / "ps1"
    folder.mkdir(parents=True, exist_ok=True)
    work = solved(release(instructor_version(squares())), **answers)
    (folder / "squares.ipynb").write_text(json.dumps(work))
    return folder


def run(course: Path, *, workers: int = 2, force: bool = False) -> dict[str, Outcome]:
    """Grade what has to be graded, and give the outcomes by student."""
    return {outcome.student_id: outcome for outcome in outcomes(open_course(course), workers, force=force)}


def outcomes(opened: OpenCourse, workers: int, *, force: bool) -> Iterator[Outcome]:
    """Plan and carry out."""
    with opened.database() as database:
        plan = grade.plan_grade(opened, database, grade.GradeRequest(force=force))
        yield from grade.carry_out(opened, database, plan, workers)


def points(course: Path) -> dict[str, list[float | None]]:
    """Read automatic scores from the database, by student, in the order of grade ids."""
    opened = open_course(course)
    scores: dict[str, list[float | None]] = {}
    with opened.database() as database:
        for row in sorted(database.question_scores("ps1"), key=lambda row: row.grade_id):
            scores.setdefault(row.student_id, []).append(row.auto_score)
    return scores


def test_a_class_of_garbage_and_one_honest_student(course: Path) -> None:
    """Every kind of rubbish is told student by student, and the honest student is graded."""
    (course / "roster.csv").unlink()
    hand_in(course, "ada", **RIGHT)
    rubbish = {name: course / "submitted" / name / "ps1" for name in ("empty", "folder", "link", "noise", "pipe")}
    for folder in rubbish.values():
        folder.mkdir(parents=True)
    (rubbish["empty"] / "squares.ipynb").touch()
    (rubbish["folder"] / "squares.ipynb").mkdir()
    (rubbish["link"] / "squares.ipynb").symlink_to(course / "gradebook.db")
    (rubbish["noise"] / "squares.ipynb").write_bytes(os.urandom(100_000))
    os.mkfifo(rubbish["pipe"] / "squares.ipynb")
    found = run(course)
    assert isinstance(found.pop("ada"), Graded)
    assert set(rubbish) == {student for student, outcome in found.items() if isinstance(outcome, Rejected)}
    assert [None, 4.0, 1.0] == points(course)["ada"]
    assert [0.0, 0.0, 0.0] == points(course)["link"]


def test_a_huge_file_is_refused_alone(course: Path) -> None:
    """200 MB beside a notebook do not stop it from being graded."""
    folder = hand_in(course, "ada", **RIGHT)
    with (folder / "data.bin").open("wb") as out:
        out.truncate(200_000_000)
    outcome = run(course)["ada"]
    assert isinstance(outcome, Graded)
    assert any("data.bin" in flag.sentence for flag in outcome.notebooks[0].flags)


def test_what_is_done_is_not_done_again(course: Path) -> None:
    """Only a changed submission, or --force, is graded again."""
    hand_in(course, "ada", **RIGHT)
    hand_in(course, "bob", square="def square(x):\n    return x + 2")
    assert {"ada", "bob", "cem"} == set(run(course))
    assert {"cem"} == {student for student, outcome in run(course).items() if isinstance(outcome, Missing)}
    hand_in(course, "bob", **RIGHT)
    assert {"bob"} == {s for s, outcome in run(course).items() if isinstance(outcome, Graded)}
    assert {"ada", "bob"} == {s for s, outcome in run(course, force=True).items() if isinstance(outcome, Graded)}


def test_a_changed_hidden_test_grades_again(course: Path) -> None:
    """A new instructor version is a new key."""
    hand_in(course, "ada", **RIGHT)
    run(course)
    source = course / "source_assignments/ps1/squares.ipynb"
    source.write_text(source.read_text().replace("square(-7) == 49", "square(-7) == 50"))
    assert isinstance(run(course)["ada"], Graded)
    assert [None, 0.0, 1.0] == points(course)["ada"]


def test_one_worker_or_two_give_the_same(course: Path) -> None:
    """Scores and autograded notebooks do not depend on the number of workers."""
    answers = {f"s{n}": f"def square(x):\n    print({n})\n    return x ** {n % 3}" for n in range(4)}
    for student, answer in answers.items():
        hand_in(course, student, square=answer)
    run(course, workers=1)
    scores = points(course)
    files = {path: path.read_bytes() for path in (course / "autograded").rglob("*.ipynb")}
    run(course, workers=2, force=True)
    assert scores == points(course)
    assert files == {path: path.read_bytes() for path in (course / "autograded").rglob("*.ipynb")}


def test_two_at_once_are_told_of_each_other(course: Path) -> None:
    """The second run names the first."""
    opened = open_course(course)
    with opened.folder.lock("grade"), pytest.raises(StoreError, match="grade"), opened.folder.lock("feedback"):
        pass


def test_an_unknown_student_is_named(course: Path) -> None:
    """With the nearest one of the class."""
    opened = open_course(course)
    with opened.database() as database, pytest.raises(ConfigError, match='did you mean "ada"'):
        grade.plan_grade(opened, database, grade.GradeRequest(students=("adda",)))


def test_a_fault_of_ours_is_no_zero(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the engine itself fails, the submission stands ungraded, and the next run tries again."""
    hand_in(course, "ada", **RIGHT)
    opened = open_course(course)
    with opened.database() as database:
        plan = grade.plan_grade(opened, database, grade.GradeRequest())
        with monkeypatch.context() as broken:
            broken.setattr("grader.pipeline.grade.write_bundle", lambda bundle, folder: folder / "lost")
            found = list(grade.carry_out(opened, database, plan, 1))
    assert {"ada"} == {outcome.student_id for outcome in found if isinstance(outcome, Faulted)}
    assert {} == points(course)
    assert isinstance(run(course)["ada"], Graded)


def test_where_the_best_attempt_counts_all_are_graded(course: Path) -> None:
    """An earlier, better attempt counts, with its own time; a later attempt that is better takes its place."""
    config = course / "course.toml"
    config.write_text(config.read_text().replace("due = 2026", 'attempts = "best"\ndue = 2026'))
    opened = open_course(course)
    for when, answer in (("2026-09-20", RIGHT["square"]), ("2026-09-22", "def square(x):\n    return 4")):
        inbox = course / ".grader" / when / "ada"
        inbox.mkdir(parents=True)
        work = solved(release(instructor_version(squares())), square=answer)
        (inbox / "squares.ipynb").write_text(json.dumps(work))
        (inbox / "timestamp.txt").write_text(f"{when}T12:00:00+00:00")
        list(collect.carry_out(opened, collect.plan(opened, "ps1", [inbox.parent])))
    outcome = run(course)["ada"]
    assert isinstance(outcome, Graded)
    assert 1 == outcome.attempt
    assert [0.0, 4.0, 1.0] == points(course)["ada"]
    with opened.database() as database:
        assert 20 == next(
            row.timestamp.day for row in database.outcomes("ps1") if row.student_id == "ada" and row.timestamp
        )
    assert {} == {s: o for s, o in run(course).items() if isinstance(o, Graded)}
