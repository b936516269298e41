"""The first program inside a sandbox: write the working folder, set limits, become the kernel.

Runs before any of the student's code and imports only the standard library. It talks with the host through file
descriptor 0, a Unix socket: says "R" (so that the host knows that the sandbox stands, and it that the host lives),
reads its task, and, from a helper that ends before the first cell is sent, hands over connections to the kernel.

The task: 8 bytes of length, JSON {"argv", "files": [[path, size]], "limits": {name: value}, "work", "home", "tmp",
"sockets": [path], "confined", "connection": [path, text]}, then the files' contents in that order.
"""

# Importing pathlib would double the time that this program takes.
# ruff: noqa: PTH103, PTH118, PTH120, PTH123
from __future__ import annotations

import array
import json
import os
import resource
import signal
import socket
import sys
import time

_STARTUP_SECONDS = 120.0
_POLL_SECONDS = 0.002


def main() -> None:
    """Do what the module says; does not return."""
    host = socket.socket(fileno=os.dup(0))
    host.sendall(b"R")
    task = json.loads(_exactly(host, int.from_bytes(_exactly(host, 8), "big")))
    if task["confined"]:
        _assert_confined()
    for folder in (task["work"], task["home"], task["tmp"]):
        os.makedirs(folder, exist_ok=True)
    for path, size in task["files"]:
        _write(os.path.join(task["work"], path), _exactly(host, size))
    _write(task["connection"][0], task["connection"][1].encode())
    _set_limits(task["limits"])
    _hand_over_connections(host, task["sockets"])
    os.chdir(task["work"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.closerange(3, 1024)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # it may be ignored by the host, and would be by the kernel
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)  # an interrupt reaches the kernel's own children too
    if not task["confined"]:
        _die_with_parent()
    os.execvp(task["argv"][0], task["argv"])  # noqa: S606 - no shell is wanted


def _exactly(host: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = host.recv(min(size, 1 << 20))
        if not part:
            sys.exit("the grader ended")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _write(path: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "xb") as file:
        file.write(content)


def _assert_confined() -> None:
    """Fail closed: read back from Linux that every layer is there."""
    with open("/proc/self/status") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
    wanted = {"CapEff": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}
    wrong = [f"{name} is {status.get(name)}" for name, value in wanted.items() if status.get(name) != value]
    if wrong or os.getuid() == 0:
        sys.exit(f"the sandbox is not tight: {wrong}, user {os.getuid()}")


def _set_limits(limits: dict[str, int]) -> None:
    for name, wanted in limits.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        _, hard = resource.getrlimit(kind)
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (value, value))


def _hand_over_connections(host: socket.socket, paths: list[str]) -> None:
    """Leave a helper that connects to the kernel's sockets once they exist; no child of the kernel-to-be."""
    if os.fork():
        os.wait()
        return
    if os.fork():
        os._exit(0)
    status = 1
    try:
        connections = [_connected(path) for path in paths]
        handles = array.array("i", [connection.fileno() for connection in connections])
        host.sendmsg([b"C"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handles)])
        status = 0
    finally:
        os._exit(status)


def _connected(path: str) -> socket.socket:
    deadline = time.monotonic() + _STARTUP_SECONDS
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)
        else:
            return connection


def _die_with_parent() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)


if __name__ == "__main__":
    main()
