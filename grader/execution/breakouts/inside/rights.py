"""Rights: having some, getting more."""

# What is tried here are system calls, by their own names.
# ruff: noqa: PTH101, PTH103, PTH116, PTH123
from __future__ import annotations

import ctypes
import os
import signal
import stat
import subprocess
from contextlib import suppress

from .reach import CONFINED, Facts, Tries, content, in_a_child, listed, number_of, processes_here, reached, rights_of

_NAMESPACES = {"user": 0x10000000, "mnt": 0x00020000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x08000000}


def privileges(_facts: Facts) -> Tries:
    """User, capabilities and filter of every process inside."""
    yield "user 0", 0 in os.getresuid()
    for pid in processes_here():
        for name, value in rights_of(pid).items():
            yield f"{name} of process {pid}", value != CONFINED[name]


def users(_facts: Facts) -> Tries:
    """Becoming somebody else, by oneself and by programs that run as their owner."""
    for name, change in {"setuid": os.setuid, "setgid": os.setgid}.items():
        yield f"{name}(0)", in_a_child(change, 0)
    yield "setgroups", in_a_child(os.setgroups, [0])
    yield "any program that runs as its owner", any(_runs_as_owner(path) for path in _setuid_programs())
    yield "a program of one's own that runs as its owner", _own_setuid_program()


def namespaces(_facts: Facts) -> Tries:
    """New namespaces, in which one would be root, and those of others."""
    for name, flag in _NAMESPACES.items():
        yield f"unshare {name}", in_a_child(reached, "unshare", flag)
    yield "unshare everything", in_a_child(reached, "unshare", sum(_NAMESPACES.values()))
    for name, flag in _NAMESPACES.items():
        yield f"clone into {name}", in_a_child(_cloned, flag)
    for name in ("user", "mnt", "net", "pid"):
        yield f"setns {name}", in_a_child(_joined, f"/proc/1/ns/{name}")


def mounts(_facts: Facts) -> Tries:
    """Mounting, the old way and the new, and in a namespace of one's own."""
    os.makedirs("mountpoint", exist_ok=True)
    yield "mount", _mounted()
    yield (
        "mount as root of a namespace",
        in_a_child(_mounted_as_root_of_a_namespace),
    )
    yield "fsopen", reached("fsopen", b"tmpfs", 0)
    yield "open_tree", reached("open_tree", -100, b"/", 1)
    yield "chroot", in_a_child(os.chroot, ".")


def _cloned(flag: int) -> bool:
    libc = ctypes.PyDLL(None, use_errno=True)
    zero = ctypes.c_long(0)
    child = libc.syscall(
        ctypes.c_long(number_of("clone")), ctypes.c_long(flag | signal.SIGCHLD), zero, zero, zero, zero
    )
    if child == 0:
        os._exit(0)
    return bool(child > 0)


def _joined(path: str) -> bool:
    handle = os.open(path, os.O_RDONLY)
    return reached("setns", handle, 0)


def _mounted() -> bool:
    worked = reached("mount", b"tmpfs", b"mountpoint", b"tmpfs", 0, b"size=4k")
    if worked:
        reached("umount2", b"mountpoint", 2)
    return worked


def _mounted_as_root_of_a_namespace() -> bool:
    return reached("unshare", _NAMESPACES["user"] | _NAMESPACES["mnt"]) and _mounted()


def _setuid_programs() -> list[str]:
    folders = ("/usr/bin", "/usr/sbin", "/bin", "/usr/local/bin")
    paths = [f"{folder}/{name}" for folder in folders for name in listed(folder)]
    return [path for path in paths if _is_setuid(path)][:20]


def _is_setuid(path: str) -> bool:
    try:
        found = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and bool(found.st_mode & stat.S_ISUID) and bool(found.st_mode & 0o001)


def _runs_as_owner(path: str) -> bool:
    """Whether the program, once started, has another user's rights; it is ended at once."""
    quiet = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        started = subprocess.Popen([path, "--help"], **quiet, start_new_session=True)  # type: ignore[call-overload]
    except OSError:
        return False
    lines = content(f"/proc/{started.pid}/status").decode().splitlines()
    ids = next((line.split()[1:] for line in lines if line.startswith("Uid:")), [])
    with suppress(OSError):
        started.kill()
    started.communicate()
    return len(set(ids)) > 1


def _own_setuid_program() -> bool:
    """Whether a copy of a program can be given to root with the right to run as it."""
    with suppress(OSError):
        open("program", "w").close()
        os.chown("program", 0, 0)
        os.chmod("program", 0o4755)  # noqa: S103 - this is what is tried
        return os.stat("program").st_uid == 0 != os.getuid()
    return False
