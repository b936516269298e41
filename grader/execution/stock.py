"""The stock engine: a fresh standard Jupyter kernel for each notebook, of any language, in the sandbox.

Slow to start and faithful by construction: it serves what the forked engine does not, and is its oracle in tests.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import struct
import sys
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from grader.errors import ExecutionFault
from grader.execution.jupyter import Received, Wire
from grader.execution.kernel import KernelDied, Message, Reply, Usage
from grader.execution.kernelspecs import KernelSpec, spec_for
from grader.execution.limits import descendants, disk_bytes, measure
from grader.execution.memory import open_group
from grader.execution.place import Place, connections, launch, open_place
from grader.execution.run import NO_PROBES, run_notebook
from grader.execution.sandbox import Sandbox
from grader.execution.seeding import seed, seeding_code
from grader.execution.zmtp import Channel, ChannelClosed
from grader.model import Executed, Files, Limits, Notebook, Probes

_READY_SECONDS = 60.0
_ASK_AGAIN_SECONDS = 0.05
_LAST_OUTPUT_SECONDS = 2.0
"""How long outputs may still come after a kernel has answered; it says when there are no more."""
_SMALL_MESSAGE = 1 << 20


@dataclass(frozen=True, slots=True)
class StockEngine:
    """Runs each notebook in a fresh standard kernel; `sandbox` None: without one."""

    sandbox: Sandbox | None
    name: str = "stock"

    def execute(self, notebook: Notebook, files: Files, limits: Limits, probes: Probes = NO_PROBES) -> Executed:
        """See `model.Execute`."""
        return run_notebook(notebook, files, limits, self._start, probes)

    def close(self) -> None:
        """Nothing stays open between two notebooks."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, notebook: Notebook, files: Files, limits: Limits) -> StockKernel:
        spec = spec_for(notebook)
        kernel = StockKernel(spec, self.sandbox, files, limits)
        if spec.language == "python":
            with ExitStack() as on_failure:
                on_failure.callback(kernel.close)
                kernel.run_silently(seeding_code(seed(notebook, files)))
                on_failure.pop_all()
        return kernel


class StockKernel:
    """A standard kernel over ZeroMQ; see `kernel.Kernel`."""

    def __init__(self, spec: KernelSpec, sandbox: Sandbox | None, files: Files, limits: Limits) -> None:
        """Start it and wait until it answers; raises ExecutionFault."""
        self._limits = limits
        self._interrupt_by_message = spec.interrupt_by_message
        self._wire = Wire(key := uuid.uuid4().hex)
        self._place = open_place(sandbox, disk_bytes(files, limits), spec.paths, spec.environment)
        self._group = open_group()
        if self._group is not None:
            self._group.bound(limits)
            self._group.take([self._place.pid, *descendants(self._place.pid)])
        self._channels: list[Channel] = []
        self._selector = selectors.DefaultSelector()
        self._request = ""
        self._events: deque[Message] = deque()
        self._reply: Reply | None = None
        self._replied_at = 0.0
        self._idle = False
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            launch(self._place, spec.argv, _connection_info(self._place, key), files, limits)
            self._connect(int(limits.output_mb * (1 << 20)) + _SMALL_MESSAGE)
            self._wait_until_ready()
            on_failure.pop_all()

    def submit(self, source: str, *, counted: bool = True) -> None:
        """See `kernel.Kernel`."""
        content = {
            "code": source,
            "silent": False,
            "store_history": counted,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        self._ask("execute_request", content)

    def receive(self, seconds: float) -> Message | Reply | None:
        """See `kernel.Kernel`."""
        if not self._events:
            self._read(min(seconds, _LAST_OUTPUT_SECONDS) if self._reply else seconds)
        if self._events:
            return self._events.popleft()
        if self._reply and (self._idle or time.monotonic() > self._replied_at + _LAST_OUTPUT_SECONDS):
            reply, self._reply = self._reply, None
            self._request = ""
            return reply
        return None

    def interrupt(self) -> None:
        """See `kernel.Kernel`."""
        if self._interrupt_by_message:
            with suppress(ChannelClosed):
                self._control.send(self._wire.request("interrupt_request", {})[1])
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGINT)

    def usage(self) -> Usage:
        """See `kernel.Kernel`."""
        return measure([self._place.pid], self._place.mount, self._limits)

    def close(self) -> None:
        """See `kernel.Kernel`."""
        self._selector.close()
        for channel in self._channels:
            channel.close()
        self._place.close()
        if self._group is not None:
            self._group.close()

    def _connect(self, most_bytes: int) -> None:
        with ExitStack() as unused:
            sockets = connections(self._place)
            for connection in sockets:
                unused.callback(connection.close)
            self._pid = _listener(sockets[0]) or self._place.process.pid
            try:
                for connection, kind in zip(sockets, ("DEALER", "SUB", "DEALER"), strict=True):
                    self._channels.append(Channel(connection, kind, most_bytes))
            except ChannelClosed as error:
                raise ExecutionFault(f"The kernel did not start: {error}, {self._place.last_words()}") from error
            unused.pop_all()
        self._shell, self._iopub, self._control = self._channels
        for channel in (self._shell, self._iopub):
            self._selector.register(channel, selectors.EVENT_READ)
        self._selector.register(self._place.log, selectors.EVENT_READ)

    def run_silently(self, code: str) -> None:
        """Run code of ours that leaves no trace in the notebook; raises ExecutionFault."""
        with self._starting():
            self._ask("execute_request", {"code": code, "silent": True, "store_history": False, "allow_stdin": False})
            self._answered(_READY_SECONDS)
        self._events.clear()

    def _wait_until_ready(self) -> None:
        """Ask for its description until it answers on both channels: then it is subscribed to as well."""
        with self._starting():
            deadline = time.monotonic() + _READY_SECONDS
            while time.monotonic() < deadline:
                self._ask("kernel_info_request", {})
                if self._answered(_READY_SECONDS):
                    return
        raise ExecutionFault(f"The kernel does not answer: {self._place.last_words()}")

    def _answered(self, seconds: float) -> bool:
        """Wait for the reply, and then a little for the word that it is idle again; tell whether both came."""
        asked = time.monotonic()
        while time.monotonic() < asked + (_ASK_AGAIN_SECONDS if self._reply else seconds):
            self._read(_ASK_AGAIN_SECONDS)
            if self._idle and self._reply:
                return True
        return False

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """A kernel that dies before its first cell is no fault of the student's."""
        try:
            yield
        except KernelDied as error:
            raise ExecutionFault(f"The kernel ended while it started: {self._place.last_words()}") from error

    def _ask(self, kind: str, content: dict[str, object]) -> None:
        self._events.clear()
        self._reply, self._idle = None, False
        self._request, parts = self._wire.request(kind, content)
        try:
            self._shell.send(parts)
        except ChannelClosed as error:
            raise KernelDied from error

    def _read(self, seconds: float) -> None:
        """Wait for anything, then take in what has come."""
        for key, _ in self._selector.select(seconds):
            if key.fileobj == self._place.log:
                if not self._place.drain():
                    self._selector.unregister(self._place.log)
                continue
            channel = key.fileobj
            assert isinstance(channel, Channel)
            try:
                received = [found for parts in channel.receive() if (found := self._wire.read(parts)) is not None]
            except ChannelClosed as error:
                raise KernelDied from error
            for message in received:
                if message.parent == self._request:
                    self._take(message, from_shell=channel is self._shell)

    def _take(self, message: Received, *, from_shell: bool) -> None:
        if not from_shell:
            if message.kind == "status":
                self._idle = self._idle or (message.content or {}).get("execution_state") == "idle"
            else:
                self._events.append(Message(message.kind, message.content, message.size))
        elif message.kind in {"execute_reply", "kernel_info_reply"} and self._reply is None:
            content = message.content or {}
            named = [content.get(key) for key in ("ename", "evalue")]
            ename, evalue = (value[:1000] if isinstance(value, str) else "" for value in named)
            self._reply = Reply(content.get("status") == "ok", ename, evalue)
            self._replied_at = time.monotonic()


def _connection_info(place: Place, key: str) -> dict[str, object]:
    ports = {f"{name}_port": number for number, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)}
    return {
        "transport": "ipc",
        "ip": f"{place.folders.run}/k",
        "key": key,
        "signature_scheme": "hmac-sha256",
        **ports,
    }


def _listener(connection: socket.socket) -> int | None:
    """Return the process that listens at the other end, as this process numbers it."""
    if sys.platform != "linux":
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid = int(struct.unpack("3i", credentials)[0])
    return pid or None
