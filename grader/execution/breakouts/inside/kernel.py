"""The kernel's own doors, and other processes by way of it."""

# What is tried here are system calls, by their own names.
# ruff: noqa: PTH108, PTH208
from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
import struct

from .reach import REFUSED, Facts, Tries, in_a_child, opens, reached, rights_of

_DEVICES = {"console", "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin"}
_DEVICES |= {"stdout", "tty", "urandom", "zero"}
_PTRACE_TRACEME, _PTRACE_DETACH, _PTRACE_SEIZE = 0, 17, 0x4206


def tracing(facts: Facts) -> Tries:
    """Other processes' memory."""
    yield "ptrace", in_a_child(reached, "ptrace", _PTRACE_TRACEME, 0, 0, 0)
    for pid in {1, os.getppid(), facts["pid"]} - {os.getpid(), 0}:
        yield f"ptrace of process {pid}", in_a_child(_seized, pid)
        yield f"process_vm_readv of process {pid}", reached("process_vm_readv", pid, 0, 0, 0, 0, 0)
        # one that is shut in just as we are is no way out: the sandbox's own first process, for one
        yield f"/proc/{pid}/mem", opens(f"/proc/{pid}/mem", os.O_RDWR) and rights_of(pid) != rights_of(os.getpid())
    yield "kcmp", reached("kcmp", os.getpid(), os.getpid(), 0, 0, 0)


def keyrings(_facts: Facts) -> Tries:
    """The kernel's keys."""
    yield "add_key", reached("add_key", b"user", b"grader", b"x", 1, -2)
    yield "keyctl", reached("keyctl", 0, -4, 1)
    yield "request_key", reached("request_key", b"user", b"grader", None, 0)


def doors(_facts: Facts) -> Tries:
    """Parts of the kernel that have been ways out, and memory that nobody would count."""
    yield "bpf", reached("bpf", 0, struct.pack("5I", 2, 4, 4, 1, 0).ljust(128, b"\0"), 128)
    yield "perf_event_open", reached("perf_event_open", struct.pack("II", 1, 112).ljust(112, b"\0"), 0, -1, -1, 0)
    yield "io_uring", reached("io_uring_setup", 1, ctypes.create_string_buffer(120))
    yield "userfaultfd", reached("userfaultfd", 1 | os.O_CLOEXEC)
    yield "kexec_load", reached("kexec_load", 0, 0, 0, 0xFF)
    yield "init_module", reached("init_module", b"", 0, b"")
    yield "open_by_handle_at", reached("open_by_handle_at", -100, struct.pack("II", 8, 1).ljust(16, b"\0"), 0)
    yield "the kernel's log", reached("syslog", 3, ctypes.create_string_buffer(1000), 1000)
    yield "memfd_create", reached("memfd_create", b"grader", 0)
    yield "shmget", _shared_memory()
    for name in ("/proc/kcore", "/proc/kmsg", "/sys/kernel/debug", "/sys/fs/cgroup", "/sys/class/net"):
        yield name, opens(name, os.O_RDONLY)
    for name in ("/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches"):
        yield f"writing {name}", opens(name, os.O_WRONLY)


def devices(_facts: Facts) -> Tries:
    """Devices of the host, and new ones."""
    for name in sorted(os.listdir("/dev")):
        yield f"/dev/{name}", name not in _DEVICES
    for kind, number in ((stat.S_IFBLK, (8, 0)), (stat.S_IFBLK, (254, 0)), (stat.S_IFCHR, (1, 1))):
        yield f"a device {number}", _device(kind, number)
    yield "typing into a terminal", in_a_child(_types)


def _seized(pid: int) -> bool:
    worked = reached("ptrace", _PTRACE_SEIZE, pid, 0, 0)
    if worked:
        reached("ptrace", _PTRACE_DETACH, pid, 0, 0)
    return worked


def _shared_memory() -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    made = libc.shmget(0, 4096, 0o1600)
    if made >= 0:
        libc.shmctl(made, 0, None)
    return bool(made >= 0)


def _device(kind: int, number: tuple[int, int]) -> bool:
    try:
        os.mknod("device", kind | 0o600, os.makedev(*number))
    except OSError:
        return False
    os.unlink("device")
    return True


def _types() -> bool:
    """Whether input can be put into the terminal that one sits at: here, a fresh one."""
    ours, theirs = os.openpty()
    os.setsid()
    fcntl.ioctl(theirs, 0x540E, 0)
    try:
        fcntl.ioctl(theirs, 0x5412, b"x")
    except OSError as error:
        return error.errno not in {*REFUSED, errno.EIO}
    finally:
        os.close(ours)
        os.close(theirs)
    return True
