"""What stands unfinished, and why: found without grading anything, and only where something is newer."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grader.cli.status import _show_unfinished, _show_work
from grader.model import Faulted, Graded, GradedNotebook
from grader.notebook import instructor_version, release
from grader.pipeline import grade
from grader.pipeline.course import OpenCourse, open_course
from grader.pipeline.status import AssignmentStatus, Work, status, work
from tests.making import solved, squares

HOLD = """
import os, sys
from pathlib import Path
from grader.store import CourseFolder
with CourseFolder(Path(sys.argv[1])).lock("grade"):
    os.write(1, b"held")
    sys.stdin.read()
"""


@pytest.fixture
def opened(course: Path) -> OpenCourse:
    """The small course, in which ada and bob handed in."""
    for student in ("ada", "bob"):
        folder = course / "submitted" / student / "ps1"
        folder.mkdir(parents=True)
        (folder / "squares.ipynb").write_text(json.dumps(solved(release(instructor_version(squares())), square="x")))
    return open_course(course)


def settle(opened: OpenCourse, *, fault: str = "", ahead: timedelta = timedelta(seconds=1)) -> None:
    """Record, as a run would, that bob was graded, and ada, or what went wrong with her; in so long from now."""
    with opened.database() as database:
        plan = grade.plan_grade(opened, database, grade.GradeRequest())
        list(grade.carry_out(opened, database, replace(plan, assignments=_without_jobs(plan)), 1))
        for job in plan.jobs:
            notebook = GradedNotebook("squares", instructor_version(squares()), ())
            outcome: Graded | Faulted = Graded(job.student_id, "ps1", (notebook,))
            if fault and job.student_id == "ada":
                outcome = Faulted("ada", "ps1", fault)
            database.record(outcome, key=job.key, engine="auto", timestamp=None, finished_at=datetime.now(UTC) + ahead)


def _without_jobs(plan: grade.GradePlan) -> tuple[grade.AssignmentPlan, ...]:
    return tuple(replace(planned, jobs=()) for planned in plan.assignments)


def state_of(opened: OpenCourse) -> AssignmentStatus:
    """How ps1 stands, exactly."""
    with opened.database() as database:
        (state,) = status(opened, database, ("ps1",), exact=True)
    return state


def unfinished(opened: OpenCourse) -> dict[str, str]:
    """By student, why they stand unfinished."""
    return {s.student.student_id: s.unfinished for s in state_of(opened).submissions if s.unfinished}


def hand_in_later(path: Path, text: str) -> None:
    """Write a file as somebody does who hands in after everything else was done."""
    path.write_text(text)
    later = datetime.now(UTC).timestamp() + 100
    os.utime(path, (later, later))


def test_what_was_never_graded_says_so(opened: OpenCourse) -> None:
    """Handed in and no outcome yet; who handed in nothing is missing, not unfinished."""
    assert {"ada": "not graded yet", "bob": "not graded yet"} == unfinished(opened)


def test_what_changed_since_is_to_be_graded_again(opened: OpenCourse) -> None:
    """New work of one student, and not the same work with a newer time."""
    settle(opened)
    assert {} == unfinished(opened)
    work_of = {s: opened.folder.submission(s, "ps1") / "squares.ipynb" for s in ("ada", "bob")}
    hand_in_later(work_of["ada"], work_of["ada"].read_text())
    assert {} == unfinished(opened)
    hand_in_later(work_of["bob"], work_of["bob"].read_text() + "\n")
    assert {"bob": "changed since it was graded"} == unfinished(opened)


def test_a_copy_with_an_old_time_is_seen(opened: OpenCourse) -> None:
    """As `cp -p` puts it over a hand-in that was graded."""
    settle(opened, ahead=timedelta())
    work_of_bob = opened.folder.submission("bob", "ps1") / "squares.ipynb"
    work_of_bob.write_text(work_of_bob.read_text() + "\n")
    os.utime(work_of_bob, (0, 0))
    assert {"bob": "changed since it was graded"} == unfinished(opened)


def test_a_clock_that_was_put_back_hides_no_change(opened: OpenCourse) -> None:
    """Graded at a time that is still to come: what is handed in now is seen, though it looks older."""
    settle(opened, ahead=timedelta(days=400))
    assert {} == unfinished(opened)
    work_of_bob = opened.folder.submission("bob", "ps1") / "squares.ipynb"
    work_of_bob.write_text(work_of_bob.read_text() + "\n")
    assert {"bob": "changed since it was graded"} == unfinished(opened)


def test_a_changed_source_is_to_be_graded_again_for_all(opened: OpenCourse) -> None:
    """As `grader grade` sees it; without `exact` nothing is compared."""
    settle(opened)
    source = opened.folder.source("ps1") / "squares.ipynb"
    hand_in_later(source, source.read_text().replace("square(2) == 4", "square(3) == 9"))
    assert {"ada", "bob"} == set(unfinished(opened))
    with opened.database() as database:
        assert [] == [s for state in status(opened, database, ()) for s in state.submissions if s.changed]


def test_a_fault_is_told_with_its_reason(opened: OpenCourse, capsys: pytest.CaptureFixture[str]) -> None:
    """Escaped, in a line of its own, and that the next run tries again."""
    settle(opened, fault="no \x1b[31mdisk")
    assert "no \x1b[31mdisk" in unfinished(opened)["ada"]
    _show_unfinished((state_of(opened),))
    told = capsys.readouterr().err
    assert "our fault   ada ps1: a fault of the grader: no \\x1b[31mdisk" in told
    assert "tries again" in told


def test_who_works_and_who_did_not_end(opened: OpenCourse, capsys: pytest.CaptureFixture[str]) -> None:
    """While it lives the lock names it as at work; killed, as one that did not come to its end; then nobody."""
    assert Work(None, None) == work(opened)
    command = [sys.executable, "-c", HOLD, str(opened.folder.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert b"held" == running.stdout.read(4)
        holder = work(opened).holder
        assert holder is not None
        assert ("grade", running.pid) == (holder.command, holder.pid)
        running.kill()
    killed = work(opened)
    assert (None, holder) == (killed.holder, killed.unfinished)
    _show_work(killed)
    assert "not ended   `grade`" in capsys.readouterr().err
    with opened.folder.lock("feedback"):
        pass
    assert Work(None, None) == work(opened)
