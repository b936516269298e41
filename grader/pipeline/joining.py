"""Ways to have a Dask cluster: one that runs already, or one begun for this run with Dask's own tools."""

from __future__ import annotations

import logging
import math
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from grader.errors import ConfigError, GraderError
from grader.pipeline.worker import EngineChoice
from grader.text import escape

if TYPE_CHECKING:
    from distributed import Client

    from grader.pipeline.cluster import Cluster

Kind = Literal["local", "slurm", "kubernetes"]

_PACKAGES = {"slurm": "dask-jobqueue", "kubernetes": "dask-kubernetes"}
_WHERE_TO_LOOK = {
    "slurm": "`squeue --me` shows their jobs; if none is left, press Ctrl-C, and the same command begins new ones",
    "kubernetes": "`kubectl get pods` shows them",
}
"""Where to see what has become of workers that do not come."""
_ROLES = ("client", "scheduler", "worker")
_SECONDS = 30
_LOGGERS = ("asyncio", "distributed", "distributed.client")
_FRUGAL = {"distributed.admin.low-level-log-length": 0, "distributed.worker.profile.enabled": False}
"""Else Dask keeps the last thousand messages, submissions and all, for its developers."""

_PAGES = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
"""A scheduler's pages: else they are at Dask's usual port, for everybody, and it is told if that is taken."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM format by which scheduler, workers and coordinator know each other."""

    ca: Path
    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Where:
    """Which cluster to use."""

    scheduler: str = ""
    """The address of one that runs: `tcp://host:8786`, `tls://host:8786`."""
    kind: Kind | None = None
    """What to begin one with, where there is no address."""
    workers: int | None = None
    """At most so many at once; of a cluster that is begun here, as many as that."""
    tls: Tls | None = None
    any_environment: bool = False
    """Use workers of other environments as well: results depend on who did the work, then."""

    def __post_init__(self) -> None:
        if self.scheduler and self.kind:
            raise ConfigError("there is a scheduler's address and a kind of cluster to begin: give one of them")
        for path in (self.tls.ca, self.tls.cert, self.tls.key) if self.tls else ():
            if not path.is_file():
                raise ConfigError(f"{escape(path)} is no file: TLS needs three PEM files, authority, certificate, key")


@contextmanager
def joined(where: Where, engine: EngineChoice, tell: Callable[[str], None] = lambda _: None) -> Iterator[Cluster]:
    """Connect to the cluster that is asked for, beginning it if it has to be; it ends with the context.

    `tell` gets a line when workers come and go, or are not used. Raises `GraderError` if there is no such cluster.
    """
    _require("distributed", "Running on a cluster", "'grader[cluster]'")
    import dask

    from grader.execution.installed import environment
    from grader.pipeline.admission import Terms
    from grader.pipeline.cluster import Cluster

    with _quiet(), dask.config.set(_FRUGAL), ExitStack() as stack:
        target = stack.enter_context(_begun(where)) if where.kind else _address(where)
        client = stack.enter_context(_connected(target, where))
        terms = Terms(environment(), engine.sandbox, where.any_environment)
        yield Cluster(client, terms, tell, where.workers, _WHERE_TO_LOOK.get(where.kind or ""))


@contextmanager
def _quiet() -> Iterator[None]:
    """Let Dask be silent about what we tell: lost schedulers, workers with other versions."""
    from distributed.versions import VersionMismatchWarning

    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VersionMismatchWarning)
        for name in levels:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


@contextmanager
def _connected(target: Any, where: Where) -> Iterator[Client]:
    from distributed import Client

    security = _security(where.tls)
    shown = escape(target) if isinstance(target, str) else f"the {where.kind} cluster"
    try:
        client = Client(target, security=security, timeout=_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, ImportError, TypeError) as error:
        why = escape(str(error).splitlines()[0]) if str(error) else type(error).__name__
        raise GraderError(
            f"no scheduler can be reached at {shown} ({why}): start one with `dask scheduler`, or correct the address"
        ) from None
    try:
        yield client
    finally:
        client.close(timeout=5)  # type: ignore[no-untyped-call]


def _security(tls: Tls | None) -> Any:
    """Let all of a cluster show the same certificate, and talk to nobody who has none of the authority's."""
    if tls is None:
        return None
    from distributed import Security

    files = {
        f"tls_{role}_{kind}": str(path) for role in _ROLES for kind, path in (("cert", tls.cert), ("key", tls.key))
    }
    return Security(tls_ca_file=str(tls.ca), require_encryption=True, **files)  # type: ignore[no-untyped-call]


def _address(where: Where) -> str:
    if "://" in where.scheduler:
        return where.scheduler
    return f"{'tls' if where.tls else 'tcp'}://{where.scheduler}"


@contextmanager
def _begun(where: Where) -> Iterator[Any]:
    begin = {"local": _local, "slurm": _slurm, "kubernetes": _kubernetes}[where.kind or "local"]
    try:
        cluster = begin(where)
    except GraderError:
        raise
    except Exception as error:  # three packages, each with errors of its own
        raise GraderError(f"no {where.kind} cluster can be begun: {_said(error)}") from error
    with cluster:
        yield cluster


def _said(error: Exception) -> str:
    """What a program that was called had to say, in one line; else what the error says."""
    lines = str(error).rpartition("stderr:\n")[2].split("\n")
    return escape("; ".join(line for line in map(str.strip, lines) if line), 500) or type(error).__name__


def _local(where: Where) -> Any:
    """One process a worker on this machine; reachable from this machine alone."""
    from distributed import LocalCluster

    from grader.pipeline import local_worker

    return LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=where.workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=_PAGES["dashboard_address"],
        scheduler_kwargs=_PAGES,
        silence_logs=logging.CRITICAL,
        preload=[local_worker.__name__],
    )


def _slurm(where: Where) -> Any:
    """Jobs of as many processes as Dask's configuration (`jobqueue.slurm`) gives them processors."""
    _require("dask_jobqueue", "--cluster slurm", _PACKAGES["slurm"])
    if shutil.which("sbatch") is None:
        raise ConfigError("--cluster slurm needs Slurm's own commands, and there is no sbatch here: use a login node")
    import dask
    from distributed.core import Status

    with _signals_kept():
        from dask_jobqueue import SLURMCluster  # type: ignore[attr-defined] # it has no __all__

    cores = dask.config.get("jobqueue.slurm.cores", None) or 1
    cluster: Any = SLURMCluster(
        cores=cores,
        processes=cores,
        memory=dask.config.get("jobqueue.slurm.memory", None) or f"{4 * cores}GB",
        protocol="tls://" if where.tls else "tcp://",
        security=_security(where.tls),
        scheduler_options=_PAGES,
        worker_extra_args=["--no-dashboard"],
    )
    try:
        for _ in range(math.ceil((where.workers or cores) / cores)):
            cluster.worker_spec.update(cluster.new_worker_spec())
        cluster.sync(cluster._correct_state)  # noqa: SLF001 - `scale` does it unseen, and waits for jobs that were refused
    except BaseException:
        for job in [*cluster._created]:  # noqa: SLF001 - else closing waits for the end of jobs that were never accepted
            job.status = Status.failed
        cluster.close()
        raise
    return cluster


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Take back what an import does to Ctrl-C: that of dask-jobqueue lets it end the process as if all were done."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _kubernetes(where: Where) -> Any:
    """Pods of the image that Dask's configuration (`kubernetes.image`) names, by Dask's operator."""
    _require("dask_kubernetes", "--cluster kubernetes", _PACKAGES["kubernetes"])
    from dask_kubernetes.operator import KubeCluster

    command = ["dask-worker", "--nthreads", "1"]
    return KubeCluster(name="grader", n_workers=where.workers or 1, worker_command=command, quiet=True)


def _require(module: str, what: str, package: str) -> None:
    if find_spec(module) is None:
        raise ConfigError(f"{what} needs a package that is not installed here: pip install {package}")
