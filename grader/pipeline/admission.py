"""Which workers of a cluster are used: those whose Python, packages and grader are the coordinator's.

What is asked of a worker or a scheduler is a function here that runs there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grader import __version__
from grader.errors import SandboxError
from grader.execution.installed import Environment, environment
from grader.pipeline.environments import differences
from grader.pipeline.worker import Packed, unpack
from grader.text import escape

OURS = "grader-"
"""What the names of all that we hand to Dask begin with."""
BUNDLE = f"{OURS}bundle-"


@dataclass(frozen=True, slots=True)
class Described:
    """What a worker says of itself."""

    version: str
    """Of `grader`."""
    environment: Environment
    sandbox_problem: str
    """Why it has no sandbox; empty where it has one."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a worker has to be like to be used."""

    here: Environment
    sandbox: bool = True
    any_environment: bool = False

    @property
    def resource(self) -> str:
        """The name under which workers that are used are known to Dask: another for another environment."""
        return f"{OURS}{__version__}-{self.here.digest[:16]}"

    def why_not(self, worker: Described | BaseException) -> str:
        """Say why a worker is not used; empty if it is."""
        if isinstance(worker, ImportError):
            return f"it cannot import grader {__version__} ({escape(worker)}): install it there"
        if isinstance(worker, BaseException):
            return f"it does not answer: {type(worker).__name__}: {escape(worker)}"
        if worker.version != __version__:
            return f"it has grader {escape(worker.version)}, here is {__version__}: install the same there"
        if self.sandbox and worker.sandbox_problem:
            return f"it has no sandbox: {escape(worker.sandbox_problem)}"
        if self.here.digest == worker.environment.digest or self.any_environment:
            return ""
        changes = differences(worker.environment.summary, self.here.summary)
        return f"its environment is another: there -> here: {escape(changes)}"


@dataclass(frozen=True, slots=True)
class Seen:
    """Who is there, as the scheduler knows."""

    used: tuple[str, ...]
    """Addresses of workers with the resource."""
    others: Mapping[str, str]
    """Addresses of workers without it, each with an identity that no other worker process ever has."""
    lacking: tuple[tuple[str, str], ...]
    """Keys of bundles that are made, each with the address of a worker that is used and has no copy."""
    stuck: tuple[str, ...]
    """Keys of what no worker that is left may do."""


def describe(sandbox: bool) -> Described:
    """On a worker: say what it is like."""
    problem = ""
    if sandbox:
        from grader.execution import find_sandbox

        try:
            find_sandbox()
        except SandboxError as error:
            problem = " ".join(error.messages)
    return Described(__version__, environment(), problem)


async def take_part(resource: str, dask_worker: Any) -> None:
    """On a worker: take one task at a time."""
    if resource not in dask_worker.state.total_resources:
        await dask_worker.set_resources(**{resource: 1})


def do_packed(packed: bytes, bundle: bytes) -> Packed:
    """On a worker: do what was packed, a function and its task, into which a scheduler need not look."""
    _forget_names()
    work, task = unpack(packed)
    return Packed(work(task, bundle))


def look_around(resource: str, dask_scheduler: Any) -> Seen:
    """On the scheduler: see who is there, and leave it to us what becomes of a job whose worker died."""
    dask_scheduler.allowed_failures = 0
    _forget_jobs(dask_scheduler)
    _forget_names()
    used = dask_scheduler.resources.get(resource, {})
    others = {address: state.server_id for address, state in dask_scheduler.workers.items() if address not in used}
    stuck = tuple(str(task.key) for task in dask_scheduler.unrunnable if str(task.key).startswith(OURS))
    bundles = [task for key, task in dask_scheduler.tasks.items() if str(key).startswith(BUNDLE) and task.who_has]
    lacking = tuple(
        (str(bundle.key), address)
        for bundle in bundles
        for address in sorted({*used} - {worker.address for worker in bundle.who_has})
    )
    return Seen(tuple(sorted(used)), others, lacking, stuck)


def _forget_names() -> None:
    """Drop what Dask remembers of the names of the latest 100,000 jobs: up to half a kilobyte each."""
    from dask.utils import key_split

    key_split.cache_clear()


def _forget_jobs(dask_scheduler: Any) -> None:
    """Drop what a scheduler notes of every job for as long as it runs: that it was one, a note of half a kilobyte."""
    spans = dask_scheduler.extensions.get("spans")
    for span in spans.spans.values() if spans is not None else ():
        notes = span.metadata.get("collections") if span.metadata else None
        if notes:
            notes[:] = [note for note in notes if note != {"type": "Future"}]
