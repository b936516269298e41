"""One notebook's kernel: forked from the warm process, shut in, proved to be, and then fed a cell at a time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from traceback import extract_tb
from typing import Any

from grader.execution import confine
from grader.execution.frames import MAX_LENGTH, FrameReader, Oversized, pack
from grader.execution.warm.kernel import PipeApp, adopt
from grader.execution.warm.seeds import seed_everything
from grader.execution.warm.streams import Frames

_READ_BYTES = 1 << 16
_LONGEST_REASON = 1000
_FAILED = 70
"""Exit status of a child that could not be shut in."""


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
class Origin:
    """What the warm process is, so that its children can tell that they are not."""

    namespaces: Mapping[str, str]
    user: int
    group: int

    @classmethod
    def here(cls) -> Origin:
        """Describe this process."""
        return cls(confine.namespaces(), os.getuid(), os.getgid())


def live(app: PipeApp, room: Room, orders: int, frames: int, origin: Origin) -> None:
    """Be the first process of a pid namespace: shut it, fork the kernel into it, reap until the kernel ends.

    Never returns. Whatever fails before student code runs is told to the host as a fault.
    """
    status = _FAILED
    try:
        _enter(room, origin)
        kernel = os.fork()
        if kernel == 0:
            confine.die_with_parent()
            _run_kernel(app, room, orders, frames, origin)
            status = 0
        else:
            confine.close_other_files(set())
            confine.drop_privileges()
            status = _reap(kernel)
    except BaseException as error:  # noqa: BLE001 - the last frame before the process ends: all that can be done is to tell
        place = extract_tb(error.__traceback__)[-1]
        _tell_fault(frames, f"{type(error).__name__} in {place.name}, line {place.lineno}: {error}")
    finally:
        os._exit(status)


def _enter(room: Room, origin: Origin) -> None:
    """Make the namespaces that the process was cloned into a place to live in."""
    confine.die_with_parent()
    confine.hide_memory(hidden=False)  # or its own files in /proc would not be its own
    confine.map_user(origin.user, origin.group)
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
    confine.hide_memory()


def _reap(kernel: int) -> int:
    """Collect what dies in the namespace until the kernel does; pass interrupts on to it and its process group."""

    def interrupt(*_: object) -> None:
        os.killpg(kernel, signal.SIGINT)

    signal.signal(signal.SIGINT, interrupt)
    while True:
        pid, status = os.wait()
        if pid == kernel:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _run_kernel(app: PipeApp, room: Room, orders: int, frames: int, origin: Origin) -> None:
    os.setsid()
    confine.hide_memory(hidden=False)
    confine.drop_privileges()
    missing = confine.why_not_confined(origin.namespaces)
    if missing:
        raise PermissionError(f"the kernel is not confined: {missing}")
    asyncio.run(_serve(app, room, orders, Frames(frames)))


async def _serve(app: PipeApp, room: Room, orders: int, channel: Frames) -> None:
    """Take the files, then one cell after another until the host hangs up."""
    from tornado.ioloop import IOLoop

    incoming = _frames(orders)
    setup = json.loads(await anext(incoming))
    os.chdir(room.folders[-1])
    for path in setup["files"]:
        _write_file(path, await anext(incoming))
    confine.limit_resources(room.limits)
    adopt(app, channel)
    app.kernel.io_loop = IOLoop.current()
    seed_everything(setup["seed"])
    channel.write(b'{"ready":true}')
    async for frame in incoming:
        await _run_cell(app, json.loads(frame), channel)


def _write_file(path: str, content: bytes) -> None:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts:
        raise ValueError("a file outside the working folder")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open("xb") as file:
        file.write(content)


async def _run_cell(app: PipeApp, order: Mapping[str, Any], channel: Frames) -> None:
    """Handle one cell as ipykernel handles a request, from its parent header to its reply."""
    header = {"msg_id": order["id"], "msg_type": "execute_request", "session": "grader", "username": "grader"}
    content = {
        "code": order["source"],
        "silent": False,
        "store_history": order["counted"],
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": False,
    }
    request = {**header, "header": header, "parent_header": {}, "metadata": {}, "content": content, "buffers": []}
    kernel = app.kernel
    kernel.set_parent([b"grader"], request, "shell")
    kernel.pre_handler_hook()
    try:
        await kernel.execute_request(None, [b"grader"], request)
    except KeyboardInterrupt:
        # it came between the cell and its reply; ipykernel itself would never answer
        reply = {"status": "error", "ename": "KeyboardInterrupt", "evalue": ""}
        channel.write(json.dumps({"msg_type": "execute_reply", "parent": order["id"], "content": reply}).encode())
    finally:
        kernel.post_handler_hook()


async def _frames(descriptor: int) -> AsyncIterator[bytes]:
    """Give the host's frames as they come; tasks of earlier cells go on meanwhile."""
    loop = asyncio.get_running_loop()
    os.set_blocking(descriptor, False)
    reader = FrameReader(MAX_LENGTH)
    while True:
        readable = loop.create_future()
        loop.add_reader(descriptor, readable.set_result, None)
        try:
            await readable
        finally:
            loop.remove_reader(descriptor)
        data = os.read(descriptor, _READ_BYTES)
        if not data:
            return
        for frame in reader.feed(data):
            assert not isinstance(frame, Oversized), "the host's own frame"
            yield frame


def _tell_fault(frames: int, reason: str) -> None:
    """Write one small frame, with as little machinery as can be: some of it may be what failed."""
    with suppress(OSError):  # the host is gone
        os.write(frames, pack({"fault": reason[:_LONGEST_REASON]}))
