"""nbgrader's own programs work on a course that we graded."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import nbformat
import pytest

from grader.model import CellScore, Graded, GradedKind, GradedNotebook, Rejected, Student
from grader.store import CourseFolder, Database, QuestionScore

pytestmark = pytest.mark.slow

ADA = Student("ada", "Lovelace", "Ada", "ada@example.org")
STAMP = "2026-01-02 03:04:05 UTC"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def write_down(course: CourseFolder, database: Database, outcome: Graded | Rejected) -> None:
    """Put a submission and its graded notebooks where the pipeline puts them, and record the outcome."""
    home = course.submission(outcome.student_id, outcome.assignment)
    home.mkdir(parents=True, exist_ok=True)
    (home / "timestamp.txt").write_text(STAMP)
    notebooks = {f"{graded.name}.ipynb": nbformat.writes(graded.notebook).encode() for graded in outcome.notebooks}
    for name, content in notebooks.items():
        (home / name).write_bytes(content)
    course.write_autograded(outcome.student_id, outcome.assignment, notebooks)
    submission = course.read_submission(outcome.student_id, outcome.assignment)
    assert submission is not None
    facts = {"key": submission.digest, "engine": "test", "finished_at": MOMENT}
    database.record(outcome, timestamp=submission.timestamp, **facts)


@pytest.fixture
def where(course: CourseFolder, tmp_path: Path, request: pytest.FixtureRequest) -> Path | str:
    """The course's database: SQLite, or PostgreSQL where a test asks for it."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return course.database
    url: str = request.getfixturevalue("postgres").create(tmp_path.name, "template")
    course.config.write_text(f'[course]\nid = "squares"\n[database]\nurl = "{url}"\n')
    return url


EITHER = pytest.mark.parametrize("where", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def graded_course(
    course: CourseFolder,
    where: Path | str,
    instructor: nbformat.NotebookNode,
    released: nbformat.NotebookNode,
    graded: Callable[..., Graded],
) -> CourseFolder:
    """A course of three: one good submission, one rejected, one student who handed in nothing."""
    zeros = (
        CellScore("test_square", GradedKind.TESTS, 2, 0.0, needs_manual=False, reason="Unreadable."),
        CellScore("why", GradedKind.ANSWER, 3, 0.0, needs_manual=False, reason="Unreadable."),
        CellScore("draw", GradedKind.TASK, 1, 0.0, needs_manual=False, reason="Unreadable."),
    )
    unread = GradedNotebook("p1", instructor, zeros, rejection="not JSON")
    with Database(where, course_id="squares") as database:
        database.sync_students([ADA, Student("bob", "Bobson", "Bob"), Student("eve", "Absent", "Eve")])
        due = datetime(2026, 2, 1, tzinfo=UTC)
        database.sync_assignment("ps1", due=due, notebooks={"p1": (instructor, released)})
        write_down(course, database, graded("ada"))
        write_down(course, database, Rejected("bob", "ps1", "not JSON", (unread,)))
    return course


def environment(home: Path) -> dict[str, str]:
    """A Jupyter that knows nothing of this machine's user; alembic is not on PATH, as in a venv that is not active."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "JUPYTER_PLATFORM_DIRS": "1",
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
    }


def nbgrader(course: CourseFolder, home: Path, *arguments: str) -> str:
    """Run an nbgrader command in the course folder; what it logged."""
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course.root,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home folder."""
    return tmp_path_factory.mktemp("home")


@EITHER
def test_export_tells_our_scores(graded_course: CourseFolder, home: Path) -> None:
    """`nbgrader export` finds scores, dates and names in the database that we wrote."""
    nbgrader(graded_course, home, "export")
    with (graded_course.root / "grades.csv").open() as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert {"ada": "2.0", "bob": "0.0", "eve": "0.0"} == {name: row["score"] for name, row in rows.items()}
    assert {"6.0"} == {row["max_score"] for row in rows.values()}
    assert ("2026-01-02 03:04:05", "Lovelace") == (rows["ada"]["timestamp"], rows["ada"]["last_name"])
    assert {"2026-02-01 00:00:00"} == {row["duedate"] for row in rows.values()}


def test_autograde_works_after_us(graded_course: CourseFolder, home: Path) -> None:
    """`nbgrader autograde --force` on our course gives the score that it deserves, with the hidden tests put back."""
    submitted = graded_course.submission("ada", "ps1") / "p1.ipynb"
    work = nbformat.reads(submitted.read_text(), 4)
    work.cells[1].source = "def square(x):\n    return abs(x) * x"
    work.cells[2].source = "assert square(2) == 4"
    submitted.write_text(nbformat.writes(work))
    nbgrader(graded_course, home, "autograde", "ps1", "--force", "--student=ada")
    with Database(graded_course.database) as database:
        scores = {row.grade_id: row for row in database.question_scores("ps1") if row.student_id == "ada"}
    assert (0.0, None, True) == (
        scores["test_square"].auto_score,
        scores["why"].auto_score,
        scores["why"].needs_manual,
    )


def test_feedback_of_nbgrader_works_after_us(graded_course: CourseFolder, home: Path) -> None:
    """`nbgrader generate_feedback` makes its pages from our notebooks and rows."""
    nbgrader(graded_course, home, "generate_feedback", "ps1")
    page = (graded_course.feedback_of("ada", "ps1") / "p1.html").read_text()
    assert "(Score: 2.0 / 6.0)" in page


def test_autograde_has_nothing_to_do_after_us(graded_course: CourseFolder, home: Path) -> None:
    """Without --force, nbgrader takes our results for its own and leaves them alone."""
    before = graded_course.autograded_of("ada", "ps1").joinpath("p1.ipynb").stat().st_mtime_ns
    log = nbgrader(graded_course, home, "autograde", "ps1")
    assert "already exists" in log or "Skipping" in log
    assert before == graded_course.autograded_of("ada", "ps1").joinpath("p1.ipynb").stat().st_mtime_ns


def test_our_cells_are_those_that_nbgrader_would_save(
    course: CourseFolder, home: Path, instructor: nbformat.NotebookNode, released: nbformat.NotebookNode
) -> None:
    """Every row that `nbgrader generate_assignment` writes for cells is the row that we write."""
    from nbgrader.api import Gradebook

    def rows(url: str) -> list[object]:
        with Gradebook(url) as found:
            saved = found.find_notebook("p1", "ps1")
            cells = [*saved.grade_cells, *saved.solution_cells, *saved.task_cells, *saved.source_cells]
            own = [{key: value for key, value in cell.to_dict().items() if key != "id"} for cell in cells]
            return [json.loads(saved.kernelspec), sorted(json.dumps(row, sort_keys=True) for row in own)]

    with Database(course.database) as database:
        database.sync_assignment("ps1", due=None, notebooks={"p1": (instructor, released)})
    ours = rows(f"sqlite:///{course.database}")
    theirs = course.root / "theirs.db"
    Database(theirs).close()
    nbgrader(course, home, "generate_assignment", "ps1", "--create", "--force", f"--db=sqlite:///{theirs}")
    assert rows(f"sqlite:///{theirs}") == ours


class FormGrader:
    """nbgrader's form grader, running; reached through a socket file, so that no port can be taken."""

    def __init__(self, course: CourseFolder, home: Path, socket: Path) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyter_server",
                "--no-browser",
                "--allow-root",
                f"--ServerApp.sock={socket}",
                "--IdentityProvider.token=secret",
                "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}",
            ],
            cwd=course.root,
            env=environment(home),
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.log = ""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log += line
            if "is running at" in line:
                break
        assert "is running at" in self.log, self.log
        headers = {"Authorization": "token secret"}
        transport = httpx.HTTPTransport(uds=str(socket))
        self.client = httpx.Client(transport=transport, base_url="http://localhost", headers=headers, timeout=60)

    def page(self, path: str) -> str:
        """A page of the form grader, which has to open."""
        answer = self.client.get(f"/formgrader/{path}", follow_redirects=True)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        return answer.text

    def api(self, path: str) -> list[dict[str, object]]:
        """What the form grader's pages load."""
        return json.loads(self.page(f"api/{path}"))

    def close(self) -> None:
        """End the server."""
        self.client.close()
        self.process.terminate()
        self.process.communicate(timeout=60)


@pytest.fixture
def form_grader(graded_course: CourseFolder, home: Path) -> Iterator[FormGrader]:
    """The form grader on our course."""
    with tempfile.TemporaryDirectory() as short:
        running = FormGrader(graded_course, home, Path(short) / "s")
        yield running
        running.close()


def scores_of(where: Path | str, student_id: str) -> dict[str, QuestionScore]:
    """Our view of a student's questions."""
    with Database(where) as database:
        return {row.grade_id: row for row in database.question_scores("ps1") if row.student_id == student_id}


@EITHER
def test_form_grader_works_on_our_course(where: Path | str, form_grader: FormGrader) -> None:
    """Lists, gradebook and submission pages open; a score and a comment given there are what we read afterwards."""
    (assignment,) = form_grader.api("assignments")
    assert ("ps1", 2, 6.0) == (assignment["name"], assignment["num_submissions"], assignment["max_score"])
    for path in ("manage_assignments", "manage_submissions/ps1", "gradebook", "gradebook/ps1", "gradebook/ps1/p1"):
        assert "<title>nbgrader formgrade</title>" in form_grader.page(path)
    submissions = {row["student"]: row for row in form_grader.api("submissions/ps1")}
    assert (2.0, True, True) == tuple(submissions["ada"][key] for key in ("score", "autograded", "submitted"))
    assert (0.0, True, False) == tuple(submissions["bob"][key] for key in ("score", "autograded", "needs_manual_grade"))
    notebooks = {row["student"]: row for row in form_grader.api("submitted_notebooks/ps1/p1")}
    assert {"ada", "bob"} == set(notebooks)

    page = form_grader.page(f"submissions/{notebooks['ada']['id']}/")
    assert re.search(r"def</span> <span[^>]*>square|four sides", page)
    grades = {row["name"]: row for row in form_grader.api(f"grades?submission_id={notebooks['ada']['id']}")}
    assert {"test_square", "why", "draw"} == set(grades)
    change = {"manual_score": 2.5, "extra_credit": 0.5}
    answer = form_grader.client.put(f"/formgrader/api/grade/{grades['why']['id']}", json=change)
    assert answer.status_code == 200, answer.text
    comments = {row["name"]: row for row in form_grader.api(f"comments?submission_id={notebooks['ada']['id']}")}
    assert {"square", "why", "draw"} == set(comments)
    note = {"manual_comment": "Well put."}
    assert form_grader.client.put(f"/formgrader/api/comment/{comments['why']['id']}", json=note).status_code == 200

    why = scores_of(where, "ada")["why"]
    assert (3.0, 2.5, 0.5, False, "Well put.") == (
        why.score,
        why.manual_score,
        why.extra_credit,
        why.needs_manual,
        why.comment,
    )


def test_form_grader_and_we_write_in_turn(
    graded_course: CourseFolder, form_grader: FormGrader, graded: Callable[..., Graded]
) -> None:
    """While the form grader is open we regrade; it shows our new score, and its manual score survives."""
    notebooks = {row["student"]: row for row in form_grader.api("submitted_notebooks/ps1/p1")}
    grades = {row["name"]: row for row in form_grader.api(f"grades?submission_id={notebooks['ada']['id']}")}
    form_grader.client.put(f"/formgrader/api/grade/{grades['draw']['id']}", json={"manual_score": 1})
    with Database(graded_course.database) as database:
        write_down(graded_course, database, graded("ada", auto=1.0))
    after = {row["student"]: row for row in form_grader.api("submitted_notebooks/ps1/p1")}
    assert 2.0 == after["ada"]["score"]
    assert 1.0 == scores_of(graded_course.database, "ada")["draw"].manual_score
    answer = form_grader.client.put(f"/formgrader/api/grade/{grades['draw']['id']}", json={"manual_score": 0.5})
    assert answer.status_code == 200
    assert 0.5 == scores_of(graded_course.database, "ada")["draw"].manual_score
