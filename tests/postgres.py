"""A PostgreSQL server of the tests' own: in a temporary folder, on a socket there, ended with them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_DEBIAN = Path("/usr/lib/postgresql")
_NOBODY = 65534
REQUIRED = "GRADER_REQUIRE_POSTGRES"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; its superuser is `grader`, who needs no password; whoever else comes needs one."""

    folder: Path
    programs: Path
    durable: bool = False
    """Whether a commit waits for the disk; tests of what is written need not."""

    def url(self, database: str, user: str = "grader") -> str:
        """How grader is told of a database here."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement as the superuser; its rows."""
        import psycopg

        with psycopg.connect(host=str(self.folder), user="grader", dbname=database, autocommit=True) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

    def create(self, database: str, template: str = "template1") -> str:
        """Make a database, empty or like another; its URL."""
        self.sql(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)

    def control(self, *arguments: str) -> None:
        """Start or stop the server."""
        _as_a_user([str(self.programs / "pg_ctl"), "-D", str(self.folder / "data"), "-w", "-s", *arguments])

    def start(self) -> None:
        """Start it, and wait until it answers."""
        sync = "on" if self.durable else "off"
        options = f"-k {self.folder} -c listen_addresses= -c fsync={sync} -c max_connections=40"
        self.control("-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """End it at once, as a crash does."""
        self.control("-m", "immediate", "stop")


def programs() -> Path | None:
    """Where the server's programs are: Debian does not put them on PATH."""
    versions = sorted(_DEBIAN.glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    found = [*(path.parent for path in versions), *(Path(p).parent for p in [shutil.which("pg_ctl")] if p)]
    return next((path.resolve() for path in reversed(found) if (path / "initdb").exists()), None)


@contextmanager
def running_server(*, durable: bool = False) -> Iterator[Server]:
    """A server that orders texts by a language's rules; the test is skipped where there are no programs for one."""
    found = programs()
    if found is None:
        if os.environ.get(REQUIRED):
            pytest.fail(f"no PostgreSQL server here, and {REQUIRED} is set: apt-get install postgresql")
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="grader-pg-"))
    server = Server(folder, found, durable)
    try:
        if os.geteuid() == 0:
            os.chown(folder, _NOBODY, _NOBODY)
        locale = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]
        _as_a_user([str(found / "initdb"), "-D", f"{folder}/data", "-U", "grader", "--no-sync", "-A", "trust", *locale])
        rules = "local all grader trust\nlocal all all scram-sha-256\n"
        (folder / "data" / "pg_hba.conf").write_text(rules)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _as_a_user(command: list[str]) -> None:
    """Run one of the server's programs: they refuse to be root."""
    root = os.geteuid() == 0
    who = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if root else {}
    done = subprocess.run(
        command,
        **who,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
