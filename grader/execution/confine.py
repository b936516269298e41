"""Linux's means of confinement, through ctypes alone: namespaces, mounts, limits, capabilities, filter, and the proof.

Runs inside the sandbox, in the child that is about to run a student's cells, so it imports only what is light.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import resource
import signal
import socket
import struct
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from grader.execution.seccomp import seccomp_program

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_MNT_DETACH = 2
NAMESPACES = {
    "mnt": 0x00020000,
    "cgroup": 0x02000000,
    "uts": 0x04000000,
    "ipc": 0x08000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "net": 0x40000000,
}
_CLONE_NUMBER = {"x86_64": 56, "aarch64": 220}
_CAPSET_NUMBER = {"x86_64": 126, "aarch64": 91}
_CLOSE_RANGE_NUMBER = 436
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP = 1, 4, 22, 24
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
_MADV_COLLAPSE, _HUGE = 25, 2 << 20
_SIOCSIFFLAGS, _IFF_UP_RUNNING = 0x8914, 0x41

__all__ = [
    "NAMESPACES",
    "be_killed_first",
    "clone_into_namespaces",
    "close_other_files",
    "detach_mounts",
    "die_with_parent",
    "drop_privileges",
    "enter_user_namespace",
    "gather_pages",
    "hide_memory",
    "join",
    "limit_resources",
    "map_user",
    "mount_proc",
    "mount_terminals",
    "mount_tmpfs",
    "namespaces",
    "open_namespaces",
    "raise_loopback",
    "seccomp_program",
    "send_children_to",
    "why_not_confined",
]


def clone_into_namespaces() -> int:
    """Fork into user, mount, pid, net, ipc, uts and cgroup namespaces of the child's own: its pid here, 0 in the child.

    One system call in place of unshare and a second fork. Python's and libc's fork handlers do not run, so the child
    should do no more than make system calls. The caller has one thread.
    """
    flags = int(signal.SIGCHLD)
    for flag in NAMESPACES.values():
        flags |= flag
    holding_the_gil = ctypes.PyDLL(None, use_errno=True)
    holding_the_gil.syscall.restype = ctypes.c_long
    zero = ctypes.c_long(0)
    number = ctypes.c_long(_CLONE_NUMBER[platform.machine()])
    return _checked(holding_the_gil.syscall(number, ctypes.c_long(flags), zero, zero, zero, zero), "clone")


def enter_user_namespace() -> None:
    """Be in a user namespace of one's own, with the ids that the process had and all rights over what is made in it."""
    user, group = os.getuid(), os.getgid()
    _checked(_libc().unshare(NAMESPACES["user"]), "unshare")
    map_user(user, group)


def open_namespaces() -> list[int]:
    """Open each namespace that this process is in, in the order of `NAMESPACES`."""
    return [os.open(f"/proc/self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in NAMESPACES]


def join(handles: Mapping[str, int]) -> None:
    """Enter namespaces by their handles; the pid namespace is one's own or one's children's, as it was before."""
    for name in ("user", *(name for name in handles if name not in {"user", "pid"})):
        _checked(_libc().setns(handles[name], NAMESPACES[name]), f"setns {name}")


def send_children_to(handle: int) -> None:
    """Let processes that are forked from now on live in this pid namespace."""
    _checked(_libc().setns(handle, NAMESPACES["pid"]), "setns pid")


def map_user(user: int, group: int) -> None:
    """Keep the ids that the process had outside, in the user namespace that it has just entered."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path(f"/proc/self/{name}").write_bytes(text.encode())


def mount_tmpfs(target: str, size: int, *, inodes: int) -> None:
    """Put an empty file system of a limited size over a folder."""
    _mount("tmpfs", target, "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={size},nr_inodes={inodes},mode=1777")


def mount_tmpfs_around(target: str, shown: Sequence[str], stash: str, size: int, *, inodes: int) -> None:
    """Put an empty file system over a folder, with some of what was in it still there; `stash` is a folder to use."""
    places = [Path(stash, str(number)) for number in range(len(shown))]
    for path, place in zip(shown, places, strict=True):
        place.mkdir(parents=True)
        _mount(path, str(place), None, _MS_BIND | _MS_REC, None)
    mount_tmpfs(target, size, inodes=inodes)
    for path, place in zip(shown, places, strict=True):
        Path(path).mkdir(parents=True)
        _mount(str(place), path, None, _MS_BIND | _MS_REC, None)
        _checked(_libc().umount2(str(place).encode(), _MNT_DETACH), f"unmount {place}")
        place.rmdir()
    Path(stash).rmdir()


def mount_proc(target: str = "/proc") -> None:
    """Show the processes of the caller's own pid namespace and no others."""
    _mount("proc", target, "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, None)


def mount_terminals(target: str = "/dev/pts") -> None:
    """Have pseudo-terminals of one's own."""
    _mount("devpts", target, "devpts", _MS_NOSUID | _MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")


def detach_mounts() -> None:
    """Let no mount made here show anywhere else."""
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE, None)


def raise_loopback() -> None:
    """Switch on the loopback interface: honest notebooks start local servers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as some_socket:
        fcntl.ioctl(some_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", _IFF_UP_RUNNING))


def limit_resources(limits: Mapping[str, int]) -> None:
    """Set hard limits, by their names in `resource`, for this process and all that it starts; none is ever raised."""
    for name, wanted in limits.items():
        kind = getattr(resource, name)
        _, hard = resource.getrlimit(kind)
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (value, value))


def drop_privileges() -> None:
    """Give up every capability for good and load the system-call filter: the last act before student code."""
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    libc = _libc()
    for capability in range(64):
        if libc.prctl(_PR_CAPBSET_DROP, *map(ctypes.c_ulong, (capability, 0, 0, 0))) < 0:
            break  # past the last one that this kernel knows
    header, none_at_all = struct.pack("=II", 0x20080522, 0), bytes(24)
    _checked(libc.syscall(ctypes.c_long(_CAPSET_NUMBER[platform.machine()]), header, none_at_all), "capset")
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _load_filter(seccomp_program())


def die_with_parent() -> None:
    """Be killed when the parent ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def be_killed_first() -> None:
    """Be what Linux kills when the machine runs out of memory, before the process that forked this one."""
    Path("/proc/self/oom_score_adj").write_bytes(b"1000")


def gather_pages() -> None:
    """Have this process's memory in huge pages where Linux can: to fork it, and to end a fork, takes half the time."""
    libc = _libc()
    for line in Path("/proc/self/maps").read_text(errors="replace").splitlines():
        area, rights, _, _, inode, *name = line.split(maxsplit=5)
        if not rights.startswith("rw-p") or inode != "0" or name not in ([], ["[heap]"]):
            continue
        first, end = (int(address, 16) for address in area.split("-"))
        for start in range(-(-first // _HUGE) * _HUGE, end - _HUGE + 1, _HUGE):
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(_HUGE), _MADV_COLLAPSE)  # a wish: it may be refused


def hide_memory(*, hidden: bool = True) -> None:
    """Let no process of the same user read or trace this one (or allow it again)."""
    _prctl(_PR_SET_DUMPABLE, 0 if hidden else 1)


def close_other_files(kept: set[int]) -> None:
    """Close every file descriptor but these."""
    libc = _libc()
    first = 0
    for last in [*sorted(kept), 1 << 30]:
        if first < last:
            ends = (ctypes.c_long(first), ctypes.c_long(last - 1), ctypes.c_long(0))
            _checked(libc.syscall(ctypes.c_long(_CLOSE_RANGE_NUMBER), *ends), "close_range")
        first = last + 1


def namespaces() -> dict[str, str]:
    """Return the identity of each namespace that this process is in."""
    return {name: str(Path(f"/proc/self/ns/{name}").readlink()) for name in NAMESPACES}


def why_not_confined(outside: Mapping[str, str]) -> str | None:
    """Say what is missing for this process to be confined, or None: read back from the kernel, not remembered."""
    lines = Path("/proc/self/status").read_bytes().decode(errors="replace").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    wanted = {"NoNewPrivs": "1", "Seccomp": "2", **dict.fromkeys(_CAPABILITY_SETS, "0" * 16)}
    wrong = [f"{name} is {status.get(name)}" for name, value in wanted.items() if status.get(name, "").strip() != value]
    inside = namespaces()
    shared = [f"the {name} namespace is shared" for name in NAMESPACES if outside.get(name) in {None, inside[name]}]
    return "; ".join([*wrong, *shared]) or None


def _load_filter(program: bytes) -> None:
    buffer = ctypes.create_string_buffer(program, len(program))
    descriptor = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    holder = ctypes.create_string_buffer(descriptor, len(descriptor))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(holder))


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None) -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
    result = _libc().mount(*texts[:3], ctypes.c_ulong(flags), texts[3])
    _checked(result, f"mount {kind} on {target}")


def _prctl(option: int, value: int, second: int = 0) -> None:
    _checked(_libc().prctl(ctypes.c_int(option), *map(ctypes.c_ulong, (value, second, 0, 0))), f"prctl {option}")


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result
