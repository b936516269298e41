"""Other machines, and sockets of this one."""

from __future__ import annotations

import socket
from typing import Any

from .reach import Facts, Tries, content


def network(facts: Facts) -> Tries:
    """Interfaces, routes, connections, packets, names."""
    for name in content("/proc/net/dev").decode().splitlines()[2:]:
        yield f"interface {name.split(':')[0].strip()}", name.split(":")[0].strip() != "lo"
    yield "a route", len(content("/proc/net/route").splitlines()) > 1
    for address in facts["addresses"]:
        yield f"a connection to {address}", connected(socket.AF_INET, tuple(address))
        yield f"a packet to {address}", _sent(tuple(address))
    for name in ("192.0.2.1", *facts["nameservers"]):
        family = socket.AF_INET6 if ":" in name else socket.AF_INET
        yield f"a packet to {name}", _sent((name, 53), family)
    yield "a name of the outside", _resolved("example.org")


def sockets(facts: Facts) -> Tries:
    """Unix sockets of the host, with a path and without, and unusual families."""
    for name in facts["sockets"]:
        yield f"the socket {name!r}", connected(socket.AF_UNIX, name)
    families = {"packet": 17, "vsock": 40, "alg": 38, "bluetooth": 31, "key": 15, "xdp": 44, "tipc": 30, "can": 29}
    for name, number in families.items():
        yield f"a socket of family {name}", any(_made(number, kind) for kind in (1, 2, 3, 5))
    yield "a raw socket", _made(socket.AF_INET, socket.SOCK_RAW, 1)
    yield "the kernel's audit by netlink", _made(16, 3, 9)


def connected(family: int, address: Any) -> bool:
    """Whether anybody listens there."""
    try:
        with socket.socket(family) as made:
            made.settimeout(1)
            made.connect(address)
    except OSError:
        return False
    return True


def _sent(address: tuple[str, int], family: int = socket.AF_INET) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as made:
            if address[0].startswith("127."):
                made.sendto(b"grader", address)
                return False  # everybody has a loopback of their own: whether it arrives is seen outside
            made.sendto(b"grader", address)
    except OSError:
        return False
    return True


def _resolved(name: str) -> bool:
    try:
        return bool(socket.getaddrinfo(name, 80))
    except OSError:
        return False


def _made(family: int, kind: int, protocol: int = 0) -> bool:
    try:
        socket.socket(family, kind, protocol).close()
    except OSError:
        return False
    return True
