"""The host's handle of a warm process: start it in the sandbox, have it fork, end it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grader
from grader.errors import ExecutionFault
from grader.execution import view
from grader.execution.kernelspecs import IPYKERNEL_OPTIONS
from grader.execution.limits import descendants
from grader.execution.memory import open_group
from grader.execution.sandbox import Sandbox
from grader.model import Limits
from grader.text import escape

_START_SECONDS = 180.0
"""To import everything; a first build of matplotlib's font cache is slow."""
_ANSWER_SECONDS = 60.0
_DISK_BYTES = 64 << 20
_LARGEST_ANSWER = 1 << 16
_WORDS = 300

PACKAGE = Path(grader.__file__).parent
"""What the warm process runs from."""


class WarmProcess:
    """The host's handle of one warm process."""

    def __init__(self, sandbox: Sandbox, preload: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it and wait until it is warm; raises ExecutionFault."""
        self._log = os.memfd_create("warm process")
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._jail = sandbox.start(
                [view.PYTHON, "-P", "-m", "grader.execution.warm", str(theirs.fileno())],
                disk_bytes=_DISK_BYTES,
                environment=environment,
                output=self._log,
                pass_fds=[theirs.fileno()],
                more_paths=[PACKAGE],
                nested=True,
            )
        self._group = open_group()
        try:
            self._get_warm(preload)
        except BaseException:
            self.close()
            raise

    def _get_warm(self, preload: Sequence[str]) -> None:
        self._control.settimeout(_START_SECONDS)
        self._ask({"preload": list(preload), "options": IPYKERNEL_OPTIONS})
        threads = self._answer()[0].get("threads")
        if threads != 1:
            raise ExecutionFault(f"the warm process has {threads} threads, so kernels cannot be forked from it")
        self._control.settimeout(_ANSWER_SECONDS)
        if self._group is not None:
            self._group.take([self._jail.process.pid, *descendants(self._jail.process.pid)])

    def alive(self) -> bool:
        """Tell whether it still runs."""
        return self._jail.process.poll() is None

    def fork(self, room: Mapping[str, Any], limits: Limits, orders: int, frames: int) -> tuple[int, int]:
        """Fork a kernel that reads the one pipe and writes the other: handles of it and of its room's first process."""
        if self._group is not None:
            self._group.bound(limits)
        self._ask(room, [orders, frames])
        answer, handles = self._answer()
        if len(handles) != 2:
            for handle in handles:
                os.close(handle)
            raise ExecutionFault(f"no kernel could be forked: {escape(answer.get('fault'))}")
        return handles[0], handles[1]

    def check_alive(self) -> None:
        """Raise ExecutionFault where it has ended, even if that is not known to the system yet."""
        self._ask({})
        self._answer()

    def close(self) -> None:
        """End it, and with it every kernel."""
        self._control.close()
        self._jail.kill()
        if self._group is not None:
            self._group.close()
        if self._log >= 0:
            os.close(self._log)
            self._log = -1

    def _ask(self, request: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)
        except OSError as error:
            raise self._lost(error) from error

    def _answer(self) -> tuple[dict[str, Any], list[int]]:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, _LARGEST_ANSWER, 2)
        except OSError as error:
            raise self._lost(error) from error
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        if not data:
            raise self._lost("it died")
        return json.loads(data), descriptors

    def _lost(self, reason: object) -> ExecutionFault:
        """End a process whose answers can no longer be told apart."""
        words = self._last_words()
        self.close()
        return ExecutionFault(f"The warm process does not answer: {reason}{words and f' ({words})'}")

    def _last_words(self) -> str:
        """Return the end of what it wrote to its terminal, in one line; student code has no part in that."""
        if self._log < 0:
            return ""
        size = os.fstat(self._log).st_size
        said = os.pread(self._log, _WORDS, max(0, size - _WORDS))
        return escape(said.decode(errors="replace").strip(), limit=_WORDS)
