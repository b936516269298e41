"""What stands outside of the sandbox to be reached, and sees whether it was."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from grader.execution.view import readable_paths

_SECRET = "GRADER_BREAKOUT_SECRET"  # noqa: S105 - the name of a variable
_DECOY = "trap 'echo hit' WINCH; echo ready; while :; do sleep 600 & wait $!; done; : "
_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/run")  # noqa: S108 - looked at, not written to
_SOCKETS = ("/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private", "/tmp/.X11-unix/X0")  # noqa: S108
_MOST_PATHS = 1000


@dataclass(frozen=True, slots=True)
class Private:
    """What of this machine nobody inside may see."""

    course: Sequence[Path] = ()
    database: Sequence[Path] = ()
    home: Sequence[Path] = ()


@dataclass(frozen=True, slots=True)
class Outside:
    """What was put up, and what it saw."""

    facts: Mapping[str, object]
    """For those inside: what there is to reach."""
    mark: str
    """By which what a notebook leaves is known."""
    listening: Sequence[socket.socket]
    decoy: subprocess.Popen[bytes]

    def saw(self) -> Mapping[str, Sequence[str]]:
        """What arrived out here, by the attempt that sent it."""
        packets = [f"a packet at {made.getsockname()[0]}" for made in self.listening if _received(made)]
        assert self.decoy.stdout is not None
        hit = _read(self.decoy.stdout.fileno())
        return {"network": packets, "processes": ["a signal to another process"] if hit else []}

    def left(self) -> Sequence[str]:
        """What of a notebook is still here after its end: processes, files, sockets, mounts."""
        mark = self.mark.encode()
        running = [f"process {pid}" for pid in os.listdir("/proc") if pid.isdigit() and mark in _content(pid)]  # noqa: PTH208 - names alone
        files = [f"{folder}/{self.mark}" for folder in (*_FOLDERS, ".") if os.path.lexists(f"{folder}/{self.mark}")]
        sockets = ["a socket"] if mark in Path("/proc/net/unix").read_bytes() else []
        mounts = ["a mount"] if b" /box " in Path("/proc/self/mountinfo").read_bytes() else []
        return [*running, *files, *sockets, *mounts]


@contextmanager
def watched(private: Private, uid: int | None) -> Iterator[Outside]:
    """Put up sockets, a folder, a secret, and a process of the user that a sandbox runs as; take all down again."""
    with ExitStack() as stack:
        nonce = secrets.token_hex(8)
        secret = stack.enter_context(_secret_in_environment(nonce))
        folder = stack.enter_context(_open_folder())
        sockets = [stack.enter_context(_listening(socket.AF_UNIX, at)) for at in (f"\0{nonce}", f"{folder}/socket")]
        addresses = ["127.0.0.1", *_own_address()]
        streams = [stack.enter_context(_listening(socket.AF_INET, (address, 0))) for address in addresses]
        packets = [
            stack.enter_context(_listening(socket.AF_INET, stream.getsockname(), socket.SOCK_DGRAM))
            for stream in streams
        ]
        decoy = stack.enter_context(_decoy(nonce, secret, uid))
        facts = {
            "course": [*_names(private.course), str(folder)],
            "database": [*_names(private.database), f"{folder}/gradebook.db"],
            "home": _names(private.home),
            "secret": secret[::-1],
            "addresses": [stream.getsockname() for stream in streams],
            "nameservers": _nameservers(),
            "sockets": [
                *(
                    made.getsockname().decode() if isinstance(made.getsockname(), bytes) else made.getsockname()
                    for made in sockets
                ),
                *_SOCKETS,
            ],
            "writable": [str(folder), *_names(private.course)[:5]],
            "pid": decoy.pid,
            "marker": nonce,
            "mark": (mark := f"left{nonce[::-1]}"),
        }
        yield Outside(facts, mark, packets, decoy)


@contextmanager
def _secret_in_environment(nonce: str) -> Iterator[str]:
    os.environ[_SECRET] = secret = f"secret{nonce}"
    try:
        yield secret
    finally:
        del os.environ[_SECRET]


@contextmanager
def _open_folder() -> Iterator[Path]:
    """A folder that every user may read and write."""
    folder = Path(tempfile.mkdtemp(prefix="grader-breakouts-"))
    try:
        folder.chmod(0o777)
        (folder / "gradebook.db").write_bytes(b"")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _listening(
    family: int, address: str | tuple[str, int], kind: socket.SocketKind = socket.SOCK_STREAM
) -> Iterator[socket.socket]:
    with socket.socket(family, kind) as made:
        made.bind(address)
        made.setblocking(False)
        if kind is socket.SOCK_STREAM:
            made.listen(100)
        if isinstance(address, str) and address.startswith("/"):
            Path(address).chmod(0o777)
        yield made


@contextmanager
def _decoy(nonce: str, secret: str, uid: int | None) -> Iterator[subprocess.Popen[bytes]]:
    """A process that tells when it is sent a signal, with a secret in its environment and a word in its command."""
    environment = {"PATH": "/usr/bin:/bin", _SECRET: secret}
    command = ["/bin/sh", "-c", _DECOY + nonce]
    groups: Sequence[int] | None = None if uid is None else []
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
        user=uid,
        group=uid,
        extra_groups=groups,
    ) as started:
        try:
            assert started.stdout is not None
            started.stdout.readline()
            os.set_blocking(started.stdout.fileno(), False)
            yield started
        finally:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)


def _own_address() -> list[str]:
    """The address by which this machine is known, where it has a way out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made, suppress(OSError):
        made.connect(("192.0.2.1", 53))
        return [made.getsockname()[0]]
    return []


def _nameservers() -> list[str]:
    try:
        lines = Path("/etc/resolv.conf").read_text(errors="replace").splitlines()
    except OSError:
        return []
    return [fields[1] for line in lines if len(fields := line.split()) > 1 and fields[0] == "nameserver"]


def _names(paths: Sequence[Path]) -> list[str]:
    """Paths but for those on the way to Python itself, which a kernel needs."""
    shown = readable_paths()
    return [str(path) for path in paths if not any(one.is_relative_to(path) for one in shown)][:_MOST_PATHS]


def _received(made: socket.socket) -> bool:
    with suppress(BlockingIOError):
        return bool(made.recv(100))
    return False


def _read(descriptor: int) -> bytes:
    with suppress(BlockingIOError):
        return os.read(descriptor, 100)
    return b""


def _content(pid: str) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
