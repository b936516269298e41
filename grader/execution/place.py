"""Where a stock kernel runs: in the sandbox, or (asked for by name) in a temporary folder of the host."""

from __future__ import annotations

import array
import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from grader.errors import ExecutionFault
from grader.execution import view
from grader.execution.limits import descendants, resource_limits
from grader.execution.moment import Claimed, claim
from grader.execution.sandbox import Sandbox, unprivileged_uid
from grader.model import Files, Limits
from grader.text import escape

_STARTUP_SECONDS = 120.0
_WORDS = 2000
"""Bytes kept of what a kernel writes to its terminal, to say why it failed to start."""
_PORTS = ("shell_port", "iopub_port", "control_port")


@dataclass(frozen=True, slots=True)
class Folders:
    """Paths as the kernel sees them."""

    home: str
    work: str
    tmp: str
    run: str


_INSIDE = Folders(view.HOME, view.WORK, view.TMP, view.RUN)


@dataclass(slots=True)
class Place:
    """A launcher that is ready for its task; what becomes of it is the kernel."""

    folders: Folders
    control: socket.socket
    log: int
    """Reading end of what it writes to stdout and stderr."""
    process: subprocess.Popen[bytes]
    pid: int
    """The process under which everything of it is found."""
    mount: Path | None
    """The file system of its own that holds its files, as the host sees it; None: it has none."""
    kill: Callable[[], None]
    _said: bytearray = field(default_factory=bytearray)

    def close(self) -> None:
        """Kill everything in it and remove what it left; may be called twice."""
        self.kill()
        self.control.close()
        if self.log >= 0:
            os.close(self.log)
            self.log = -1

    def drain(self) -> bool:
        """Read once what it wrote to its terminal, keeping the end of it; False when it has closed that."""
        part = os.read(self.log, 1 << 16)
        self._said += part
        del self._said[:-_WORDS]
        return bool(part)

    def last_words(self) -> str:
        """Return in one line what it said before it ended."""
        while select.select([self.log], [], [], 0.2)[0] and self.drain():
            pass
        return escape(self._said.decode(errors="replace").strip()[-300:] or "it ended without a word")


@dataclass(frozen=True, slots=True)
class _Ends:
    """What a launcher is given to talk through, and our ends of it."""

    control: socket.socket
    log: int
    their_control: int
    their_log: int


def open_place(sandbox: Sandbox | None, disk_bytes: int, paths: Sequence[Path], env: Mapping[str, str]) -> Place:
    """Start a launcher and wait until it says that it stands; raises ExecutionFault.

    `paths` are shown inside beyond the usual view; `env` is set beyond the usual environment.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    log_in, log_out = os.pipe()
    ends = _Ends(ours, log_in, theirs.fileno(), log_out)
    try:
        place = _bare(ends, env) if sandbox is None else _jailed(sandbox, ends, env, disk_bytes, paths)
    except BaseException:
        ours.close()
        os.close(log_in)
        raise
    finally:
        theirs.close()
        os.close(log_out)
    place.control.settimeout(_STARTUP_SECONDS)
    with suppress(OSError):
        if place.control.recv(1) == b"R":
            return place
    words = place.last_words()
    place.close()
    raise ExecutionFault(f"No program could be started in the sandbox: {words}")


def _jailed(sandbox: Sandbox, ends: _Ends, env: Mapping[str, str], disk_bytes: int, paths: Sequence[Path]) -> Place:
    jail = sandbox.start(
        _launcher(),
        disk_bytes=disk_bytes,
        environment=_environment(_INSIDE, env),
        stdin=ends.their_control,
        output=ends.their_log,
        more_paths=paths,
    )
    pid = jail.init if jail.init is not None else jail.process.pid
    mount = Path(f"/proc/{pid}/root{view.DISK}")
    return Place(_INSIDE, ends.control, ends.log, jail.process, pid, mount, jail.kill)


def _bare(ends: _Ends, env: Mapping[str, str]) -> Place:
    claimed = claim("kernel", passable=True)
    try:
        folders, process = _started_bare(claimed.path / "box", ends, env)
    except BaseException:
        claimed.release()
        raise
    return Place(folders, ends.control, ends.log, process, process.pid, None, partial(_kill_bare, process, claimed))


def _started_bare(base: Path, ends: _Ends, env: Mapping[str, str]) -> tuple[Folders, subprocess.Popen[bytes]]:
    base.mkdir(mode=0o700)
    uid = _bare_uid()
    if uid is not None:
        os.chown(base, uid, uid)
    folders = Folders(f"{base}/home", f"{base}/home/work", f"{base}/scratch", f"{base}/run")
    process = subprocess.Popen(
        _launcher(),
        env=_environment(folders, env),
        stdin=ends.their_control,
        stdout=ends.their_log,
        stderr=ends.their_log,
        start_new_session=True,
        cwd=base,
        user=uid,
        group=uid,
        extra_groups=None if uid is None else [],
    )
    return folders, process


def _kill_bare(process: subprocess.Popen[bytes], claimed: Claimed) -> None:
    for pid in [*descendants(process.pid), process.pid]:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    claimed.release()


def _bare_uid() -> int | None:
    """Return the unprivileged user to become, where we are root and that user can reach Python."""
    uid = unprivileged_uid()
    return None if uid is None or view.out_of_reach(view.readable_paths(), uid) else uid


@cache
def _launcher() -> tuple[str, ...]:
    source = Path(__file__).with_name("launch.py").read_text()
    return (view.PYTHON, "-I", "-S", "-c", source)


def inside_environment() -> dict[str, str]:
    """Return the whole environment of a Python kernel in the sandbox."""
    return _environment(_INSIDE, {})


def _environment(folders: Folders, more: Mapping[str, str]) -> dict[str, str]:
    """Return the kernel's whole environment: of the host's, nothing but where programs are."""
    programs = [str(Path(view.PYTHON).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
    return {
        "PATH": os.pathsep.join(dict.fromkeys(programs)),
        "HOME": folders.home,
        "USER": "student",
        "LOGNAME": "student",
        "TMPDIR": folders.tmp,
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "NBGRADER_EXECUTION": "autograde",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        **threads,
        **more,
    }


def launch(place: Place, argv: Sequence[str], connection: Mapping[str, object], files: Files, limits: Limits) -> None:
    """Give the launcher its task: the working folder, the limits, and the kernel to become."""
    run = place.folders.run
    task = {
        "argv": [part.replace("{connection_file}", f"{run}/kernel.json") for part in argv],
        "files": [[path, len(content)] for path, content in files.items()],
        "limits": resource_limits(limits),
        "home": place.folders.home,
        "work": place.folders.work,
        "tmp": place.folders.tmp,
        "sockets": [f"{connection['ip']}-{connection[port]}" for port in _PORTS],
        "confined": place.mount is not None,
        "connection": [f"{run}/kernel.json", json.dumps(connection)],
    }
    text = json.dumps(task).encode()
    try:
        place.control.sendall(len(text).to_bytes(8, "big") + text)
        for content in files.values():
            place.control.sendall(content)
    except OSError as error:
        raise ExecutionFault(f"The working folder could not be prepared: {place.last_words()}") from error


def connections(place: Place) -> list[socket.socket]:
    """Wait for the connections to the kernel's shell, iopub and control sockets, made from inside."""
    size = len(_PORTS) * array.array("i").itemsize
    deadline = time.monotonic() + _STARTUP_SECONDS
    handles = array.array("i")
    while not handles and time.monotonic() < deadline:
        ready, _, _ = select.select([place.control.fileno(), place.log], [], [], 1.0)
        if place.log in ready and not place.drain():
            break
        if place.control.fileno() in ready:
            said, ancillary, _, _ = place.control.recvmsg(1, socket.CMSG_LEN(size))
            for level, kind, data in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    handles.frombytes(data)
            if not said:
                break
    found = [socket.socket(fileno=handle) for handle in handles]
    if len(found) != len(_PORTS):
        for connection in found:
            connection.close()
        raise ExecutionFault(f"The kernel did not start: {place.last_words()}")
    return found
