"""Cells that take everything, break out or break down, in real kernels of both engines: they cost themselves alone."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")


def test_honest_cells(run, statuses, text_of):
    """Values, prints, errors and files: what a notebook does on any day."""
    executed = run("x = 1\nprint('hi')", "x + 1", "1 / 0", "open('data/a.txt').read()", files={"data/a.txt": b"given"})
    assert statuses(executed) == ["completed", "completed", "raised", "completed"]
    assert [text_of(executed, index) for index in (0, 1, 3)] == ["hi\n", "2", "'given'"]
    assert executed.notebook.cells[2].outputs[0].ename == "ZeroDivisionError"
    assert executed.incidents == ()
    nbformat.validate(executed.notebook)


def test_the_working_folder_holds_the_files_and_nothing_else(run, text_of):
    """At the first cell, the working folder is exactly what was handed in."""
    files = {"a.txt": b"1", "sub/b.bin": bytes(3_000_000)}
    source = "import os\nsorted((d, sorted(f)) for d, _, f in os.walk('.'))"
    assert text_of(run(source, files=files), 0) == "[('.', ['a.txt']), ('./sub', ['b.bin'])]"


def test_input_is_refused_at_once(run, statuses):
    """`input()` raises instead of waiting for somebody."""
    executed = run("input()", "1")
    assert statuses(executed) == ["raised", "completed"]
    assert executed.notebook.cells[0].outputs[-1].ename == "StdinNotImplementedError"


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        "import time; time.sleep(10**6)",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
        "import subprocess; subprocess.run(['sleep', '1000'])",
    ],
)
def test_time(run, statuses, kinds, text_of, source):
    """Endless cells are stopped, whatever they do about it; the others keep their results and their state."""
    executed = run("x = 5", source, "x", cell_seconds=1)
    assert statuses(executed) == ["completed", "stopped", "completed"]
    assert ("time", 1) in kinds(executed)
    assert executed.notebook.cells[1].outputs[-1].ename == "TimeLimitReached"
    assert text_of(executed, 2) == "5"


@pytest.mark.parametrize(
    "source",
    [
        "import os; os._exit(0)",
        "import os; os.kill(os.getpid(), 9)",
        "import ctypes; ctypes.string_at(0)",
    ],
)
def test_a_dead_kernel(run, statuses, kinds, text_of, source):
    """A kernel's death, with whatever exit status, costs the cell that caused it."""
    executed = run("x = 5", source, "x")
    assert statuses(executed) == ["completed", "stopped", "completed"]
    assert kinds(executed) == [("crash", 1)]
    assert text_of(executed, 2) == "5"


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("import numpy as np\nnp.ones(1 << 40, dtype='u1')", "raised"),
        ("b = bytearray()\nwhile True: b += b'x' * (1 << 20)", "raised"),
        ("import mmap\nm = mmap.mmap(-1, 2 << 30)\nfor _ in range(128): m.write(bytes(16 << 20))", "stopped"),
    ],
)
def test_memory(run, statuses, kinds, text_of, *, source, status):
    """One process that asks for too much gets a MemoryError; shared memory is watched from outside."""
    executed = run("x = 5", source, "x", memory_mb=512)
    assert statuses(executed) == ["completed", status, "completed"]
    assert kinds(executed) == [("memory", 1)]
    assert text_of(executed, 2) == "5"


@pytest.mark.parametrize("source", ["import os; os.memfd_create('a')", "assert shmget(1, 4096, 0o1666) >= 0"])
def test_memory_out_of_sight(run, statuses, *, source):
    """Memory that no process has mapped, which no measure would find, cannot be had."""
    executed = run("import ctypes\nshmget = ctypes.CDLL(None).shmget", source)
    assert statuses(executed) == ["completed", "raised"]


@pytest.mark.slow
def test_memory_of_many_processes(run, statuses, kinds):
    """Ten processes that are each within the limit are together beyond it."""
    source = (
        "import os, time\nfor _ in range(10):\n    if os.fork() == 0:\n"
        "        b = bytearray(b'x') * (200 << 20); time.sleep(600)\ntime.sleep(600)"
    )
    executed = run(source, "1", memory_mb=512)
    assert statuses(executed) == ["stopped", "completed"]
    assert kinds(executed) == [("memory", 0)]


@pytest.mark.slow
def test_fork_bomb(run, statuses, kinds):
    """A fork bomb is bounded and stopped."""
    executed = run("import os\nwhile True: os.fork()", "1", processes=40, memory_mb=4096)
    assert statuses(executed) == ["stopped", "completed"]
    assert ("processes", 0) in kinds(executed)


def test_thread_bomb(run, statuses, kinds):
    """Threads run out before the machine does."""
    source = "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(1e6,)).start()"
    executed = run(source, "1", processes=40)
    assert statuses(executed) == ["raised", "completed"]
    assert kinds(executed) == [("processes", 0)]


@pytest.mark.parametrize(
    "source",
    [
        "f = open('big', 'wb')\nwhile True: f.write(b'x' * (1 << 20))",
        "open('sparse', 'wb').truncate(1 << 40)",
        "f = open('/tmp/big', 'wb')\nwhile True: f.write(b'x' * (1 << 20))",
        "f = open('/dev/shm/big', 'wb')\nwhile True: f.write(b'x' * (1 << 20))",
    ],
)
def test_disk(run, statuses, kinds, source):
    """Writing too much fails inside, and takes nothing outside."""
    executed = run(source, "1", disk_mb=16)
    assert statuses(executed) == ["raised", "completed"]
    assert kinds(executed) == [("disk", 0)]


def test_given_files_do_not_use_up_the_disk(run, statuses):
    """A data file as large as the limit leaves the whole limit to write."""
    executed = run("open('more', 'wb').write(bytes(3 << 20))", files={"data.bin": bytes(4 << 20)}, disk_mb=4)
    assert statuses(executed) == ["completed"]


@pytest.mark.parametrize(
    "path", ["open('/usr/x', 'w')", "open('/x', 'w')", "open('/dev/x', 'w')", "import os; os.mkdir('/proc/x')"]
)
def test_only_its_own_folders_can_be_written(run, statuses, path):
    """The system, the root and /dev are read-only."""
    assert statuses(run(path)) == ["raised"]


@pytest.mark.slow
def test_output_flood(run, statuses, kinds):
    """200 MB of print are dropped without growing the host; what the cell defined is there."""
    before = psutil.Process().memory_info().rss
    executed = run("print('A' * (200 << 20)); x = 5", "x", memory_mb=2048)
    assert psutil.Process().memory_info().rss - before < 100 << 20
    assert statuses(executed) == ["completed", "completed"]
    assert kinds(executed) == [("output", 0)]
    assert len(nbformat.writes(executed.notebook)) < 6 << 20


@pytest.mark.slow
def test_a_flood_without_end_is_stopped(run, statuses, kinds):
    """What goes on printing is stopped by one limit or another; libzmq ends its kernel where buffers fill up."""
    executed = run("while True: print('x' * 100_000)", "1", cell_seconds=5)
    assert statuses(executed)[0] in {"raised", "stopped"}
    assert statuses(executed)[1] == "completed"
    stopped_by = {kind for kind, cell in kinds(executed) if cell == 0}
    assert stopped_by & {"output", "memory", "time", "crash"}


def test_no_network(run, text_of):
    """Nothing but its own loopback can be reached; local servers work."""
    outside = "import socket\nprint(socket.socket().connect_ex(('192.0.2.1', 80)) != 0)"
    local = (
        "s = socket.create_server(('127.0.0.1', 0))\n"
        "c = socket.create_connection(('localhost', s.getsockname()[1]))\nprint('served')"
    )
    executed = run(outside, local, "print(open('/proc/net/dev').read().count(':'))")
    assert [text_of(executed, index) for index in range(3)] == ["True\n", "served\n", "1\n"]


def test_no_secret_of_the_environment(sandbox, monkeypatch, text_of, statuses):
    """The grader's environment is not passed on, not even in another process's /proc."""
    from nbformat.v4 import new_code_cell, new_notebook

    from grader.execution import open_engine
    from grader.model import Limits

    monkeypatch.setenv("GRADER_TEST_SECRET", "s3cr3t-env")
    source = (
        "import glob, os\nfound = [str(os.environ)]\n"
        "for name in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):\n"
        "    try: found.append(open(name, errors='replace').read())\n    except OSError: pass\n"
        "print('s3cr3t' in ''.join(found), len(found) > 1)"
    )
    for kind in ("stock", "forked"):
        with open_engine(kind) as engine:
            executed = engine.execute(new_notebook(cells=[new_code_cell(source)]), {}, Limits())
        assert text_of(executed, 0) == "False True\n"


def test_nothing_of_the_host_in_view(run, text_of, tmp_path):
    """Passwords, homes, the checkout and temporary files of the host are not there."""
    (tmp_path / "other.ipynb").write_text("{}")
    paths = ["/etc/shadow", str(Path(__file__)), str(tmp_path), str(Path.cwd() / "pyproject.toml"), "/root/.ssh"]
    source = f"import os\nprint([p for p in {paths!r} if os.path.lexists(p)])"
    assert text_of(run(source), 0) == "[]\n"


def test_no_rights(run, text_of):
    """The kernel is an ordinary user without capabilities, and can get none."""
    source = (
        "import os\nstatus = dict(l.split(':\\t', 1) for l in open('/proc/self/status').read().splitlines())\n"
        "print(os.getuid() != 0, int(status['CapEff'], 16), int(status['CapBnd'], 16), status['NoNewPrivs'], "
        "status['Seccomp'])"
    )
    unshare = "import ctypes\nprint(ctypes.CDLL(None).unshare(0x10000000))"
    executed = run(source, unshare)
    assert text_of(executed, 0) == "True 0 0 1 2\n"
    assert text_of(executed, 1) == "-1\n"


def test_nothing_stays(run):
    """What a notebook started in the background is gone when it is done."""
    marker = str(10**7 + os.getpid())
    executed = run(f"import subprocess\nsubprocess.Popen(['sleep', '{marker}'], start_new_session=True).pid > 0")
    assert executed.runs[0].status.value == "completed"
    assert [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", marker]] == []


def test_submitted_files_shadow_nothing(run, statuses, text_of):
    """A handed-in numpy.py, random.py or sitecustomize.py is not what tests import; own modules are found."""
    trap = b"raise SystemExit"
    files = dict.fromkeys(("numpy.py", "random.py", "sitecustomize.py", "ipykernel_launcher.py", "zmq.py"), trap)
    executed = run(
        "import numpy, random, helper\nprint(numpy.sum([1, 2]), helper.x)", files={**files, "helper.py": b"x = 7"}
    )
    assert statuses(executed) == ["completed"]
    assert text_of(executed, 0) == "3 7\n"


@pytest.mark.slow
def test_killing_the_grader_leaves_nothing(sandbox):
    """Kill -9 of the process that runs a notebook ends the notebook."""
    marker = str(2 * 10**7 + os.getpid())
    program = (
        "from grader.execution import open_engine\nfrom grader.model import Limits\n"
        "from nbformat.v4 import new_code_cell, new_notebook\n"
        'cells = [new_code_cell(\'import subprocess, sys\\nprint(1)\\nsubprocess.run(["sleep", "' + marker + "\"])')]\n"
        "engine = open_engine('stock')\nprint('started', flush=True)\n"
        "engine.execute(new_notebook(cells=cells), {}, Limits())\n"
    )
    grader = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert grader.stdout.readline() == b"started\n"
    sleeping = _appears(marker)
    grader.kill()
    grader.wait()
    grader.stdout.close()
    psutil.wait_procs(sleeping, timeout=10)
    assert [process for process in sleeping if process.is_running()] == []


def _appears(marker):
    for _ in range(10_000):
        found = [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", marker]]
        if found:
            return found
    return pytest.fail("the notebook did not start")
