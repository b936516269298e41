"""Confinement is what Linux says it is: the filter, the namespaces, the limits and the proof of them."""

import errno
import json
import os
import select
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.execution import confine, seccomp
from grader.execution.seccomp import seccomp_program

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_REFUSED = {
    # from the kernel's own tables of system calls
    "x86_64": {
        "ptrace": 101,
        "mount": 165,
        "unshare": 272,
        "setns": 308,
        "bpf": 321,
        "keyctl": 250,
        "io_uring_setup": 425,
    },
    "aarch64": {
        "ptrace": 117,
        "mount": 40,
        "unshare": 97,
        "setns": 268,
        "bpf": 280,
        "keyctl": 219,
        "io_uring_setup": 425,
    },
}
_ORDINARY = {
    "x86_64": {"read": 0, "write": 1, "openat": 257, "execve": 59, "futex": 202, "mmap": 9, "fork": 57, "mknodat": 259},
    "aarch64": {"read": 63, "write": 64, "openat": 56, "execve": 221, "futex": 98, "mmap": 222, "mknodat": 33},
}
_CLONE = {"x86_64": 56, "aarch64": 220}
_SOCKET = {"x86_64": 41, "aarch64": 198}
_IOCTL = {"x86_64": 16, "aarch64": 29}
_MACHINES = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


def verdict(machine, number, *arguments, arch=None):
    """Run the filter on one system call as Linux does: loads, jumps and returns over `struct seccomp_data`."""
    words = [value & 0xFFFFFFFFFFFFFFFF for value in (*arguments, *([0] * (6 - len(arguments))))]
    data = struct.pack("<IIQ6Q", number, _ARCH[machine] if arch is None else arch, 0, *words)
    program = [*struct.iter_unpack("=HBBI", seccomp_program(machine))]
    at, loaded = 0, 0
    while True:
        code, if_true, if_false, value = program[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            (loaded,) = struct.unpack_from("<I", data, value)
        else:
            holds = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[code]
            at += if_true if holds else if_false


@_MACHINES
def test_filter_refuses_what_breaks_sandboxes(machine):
    """Calls that reach other processes, namespaces, mounts and the kernel's keys fail with EPERM."""
    assert {verdict(machine, number) for number in _REFUSED[machine].values()} == {_ERRNO | errno.EPERM}


@_MACHINES
def test_filter_allows_ordinary_calls(machine):
    """What Python, compilers and servers use is allowed."""
    assert {verdict(machine, number) for number in _ORDINARY[machine].values()} == {_ALLOW}


@_MACHINES
@settings(deadline=None)
@given(number=st.integers(0, 1000), arch=st.integers(0, 2**32 - 1))
def test_filter_kills_other_architectures(machine, number, arch):
    """A call by another architecture's convention, whatever it is, ends the process."""
    expected = verdict(machine, number) if arch == _ARCH[machine] else _KILL
    assert verdict(machine, number, arch=arch) == expected


def test_filter_kills_x32():
    """The 32-bit convention of x86_64, which numbers calls anew, ends the process."""
    assert verdict("x86_64", 0x40000000) == _KILL


@_MACHINES
@settings(deadline=None)
@given(flags=st.integers(0, 2**64 - 1))
def test_filter_reads_the_flags_of_clone(machine, flags):
    """A clone into any new namespace is refused, every other one allowed."""
    wanted = _ERRNO | errno.EPERM if flags & 0x7E020080 else _ALLOW
    assert verdict(machine, _CLONE[machine], flags) == wanted


@_MACHINES
def test_filter_hides_clone3(machine):
    """clone3, whose flags cannot be read, is as if it did not exist."""
    assert verdict(machine, 435) == _ERRNO | errno.ENOSYS


@_MACHINES
@settings(deadline=None)
@given(family=st.integers(0, 60), kind=st.integers(0, 10), protocol=st.integers(0, 30))
def test_filter_lets_few_sockets_through(machine, family, kind, protocol):
    """Unix and internet sockets, and of netlink routing alone."""
    allowed = family in {1, 2, 10} or (family == 16 and protocol == 0)
    assert verdict(machine, _SOCKET[machine], family, kind, protocol) == (
        _ALLOW if allowed else _ERRNO | errno.EAFNOSUPPORT
    )


@_MACHINES
def test_filter_refuses_typing_into_terminals(machine):
    """Nobody types into a terminal from outside; other device requests are allowed."""
    ioctl = _IOCTL[machine]
    assert [verdict(machine, ioctl, 0, request) for request in (0x5412, 0x541C, 0x5413, 0x541B)] == [
        _ERRNO | errno.EPERM,
        _ERRNO | errno.EPERM,
        _ALLOW,
        _ALLOW,
    ]


def test_filter_for_an_unknown_machine_does_not_exist():
    """On a machine whose calls are not known nothing is loaded that would protect from nothing."""
    with pytest.raises(ValueError, match="riscv64"):
        seccomp_program("riscv64")


def test_numbers_are_unique():
    """No two names stand for one call, which would be a slip in the table."""
    for column in (0, 1):
        numbers = [pair[column] for pair in seccomp._REFUSED.values() if pair[column] is not None]
        assert len(numbers) == len(set(numbers))


_SCRIPT = """
import ctypes, json, os, resource, socket, threading, sys
from grader.execution import confine
outside, ids, answer = confine.namespaces(), (os.getuid(), os.getgid()), {}
confine.hide_memory(hidden=False)
child = confine.clone_into_namespaces()
if child:
    os.waitpid(child, 0)
    sys.exit()
confine.map_user(*ids)
confine.detach_mounts()
confine.raise_loopback()
confine.mount_tmpfs("/box", 1 << 20, inodes=50)
confine.mount_terminals()
confine.mount_proc()
confine.be_killed_first()
child = os.fork()
if child:
    os.waitpid(child, 0)
    os._exit(0)
try:
    answer["before"] = confine.why_not_confined(outside)
    confine.limit_resources({"RLIMIT_NOFILE": 100, "RLIMIT_NPROC": 20})
    confine.limit_resources({"RLIMIT_NOFILE": 200})
    confine.close_other_files({0, 1, 2})
    confine.drop_privileges()
    answer["after"] = confine.why_not_confined(outside)
    answer["same"] = confine.why_not_confined(confine.namespaces())
    answer["files"] = resource.getrlimit(resource.RLIMIT_NOFILE)
    answer["user"] = ids == (os.getuid(), os.getgid())
    answer["oom"] = open("/proc/self/oom_score_adj").read().strip()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.unshare(0x10000000)
    answer["unshare"] = ctypes.get_errno()
    libc.ptrace(0, 0, 0, 0)
    answer["ptrace"] = ctypes.get_errno()
    thread = threading.Thread(target=answer.update, args=[{"thread": True}])
    thread.start()
    thread.join()
    server = socket.create_server(("127.0.0.1", 0))
    answer["loopback"] = socket.create_connection(server.getsockname()).fileno() > 0
    children = []
    try:
        for _ in range(30):
            child = os.fork()
            if child == 0:
                threading.Event().wait()
            children.append(child)
    except OSError as error:
        answer["processes"] = [error.errno, len(children) < 20]
    try:
        for number in range(100):
            open(f"/box/{number}", "w").close()
    except OSError as error:
        answer["inodes"] = [error.errno, number < 50]
except BaseException as error:
    answer["error"] = repr(error)
os.write(1, json.dumps(answer).encode())
os._exit(0)
"""


@pytest.fixture(scope="module")
def confined(sandbox):
    """What a process says of itself that confined itself inside the sandbox."""
    reading, writing = os.pipe()
    jail = sandbox.start(
        [sys.executable, "-P", "-c", _SCRIPT],
        disk_bytes=1 << 20,
        environment={"LANG": "C.UTF-8"},
        output=writing,
        more_paths=[Path(confine.__file__).parents[1]],
        nested=True,
    )
    os.close(writing)
    said = b""
    while select.select([reading], [], [], 30)[0] and (part := os.read(reading, 4096)):
        said += part
    os.close(reading)
    jail.kill()
    assert said.startswith(b"{"), said.decode()
    return json.loads(said)


def test_confinement_is_complete(confined):
    """After the last step nothing is missing; before it, the proof says what is."""
    assert "error" not in confined
    assert confined["after"] is None
    assert {line.split(" is ")[0] for line in confined["before"].split("; ")} == {
        "Seccomp",
        "CapPrm",
        "CapEff",
        "CapBnd",
    }


def test_proof_needs_namespaces_of_its_own(confined):
    """A process in the namespaces that it should have left is not confined."""
    assert all(
        f"the {name} namespace is shared" in confined["same"] for name in ("mnt", "pid", "net", "ipc", "user", "uts")
    )


def test_refused_calls_fail(confined):
    """The filter is at work: the calls that it refuses fail."""
    assert [confined["unshare"], confined["ptrace"]] == [errno.EPERM, errno.EPERM]


def test_honest_work_goes_on(confined):
    """Threads start, local servers answer, and the user is who they were."""
    assert [confined["thread"], confined["loopback"], confined["user"]] == [True, True, True]


def test_limits_hold_and_are_never_raised(confined):
    """Processes, files and descriptors end at their limits."""
    assert confined["files"] == [100, 100]
    assert confined["processes"] == [errno.EAGAIN, True]
    assert confined["inodes"] == [errno.ENOSPC, True]
    assert confined["oom"] == "1000"
