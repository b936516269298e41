"""What lies outside, and who runs there."""

# What is tried here are system calls, by their own names.
# ruff: noqa: PTH112, PTH120, PTH123, PTH208
from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress

from .network import connected
from .reach import Facts, Tries, content, listed, processes_here, writes

_OWN = {"box", "proc", "run", "tmp"}
_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", ".", "/run")  # noqa: S108 - the sandbox's own
_KEPT: list[socket.socket] = []


def course(facts: Facts) -> Tries:
    """The course's folder, and what lies in it."""
    yield from _seen(facts["course"])


def database(facts: Facts) -> Tries:
    """The database, and the files beside it."""
    yield from _seen(facts["database"])


def homes(facts: Facts) -> Tries:
    """Home folders, root's among them, and the grader's own temporary files."""
    yield from _seen([*facts["home"], "/root/.ssh", "/root/.bashrc", "/etc/shadow", "/etc/machine-id", "/etc/ssh"])


def secrets(facts: Facts) -> Tries:
    """A secret in the environment of the grader and of another process of the same user."""
    wanted = facts["secret"][::-1].encode()
    yield "the environment", any(wanted in os.fsencode(value) for value in os.environ.values())
    for pid in processes_here():
        for name in ("environ", "cmdline"):
            yield f"/proc/{pid}/{name}", wanted in content(f"/proc/{pid}/{name}")


def processes(facts: Facts) -> Tries:
    """Seeing processes outside and sending them signals; whether they arrive is seen outside."""
    wanted = facts["marker"].encode()
    for pid in processes_here():
        yield f"process {pid}, which is outside", wanted in content(f"/proc/{pid}/cmdline")
    for target in (facts["pid"], -1):
        with suppress(OSError):
            os.kill(target, signal.SIGWINCH)
        yield f"a signal to {target}", False
    for pid in processes_here():
        for place in (*facts["course"][:1], *facts["database"][:1]):
            yield f"{place} by way of process {pid}", os.path.lexists(f"/proc/{pid}/root{place}")


def writing(facts: Facts) -> Tries:
    """Files outside of one's own folders."""
    tops = [f"/{name}" for name in os.listdir("/") if name not in _OWN]
    inner = [f"{top}/{name}" for top in tops if os.path.isdir(top) for name in listed(top)[:50]]
    allowed = ("/dev/shm", "/var/tmp")  # noqa: S108 - the sandbox's own
    python = [sys.prefix, os.path.dirname(os.__file__), os.path.dirname(os.path.realpath(sys.executable))]
    for folder in ["/", *tops, *inner, *python, *facts["writable"], "/proc", "/proc/self"]:
        if folder not in allowed:
            yield f"a file in {folder}", writes(f"{folder}/{facts['marker']}")


def leftovers(facts: Facts) -> Tries:
    """What a notebook leaves running and lying about; whether it stays is seen outside, and by the next notebook."""
    mark = facts["mark"]
    shell = f"(setsid sh -c 'sleep 600; : {mark}' >/dev/null 2>&1 &) "
    subprocess.run(["sh", "-c", shell], check=False)
    for folder in _FOLDERS:
        name = f"{folder}/{mark}"
        with suppress(OSError):
            open(name, "w").close()
        yield f"a file in {folder}", False
    kept = socket.socket(socket.AF_UNIX)
    kept.bind(f"\0{mark}")
    kept.listen()
    _KEPT.append(kept)
    yield "a process", False


def found_leftovers(facts: Facts) -> Tries:
    """What an earlier notebook left."""
    mark = facts["mark"]
    for folder in _FOLDERS:
        yield f"a file in {folder}", os.path.lexists(f"{folder}/{mark}")
    yield "its socket", connected(socket.AF_UNIX, f"\0{mark}")
    for pid in processes_here():
        yield f"process {pid} of it", mark.encode() in content(f"/proc/{pid}/cmdline")


def _seen(paths: list[str]) -> Tries:
    for path in paths:
        yield path, os.path.lexists(path)
