"""What a sandbox uses is measured as a whole, from outside."""

import subprocess
import sys

import pytest

from grader.execution.kernel import Usage
from grader.execution.limits import Breach, breach_in_error, breach_in_usage, descendants, disk_bytes, measure
from grader.model import IncidentKind, Limits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")

FAMILY = """
import mmap, os, sys, time
block = mmap.mmap(-1, 64 << 20)
block.write(bytes(64 << 20))
for _ in range(3):
    if os.fork() == 0:
        if os.fork() == 0:
            print("x", end="", flush=True)
        time.sleep(600)
print("x", end="", flush=True)
time.sleep(600)
"""


@pytest.fixture
def family():
    """A process with children and grandchildren, which all share 64 MB."""
    process = subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout.read(4) == b"xxxx"
    yield process.pid
    for pid in [*descendants(process.pid), process.pid]:
        subprocess.run(["kill", "-9", str(pid)], check=True)
    process.wait()
    process.stdout.close()


def test_descendants_are_counted(family):
    """Children and their children belong to it."""
    assert len(descendants(family)) == 6
    assert measure([family], None, Limits()).processes == 7


def test_what_is_shared_counts_once(family):
    """Seven processes that share 64 MB use about that, and measuring says so where it matters."""
    coarse = measure([family], None, Limits()).memory_bytes
    precise = measure([family], None, Limits(memory_mb=1)).memory_bytes
    assert 64 << 20 < precise < 160 << 20
    assert precise <= coarse


def test_a_process_that_is_gone_uses_nothing():
    """A process may end while it is measured."""
    process = subprocess.Popen(["true"])
    process.wait()
    assert measure([process.pid], None, Limits()).memory_bytes == 0


def test_within_the_limits_there_is_no_breach():
    """At the limit is not beyond it."""
    limits = Limits(memory_mb=10, processes=5)
    assert breach_in_usage(Usage(10 << 20, 5, 1000), limits) is None
    assert breach_in_usage(Usage((10 << 20) + 1, 5), limits) == Breach(
        IncidentKind.MEMORY, "it used more than 10 MB of memory and was stopped"
    )


@pytest.mark.parametrize(
    ("ename", "evalue"),
    [
        ("ValueError", "no"),
        ("OSError", "[Errno 2] No such file"),
        ("OSError", "[Errno 99999999999999999999] x"),
        ("", ""),
    ],
)
def test_ordinary_errors_are_no_limit(ename, evalue):
    """An exception that speaks of no limit is just that."""
    assert breach_in_error(ename, evalue, Limits()) is None


def test_given_files_have_room_of_their_own():
    """What a student may write is independent of what they are given."""
    assert disk_bytes({"a": bytes(5000)}, Limits(disk_mb=1)) >= (1 << 20) + 5000
