"""The warm process: imports what a notebook will, and forks a kernel from itself for each one that the host asks for.

Started inside the sandbox with one argument, the descriptor of its socket to the host. It has an empty environment,
knows nothing of the course, and ends when the host hangs up.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from grader.execution import confine
from grader.execution.warm.child import Origin, Room, live
from grader.execution.warm.kernel import PipeApp, build, forget_output
from grader.execution.warm.preload import freeze, import_modules, warm_up

_LARGEST_REQUEST = 1 << 18


def main(control: socket.socket) -> None:
    """Get warm, then serve the host's requests until it hangs up."""
    confine.die_with_parent()
    confine.hide_memory()
    hello = json.loads(control.recv(_LARGEST_REQUEST))
    app = build(hello["options"])
    import_modules(hello["preload"])
    warm_up(app.shell)
    forget_output(app)
    # programs that parse their arguments must fail here as they do in Jupyter
    launcher = find_spec("ipykernel_launcher")
    sys.argv = [str(launcher and launcher.origin), "-f", "/run/kernel.json", *hello["options"]]
    freeze()
    threads = len(list(Path("/proc/self/task").iterdir()))
    _answer(control, {"threads": threads})
    origin = Origin.here()
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, _LARGEST_REQUEST, 4)
        if not data:
            return
        _serve(app, control, json.loads(data), descriptors, origin)


def _serve(
    app: PipeApp, control: socket.socket, request: dict[str, Any], descriptors: list[int], origin: Origin
) -> None:
    """Fork a kernel, or tell how one ended."""
    match request:
        case {"fork": room}:
            orders, frames = descriptors
            try:
                child = confine.clone_into_namespaces()
            except OSError as error:
                _answer(control, {"fault": str(error)})
                child = -1
            if child == 0:
                confine.close_other_files({0, 1, 2, orders, frames})
                live(app, Room(**room), orders, frames, origin)
            for descriptor in descriptors:
                os.close(descriptor)
            if child > 0:
                handle = os.pidfd_open(child)
                socket.send_fds(control, [json.dumps({"child": child}).encode()], [handle])
                os.close(handle)
        case {"reap": child}:
            _, status = os.waitpid(child, 0)
            _answer(control, {"status": os.waitstatus_to_exitcode(status)})


def _answer(control: socket.socket, answer: dict[str, Any]) -> None:
    control.send(json.dumps(answer).encode())


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as control:
        main(control)
