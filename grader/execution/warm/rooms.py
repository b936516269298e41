"""The small process that makes rooms: namespaces and file systems for one notebook, and the process that keeps them.

It is forked from the warm process before that imports anything, so that what it forks in turn costs next to nothing: a
room's first process takes no part in the kernel but to give the room its life. Whoever kills it ends all in the room.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from traceback import extract_tb

from grader.execution import confine

_LARGEST_REQUEST = 1 << 18
_LONGEST_REASON = 1000
_KERNEL = 2
"""The pid of a room's second process, the kernel, which leads a process group of its own."""


@dataclass(frozen=True, slots=True)
class Room:
    """What one notebook gets: its own file systems and its limits."""

    sizes: Mapping[str, int]
    """The folders that it may write to, each a file system of its own of that many bytes."""
    inodes: int
    around: Mapping[str, tuple[str, ...]]
    """Folders like the first, in which what Python needs stays visible."""
    folders: tuple[str, ...]
    """Made in there; the last of them is the working folder."""
    limits: Mapping[str, int]
    """By their names in Python's `resource`."""


@dataclass(frozen=True, slots=True)
class OpenRoom:
    """A room that stands: handles of what keeps it and of its namespaces, by name."""

    plan: Room
    keeper: int
    namespaces: Mapping[str, int]

    def close(self) -> None:
        """Close the handles; the room stays."""
        for handle in (self.keeper, *self.namespaces.values()):
            os.close(handle)


class RoomMaker:
    """The warm process's handle of the small process."""

    def __init__(self) -> None:
        """Fork it. The caller has one thread, and has imported nothing much."""
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            _serve(theirs)
        theirs.close()

    def make(self, room: Room) -> OpenRoom:
        """Have a room made; raises OSError where that fails."""
        self._socket.send(json.dumps(asdict(room)).encode())
        words, handles, _, _ = socket.recv_fds(self._socket, _LARGEST_REQUEST, 1 + len(confine.NAMESPACES))
        if not handles:
            raise OSError(words.decode(errors="replace") or "the process that makes rooms has died")
        return OpenRoom(room, handles[0], dict(zip(confine.NAMESPACES, handles[1:], strict=True)))


def _serve(requests: socket.socket) -> None:
    """Make rooms until the warm process ends; never returns."""
    try:
        confine.die_with_parent()
        confine.close_other_files({0, 1, 2, requests.fileno()})
        confine.hide_memory()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a room's first process ended
        gc.disable()
        user, group = os.getuid(), os.getgid()
        while request := requests.recv(_LARGEST_REQUEST):
            words, handles = _made(Room(**json.loads(request)), user, group)
            socket.send_fds(requests, [words], handles)
            for handle in handles:
                os.close(handle)
    finally:
        os._exit(1)


def _made(room: Room, user: int, group: int) -> tuple[bytes, list[int]]:
    """Fork a room's first process and wait until the room stands: handles, or words that say why not."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            try:
                if confine.clone_into_namespaces() == 0:
                    _keep(room, user, group, theirs)
            except OSError as error:
                return str(error).encode(), []
        words, handles, _, _ = socket.recv_fds(ours, _LONGEST_REASON, 1 + len(confine.NAMESPACES))
    return words or b"the first process of a room died", handles


def _keep(room: Room, user: int, group: int, told: socket.socket) -> None:
    """Be the first process of a pid namespace: make the room, hand it over, and stay; never returns."""
    try:
        _furnish(room, user, group)
        handles = [os.pidfd_open(os.getpid()), *confine.open_namespaces()]
        confine.hide_memory()
        signal.signal(signal.SIGINT, _interrupt)
        socket.send_fds(told, [b"it stands"], handles)
        confine.close_other_files(set())
        confine.drop_privileges()
        while True:
            signal.pause()
    except BaseException as error:  # noqa: BLE001 - the last frame before the process ends: all that can be done is to tell
        place = extract_tb(error.__traceback__)[-1]
        with suppress(OSError):
            told.send(
                f"{type(error).__name__} in {place.name}, line {place.lineno}: {error}".encode()[:_LONGEST_REASON]
            )
    finally:
        os._exit(1)


def _furnish(room: Room, user: int, group: int) -> None:
    """Make the namespaces that the process was cloned into a place to live in."""
    confine.die_with_parent()
    confine.hide_memory(hidden=False)  # or its own files in /proc would not be its own
    confine.map_user(user, group)
    confine.detach_mounts()
    confine.raise_loopback()
    for folder, size in room.sizes.items():
        confine.mount_tmpfs(folder, size, inodes=room.inodes)
    for folder, shown in room.around.items():
        stash = f"{next(iter(room.sizes))}/.stash"
        confine.mount_tmpfs_around(folder, shown, stash, max(room.sizes.values()), inodes=room.inodes)
    for folder in room.folders:
        Path(folder).mkdir(parents=True, exist_ok=True)
    confine.mount_terminals()
    confine.mount_proc()
    confine.be_killed_first()


def _interrupt(*_: object) -> None:
    """Pass an interrupt on to the kernel and its process group."""
    with suppress(OSError):  # it has ended
        os.killpg(_KERNEL, signal.SIGINT)
