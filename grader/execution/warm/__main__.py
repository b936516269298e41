"""The warm process: imports what a notebook will, and forks a kernel from itself for each one that the host asks for.

Started inside the sandbox with one argument, the descriptor of its socket to the host. It has an empty environment,
knows nothing of the course, and ends when the host hangs up.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.execution import confine
from grader.execution.warm.rooms import Room, RoomMaker

if TYPE_CHECKING:
    from grader.execution.warm.child import Origin
    from grader.execution.warm.kernel import PipeApp

_LARGEST_REQUEST = 1 << 18


def main(control: socket.socket) -> None:
    """Get warm, then serve the host's requests until it hangs up."""
    confine.die_with_parent()
    # only who has rights over its own namespaces may fork into those of a room; these reach no further than the sandbox
    confine.enter_user_namespace()
    rooms = RoomMaker()
    confine.hide_memory()
    parent = _get_warm(json.loads(control.recv(_LARGEST_REQUEST)), rooms)
    threads = len(list(Path("/proc/self/task").iterdir()))
    _answer(control, {"threads": threads})
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, _LARGEST_REQUEST, 2)
        if not data:
            return
        request = json.loads(data)
        if not request:
            _answer(control, {})
            continue
        try:
            handles = parent.fork(Room(**request), *descriptors)
        except OSError as error:
            _answer(control, {"fault": str(error)})
            continue
        finally:
            _close(descriptors)
        _answer(control, {}, handles)
        _close(handles)


@dataclass(frozen=True, slots=True)
class Parent:
    """What kernels are forked from."""

    app: PipeApp
    origin: Origin
    rooms: RoomMaker

    def fork(self, room: Room, orders: int, frames: int) -> list[int]:
        """Fork a kernel into a new room: handles of the room's first process and of the kernel; raises OSError."""
        from grader.execution.warm.child import live

        with closing(self.rooms.make(room)) as made:
            confine.send_children_to(made.namespaces["pid"])
            kernel = os.fork()
            if kernel == 0:
                live(self.app, made, orders, frames, self.origin)
            return [os.pidfd_open(kernel), os.dup(made.keeper)]


def _get_warm(hello: dict[str, Any], rooms: RoomMaker) -> Parent:
    """Import and build everything: only now, so that the process that makes rooms is small."""
    from grader.execution.warm.child import Origin
    from grader.execution.warm.kernel import build, forget_output
    from grader.execution.warm.preload import freeze, import_modules, warm_up

    app = build(hello["options"])
    import_modules(hello["preload"])
    warm_up(app.shell)
    forget_output(app)
    # programs that parse their arguments must fail here as they do in Jupyter
    launcher = find_spec("ipykernel_launcher")
    sys.argv = [str(launcher and launcher.origin), "-f", "/run/kernel.json", *hello["options"]]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no room ends while a process in it waits to be asked how it ended
    freeze()
    return Parent(app, Origin.here(), rooms)


def _answer(control: socket.socket, answer: dict[str, Any], handles: list[int] | None = None) -> None:
    socket.send_fds(control, [json.dumps(answer).encode()], handles or [])


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as control:
        main(control)
