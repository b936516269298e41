"""The fast way to have a kernel: one warm process a worker inside the sandbox, and a fork of it for every notebook.

The warm process (`warm/`) has imported everything and built IPython's shell; what it forks enters namespaces of its
own, drops everything, proves it, and then takes files and cells from a pipe. Here is the host's half of a kernel;
`warming` has that of the warm process. What a kernel sends is hostile: sizes are capped before anything is parsed, and
only what answers the cell at hand is let through.
"""

from __future__ import annotations

import os
import secrets
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from grader.errors import ExecutionFault
from grader.execution import view
from grader.execution.frames import FrameReader, Oversized, pack, pack_text
from grader.execution.kernel import Kernel, KernelDied, Message, Reply, Usage, parse_json
from grader.execution.kernelspecs import is_python, spec_for
from grader.execution.limits import measure, resource_limits
from grader.execution.place import inside_environment
from grader.execution.run import NO_PROBES, run_notebook
from grader.execution.sandbox import Sandbox
from grader.execution.seeding import seed
from grader.execution.stock import StockKernel
from grader.execution.warming import PACKAGE, WarmProcess
from grader.model import Executed, Files, Limits, Notebook, Probes
from grader.text import escape

_READ_BYTES = 1 << 18
_READY_SECONDS = 60.0
_KILL_SECONDS = 30.0
_SMALL_FRAME = 1 << 20
_LONGEST_NAME = 1000
_INODES = 100_000
_RUN_BYTES = 1 << 20
_FILE_OVERHEAD = 8192
"""What a file takes of a tmpfs beyond its content, at most."""


class ForkedEngine:
    """Runs Python notebooks in forks of a warm process, others in a standard kernel of their language."""

    name = "forked"

    def __init__(self, sandbox: Sandbox, preload: Sequence[str]) -> None:
        """Import `preload` once; the process is started when it is first needed."""
        self._sandbox = sandbox
        self._kernels = ForkedKernels(sandbox, preload, inside_environment())

    def execute(self, notebook: Notebook, files: Files, limits: Limits, probes: Probes = NO_PROBES) -> Executed:
        """See `model.Execute`."""
        return run_notebook(notebook, files, limits, self._start, probes)

    def why_not_working(self) -> str | None:
        """Fork one kernel and say why that did not work, or None."""
        try:
            self._kernels.start({"cells": []}, {}, Limits()).close()
        except (ExecutionFault, OSError) as error:
            return str(error)
        return None

    def close(self) -> None:
        """End the warm process."""
        self._kernels.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, notebook: Notebook, files: Files, limits: Limits) -> Kernel:
        if is_python(notebook):
            return self._kernels.start(notebook, files, limits)
        return StockKernel(spec_for(notebook), self._sandbox, files, limits)


class ForkedKernels:
    """Starts kernels as forks of a warm process of its own, which it replaces once if that dies."""

    def __init__(self, sandbox: Sandbox, preload: Sequence[str], environment: Mapping[str, str]) -> None:
        """Import `preload` before forking; `environment` is what a notebook sees."""
        self._sandbox = sandbox
        self._preload = tuple(preload)
        self._environment = dict(environment)
        self._around = view.temporary_with_python([PACKAGE])
        self._warm: WarmProcess | None = None

    def start(self, notebook: Notebook, files: Files, limits: Limits) -> ForkedKernel:
        """Fork a kernel and give it its files; raises ExecutionFault."""
        room = self._room(files, limits)
        paths = list(files)
        setup = pack({"files": paths, "seed": seed(notebook, files)})
        contents = [setup, *(pack_text(files[path]) for path in paths)]
        try:
            return ForkedKernel(self._warm_process(), room, contents, limits)
        except ExecutionFault:
            if self._warm is None or self._warm.alive():
                raise
            return ForkedKernel(self._warm_process(), room, contents, limits)

    def close(self) -> None:
        """End the warm process."""
        if self._warm is not None:
            self._warm.close()
            self._warm = None

    def _warm_process(self) -> WarmProcess:
        if self._warm is not None and not self._warm.alive():
            self.close()
        if self._warm is None:
            self._warm = WarmProcess(self._sandbox, self._preload, self._environment)
        return self._warm

    def _room(self, files: Files, limits: Limits) -> dict[str, Any]:
        """Size what a kernel gets; the files that it is given do not count against its own disk."""
        disk = (limits.disk_mb << 20) + sum(len(content) + _FILE_OVERHEAD for content in files.values())
        return {
            "sizes": {view.DISK: disk, "/dev/shm": disk, view.RUN: _RUN_BYTES},  # noqa: S108 - inside the sandbox
            "inodes": _INODES,
            "around": self._around,
            "folders": [view.TMP, view.HOME, view.WORK],
            "limits": resource_limits(limits),
        }


class ForkedKernel:
    """One forked kernel; see `kernel.Kernel`."""

    def __init__(self, warm: WarmProcess, room: Mapping[str, Any], contents: Sequence[bytes], limits: Limits) -> None:
        self._warm = warm
        self._limits = limits
        self._reader = FrameReader(int(limits.output_mb * (1 << 20)) + _SMALL_FRAME)
        self._received: deque[bytes | Oversized] = deque()
        self._to_send = bytearray()
        self._ended = False
        self._request = ""
        theirs_orders, self._orders = os.pipe()
        self._frames, theirs_frames = os.pipe()
        try:
            self._handle, self._keeper = warm.fork(room, limits, theirs_orders, theirs_frames)
        except BaseException:
            os.close(self._orders)
            os.close(self._frames)
            raise
        finally:
            os.close(theirs_orders)
            os.close(theirs_frames)
        self._pids = [_pid_of(self._keeper), _pid_of(self._handle)]
        os.set_blocking(self._orders, False)
        os.set_blocking(self._frames, False)
        try:
            self._set_up(contents)
        except BaseException:
            self.close()
            raise

    def submit(self, source: str, *, counted: bool = True) -> None:
        """Ask for one cell to be run, in the history or beside it."""
        self._request = secrets.token_hex(8)
        self._to_send += pack({"id": self._request, "source": source, "counted": counted})
        self._send()

    def receive(self, seconds: float) -> Message | Reply | None:
        """Wait for the next message about the cell, or its reply."""
        deadline = time.monotonic() + seconds
        while True:
            if self._received:
                return self._event(self._received.popleft())
            if self._ended:
                self._warm.check_alive()
                raise KernelDied
            if not self._wait(deadline - time.monotonic()):
                return None

    def interrupt(self) -> None:
        """Interrupt the kernel and what it started; its first process passes it on."""
        self._signal(signal.SIGINT)

    def usage(self) -> Usage:
        """Measure the kernel, the process that keeps its room, and all that either is parent of."""
        return measure(self._pids, Path(f"/proc/{self._pids[0]}/root{view.DISK}"), self._limits)

    def close(self) -> None:
        """Kill the room: nothing in its pid namespace can outlive the process that keeps it."""
        if self._handle < 0:
            return
        self._signal(signal.SIGKILL)
        gone = _readable([self._keeper], _KILL_SECONDS)
        for descriptor in (self._orders, self._frames, self._handle, self._keeper):
            os.close(descriptor)
        self._handle = -1
        if not gone:
            self._warm.close()  # with the whole sandbox, this kernel goes too

    def _set_up(self, contents: Sequence[bytes]) -> None:
        """Send the files and wait until the kernel has proved that it is confined."""
        self._to_send += b"".join(contents)
        deadline = time.monotonic() + _READY_SECONDS
        while not self._received and not self._ended and time.monotonic() < deadline:
            self._wait(deadline - time.monotonic())
        if not self._received:
            how = "it died" if self._ended else f"silent for {_READY_SECONDS:g} s"
            raise ExecutionFault(f"A forked kernel did not get ready: {how}")
        frame = self._received.popleft()
        answer = parse_json(frame) if isinstance(frame, bytes) else None
        if answer != {"ready": True}:
            reason = answer.get("fault") if isinstance(answer, dict) else None
            raise ExecutionFault(f"A forked kernel did not get ready: {escape(reason)}")

    def _wait(self, seconds: float) -> bool:
        """Wait for the kernel to say something, take something or end; tell whether it did."""
        poll = select.poll()
        poll.register(self._frames, select.POLLIN)
        poll.register(self._handle, select.POLLIN)
        if self._to_send:
            poll.register(self._orders, select.POLLOUT)
        ready = dict(poll.poll(max(0.0, seconds) * 1000))
        if self._orders in ready:
            self._send()
        if self._frames in ready or self._handle in ready:
            self._read(to_the_end=self._handle in ready)
        return bool(ready)

    def _read(self, *, to_the_end: bool) -> None:
        """Take in what has arrived; everything, once the kernel has ended."""
        while True:
            try:
                data = os.read(self._frames, _READ_BYTES)
            except BlockingIOError:
                self._ended = self._ended or to_the_end
                return
            self._received.extend(self._reader.feed(data))
            if not data:
                self._ended = True
                return
            if not to_the_end:
                return

    def _send(self) -> None:
        """Send what the pipe takes; the rest goes when there is room, so that no kernel can hold the host up."""
        try:
            while self._to_send:
                del self._to_send[: os.write(self._orders, self._to_send)]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._to_send.clear()

    def _event(self, frame: bytes | Oversized) -> Message | Reply:
        """Judge one frame; what is not about the cell at hand counts by its size alone."""
        if isinstance(frame, Oversized):
            return Message("stream", None, int(frame.args[0]))
        value = parse_json(frame)
        if not isinstance(value, dict) or value.get("parent") != self._request:
            return Message("", None, len(frame))
        kind, content = value.get("msg_type"), value.get("content")
        if kind == "execute_reply" and isinstance(content, dict):
            self._request = ""
            return Reply(
                completed=content.get("status") == "ok",
                ename=_text(content.get("ename")),
                evalue=_text(content.get("evalue")),
            )
        return Message(_text(kind), content if isinstance(content, dict) else None, len(frame))

    def _signal(self, number: signal.Signals) -> None:
        if self._handle >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._keeper, number)


def forked_engine_works(sandbox: Sandbox) -> str | None:
    """Say why the forked engine does not work here, or None: it was seen to, just now."""
    if not sys.platform.startswith("linux"):
        return "it needs Linux"
    with ForkedEngine(sandbox, ()) as engine:
        return engine.why_not_working()


def _text(value: object) -> str:
    return value[:_LONGEST_NAME] if isinstance(value, str) else ""


def _pid_of(handle: int) -> int:
    """Return the process's id as it is known here; the warm process knows it by another."""
    lines = Path(f"/proc/self/fdinfo/{handle}").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))


def _readable(descriptors: Sequence[int], seconds: float) -> bool:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
