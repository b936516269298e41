"""ipykernel's own application, kernel and shell, built before the fork and without sockets or threads."""

# ipykernel and IPython are typed in part
# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import inspect
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from ipykernel.compiler import XCachingCompiler
from ipykernel.displayhook import ZMQDisplayHook
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from traitlets import default

from grader.execution.warm.streams import Frames, PipeSession, Stream, Watch, survive_forks

_NO_MODULE = "\0"


class CellCompiler(XCachingCompiler):
    """Names the files of cells, and tells `inspect` at once that no module belongs to them.

    `inspect.getmodule` would look through all of `sys.modules` for every frame of a traceback, and find the same.
    """

    def get_code_name(self, raw_code: str, code: str, number: int) -> str:
        """Name the file of a cell."""
        name: str = super().get_code_name(raw_code, code, number)
        inspect.modulesbyfile[name] = _NO_MODULE
        return name


class PipeApp(IPKernelApp):
    """The kernel's application without connection file, heartbeat, sockets and their threads."""

    streams: dict[int, Stream]

    @default("session")
    def _default_session(self) -> PipeSession:
        return PipeSession(parent=self, key=b"signs nothing")

    def init_connection_file(self) -> None:
        """Write none."""

    def init_poller(self) -> None:
        """Poll no parent: the kernel dies with its pid namespace."""

    def init_sockets(self) -> None:
        """Publish through a pipe."""
        self.configure_tornado_logger()
        self.iopub_thread = Watch()
        self.iopub_socket = SimpleNamespace(io_thread=self.iopub_thread)

    def init_heartbeat(self) -> None:
        """Beat none: the host watches the process itself."""

    def write_connection_file(self, **kwargs: Any) -> None:
        """Write none."""

    def log_connection_info(self) -> None:
        """Log none."""

    def init_signal(self) -> None:
        """Leave signals to the child."""

    def init_io(self) -> None:
        """Make the streams and the display hook that the child will use."""
        self.streams = {
            1: Stream(self.session, self.iopub_thread, "stdout"),
            2: Stream(self.session, self.iopub_thread, "stderr"),
        }
        sys.stdout, sys.stderr = self.streams.values()
        self.displayhook = ZMQDisplayHook(self.session, self.iopub_socket)
        sys.displayhook = self.displayhook
        self.patch_io()

    def init_kernel(self) -> None:
        """Make IPython's kernel and, in it, the shell."""
        kernel = IPythonKernel.instance(
            parent=self,
            session=self.session,
            iopub_thread=self.iopub_thread,
            iopub_socket=self.iopub_socket,
            # async cells are run as ipykernel does in the thread that is the parent of its shell channel
            shell_channel_thread=SimpleNamespace(parent_thread=threading.main_thread()),
            log=self.log,
            profile_dir=self.profile_dir,
            user_ns=self.user_ns,
            compiler_class=CellCompiler,
            _execute_sleep=0,  # ipykernel waits after each cell for ZeroMQ to send; a pipe has sent already
        )
        self.kernel = kernel
        self.displayhook.get_execution_count = lambda: kernel.execution_count


def build(options: Sequence[str]) -> PipeApp:
    """Build application, kernel and shell in a process of one thread, with the command line of a stock kernel."""
    app: PipeApp = PipeApp.instance()
    app.initialize(list(options))
    return app


def forget_output(app: PipeApp) -> None:
    """Drop what imports have printed before there was a cell to show it in."""
    for stream in app.streams.values():
        stream.flush()
    app.iopub_thread.forget()


def adopt(app: PipeApp, frames: Frames) -> None:
    """Make the kernel, built by the warm process, this child's own: output, descriptors, interrupts."""
    app.session.frames = frames
    app.session.pid = os.getpid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    for stream in app.streams.values():
        stream.adopt(nowhere)
    survive_forks(app.iopub_thread, list(app.streams.values()), frames)
    app.iopub_thread.start_watching(app.streams)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
