"""Looking on while jobs are done: what runs and for how long, and an end at which nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Running(Generic[Job]):
    """A job that a worker has begun."""

    job: Job
    seconds: float
    """For how long it has run."""


class Overseer(Protocol):
    """Who looks on while jobs are done, and may ask for an end."""

    def stopping(self) -> bool:
        """Whether jobs that have begun are to be finished, and no other begun."""

    def see(self, running: Sequence[Running[Any]]) -> None:
        """Take a look at what runs, the longest first; called every second or so."""


class Nobody:
    """Does not look, and asks for nothing."""

    def stopping(self) -> bool:
        """Never."""
        return False

    def see(self, running: Sequence[Running[Any]]) -> None:
        """Look away."""


class InFlight(Generic[Job, Result]):
    """Jobs that were handed out; workers take them in that order, and so it is known which have begun."""

    def __init__(self) -> None:
        self._jobs: dict[Future[Result], Job] = {}
        self._since: dict[Future[Result], float] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, future: Future[Result]) -> bool:
        return future in self._jobs

    def add(self, future: Future[Result], job: Job) -> None:
        """Note that a job was handed out."""
        self._jobs[future] = job

    def end(self, future: Future[Result]) -> Job:
        """Note that a job has ended, and give it."""
        self._since.pop(future, None)
        return self._jobs.pop(future)

    def look(self, workers: int) -> tuple[Running[Job], ...]:
        """What so many workers do now, the longest first."""
        now = time.monotonic()
        for future in islice(self._jobs, workers):
            self._since.setdefault(future, now)
        return tuple(Running(self._jobs[future], now - since) for future, since in self._begun())

    def keep_begun(self) -> None:
        """Forget jobs that no worker had begun when it was looked at last."""
        for future in [*self._jobs]:
            if future not in self._since:
                future.cancel()
                del self._jobs[future]

    def _begun(self) -> Iterator[tuple[Future[Result], float]]:
        return iter(sorted(self._since.items(), key=lambda begun: begun[1]))
