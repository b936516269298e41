"""The check of the sandbox by trying to get out: all holds here, and nothing holds where the walls are taken away."""

import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.errors import ExecutionFault, SandboxError
from grader.execution import breakouts, place
from grader.execution import sandbox as sandbox_module
from grader.execution.breakouts import BREAKOUTS, Private, bombs, sandbox_checks, tried
from grader.execution.engines import open_engine
from grader.execution.stock import StockEngine
from grader.model import CellRun, Executed, Incident, IncidentKind, RunStatus

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")

NONCE = f"{os.getpid():08x}"
PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/run")


def failed(checks):
    """What did not hold, with its detail."""
    return {check.name: check.detail for check in checks if not check.ok}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["forked", "stock"])
def test_all_ways_are_closed(sandbox, course, kind):
    """Every way out is tried, in each engine, and none gets through."""
    (course / "gradebook.db").touch()
    private = Private([course, *course.iterdir()], [course / "gradebook.db"], [Path.home() / ".bashrc"])
    found = list(tried(kind, lambda: open_engine(kind), sandbox.uid, private))
    assert failed(found) == {}
    assert len(found) == len(BREAKOUTS) + len(bombs.BOMBS) + 2


@pytest.fixture
def without_walls(monkeypatch):
    """Let sandboxes have the host's files, processes, network and environment, root's rights in it, and no filter.

    What gets out is removed in the end: it carries a name that is known.
    """
    monkeypatch.setattr(sandbox_module, "_namespaces", lambda **_: ["--unshare-user", "--uid", "0", "--gid", "0"])
    monkeypatch.setattr(sandbox_module, "_mounts", lambda *_, **__: ["--dev-bind", "/", "/", "--tmpfs", "/mnt"])
    monkeypatch.setattr(sandbox_module, "_confinement", lambda *_, **__: ["--die-with-parent", "--cap-add", "ALL"])
    monkeypatch.setattr(place, "_INSIDE", place.Folders("/mnt/home", "/mnt/home/work", "/mnt/tmp", "/mnt/run"))
    bare = place._environment
    monkeypatch.setattr(place, "_environment", lambda *given: {**os.environ, **bare(*given)})
    source = Path(place.__file__).with_name("launch.py").read_text().replace("_assert_confined()", "pass", 1)
    monkeypatch.setattr(place, "_launcher", lambda: (place.view.PYTHON, "-I", "-S", "-c", source))
    monkeypatch.setattr("grader.execution.breakouts.outside.secrets.token_hex", lambda _: NONCE)
    yield
    mark = f"left{NONCE[::-1]}"
    for folder in PLACES:
        Path(folder, mark).unlink(missing_ok=True)
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (process / "cmdline").read_bytes():
                os.killpg(int(process.name), signal.SIGKILL)


@pytest.mark.slow
def test_every_way_is_open_without_walls(sandbox, without_walls, monkeypatch):
    """A check that cannot fail is no check: with the walls away, each one does."""
    monkeypatch.setattr(breakouts, "BOMBS", ())
    found = list(tried("open", lambda: StockEngine(sandbox), sandbox.uid, Private()))
    assert [check.name for check in found if check.ok] == []
    assert len(found) == len(BREAKOUTS) + 2
    assert [check.name for check in found if "could not be tried" in check.detail] == []


@pytest.mark.slow
@pytest.mark.parametrize("weak", ["network", "secrets"])
def test_one_weak_wall_is_named(sandbox, monkeypatch, weak):
    """A network that is the host's, or a secret that slips into the environment: those checks fail and no other."""
    if weak == "network":
        whole = sandbox_module._namespaces
        monkeypatch.setattr(sandbox_module, "_namespaces", lambda **given: [*whole(**given), "--share-net"])
    else:
        bare, name = place._environment, "GRADER_BREAKOUT_SECRET"
        monkeypatch.setattr(place, "_environment", lambda *given: {**bare(*given), "LEFT": os.environ.get(name, "")})
    monkeypatch.setattr(breakouts, "BOMBS", ())
    found = failed(tried("weak", lambda: StockEngine(sandbox), sandbox.uid, Private()))
    expected = {
        "network": {"weak: network", "weak: sockets of the host"},
        "secrets": {"weak: secrets of the environment"},
    }
    assert expected[weak] == set(found), found


@dataclass
class Unlimited:
    """An engine that lets everything through, or notices it and then runs no other cell."""

    notices: IncidentKind | None = None
    name: str = "unlimited"

    def execute(self, notebook, files, limits, probes=None):
        """Say that all cells ran."""
        incidents = () if self.notices is None else (Incident(self.notices, "", 0),)
        last = RunStatus.NOT_RUN if self.notices else RunStatus.COMPLETED
        return Executed(notebook, (CellRun(RunStatus.STOPPED), CellRun(last)), incidents)

    def close(self):
        """Nothing is open."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.mark.parametrize("bomb", bombs.BOMBS, ids=lambda bomb: bomb.name)
def test_a_bomb_that_nobody_stops_is_told(bomb):
    """Neither one that ends by itself, nor one after which the others are not run, counts as held."""
    assert "not stopped" in bombs.thrown(Unlimited(), bomb, "mark")
    assert "next cell" in bombs.thrown(Unlimited(bomb.kind), bomb, "mark")


def test_what_cannot_be_tried_does_not_hold():
    """A cell that reports nothing, and an engine that does not start, fail their checks."""
    silent = failed(tried("silent", Unlimited, None, Private()))
    assert {f"silent: {breakout.name}" for breakout in BREAKOUTS} <= set(silent)

    def broken():
        raise ExecutionFault("no kernel")

    assert "no kernel" in failed(tried("broken", broken, None, Private()))["broken: kernel"]


def test_without_a_sandbox_there_is_one_line(monkeypatch):
    """Its reason and its remedy, and nothing is tried."""

    def none():
        raise SandboxError("it is not installed", "install it")

    monkeypatch.setattr(breakouts, "find_sandbox", none)
    (check,) = sandbox_checks(Private())
    assert (check.ok, check.detail, check.remedy) == (False, "it is not installed", "install it")


def test_what_stands_outside_is_taken_down(monkeypatch):
    """Neither the secret, the folder nor the process stays."""
    from grader.execution.breakouts.outside import watched

    before = set(os.environ)
    with watched(Private(), None) as outside:
        folder = Path(outside.facts["writable"][0])
        assert folder.is_dir()
        assert set(os.environ) - before
        os.kill(outside.decoy.pid, signal.SIGWINCH)
        while not outside.saw()["processes"]:
            assert outside.decoy.poll() is None
    assert not folder.exists()
    assert set(os.environ) == before
    assert outside.decoy.poll() is not None
