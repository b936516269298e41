"""Grading one submission again: the command itself as a child process, its output beside the page."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from starlette.responses import Response

from grader.review.course import chosen
from grader.review.desk import desk_of
from grader.review.errors import Refusal, not_found
from grader.review.page import render
from grader.review.routing import get, post
from grader.text import escape

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

PATH = "/assignments/{assignment}/students/{student}"
_MOST = 64_000
"""Bytes of the log that are shown: the last."""
_PATIENCE = (1.0, 4.0)
"""Seconds that a command has to end after the first Ctrl-C, and after the second."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One run of `grader grade` on one submission."""

    assignment: str
    student_id: str
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    begun: float
    """By the clock that only goes forward."""

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.begun

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.process.poll() is None

    def is_about(self, assignment: str, student_id: str) -> bool:
        """Whether it grades this submission."""
        return (self.assignment, self.student_id) == (assignment, student_id)

    def said(self) -> str:
        """What it has printed so far, or the last of it; a text like any other, to be escaped."""
        size = os.fstat(self.log.fileno()).st_size
        # not read(): the child writes at the same place in the file
        data = os.pread(self.log.fileno(), _MOST, max(0, size - _MOST))
        return data.decode("utf-8", "replace")


class Errands:
    """Regrades of this run of the app, one at a time; the last one's log is kept until the next."""

    def __init__(self, root: Path) -> None:
        """Work in the course of this folder."""
        self._root = root
        self._last: Errand | None = None

    def about(self, assignment: str, student_id: str) -> Errand | None:
        """The last regrade, if it was of this submission."""
        last = self._last
        return last if last is not None and last.is_about(assignment, student_id) else None

    def start(self, assignment: str, student_id: str) -> Errand:
        """Begin to grade a submission again; refused while another one is."""
        if self._last is not None and self._last.running:
            raise Refusal(409, f"{escape(self._last.student_id, 60)} is being graded again; wait until that is done")
        self.close()
        log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the errand
        log.write(f"$ grader grade {escape(assignment)} --student {escape(student_id)} --force\n".encode())
        log.flush()
        process = subprocess.Popen(
            command(self._root, assignment, student_id),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "110"},
            start_new_session=True,  # Ctrl-C in the terminal is ours to pass on
        )
        self._last = Errand(assignment, student_id, process, log, time.monotonic())
        return self._last

    def close(self) -> None:
        """End what runs, and forget the last log."""
        last, self._last = self._last, None
        if last is not None:
            _end(last.process)
            last.log.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command as Ctrl-C twice does, and by force where that takes too long."""
    for seconds in _PATIENCE:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def command(root: Path, assignment: str, student_id: str) -> tuple[str, ...]:
    """The command as a list of arguments: whatever a name says, it stays a name."""
    grade = ("grade", "--force", "--jobs=1", f"--student={student_id}", "--", assignment)
    return (sys.executable, "-P", "-m", "grader", "-C", str(root), *grade)


@asynccontextmanager
async def ended_with_the_app(app: Starlette) -> AsyncIterator[None]:
    """When the server stops, what it has started stops, too."""
    yield
    errands_of(app).close()


def errands_of(app: Starlette) -> Errands:
    """The regrades of an app."""
    errands = app.state.errands
    assert isinstance(errands, Errands)
    return errands


def start_regrade(request: Request) -> Response:
    """Begin to grade the submission again, unless the course is in use: then tell by whom."""
    desk = desk_of(request)
    assignment, student_id = submission_of(request)
    errands = errands_of(request.app)
    holder = desk.opened.folder.holder()
    running = errands.about(assignment, student_id)
    if running is None or not running.running:
        if holder is not None:
            raise Refusal(409, f"this course is in use by {holder}; try again when it has finished")
        errands.start(assignment, student_id)
    return show_log(request)


def show_log(request: Request) -> Response:
    """The log as it stands; when the command has come to its end, the page is told."""
    assignment, student_id = submission_of(request)
    errand = errands_of(request.app).about(assignment, student_id)
    running = errand is not None and errand.running
    response = render(
        request, "_regrade.html.jinja", errand=errand, assignment=assignment, student_id=student_id, opened=True
    )
    if errand is not None and not running:
        response.headers["HX-Trigger"] = json.dumps({"grader:regraded": {}})
    return response


def submission_of(request: Request) -> tuple[str, str]:
    """The submission that the address names; nothing is graded for somebody who is not in the class."""
    desk = desk_of(request)
    assignment, student_id = chosen(desk, request.path_params["assignment"]).name, request.path_params["student"]
    if desk.answers.student(student_id) is None:
        raise not_found(f'there is no student "{escape(student_id)}"; ids are as in roster.csv and submitted/')
    return assignment, student_id


ROUTES = (
    get(f"{PATH}/regrade", show_log, "regrade_log"),
    post(f"{PATH}/regrade", start_regrade, "regrade"),
)
