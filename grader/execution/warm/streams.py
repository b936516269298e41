"""Where a forked kernel's output goes: frames on a pipe in place of ZeroMQ messages, and one thread that watches.

The rest is ipykernel's own: its `OutStream` buffers prints and merges what subprocesses write to descriptors 1 and 2,
its session makes the messages. Only the transport is replaced, at the two places where ipykernel touches a socket.
"""

# ipykernel and IPython are typed in part
# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import base64
import codecs
import fcntl
import json
import os
import select
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ipykernel.iostream import IOPubThread, OutStream
from jupyter_client.session import Session

from grader.execution.frames import pack_text

_NOT_SENT = {"status", "execute_input"}
_PIPE_BYTES = 65536
_TICK_SECONDS = 0.1
_MOST_UNSENT = 1 << 20
"""Characters that may wait to be sent: a cell that prints without end shall fill the pipe, not its memory."""
_KEPT = ("status", "ename", "evalue")
_LONGEST_REASON = 10_000


class PipeSession(Session):
    """A Jupyter session whose messages become frames on a pipe."""

    frames: Frames | None = None

    def send(  # noqa: PLR0913, PLR0917 - the signature of jupyter_client
        self,
        stream: Any,  # noqa: ARG002 - there is one place to go
        msg_or_type: Any,
        content: Any = None,
        parent: Any = None,
        ident: Any = None,  # noqa: ARG002 - one listener, no routing
        buffers: Any = None,
        track: bool = False,  # noqa: ARG002 - nothing is copied lazily
        header: Any = None,
        metadata: Any = None,
    ) -> Any:
        """Write a message, or drop it where no one would listen."""
        if isinstance(msg_or_type, str) and msg_or_type in _NOT_SENT:
            return None
        if isinstance(msg_or_type, dict):
            message = msg_or_type
        else:
            message = self.msg(msg_or_type, content=content, parent=parent, header=header, metadata=metadata)
        kind = message["header"]["msg_type"]
        if self.frames is not None and kind not in _NOT_SENT:
            self.frames.write(self._frame(kind, message, buffers))
        return message

    def _frame(self, kind: str, message: dict[str, Any], buffers: Any) -> bytes:
        if (
            kind == "execute_reply"
        ):  # the traceback was a message of its own; a long reason must not keep this from coming
            kept = {key: str(message["content"][key])[:_LONGEST_REASON] for key in _KEPT if key in message["content"]}
            message = {**message, "content": kept}
        frame = {"msg_type": kind, "parent": message["parent_header"].get("msg_id")}
        if buffers:
            frame["buffers"] = [base64.b64encode(buffer).decode() for buffer in buffers]
        content = self.serialize(message)[-1]  # by jupyter_client itself, whose warnings students may see
        return b'%s,"content":%s}' % (json.dumps(frame).encode()[:-1], content)


class Frames:
    """The pipe to the host: whole frames, whichever thread or forked process writes them."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.RLock()
        self._lock_file = os.open("/run", os.O_RDWR | os.O_TMPFILE, 0o600)  # without a name; memfd_create is refused
        self._shared = False

    def write(self, text: bytes) -> None:
        """Write one frame, complete even if an interrupt arrives meanwhile."""
        data = memoryview(pack_text(text))
        with self._lock, _uninterrupted(), self._among_processes():
            while data:
                data = data[os.write(self._descriptor, data) :]

    def before_fork(self) -> None:
        """Let no fork happen within a frame."""
        self._lock.acquire()

    def after_fork(self) -> None:
        """From now on more than one process may write."""
        self._shared = True
        self._lock.release()

    @contextmanager
    def _among_processes(self) -> Iterator[None]:
        """Take turns with the processes that student code has forked; record locks end with their process."""
        if not self._shared:
            yield
            return
        fcntl.lockf(self._lock_file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._lock_file, fcntl.LOCK_UN)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put SIGINT off: between a write and the count of what it wrote, an exception would tear a frame."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Watch(IOPubThread):
    """Stands where ipykernel has its publishing thread: flushes streams in time and reads descriptors 1 and 2.

    It is built before the fork without a thread, and started in the child. `OutStream` asks for an `IOPubThread`, of
    which this has what it uses: `io_loop.call_later`, `schedule`, and a `thread` that is not alive, so that a flush
    happens at once in the thread that asks for it.
    """

    def __init__(self) -> None:
        self.thread = threading.Thread()
        self.io_loop = self  # type: ignore[assignment] # of a loop, this is all that is used
        self.socket = None
        self._pipe_flag = False
        self._due: list[tuple[float, Callable[[], None]]] = []
        self._raw: dict[int, tuple[OutStream, codecs.IncrementalDecoder]] = {}
        self._raw_lock = threading.RLock()

    def schedule(self, function: Callable[[], None]) -> None:
        """Call at once: writing to a pipe needs no thread of its own."""
        function()

    def call_later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call from the watching thread after a while; it need not be woken, for it never sleeps long."""
        self._due.append((time.monotonic() + seconds, function))

    def forget(self) -> None:
        """Call nothing that was asked for so far."""
        self._due.clear()

    def start_watching(self, streams: dict[int, OutStream]) -> None:
        """Put a pipe behind each descriptor and read it into its stream from now on."""
        for descriptor, stream in streams.items():
            read_end, write_end = os.pipe()
            os.dup2(write_end, descriptor)
            os.close(write_end)
            self._raw[read_end] = (stream, codecs.getincrementaldecoder("utf-8")("replace"))
        watcher = threading.Thread(target=self._watch, name="IOPub", daemon=True)
        watcher.start()

    def drain(self) -> None:
        """Take in what has been written to the descriptors so far, so that it stands before what comes next."""
        if not self._raw:
            return
        with self._raw_lock:
            for descriptor in self._raw:
                while _readable_bytes(descriptor):
                    self._read(descriptor)

    def _watch(self) -> None:
        poll = select.poll()
        for descriptor in self._raw:
            poll.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll(1000 * _TICK_SECONDS):
                with self._raw_lock:
                    if _readable_bytes(descriptor):
                        self._read(descriptor)
            while self._due and self._due[0][0] <= time.monotonic():
                self._due.pop(0)[1]()

    def _read(self, descriptor: int) -> None:
        stream, decoder = self._raw[descriptor]
        text = decoder.decode(os.read(descriptor, _PIPE_BYTES))
        if text:
            OutStream.write(stream, text)

    def before_fork(self) -> None:
        """Let no fork happen while something is being read."""
        self._raw_lock.acquire()

    def after_fork(self, *, child: bool) -> None:
        """Go on here; in the process that was forked there is no watching thread."""
        if child:
            self._raw = {}
        self._raw_lock.release()


class Stream(OutStream):
    """ipykernel's stream, in order with what subprocesses write and safe to flush from two threads."""

    def __init__(self, session: PipeSession, watch: Watch, name: str) -> None:
        super().__init__(session, watch, name, watchfd=False)
        self._flush_lock = threading.RLock()
        self._unsent = 0

    def adopt(self, original: int) -> None:
        """Belong to this process, which was forked from the one that made the stream."""
        self._master_pid = os.getpid()
        self._original_stdstream_copy = original

    def write(self, string: str) -> int | None:  # type: ignore[override] # as ipykernel does
        """Write after what subprocesses wrote before."""
        if self.pub_thread is not None:
            self.pub_thread.drain()
        written: int | None = super().write(string)
        self._unsent += written or 0
        if self._unsent > _MOST_UNSENT and self._is_master_process():
            self.flush()
        return written

    def _flush(self) -> None:
        with self._flush_lock:
            self._unsent = 0
            super()._flush()

    def flush(self) -> None:
        """Send what has been written so far, by subprocesses too."""
        if self.pub_thread is not None and self._is_master_process():
            self.pub_thread.drain()
        super().flush()

    def before_fork(self) -> None:
        """Let no fork happen while something is being written or sent."""
        self._flush_lock.acquire()
        self._buffer_lock.acquire()

    def after_fork(self) -> None:
        """Go on."""
        self._buffer_lock.release()
        self._flush_lock.release()


def survive_forks(watch: Watch, streams: list[Stream], frames: Frames) -> None:
    """Hold every lock while student code forks, so that none is left locked in the new process.

    Taken in the order in which the code above nests them.
    """

    def before() -> None:
        watch.before_fork()
        for stream in streams:
            stream.before_fork()
        frames.before_fork()

    def after(*, child: bool) -> None:
        frames.after_fork()
        for stream in reversed(streams):
            stream.after_fork()
        watch.after_fork(child=child)

    os.register_at_fork(
        before=before, after_in_parent=lambda: after(child=False), after_in_child=lambda: after(child=True)
    )


def _readable_bytes(descriptor: int) -> int:
    return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)
