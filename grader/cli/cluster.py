"""Options of commands whose work may be done elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grader.cli import show
from grader.errors import ConfigError

if TYPE_CHECKING:
    from grader.pipeline.joining import Tls, Where
    from grader.pipeline.pool import Workplace
    from grader.pipeline.worker import EngineChoice

_NONE = "none"
_FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for on the command line."""

    scheduler: str | None
    kind: str | None
    any_environment: bool
    tls: tuple[Path | None, Path | None, Path | None]
    """Authority, certificate, key."""

    @contextmanager
    def workers(
        self, jobs: int | None, configured: str, engine: EngineChoice, *, needed: bool
    ) -> Iterator[int | Workplace]:
        """Give workers elsewhere if a cluster is asked for, here or in `course.toml`; else a number of processes."""
        from grader.pipeline.grade import default_workers

        where = self._where(jobs, configured)
        if where is None or not needed:
            yield jobs or default_workers()
            return
        from grader.pipeline.joining import joined

        if where.any_environment:
            show.say("any environment: results may depend on which worker did the work", "yellow")
        with joined(where, engine, lambda line: show.say(f"cluster     {line}")) as cluster:
            yield cluster

    def here(self, configured: str) -> bool:
        """Whether this machine's own processes are to do the work."""
        return self.kind == _NONE or not (self.scheduler or self.kind or configured)

    def _where(self, jobs: int | None, configured: str) -> Where | None:
        if self.here(configured):
            return None
        from grader.pipeline.joining import Where

        scheduler = self.scheduler or ("" if self.kind else configured)
        return Where(scheduler, self.kind, jobs, self._tls(), self.any_environment)  # type: ignore[arg-type] # a choice

    def _tls(self) -> Tls | None:
        ca, cert, key = self.tls
        if ca and cert and key:
            from grader.pipeline.joining import Tls

            return Tls(ca, cert, key)
        if ca or cert or key:
            raise ConfigError("--tls-ca, --tls-cert and --tls-key belong together: give all three")
        return None


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as one argument, `asked`."""

    @click.option("--scheduler", metavar="ADDRESS", help="Workers of this Dask cluster.  [default: course.toml]")
    @click.option(
        "--cluster",
        "kind",
        type=click.Choice([_NONE, "local", "slurm", "kubernetes"]),
        help="Begin a Dask cluster of --jobs workers for this run; none: this machine's own processes.",
    )
    @click.option("--allow-other-environments", "any_environment", is_flag=True, help="Use workers that differ.")
    @click.option("--tls-ca", type=_FILE, help="Certificate of who signed the cluster's; PEM, as the two below.")
    @click.option("--tls-cert", type=_FILE, help="Certificate of this coordinator.")
    @click.option("--tls-key", type=_FILE, help="Its key.")
    @functools.wraps(command)
    def with_cluster(
        *args: Any,
        scheduler: str | None,
        kind: str | None,
        any_environment: bool,
        tls_ca: Path | None,
        tls_cert: Path | None,
        tls_key: Path | None,
        **others: Any,
    ) -> Any:
        asked = Asked(scheduler, kind, any_environment, (tls_ca, tls_cert, tls_key))
        return command(*args, asked=asked, **others)

    return with_cluster
