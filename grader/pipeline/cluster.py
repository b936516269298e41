"""Workers of a Dask cluster: which of them are used, what they are handed, and what becomes of those that are lost.

Dask does the scheduling. A worker that is like the coordinator gets a resource, in Dask's sense, that every task asks
for: so that no task comes to another worker, none runs beside another on one worker, and a worker that joins later is
used as soon as it was looked at.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

from distributed import Client, KilledWorker
from distributed import Future as Held

from grader.errors import GraderError
from grader.pipeline.admission import BUNDLE, OURS, Seen, Terms, describe, do_packed, look_around, take_part
from grader.pipeline.worker import Task, pack
from grader.text import escape

Bytes: TypeAlias = "Held[bytes]"
"""Bytes that Dask holds."""

_LOOK_SECONDS = 2.0
"""Between two looks at who is there."""
_WAIT_SECONDS = 0.2
_BUNDLES = 4
_HUGE_GRAPH = "1TiB"


class ClusterError(GraderError):
    """A cluster cannot be reached, or has no worker that may be used."""


class Cluster:
    """A Dask cluster as a place to work; see `pool.Workplace`."""

    lost = (KilledWorker,)

    def __init__(
        self,
        client: Client,
        terms: Terms,
        tell: Callable[[str], None],
        most: int | None = None,
        where_to_look: str | None = None,
    ) -> None:
        """Use at most so many of the client's workers at once; `tell` takes a line for people now and then.

        While there is no worker, people are told where to look for those that were asked for, or how to start one.
        """
        self._client = client
        self._terms = terms
        self._tell = tell
        self._most = most
        self._used: tuple[str, ...] = ()
        self._refused: dict[str, str] = {}
        self._looked = float("-inf")
        self._bundles: dict[Path, Bytes] = {}
        self._copies: list[Held[int]] = []
        self._running: weakref.WeakValueDictionary[str, Future[Any]] = weakref.WeakValueDictionary()
        self._address = str(client.scheduler.address)  # type: ignore[union-attr] # it is connected
        self._where_to_look = where_to_look or f"dask worker {self._address} --nthreads 1"

    def capacity(self) -> int:
        """Tell how many workers there are; waits for one, and for a scheduler that went away for a moment."""
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._look()
        if not self._used:
            self._tell(f"waiting for workers: {self._where_to_look}")
        while not self._used:
            time.sleep(_WAIT_SECONDS)
            self._look()
        return min(len(self._used), self._most or len(self._used))

    @contextmanager
    def open(self) -> Iterator[Executor]:
        """Open an executor of all workers that are used, now or later."""
        with self._executor() as executor:
            yield executor

    @contextmanager
    def open_apart(self, most: int) -> Iterator[Sequence[Executor]]:
        """Open executors of one worker each; what is sent to one that leaves is taken back, by cancelling it."""
        with self._executor() as everywhere:
            self._look()
            addresses = self._used[: min(most, self._most or most)]
            yield [everywhere.only(address) for address in addresses]

    @contextmanager
    def _executor(self) -> Iterator[_Executor]:
        dask = self._client.get_executor(pure=False, resources={self._terms.resource: 1})  # type: ignore[no-untyped-call]
        finished = False
        try:
            yield _Executor(dask, self._bundle, self._running)
            finished = True
        finally:
            if not finished:
                with suppress(Exception):  # there may be no scheduler any more; what it has goes with our connection
                    dask.shutdown(wait=False)

    def _look(self) -> None:
        """See who is there; newcomers are asked what they are like, and used or refused by name."""
        before = self._used
        seen = self._asked()
        self._refused = {who: why for who, why in self._refused.items() if who in seen.others.values()}
        new = [address for address, identity in seen.others.items() if identity not in self._refused]
        if new:
            self._judge(new, seen)
            seen = self._asked()
        self._take_back(seen.stuck)
        self._spread(seen.lacking)
        self._used, self._looked = seen.used, time.monotonic()
        if len(self._used) != len(before):
            self._tell(f"{len(self._used)} worker{'s' * (len(self._used) != 1)} at {self._address}")
        if not self._used and self._refused and not before:
            raise ClusterError(*(f"no worker can be used: {why}" for why in self._refused.values()))

    def _judge(self, addresses: Sequence[str], seen: Seen) -> None:
        answers = self._client.run(describe, self._terms.sandbox, workers=[*addresses], on_error="return")
        good = []
        for address, answer in answers.items():
            if why := self._terms.why_not(answer):
                self._refused[seen.others[address]] = f"{address}: {why}"
                self._tell(f"not used: {address}: {why}")
            else:
                good.append(address)
        if good:
            self._client.run(take_part, self._terms.resource, workers=good, on_error="ignore")

    def _asked(self) -> Seen:
        """Ask the scheduler; one that does not answer is waited for as long as the client tries to reach it."""
        waiting = False
        while self._client.status not in {"closed", "closing"}:
            if self._client.status == "running":
                with suppress(OSError, CancelledError, asyncio.CancelledError):
                    return self._look_around()
            elif not waiting:
                waiting = True
                self._tell(f"the scheduler {self._address} does not answer; waiting for it to come back")
            time.sleep(_WAIT_SECONDS)
        raise ClusterError(
            f"the scheduler {self._address} is gone; what was finished is kept: start it and its workers again, and "
            "the same command goes on from there"
        )

    def _look_around(self) -> Seen:
        try:
            seen = self._client.run_on_scheduler(look_around, self._terms.resource)  # type: ignore[no-untyped-call]
        except ImportError as error:
            raise ClusterError(f"the scheduler cannot import grader ({escape(error)}): install it there, too") from None
        assert isinstance(seen, Seen)
        return seen

    def _take_back(self, stuck: Sequence[str]) -> None:
        """Cancel what waits for workers that are gone: Dask does not look at it again when others take part."""
        bundles = [future.key for future in self._bundles.values()]
        for key in self._running if any(key in bundles for key in stuck) else stuck:
            if future := self._running.get(key):
                future.cancel()
        self._bundles = {file: future for file, future in self._bundles.items() if future.key not in stuck}

    def _spread(self, lacking: Iterable[tuple[str, str]]) -> None:
        """Copy bundles to workers: a job goes to where its bundle is, and Dask drops copies that rest for a moment."""
        known = {str(bundle.key): bundle for bundle in self._bundles.values() if _is_there(bundle)}
        self._copies = [
            self._client.submit(len, known[key], key=f"{OURS}copy-{secrets.token_hex(8)}", workers=[address])
            for key, address in lacking
            if key in known
        ]

    def _bundle(self, file: Path) -> Bytes:
        """A bundle as Dask's data: it travels to each worker once, and is made again where it was lost."""
        import dask

        known = self._bundles.get(file)
        if known is not None and _is_there(known):
            return known
        packed = file.read_bytes()
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": _HUGE_GRAPH}):
            future = self._client.submit(
                bytes, packed, key=f"{BUNDLE}{secrets.token_hex(8)}", resources={self._terms.resource: 1}
            )
        self._bundles.pop(file, None)
        self._bundles[file] = future
        self._spread((str(future.key), address) for address in self._used)
        while len(self._bundles) > _BUNDLES:
            del self._bundles[next(iter(self._bundles))]
        return future


def _is_there(bundle: Bytes) -> bool:
    """Whether Dask has it, or will have it."""
    return bundle.status not in {"error", "cancelled", "lost"}


class _Executor(Executor):
    """Dask's, with each task packed and its bundle beside it."""

    def __init__(
        self,
        dask: Any,
        bundle: Callable[[Path], Bytes],
        running: MutableMapping[str, Future[Any]],
        where: Sequence[str] = (),
    ) -> None:
        self._dask = dask
        self._bundle = bundle
        self._running = running
        self._where = [*where]

    def only(self, address: str) -> _Executor:
        """The same, on one worker."""
        return _Executor(self._dask, self._bundle, self._running, [address])

    def submit(self, work: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        """Send a task of `worker.Task` to where there is room."""
        (task,) = args
        assert isinstance(task, Task)
        bundle: Any = self._bundle(task.bundle_file)  # its bytes, where it arrives
        key = f"{OURS}{secrets.token_hex(8)}"
        future: Future[Any] = self._dask.submit(
            do_packed, pack((work, task)), bundle, key=key, workers=self._where or None
        )
        self._running[key] = future
        return future
