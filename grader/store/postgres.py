"""PostgreSQL: what its URL may say, how a connection is set up, what its errors mean."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from grader.errors import StoreError
from grader.text import escape

NAMES = frozenset({"postgresql", "postgres"})
"""How a URL begins, up to a driver's name."""

_WAIT_SECONDS = 30
_CONNECT = {
    "application_name": "grader",
    "client_encoding": "UTF8",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
# a grader that is stopped in mid-transaction loses it, rather than keep all others waiting
_SESSION = (
    f"SET lock_timeout = '{_WAIT_SECONDS}s'",
    "SET idle_in_transaction_session_timeout = '5min'",
    "SET datestyle = 'ISO'",
    "SET intervalstyle = 'postgres'",
)
# all of ours who write in one schema, one after the other; 1735550322 is "grdr"
_WRITERS = "SELECT pg_advisory_xact_lock(1735550322, hashtext(current_schema()::text))"

_BY_STATE = {
    "08": "the connection was lost; what was committed is kept: run the same command again",
    "25006": "the server only lets read (a standby?); name the one that takes writes",
    "42501": "the user lacks a right; let the database's owner grant it: GRANT ALL ON SCHEMA public TO the user",
    "3F000": "has no schema for tables; make one, or name it by options=-csearch_path%3DNAME in the URL",
    "40": "another program wrote at the same moment; run the same command again",
    "42P07": "another program made tables at the same moment; run the same command again",
    "53100": "the server's disk is full; make room and run the same command again",
    "53": "the server has no room for more; run the same command again later",
    "55P03": "another program keeps it locked; close it and run the same command again",
    "57": "the server was stopped; what was committed is kept: run the same command again when it is back",
}
"""By the beginning of an SQLSTATE, the longest that fits."""

_BY_WORDS = {
    "password authentication failed": "the password is wrong; put the right one into ~/.pgpass or PGPASSWORD",
    "no password supplied": "the server wants a password; put it into ~/.pgpass or PGPASSWORD",
    "no pg_hba.conf entry": "the server does not let this user in from here; its pg_hba.conf says who may",
    "does not exist": "make it on the server first (createdb, createuser), or name another in the URL",
    "starting up": "the server is starting; run the same command again in a moment",
    "shutting down": "the server is stopping; run the same command again when it is back",
    "too many": "the server has too many connections; close some and run the same command again",
    "not permitted to log in": "the user may not log in; name another in the URL",
    "permission denied for database": "the user may not connect; let the database's owner grant it",
    "invalid connection option": "the URL has an option that PostgreSQL does not know; correct it",
}
_UNREACHABLE = "no server answers; start it, or correct host and port in the URL"


def driven(url: URL) -> URL:
    """The URL with the driver that we use; one whose password would show itself is refused."""
    if "@" in (url.host or ""):
        raise StoreError("the database URL has an @ too many; in a password write %40 for it")
    return url.set(drivername="postgresql+psycopg")


def label(url: URL) -> str:
    """The database as messages call it: never with a password."""
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    told = "&".join(f"{name}={url.query[name]}" for name in ("host", "port") if name in url.query)
    return plain.render_as_string() + (f"?{told}" if told else "")


def open_engine(url: URL) -> Engine:
    """An engine whose connections are set up, and found again after the server has dropped them."""
    given = {name: value for name, value in _CONNECT.items() if name not in url.query}
    try:
        engine = create_engine(url, pool_pre_ping=True, connect_args=given)
    except ImportError as error:
        raise StoreError(f"PostgreSQL needs a driver: pip install 'grader[postgres]' ({escape(error)})") from error
    event.listen(engine, "connect", lambda connection, _: _prepare(connection))
    return engine


def options(*, writes: bool) -> dict[str, Any]:
    """How a transaction is isolated: a reader sees one moment; a writer, once it is its turn, all before it."""
    level = "READ COMMITTED" if writes else "REPEATABLE READ"
    return {"isolation_level": level, "postgresql_readonly": not writes}


def take_turn(connection: Connection) -> None:
    """Wait until no other grader writes in this schema: SQLite's BEGIN IMMEDIATE."""
    connection.exec_driver_sql(_WRITERS)


def reason(error: DBAPIError) -> str:
    """What went wrong, in a line that says what to do."""
    cause = error.orig
    state = getattr(cause, "sqlstate", None) or ""
    text = _one_line(str(cause))
    if error.connection_invalidated:
        return f"{_BY_STATE['08']} ({text})"
    for start in sorted(_BY_STATE, key=len, reverse=True):
        if state.startswith(start):
            return f"{_BY_STATE[start]} ({text})"
    known = None if state else next((remedy for words, remedy in _BY_WORDS.items() if words in text), None)
    if known is None and (state or not isinstance(error, OperationalError)):
        return f"the database refused: {text}"
    return f"{known or _UNREACHABLE} ({text})"


def _one_line(text: str) -> str:
    """The last line that says something: of several addresses' failures one, without libpq's hints."""
    lines = [line.strip("- \t") for line in text.splitlines()]
    told = [line for line in lines if line and not line.startswith(("Is the server", "DETAIL", "HINT", "LINE", "^"))]
    said = next((line for line in told if "FATAL:" in line), told[0] if told else "no reason given")
    return escape(said.partition("FATAL:")[2].strip() or said)


def _prepare(connection: Any) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        connection.close()
        raise StoreError(
            f"the database is encoded in {escape(encoding)}; make one with ENCODING 'UTF8' TEMPLATE template0"
        )
    before, connection.autocommit = connection.autocommit, True
    connection.execute("; ".join(_SESSION))
    connection.autocommit = before
