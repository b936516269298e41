"""How it is tried: files, system calls, children."""

# What is tried here are system calls, by their own names.
# ruff: noqa: PTH108, PTH123, PTH208
from __future__ import annotations

import ctypes
import errno
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

Tries = Iterator[tuple[str, bool]]
Facts = dict[str, Any]
Attempt = Callable[[Facts], Tries]

_COLUMN = {"x86_64": 0, "aarch64": 1}
_NUMBERS = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "clone": (56, 220),
    "fsopen": (430, 430),
    "init_module": (175, 105),
    "io_uring_setup": (425, 425),
    "kcmp": (312, 272),
    "keyctl": (250, 219),
    "kexec_load": (246, 104),
    "memfd_create": (319, 279),
    "mount": (165, 40),
    "open_tree": (428, 428),
    "open_by_handle_at": (304, 265),
    "perf_event_open": (298, 241),
    "process_vm_readv": (310, 270),
    "ptrace": (101, 117),
    "request_key": (249, 218),
    "setns": (308, 268),
    "shmget": (29, 194),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}
REFUSED = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EAFNOSUPPORT}
"""What a wall answers; anything else came from the thing behind it."""
CONFINED = {
    **dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0" * 16),
    "NoNewPrivs": "1",
    "Seccomp": "2",
}
"""What the kernel says of a process that is shut in."""
_OPEN = {"bpf", "fsopen", "io_uring_setup", "memfd_create", "open_tree", "perf_event_open", "userfaultfd"}
"""Calls that answer with a descriptor."""


def processes_here() -> list[str]:
    """The processes that can be seen."""
    return [name for name in os.listdir("/proc") if name.isdigit()]


def rights_of(pid: str | int) -> dict[str, str]:
    """What the kernel says of a process, of what `CONFINED` names; nothing where it has ended."""
    lines = content(f"/proc/{pid}/status").decode(errors="replace").splitlines()
    found = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return {name: found.get(name, "not told") for name in CONFINED} if found else {}


def content(path: str) -> bytes:
    """The beginning of a file, or nothing."""
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError:
        return b""


def listed(folder: str) -> list[str]:
    """What is in a folder, or nothing."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def opens(path: str, flags: int) -> bool:
    """Whether a file can be opened."""
    try:
        os.close(os.open(path, flags | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def writes(path: str) -> bool:
    """Whether a file can be made; it is removed again."""
    try:
        open(path, "w").close()
    except OSError:
        return False
    with suppress(OSError):
        os.unlink(path)
    return True


def number_of(name: str) -> int:
    """A system call's number on this machine."""
    return _NUMBERS[name][_COLUMN[platform.machine()]]


def reached(name: str, *arguments: Any) -> bool:
    """Whether a system call got further than a wall: it worked, or it failed for a reason of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    words = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    libc.syscall.restype = ctypes.c_long
    ctypes.set_errno(0)
    answer = libc.syscall(ctypes.c_long(number_of(name)), *words)
    if answer > 2 and name in _OPEN:
        os.close(answer)
    return answer >= 0 or ctypes.get_errno() not in REFUSED


def in_a_child(attempt: Callable[..., object], *arguments: Any) -> bool:
    """Whether it works in a child, without an error and without a no: what it changes ends with that."""
    child = os.fork()
    if child == 0:
        worked = False
        with suppress(BaseException):
            worked = attempt(*arguments) is not False
        os._exit(100 if worked else 0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 100
