"""A world that does not play along: disks, databases, other graders. One clear line each, and nothing is lost."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path

import pytest

from grader.errors import StoreError
from grader.pipeline import grade
from grader.pipeline.course import open_course
from grader.store import CourseFolder, Database, atomic_write, connection
from tests.faults.rehearsing import STEPS, Ended, Rehearsal, database_of, in_child, tree

_CLONE_NEWNS = 0x00020000
CHANGING = ("release", "collect again", "grade again", "scores", "feedback", "gradebook")


def do(step: str, course: Path) -> None:
    """Do one step of a course."""
    STEPS[step](open_course(course))


@pytest.fixture
def course(rehearsal: Rehearsal, tmp_path: Path) -> Path:
    """The course as it was before the second time of grading."""
    return Path(shutil.copytree(rehearsal.before("grade again"), tmp_path / "course"))


@pytest.fixture
def finished(rehearsal: Rehearsal, course: Path) -> Callable[[], None]:
    """Hold the course to what it would be had nothing happened, once the command has been run again."""

    def check() -> None:
        again = in_child(partial(do, "grade again", course))
        assert (0, "") == (again.status, again.said)
        expected = rehearsal.after("grade again")
        assert (tree(expected), database_of(expected)) == (tree(course), database_of(course))

    return check


@pytest.fixture
def mounts() -> None:
    """Only where a process may make mounts of its own."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not mount anything")


def unshare() -> None:
    """From here on, this process's mounts are its own."""
    assert ctypes.CDLL(None).unshare(_CLONE_NEWNS) == 0
    mount("--make-rprivate", "/")


def mount(*arguments: object) -> None:
    """Run the program of that name."""
    subprocess.run(["mount", *map(str, arguments)], check=True)


def test_a_submission_that_was_moved_away_comes_back(course: Path) -> None:
    """Killed between the two renames that replace a hand-in: the earlier one stands again before anything is done."""
    folder = CourseFolder(course)
    before = folder.read_submission("ada", "ps1")
    replaced = partial(folder.write_submission, "ada", "ps1", {"p.ipynb": b"new"})
    assert 9 == in_child(replaced, "rename:3:kill").status
    assert folder.read_submission("ada", "ps1") is None
    with folder.lock("grade"):
        assert before == folder.read_submission("ada", "ps1")
    assert [] == list(folder.submissions.glob(".*"))


def test_a_submission_that_cannot_be_replaced_stands(course: Path) -> None:
    """An error in place of a kill: it is put back at once."""
    folder = CourseFolder(course)
    before = folder.read_submission("ada", "ps1")
    for number in (1, 2, 3):
        failed = in_child(partial(folder.write_submission, "ada", "ps1", {"p.ipynb": b"new"}), f"rename:{number}:EIO")
        assert 2 == failed.status
        assert before == folder.read_submission("ada", "ps1")


def test_half_an_attempt_is_none(course: Path) -> None:
    """An attempt that is kept beside the one that counts is there as a whole or not at all."""
    folder = CourseFolder(course)
    files = {"p.ipynb": b"1", "q.ipynb": b"2"}
    known = folder.attempts("bob", "ps1")
    assert 9 == in_child(partial(folder.write_attempt, "bob", "ps1", "first", files), "write:2:kill").status
    assert known == folder.attempts("bob", "ps1")


def test_no_temporary_file_is_handed_out(course: Path) -> None:
    """What a killed `release --upgrade` left beside a source, solutions and all, is no file of the assignment."""
    left = course / "source_assignments" / "ps1" / ".grader-tmp-0123456789abcdef"
    left.write_text("SOLUTION")
    folder = CourseFolder(course)
    assert {"p.ipynb", "data.csv"} == set(folder.source_files("ps1"))
    with pytest.raises(RuntimeError), folder.lock("release --upgrade"):
        raise RuntimeError
    with folder.lock("release"):
        assert not left.exists()


@pytest.mark.slow
@pytest.mark.parametrize(("step", "races"), [("grade", 8), ("grade again", 12)])
def test_of_two_graders_the_second_names_the_first(rehearsal: Rehearsal, step: str, races: int) -> None:
    """Twenty times two that start at the same moment, with and without a database: one works, the other says who."""
    course = rehearsal.home / "race"
    for _ in range(races):
        shutil.rmtree(course, ignore_errors=True)
        shutil.copytree(rehearsal.before(step), course)
        _race(course)


def _race(course: Path) -> None:
    start, result, finish = os.pipe(), os.pipe(), os.pipe()
    children = [_grader(course, start, result, finish) for _ in range(2)]
    os.close(start[1])
    os.close(start[0])
    lines = b""
    while lines.count(b"\n") < 2:
        lines += os.read(result[0], 1 << 16)
    for end in (*finish, *result):
        os.close(end)
    assert [0, 0] == [os.waitpid(child, 0)[1] for child in children], lines
    held, refused = sorted(lines.decode().splitlines())
    assert held.startswith("held by ")
    assert f"in use by `grade` (process {held.removeprefix('held by ')} on" in refused, refused
    with closing(sqlite3.connect(course / "gradebook.db")) as made:
        assert [("ok",)] == made.execute("pragma integrity_check").fetchall()


def _grader(course: Path, start: tuple[int, int], result: tuple[int, int], finish: tuple[int, int]) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.close(start[1])
        os.close(finish[1])
        os.read(start[0], 1)
        opened = open_course(course)
        with opened.database(), opened.folder.lock("grade"):
            os.write(result[1], b"held by %d\n" % os.getpid())
            os.read(finish[0], 1)
        status = 0
    except StoreError as error:
        os.write(result[1], f"{error}\n".encode())
        status = 0
    finally:
        os._exit(status)


def test_a_locked_database_is_told(course: Path, finished: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program has the write lock for too long: one line; when it has let go, the same command works."""
    monkeypatch.setattr(connection, "_BUSY_SECONDS", 0)
    with closing(sqlite3.connect(course / "gradebook.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        ended = in_child(partial(do, "grade again", course))
        assert 2 == ended.status
        assert "another program keeps" in ended.said
        assert "gradebook.db" in ended.said
        other.execute("rollback")
    finished()


@pytest.mark.parametrize("step", ["grade again", "scores", "feedback", "gradebook"])
def test_a_damaged_database_is_left_as_it_is(course: Path, step: str) -> None:
    """One line that names the file and leads to the copies; not a byte of it is changed."""
    path = course / "gradebook.db"
    content = bytearray(path.read_bytes())
    content[4096 * 2 :] = os.urandom(len(content) - 4096 * 2)
    path.write_bytes(content)
    ended = in_child(partial(do, step, course))
    assert 2 == ended.status
    assert "\n" not in ended.said
    assert "gradebook.db" in ended.said
    assert "damaged" in ended.said
    assert bytes(content) == path.read_bytes()


@pytest.mark.parametrize("step", CHANGING)
def test_a_course_that_is_read_only_is_told(rehearsal: Rehearsal, mounts: None, tmp_path: Path, step: str) -> None:
    """One line that says so, whatever is to be done."""
    course = Path(shutil.copytree(rehearsal.before(step), tmp_path / "course"))

    def act() -> None:
        unshare()
        mount("--bind", course, course)
        mount("-o", "remount,bind,ro", course)
        do(step, course)

    ended = in_child(act)
    assert 2 == ended.status
    assert "\n" not in ended.said
    assert "read-only" in ended.said or "may write to it" in ended.said, ended.said


def test_a_disk_that_is_too_full_is_seen_before(
    course: Path, finished: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is run, and nothing written, where results clearly have no room."""
    before = tree(course), database_of(course)
    free = shutil.disk_usage(course).free
    with monkeypatch.context() as patch:
        patch.setattr(grade, "_SPARE_BYTES", free * 2)
        ended = in_child(partial(do, "grade again", course))
    assert 2 == ended.status
    assert "MB left" in ended.said
    assert "make room" in ended.said
    assert before == (tree(course), database_of(course))
    finished()


def test_a_disk_that_fills_up_in_the_middle(
    rehearsal: Rehearsal, mounts: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real disk with ever more room: each time one line, until it suffices; then all is as if nothing had been."""
    monkeypatch.setattr(grade, "_SPARE_BYTES", 0)
    expected = rehearsal.after("grade again")
    wanted = tree(expected), database_of(expected)

    def act() -> None:
        unshare()
        mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", tmp_path)
        course = Path(shutil.copytree(rehearsal.before("grade again"), tmp_path / "course"))
        failed = 0
        for room in range(0, 3_000_000, 48 << 10):
            fill(tmp_path, room)
            try:
                do("grade again", course)
            except StoreError as error:
                failed += 1
                assert re.search("disk is full|MB left", str(error)), error  # noqa: PT017 - it may or may not come
                assert "\n" not in str(error)  # noqa: PT017 - as above
            else:
                break
        assert failed >= 3
        assert wanted == (tree(course), database_of(course))

    assert 0 == in_child(act).status


def fill(disk: Path, room: int) -> None:
    """Leave so many bytes free."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    free = shutil.disk_usage(disk).free
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - room)


def test_a_network_file_system_that_cannot_sync_folders(
    course: Path, finished: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As some do: files are synced, folders are left to it, and everything goes on as elsewhere."""
    sync = os.fsync

    def refusing(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", refusing)
    finished()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_network_file_system_without_locks_is_told(
    course: Path, finished: Callable[[], None], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Two graders could not be kept apart there: one line that leads to a local disk, and nothing is done."""
    before = tree(course), database_of(course)

    def refusing(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr("fcntl.flock", refusing)
        ended = in_child(partial(do, "grade again", course))
    assert 2 == ended.status
    assert "cannot be locked" in ended.said
    assert "local disk" in ended.said
    assert before == (tree(course), database_of(course))
    finished()


@pytest.mark.parametrize("length", [450, 700])
def test_a_very_long_path(rehearsal: Rehearsal, tmp_path: Path, length: int) -> None:
    """A course far down works, or is refused where SQLite's limit is passed, in a line that says so."""
    course = tmp_path
    while len(os.fsencode(course)) < length - 60:
        course /= "ein sehr langer Name für einen Ordner"
    course /= "x" * (length - len(os.fsencode(course)) - 1)
    shutil.copytree(rehearsal.before("grade"), course)
    ended = in_child(partial(do, "grade", course))
    if length < 480:
        assert (0, "") == (ended.status, ended.said)
    else:
        assert 2 == ended.status
        assert "too long" in ended.said


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """`-o /dev/full`, as root, would take the device's place: it stays, and one line says so."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="is a pipe and is left as it is; name a file"):
        atomic_write(tmp_path / "pipe", b"new")
    assert (tmp_path / "pipe").is_fifo()


def test_output_that_finds_no_room_is_told(course: Path) -> None:
    """On stdout, too: a line and a status, no traceback."""
    command = [sys.executable, "-m", "grader", "-C", str(course), "gradebook", "-o", "-"]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert 2 == ended.returncode
    assert ["grader: the disk is full; make room and run the same command again"] == ended.stderr.splitlines()


def test_a_clock_that_jumps_back_changes_no_grade(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Graded in 2026 and again in 1999: what has changed is graded, what has not is not, and the gradebook stands."""

    class Before(datetime):
        """A clock that is far behind."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            """Always the same moment."""
            return datetime(1999, 1, 1, tzinfo=tz)

    with monkeypatch.context() as patch:
        patch.setattr("grader.pipeline.grade.datetime", Before)
        assert (0, "") == words(in_child(partial(do, "grade again", course)))
    with Database(course / "gradebook.db") as database:
        outcomes = {row.student_id: row for row in database.outcomes()}
    assert {"ada": 1999, "bob": 2026, "cem": 1999} == {name: row.finished_at.year for name, row in outcomes.items()}
    once = tree(course)
    assert (0, "") == words(in_child(partial(do, "grade again", course)))
    assert once == tree(course)
    for step in ("feedback", "gradebook"):
        assert (0, "") == words(in_child(partial(do, step, course)))


def words(ended: Ended) -> tuple[int, str]:
    """How a child ended, and what it said."""
    return ended.status, ended.said
