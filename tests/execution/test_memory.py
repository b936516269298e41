"""A control group holds a sandbox's memory between two looks of the watchdog, and changes no verdict."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from grader.execution import memory, warming
from grader.execution.forked import ForkedEngine, ForkedKernels
from grader.execution.memory import open_group
from grader.execution.place import inside_environment
from grader.model import Limits

HUNGRY = """
import mmap, sys
sys.stdin.readline()
block = mmap.mmap(-1, 900 << 20)
for megabyte in range(900):
    block.write(bytes(1 << 20))
    print(megabyte, flush=True)
"""
BOMB = "import mmap\nm = mmap.mmap(-1, 2 << 30)\nfor _ in range(128): m.write(bytes(16 << 20))"


@pytest.fixture
def group():
    """A group, where this process may have one."""
    with open_group() or pytest.skip("no control group for memory can be made here") as group:
        yield group


def groups_of(pid):
    """The groups that a process is in."""
    return Path(f"/proc/{pid}/cgroup").read_text()


def test_a_process_that_wants_more_waits(group):
    """Beyond the bound a process goes no further, and is not killed either: that is the watchdog's to decide."""
    with subprocess.Popen(
        [sys.executable, "-c", HUNGRY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        group.bound(Limits(memory_mb=64, disk_mb=1))
        group.take([process.pid])
        process.stdin.write("\n")
        process.stdin.flush()
        reached = 0
        for line in process.stdout:
            reached = int(line)
            if reached >= 200:
                break
        usage = Path(group._folder, "memory.usage_in_bytes")
        while usage.exists() and process.poll() is None and int(usage.read_text()) < (300 << 20):
            pass
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    assert 200 <= reached < 899


def test_kernels_are_in_the_group_of_their_warm_process(sandbox, notebook_of, group):
    """All that a notebook starts is in a group of its worker's; it is gone when the engine is closed."""
    kernels = ForkedKernels(sandbox, [], inside_environment())
    kernel = kernels.start(notebook_of(), {}, Limits())
    folder = kernels._warm._group._folder
    assert all(f"/{folder.name}\n" in groups_of(pid) for pid in kernel._pids)
    kernel.close()
    kernels.close()
    assert not folder.exists()


@pytest.fixture(params=[True, False], ids=["group", "watchdog alone"])
def with_and_without(request, monkeypatch):
    """A machine that has control groups, and one that has none."""
    if not request.param:
        monkeypatch.setattr(warming, "open_group", lambda: None)


@pytest.mark.usefixtures("with_and_without")
def test_the_verdict_is_the_same_without_a_group(sandbox, notebook_of, statuses, kinds):
    """Memory beyond the limit ends in the same incident whether or not there is a group."""
    with ForkedEngine(sandbox, []) as engine:
        executed = engine.execute(notebook_of(BOMB, "1"), {}, Limits(memory_mb=256, disk_mb=16))
    assert statuses(executed) == ["stopped", "completed"]
    assert kinds(executed) == [("memory", 0)]


def test_groups_of_killed_processes_are_removed(group):
    """What a worker that was killed left behind goes when the next group is made."""
    parent = group._folder.parent
    left = parent / f"grader-{2**22 + 1}-0"
    left.mkdir()
    memory._remove_left_over(parent)
    assert not left.exists()
    assert group._folder.exists()
