"""One grader at a time works in a course, and the second is told who the first is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from grader.errors import StoreError
from grader.store import CourseFolder

HOLD = """
import sys, os
from pathlib import Path
from grader.store import CourseFolder
with CourseFolder(Path(sys.argv[1])).lock("grade ps1"):
    if sys.argv[2:] and os.fork() == 0:
        os.write(1, b"%d\\n" % os.getpid())
        sys.stdin.read()
        os._exit(0)
    os.write(1, b"held\\n")
    sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start another process that holds the course until its input ends, at the latest with the test."""
    with ExitStack() as started:

        def start(*arguments: str) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", HOLD, str(tmp_path), *arguments]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            return started.enter_context(process)

        yield start


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that a process prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    """Let a process come to its end."""
    process.communicate(timeout=30)


def test_the_second_is_told_who_the_first_is(tmp_path: Path, hold: Callable[..., subprocess.Popen[str]]) -> None:
    """The message names command, process and host; when the first has finished, the course is free."""
    folder = CourseFolder(tmp_path)
    process = hold()
    assert "held" == line_of(process)
    with pytest.raises(StoreError, match=rf"`grade ps1` \(process {process.pid} on .*wait"), folder.lock("collect"):
        pytest.fail("two graders at once")
    holder = folder.holder()
    assert holder is not None
    assert ("grade ps1", process.pid) == (holder.command, holder.pid)
    end(process)
    assert folder.holder() is None
    with folder.lock("collect"):
        assert "collect" == getattr(folder.holder(), "command", None)


def test_a_killed_holder_lets_go(tmp_path: Path, hold: Callable[..., subprocess.Popen[str]]) -> None:
    """After kill -9 the course is free, although the file still names the dead process."""
    process = hold()
    assert "held" == line_of(process)
    process.kill()
    end(process)
    assert CourseFolder(tmp_path).holder() is None
    with CourseFolder(tmp_path).lock("grade"):
        pass


def test_a_forked_child_does_not_keep_the_course(tmp_path: Path, hold: Callable[..., subprocess.Popen[str]]) -> None:
    """A worker that outlives its killed parent is no holder."""
    process = hold("fork")
    lines = {line_of(process), line_of(process)}
    (child,) = lines - {"held"}
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
    os.kill(int(child), 0)
    with CourseFolder(tmp_path).lock("grade"):
        pass
    end(process)


def test_a_failure_inside_lets_go(tmp_path: Path) -> None:
    """The course is free after an error too."""
    folder = CourseFolder(tmp_path)
    with pytest.raises(RuntimeError), folder.lock("grade"):
        raise RuntimeError
    assert folder.holder() is None
    with folder.lock("grade"):
        pass


def test_two_holders_in_one_process_are_two(tmp_path: Path) -> None:
    """The lock is of the one who took it, not of the process."""
    folder = CourseFolder(tmp_path)
    with folder.lock("grade"), pytest.raises(StoreError, match="in use by `grade`"), folder.lock("feedback"):
        pytest.fail("two graders at once")


def test_the_lock_file_is_no_way_out(tmp_path: Path) -> None:
    """A link in its place is refused and not followed."""
    (tmp_path / ".grader").mkdir()
    (tmp_path / ".grader" / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(StoreError, match="link stands in the way"), CourseFolder(tmp_path).lock("grade"):
        pytest.fail("locked through a link")
    assert not (tmp_path / "precious").exists()
