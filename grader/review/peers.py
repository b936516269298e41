"""Whose program is at the other end of a connection on this machine.

A browser sends one cookie to all ports of a host, so a page of another user's server on the same machine could learn
ours. It would be of no use: what another user's programs ask is refused before any cookie is looked at. Linux tells who
owns a socket; where nobody tells, token and session stand alone.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ROOT = 0
_UNMAPPED = 65534
"""What Linux writes for a user who is not of this container."""


def is_stranger(client: tuple[str, int] | None, port: int) -> bool:
    """Whether the client of our server at this port is known to be a program of another user (root aside)."""
    if client is None:
        return False
    owner = owner_of(client, port, (_read(path) for path in _TABLES))
    return owner is not None and owner not in {os.getuid(), _ROOT, _UNMAPPED}


def owner_of(client: tuple[str, int], port: int, tables: Iterable[str]) -> int | None:
    """The user id of the socket at this address that is connected to our port, by Linux' tables of sockets."""
    try:
        address = socket.inet_aton(client[0])[::-1].hex().upper()
    except OSError:
        return None
    mapped = "0000000000000000FFFF0000"
    wanted = {(f"{prefix}{address}:{client[1]:04X}", f":{port:04X}") for prefix in ("", mapped)}
    for table in tables:
        for line in table.splitlines()[1:]:
            fields = line.split()
            if len(fields) > 7 and (fields[1], fields[2][-5:]) in wanted:
                return int(fields[7])
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
