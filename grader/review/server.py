"""One run of the app: a socket on loopback, a server in this process, a browser that finds its way in."""

from __future__ import annotations

import contextlib
import html
import os
import socket
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from grader.review.errors import Refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_SECONDS_TO_FINISH = 3
_WAY_IN = (
    '<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={address}"><title>…</title>\n'
)


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket that listens on this machine alone; on any free port for 0."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            why = f"port {port} cannot be used ({error.strerror}); leave --port out for a free one"
            raise Refusal(503, why) from error
        listener.listen()  # a browser that is quicker than the server waits in line
        yield listener


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Answer until Ctrl-C, which is the orderly end."""
    import uvicorn

    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def opened_in_browser(address: str, folder: Path) -> Iterator[bool]:
    """Lead a browser to the address, and tell whether there is one.

    The address holds a secret, and command lines are for all users of a machine to read: the browser is given a file
    that only its owner can read. It stands in the course, for browsers in packages of their own see no /tmp.
    """
    if not _has_browser():
        yield False
        return
    handle, name = tempfile.mkstemp(prefix="grader-review-", suffix=".html", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(_WAY_IN.format(address=html.escape(address)))
        Thread(target=webbrowser.open, args=(Path(name).as_uri(),), daemon=True).start()
        yield True
    finally:
        Path(name).unlink(missing_ok=True)


def _has_browser() -> bool:
    """Whether a browser with a window of its own can be started; one in the terminal would take it over."""
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return False
    in_terminal = isinstance(found, webbrowser.GenericBrowser) and not isinstance(found, webbrowser.BackgroundBrowser)
    return not in_terminal
