"""The system-call filter that every process near student code carries: a small BPF program, assembled here.

It refuses what no notebook needs and what has been a way out of sandboxes: other processes' memory, namespaces, mounts,
kernel keys, BPF, io_uring, clocks, unusual socket families. All else is allowed, since honest notebooks run compilers,
servers and process pools.
Imports nothing but the standard library's lightest parts: it also runs inside the sandbox.
"""

from __future__ import annotations

import errno
import platform
import struct

_REFUSED = {
    # name: (x86_64, aarch64); None where the architecture does not have it
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "memfd_create": (319, 279),  # memory that no process maps: no watchdog sees it
    "memfd_secret": (447, 447),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmget": (29, 194),  # as memfd_create
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "uselib": (134, None),
    "vhangup": (153, 58),
}
_CALLS = {
    # those whose arguments decide
    "x86_64": {"clone": 56, "clone3": 435, "socket": 41, "ioctl": 16},
    "aarch64": {"clone": 220, "clone3": 435, "socket": 198, "ioctl": 29},
}
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000
_NAMESPACE_FLAGS = 0x7E020080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWTIME."""
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK, _NETLINK_ROUTE = 1, 2, 10, 16, 0
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C

_NUMBER_OFFSET, _ARCH_OFFSET = 0, 4
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06

_Instruction = tuple[int, int, int, int]


def seccomp_program(machine: str | None = None) -> bytes:
    """Return the filter as the kernel and `bwrap --seccomp` take it: an array of `struct sock_filter`.

    Refused calls fail with EPERM; clone3 with ENOSYS, so that libc falls back to clone, whose flags can be read; a call
    of another architecture kills the process. Raises ValueError for a machine other than x86_64 and aarch64.
    """
    name = platform.machine() if machine is None else machine
    if name not in _AUDIT_ARCH:
        raise ValueError(f"no system-call filter for {name}")
    calls = _CALLS[name]
    column = 0 if name == "x86_64" else 1
    refused = sorted(number for numbers in _REFUSED.values() if (number := numbers[column]) is not None)
    program = [
        _load(_ARCH_OFFSET),
        (_EQUAL, 1, 0, _AUDIT_ARCH[name]),
        _return(_KILL_PROCESS),
        _load(_NUMBER_OFFSET),
        *_when(_AT_LEAST, _X32_BIT, [_return(_KILL_PROCESS)]),
        *(instruction for number in refused for instruction in _when(_EQUAL, number, [_fail(errno.EPERM)])),
        *_when(_EQUAL, calls["clone3"], [_fail(errno.ENOSYS)]),
        *_when(_EQUAL, calls["clone"], _clone_rule()),
        *_when(_EQUAL, calls["socket"], _socket_rule()),
        *_when(_EQUAL, calls["ioctl"], _ioctl_rule()),
        _return(_ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _clone_rule() -> list[_Instruction]:
    return [_load_argument(0), *_when(_ANY_BIT, _NAMESPACE_FLAGS, [_fail(errno.EPERM)]), _return(_ALLOW)]


def _socket_rule() -> list[_Instruction]:
    """Unix and internet sockets; of netlink only routing, without which libc's getifaddrs aborts ZeroMQ."""
    allow = [_return(_ALLOW)]
    return [
        _load_argument(0),
        *_when(_EQUAL, _AF_UNIX, allow),
        *_when(_EQUAL, _AF_INET, allow),
        *_when(_EQUAL, _AF_INET6, allow),
        *_when(_EQUAL, _AF_NETLINK, [_load_argument(2), *_when(_EQUAL, _NETLINK_ROUTE, allow)]),
        _fail(errno.EAFNOSUPPORT),
    ]


def _ioctl_rule() -> list[_Instruction]:
    """No typing into a terminal from outside its process group."""
    refuse = [_fail(errno.EPERM)]
    return [_load_argument(1), *_when(_EQUAL, _TIOCSTI, refuse), *_when(_EQUAL, _TIOCLINUX, refuse), _return(_ALLOW)]


def _when(test: int, value: int, then: list[_Instruction]) -> list[_Instruction]:
    """Run `then` if the loaded value passes the test, else step over it."""
    return [(test, 0, len(then), value), *then]


def _load(offset: int) -> _Instruction:
    return (_LOAD, 0, 0, offset)


def _load_argument(index: int) -> _Instruction:
    """Load the low half of an argument; both architectures are little-endian and the kernel reads no more of these."""
    return _load(16 + 8 * index)


def _return(value: int) -> _Instruction:
    return (_RETURN, 0, 0, value)


def _fail(number: int) -> _Instruction:
    return _return(_ERRNO | number)
