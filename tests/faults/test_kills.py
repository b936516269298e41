"""`kill -9` and Ctrl-C in the middle of real runs: what is done stays done, and the same command does the rest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

import psutil
import pytest

from grader.notebook import instructor_version, release
from tests.making import make_cell, make_notebook, solved

pytestmark = pytest.mark.slow

STUDENTS = [f"s{number}" for number in range(7)]
SLOW = "z"
"""A student whose work takes long."""


def sources() -> dict[str, object]:
    """One question by tests."""
    return make_notebook(
        make_cell("code", "### BEGIN SOLUTION\nx = 2\n### END SOLUTION", "x", solution=True),
        make_cell("code", "assert x == 2", "test_x", grade=True, locked=True, points=2),
    )


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with a class that has handed in work that takes a moment."""
    root = tmp_path_factory.mktemp("kills") / "Kurs Übung 数学 100% #1?"
    source = root / "source_assignments" / "ps1"
    source.mkdir(parents=True)
    (source / "p.ipynb").write_text(json.dumps(sources()))
    (root / "course.toml").write_text('[course]\nid = "small"\n[limits]\ncell_seconds = 20\nmemory_mb = 512\n')
    released = release(instructor_version(sources()))
    for student in [*STUDENTS, SLOW]:
        folder = root / "submitted" / student / "ps1"
        folder.mkdir(parents=True)
        answer = f"import time\ntime.sleep({3.5 if student == SLOW else 0.3})\nx = {len(student)}\nprint('{student}')"
        (folder / "p.ipynb").write_text(json.dumps(solved(released, x=answer)))
    return root


class Run:
    """A `grader grade` in a process of its own."""

    pids: ClassVar[set[int]] = set()
    """Of all runs; beside them, others may leave what is theirs to remove."""

    def __init__(self, course: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "grader", "-C", str(course), "grade", "--json", "--jobs", "2", *arguments]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
        self.pids.add(self.process.pid)
        self.seen: set[psutil.Process] = set()

    def student(self) -> str:
        """The next student that is graded; nothing at the end."""
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            record = json.loads(line)
            if record["outcome"] == "graded":
                return str(record["student"])
        return ""

    def complaint(self, word: str) -> None:
        """Wait for a line with a word among what is said to people."""
        assert self.process.stderr is not None
        assert any(word in line for line in self.process.stderr)

    def interrupt(self) -> None:
        """Press Ctrl-C: a terminal sends the signal to the whole group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def rest(self) -> set[str]:
        """Students that are graded from here to the end."""
        return set(iter(self.student, ""))

    def look(self) -> list[psutil.Process]:
        """All processes of the run; they are remembered."""
        with suppress(psutil.NoSuchProcess):
            self.seen.update(psutil.Process(self.process.pid).children(recursive=True))
        return [process for process in self.seen if process.is_running()]

    def one(self, kind: Callable[[psutil.Process], bool]) -> psutil.Process:
        """Wait for a process of this kind."""
        while self.process.poll() is None:
            for process in self.look():
                with suppress(psutil.Error):
                    if kind(process):
                        return process
            time.sleep(0.01)
        raise AssertionError("the run ended without such a process")

    def kill_one(self, kind: Callable[[psutil.Process], bool]) -> None:
        """Kill a process of this kind; another one, where the first ends by itself before it is hit."""
        while True:
            with suppress(psutil.NoSuchProcess):
                self.one(kind).kill()
                return

    def end(self, status: int) -> str:
        """Wait for the end, at which nothing is left running; what was said to people."""
        _, said = self.process.communicate(timeout=120)
        assert status == self.process.returncode, said
        _, alive = psutil.wait_procs(self.seen, timeout=30)
        assert [] == alive
        return said


@contextmanager
def grading(course: Path, *arguments: str) -> Iterator[Run]:
    """Run it; at the latest with the test it ends."""
    run = Run(course, *arguments)
    try:
        yield run
    finally:
        run.process.kill()
        run.process.communicate()


def is_worker(process: psutil.Process) -> bool:
    """A worker is forked by the fork server."""
    parent = process.parent()
    return parent is not None and "forkserver" in " ".join(parent.cmdline()) and process.name() != "bwrap"


def is_sandbox(process: psutil.Process) -> bool:
    """Bubblewrap, outside, whose sandbox stands."""
    return process.name() == "bwrap" and any(child.children() for child in process.children())


def is_warm(process: psutil.Process) -> bool:
    """The first program inside a worker's sandbox."""
    parent = process.parent()
    inside = parent is not None and parent.name() == "bwrap" and process.name() != "bwrap"
    return inside and any(map(is_worker, process.parents()))


def is_students(process: psutil.Process) -> bool:
    """What the warm process has forked, to run a student's cells."""
    parent = process.parent()
    return parent is not None and is_warm(parent)


def results(course: Path) -> dict[str, bytes]:
    """Autograded notebooks, the gradebook, the points in the database."""
    made = {str(path.relative_to(course)): path.read_bytes() for path in (course / "autograded").rglob("*.ipynb")}
    command = [sys.executable, "-m", "grader", "-C", str(course), "gradebook", "-o", "-"]
    return {**made, "gradebook": subprocess.run(command, capture_output=True, check=True).stdout}


def leftovers(course: Path) -> list[str]:
    """Temporary files, mounts and semaphores of ours, in the course and outside."""
    inside = [str(path) for path in course.rglob(".grader-tmp-*")]
    targets = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    mounts = [target for target in targets if target.startswith(str(course)) or "grader-pool" in target]
    outside = [*Path("/tmp").glob("grader-pool-*"), *Path("/dev/shm").glob("sem.grader-pool-*")]
    return inside + mounts + [str(path) for path in outside if int(path.name.split("-")[2]) in Run.pids]


@pytest.fixture(scope="module")
def undisturbed(course: Path) -> dict[str, bytes]:
    """What a run gives that nobody disturbs."""
    with grading(course) as run:
        assert {*STUDENTS, SLOW} == run.rest()
        run.end(0)
    return results(course)


def test_killed_workers_and_sandboxes_cost_nothing(course: Path, undisturbed: dict[str, bytes]) -> None:
    """A worker, a warm process and a sandbox die in the middle of one run: every submission is graded all the same."""
    with grading(course, "--force") as run:
        graded = set()
        for kind in (is_warm, is_sandbox, is_worker):  # what is hit is done once more after the last of them
            run.kill_one(kind)
            graded.add(run.student())
        graded |= run.rest()
        assert {*STUDENTS, SLOW} == graded
        run.end(0)
    assert undisturbed == results(course)
    assert [] == leftovers(course)


def test_killed_or_interrupted_the_same_command_goes_on(course: Path, undisturbed: dict[str, bytes]) -> None:
    """`kill -9`, Ctrl-C once, Ctrl-C twice, each in the middle: nothing runs on, nothing is done twice or lost."""
    for path in course.glob("gradebook.db*"):
        path.unlink()
    done = set()
    with grading(course) as run:
        done.add(run.student())
        run.look()
        run.process.kill()
        killed = run.rest()  # what stood in the pipe
        run.end(-signal.SIGKILL)
    with grading(course) as run:
        done |= killed | {run.student()}
        run.look()
        run.interrupt()
        finished = run.rest()
        assert not done & finished
        said = run.end(130)
        assert "stopping" in said
        assert "the same command goes on from here" in said
    with grading(course, "--student", SLOW) as run:
        run.one(is_students)
        run.interrupt()
        run.complaint("stopping")
        run.interrupt()
        assert set() == run.rest()
        assert "goes on from here" in run.end(130)
    assert [] == [str(path) for path in Path("/tmp").glob(f"grader-pool-{run.process.pid}-*")]
    with grading(course) as run:
        rest = run.rest()
        assert rest <= {*STUDENTS, SLOW} - done - finished
        assert SLOW in rest
        run.end(0)
    assert undisturbed == results(course)
    assert [] == leftovers(course)
