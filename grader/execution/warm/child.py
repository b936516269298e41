"""One notebook's kernel: forked from the warm process, shut in, proved to be, and then fed a cell at a time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from traceback import extract_tb
from typing import Any

from grader.execution import confine
from grader.execution.frames import MAX_LENGTH, FrameReader, Oversized, pack
from grader.execution.warm.kernel import PipeApp, adopt
from grader.execution.warm.rooms import OpenRoom, Room
from grader.execution.warm.seeds import seed_everything
from grader.execution.warm.streams import Frames

_READ_BYTES = 1 << 16
_LONGEST_REASON = 1000
_FAILED = 70
"""Exit status of a child that could not be shut in."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What the warm process is, so that its children can tell that they are not."""

    namespaces: Mapping[str, str]

    @classmethod
    def here(cls) -> Origin:
        """Describe this process."""
        return cls(confine.namespaces())


def live(app: PipeApp, room: OpenRoom, orders: int, frames: int, origin: Origin) -> None:
    """Be the kernel: enter the room, be shut in, take files and cells until the host hangs up.

    Never returns. Whatever fails before student code runs is told to the host as a fault.
    """
    status = _FAILED
    try:
        _enter(room, origin, {0, 1, 2, orders, frames})
        asyncio.run(_serve(app, room.plan, orders, Frames(frames)))
        status = 0
    except BaseException as error:  # noqa: BLE001 - the last frame before the process ends: all that can be done is to tell
        place = extract_tb(error.__traceback__)[-1]
        _tell_fault(frames, f"{type(error).__name__} in {place.name}, line {place.lineno}: {error}")
    finally:
        os._exit(status)


def _enter(room: OpenRoom, origin: Origin, kept: set[int]) -> None:
    """Go into the room with nothing but these files, drop everything, and prove it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    confine.join(room.namespaces)
    confine.die_with_parent()
    confine.close_other_files(kept)
    os.setsid()
    confine.hide_memory(hidden=False)  # or its own files in /proc would not be its own
    confine.be_killed_first()
    confine.drop_privileges()
    missing = confine.why_not_confined(origin.namespaces)
    if missing:
        raise PermissionError(f"the kernel is not confined: {missing}")


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
        with nullcontext() if order["counted"] else _short_errors(app.shell):
            await kernel.execute_request(None, [b"grader"], request)
    except KeyboardInterrupt:
        # it came between the cell and its reply; ipykernel itself would never answer
        reply = {"status": "error", "ename": "KeyboardInterrupt", "evalue": ""}
        channel.write(json.dumps({"msg_type": "execute_reply", "parent": order["id"], "content": reply}).encode())
    finally:
        kernel.post_handler_hook()


@contextmanager
def _short_errors(shell: Any) -> Iterator[None]:
    """Let errors be shown by name and text alone: of a cell that is in no notebook, nobody reads where it failed."""
    handler = shell.InteractiveTB
    before = getattr(handler, "mode", "Context")
    with suppress(Exception):  # student code may have put anything there
        handler.set_mode("Minimal")
    try:
        yield
    finally:
        with suppress(Exception):
            handler.set_mode(before)


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
