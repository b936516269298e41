"""The sandbox itself: that it is found or refused with a reason, what it shows, and that it ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from grader.errors import SandboxError
from grader.execution import sandbox as module
from grader.execution import view
from grader.execution.sandbox import Sandbox, unprivileged_uid, why_not_working
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")


@pytest.fixture
def said(sandbox):
    """Run Python code in the sandbox and return what it printed."""

    def said(source, **options):
        reading, writing = os.pipe()
        argv = [sys.executable, "-I", "-S", "-c", source]
        jail = sandbox.start(argv, disk_bytes=1 << 20, environment={"A": "1"}, output=writing, **options)
        os.close(writing)
        with os.fdopen(reading) as output:
            text = output.read()
        jail.kill()
        return text.strip()

    return said


def test_the_sandbox_works(sandbox):
    """What was found is a bubblewrap that runs programs as no root."""
    assert sandbox.bwrap.exists()
    assert sandbox.uid != 0
    assert why_not_working(sandbox) is None


def test_every_bubblewrap_here_works(sandbox):
    """The system's and the installed package's both do."""
    assert [why_not_working(Sandbox(path, "", sandbox.uid)) for path in module._candidates()] == [None] * len(
        module._candidates()
    )


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2; exit 1\n", "setting up uid map"),
        ("no program", "it cannot be started"),
    ],
)
def test_a_broken_bubblewrap_is_explained(tmp_path, monkeypatch, program, why):
    """Where bubblewrap is there and fails, the error says which, why, and what to do, and shows no traceback."""
    broken = tmp_path / "bwrap"
    broken.write_text(program)
    broken.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setattr(module, "_candidates", lambda: [broken])
    with pytest.raises(SandboxError, match=rf"bwrap does not work here: {why}.*\n.*mend .*--no-sandbox") as raised:
        module.find_sandbox.__wrapped__()
    assert "line" not in str(raised.value)


def test_no_bubblewrap_is_explained(monkeypatch):
    """Where there is none, the error says what to install."""
    monkeypatch.setattr(module, "_candidates", list)
    with pytest.raises(SandboxError, match=r"not installed.*apt install bubblewrap"):
        module.find_sandbox.__wrapped__()


def test_no_linux_is_explained(monkeypatch):
    """On another system, the error speaks of containers."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match=r"needs Linux.*container"):
        module.find_sandbox.__wrapped__()


def test_the_environment_is_what_was_given(said):
    """No variable of ours is inside, not even in the first process."""
    found = said("print(open('/proc/1/environ').read().replace('\\0', ' '), open('/proc/self/environ').read())")
    assert set(found.replace("\0", " ").split()) <= {"A=1", f"PWD={view.WORK}", "LC_CTYPE=C.UTF-8"}


def test_every_process_carries_the_filter(said):
    """Bubblewrap's own process inside is confined like the others: no way round through it."""
    source = (
        "print([l for l in open('/proc/1/status').read().split('\\n') if l[:7] in ('Seccomp', 'CapEff:', 'NoNewPr')])"
    )
    assert said(source).startswith("['CapEff:\\t0000000000000000', 'NoNewPrivs:\\t1', 'Seccomp:\\t2'")


def test_the_root_is_an_allow_list(said):
    """Of the host there is the system and the way to Python, nothing else."""
    expected = {"box", "dev", "etc", "proc", "run", "tmp", "usr", "var"}
    expected |= {path.parts[1] for path in view.readable_paths()} | {link.strip("/") for _, link in view.links()}
    assert set(said("import os; print(*os.listdir('/'))").split()) <= expected


def test_what_is_wanted_besides_is_shown(said, tmp_path):
    """Further paths appear at their own place, read-only, even behind folders that only we can enter."""
    inner = tmp_path / "closed" / "shown"
    inner.mkdir(parents=True)
    inner.joinpath("a.txt").write_text("seen")
    inner.parent.joinpath("b.txt").write_text("hidden")
    inner.chmod(0o755)
    inner.parent.chmod(0o700)
    source = (
        f"import os\nprint(open('{inner}/a.txt').read(), os.listdir('{inner.parent}'))\n"
        f"try: open('{inner}/c', 'w')\nexcept OSError as error: print(error.errno)"
    )
    assert said(source, more_paths=[inner]) == "seen ['shown']\n30"


def test_kill_ends_everything(sandbox):
    """When kill returns, nothing that was started inside is alive."""
    source = "import subprocess, time\nfor _ in range(5): subprocess.Popen(['sleep', '999'], start_new_session=True)\n"
    reading, writing = os.pipe()
    argv = [sys.executable, "-I", "-c", source + "print('up', flush=True); time.sleep(999)"]
    jail = sandbox.start(argv, disk_bytes=1 << 20, environment={}, output=writing)
    os.close(writing)
    assert os.read(reading, 10) == b"up\n"
    inside = psutil.Process(jail.process.pid).children(recursive=True)
    assert len(inside) >= 7
    jail.kill()
    jail.kill()
    os.close(reading)
    assert [process for process in inside if process.is_running()] == []


_DIES_AT_ONCE = """
import os, signal, subprocess, sys
from grader.execution import find_sandbox, sandbox
found = find_sandbox()
sandbox._child_pid = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
argv = [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()", sys.argv[1]]
found.start(argv, disk_bytes=1 << 20, environment={}, output=subprocess.DEVNULL, stdin=subprocess.PIPE)
"""


def test_a_host_that_dies_while_bubblewrap_starts_leaves_no_process(sandbox, tmp_path):
    """It is not heard any more, and ends all the same, with the child that waits for it."""
    mark = str(tmp_path)
    dying = [subprocess.Popen([sys.executable, "-c", _DIES_AT_ONCE, mark]) for _ in range(5)]
    assert [process.wait(60) for process in dying] == [-signal.SIGKILL] * 5
    wait_until(lambda: not any(mark in " ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])))


def test_root_is_never_kept():
    """As root, another user id is chosen, one that this user namespace has; as anyone else, their own."""
    uid = unprivileged_uid()
    assert (uid is None) == (os.geteuid() != 0)
    assert uid is None or uid > 0


def test_paths_are_outermost_and_never_a_home_or_the_root():
    """No path is inside another, and none shows a home folder or everything."""
    paths = view.readable_paths([Path("/"), Path.home(), Path("/usr/lib"), Path("/nowhere")])
    assert Path("/usr") in paths
    assert not {Path("/"), Path.home(), Path("/usr/lib"), Path("/nowhere")} & set(paths)
    assert [a for a in paths for b in paths if a != b and a.is_relative_to(b)] == []


def test_the_way_is_judged_for_the_other_user(tmp_path):
    """A folder without the right to pass stops everyone but its owner."""
    path = tmp_path / "a" / "b"
    path.mkdir(parents=True)
    tmp_path.joinpath("a").chmod(0o700)
    blocked = view.out_of_reach([path], 4_000_000)
    assert path in blocked
    assert path.is_relative_to(blocked[path])
    assert path.joinpath("a") not in view.out_of_reach([path], os.geteuid())


@pytest.mark.slow
def test_as_an_ordinary_user(sandbox, tmp_path):
    """The same as a user who is not root: notebooks run, and limits and walls hold."""
    if os.geteuid() != 0:
        pytest.skip("this whole run is an ordinary user's")
    program = """
import sys, os
sys.path.insert(0, sys.argv[1])
from grader.execution import find_sandbox, open_engine
from grader.model import Limits
from nbformat.v4 import new_code_cell, new_notebook
assert os.getuid() == 54321 and find_sandbox().uid is None
sources = ["x = 5", "import mmap; m = mmap.mmap(-1, 1 << 30)\\nfor _ in range(64): m.write(bytes(16 << 20))",
           "import os; print(os.getuid(), os.path.exists('/etc/shadow'))", "while True: pass", "print(x)"]
notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
for kind in ("stock", "forked"):
    with open_engine(kind) as engine:
        executed = engine.execute(notebook, {}, Limits(cell_seconds=2, memory_mb=400))
    print(*[run.status.value for run in executed.runs], *[i.kind.value for i in executed.incidents])
    print(executed.notebook.cells[2].outputs[0].text.strip(), executed.notebook.cells[4].outputs[0].text.strip())
"""
    checkout = Path(view.__file__).parents[2]
    wanted = [*view.readable_paths(), checkout / "grader"]
    way = view.out_of_reach(wanted, 54321)
    task = {"uid": 54321, "blocked": sorted({str(folder) for folder in way.values()}), "wanted": [*map(str, way)]}
    task["argv"] = [sys.executable, "-c", program, str(checkout)]
    enter = [sys.executable, "-I", "-S", str(Path(module.__file__).with_name("enter.py")), json.dumps(task)]
    ran = subprocess.run(
        enter, capture_output=True, text=True, timeout=120, check=False, cwd="/", env={"HOME": str(tmp_path)}
    )
    lines = ["completed stopped completed stopped completed memory time", "1000 False 5"] * 2
    assert ran.stdout.splitlines() == lines, ran.stderr
