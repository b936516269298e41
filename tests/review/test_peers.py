"""Whose program is at the other end of a connection."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from grader.review import gate, peers
from grader.review.peers import is_stranger, owner_of

TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0
   1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 2 1 0 20 4 30 10 -1
   2: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 3 1 0 20 4 30 10 -1
"""
TABLE6 = """  sl  local_address                         remote_address           st tx_queue rx_queue tr uid
   0: 0000000000000000FFFF00000100007F:C351 0000000000000000FFFF00000100007F:1F90 01 00000000:00000000 0:0 0 1002 0 4
"""


def test_the_client_s_own_socket_counts() -> None:
    """Not our end of it, not another connection; a client of IPv6's kind is found as well."""
    assert 1001 == owner_of(("127.0.0.1", 50000), 8080, [TABLE, TABLE6])
    assert 1002 == owner_of(("127.0.0.1", 50001), 8080, [TABLE, TABLE6])
    assert owner_of(("127.0.0.1", 50002), 8080, [TABLE, TABLE6]) is None
    assert owner_of(("127.0.0.1", 50000), 8081, [TABLE]) is None
    assert owner_of(("testclient", 50000), 8080, [TABLE]) is None
    assert owner_of(("127.0.0.1", 50000), 8080, ["", "garbage\nmore garbage"]) is None


@pytest.mark.skipif(not Path("/proc/net/tcp").is_file(), reason="only Linux tells who owns a socket")
def test_a_real_connection_has_its_owner() -> None:
    """Ours is ours."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        tables = [path.read_text() for path in peers._TABLES if path.is_file()]
        assert os.getuid() == owner_of(client.getsockname(), server.getsockname()[1], tables)
        assert not is_stranger(client.getsockname(), server.getsockname()[1])


def test_who_is_a_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user; neither ourselves nor root nor whoever is not known."""
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(peers, "_read", lambda path: TABLE)
    assert is_stranger(("127.0.0.1", 50000), 8080)
    assert not is_stranger(("127.0.0.1", 50009), 8080)
    assert not is_stranger(None, 8080)
    monkeypatch.setattr(os, "getuid", lambda: 1001)
    assert not is_stranger(("127.0.0.1", 50000), 8080)


def test_a_stranger_gets_nothing(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with the session, not even the style sheet."""
    inside = client()
    monkeypatch.setattr(gate, "is_stranger", lambda peer, port: True)
    assert 403 == inside.get("/").status_code
    assert 403 == inside.get("/static/x").status_code
