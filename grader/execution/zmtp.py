"""ZeroMQ's wire protocol (ZMTP 3.0, RFC 23), as much as a client of a Jupyter kernel needs, from a peer nobody trusts.

libzmq holds a whole message, of any number of parts of any size, before it hands it over: a hostile kernel could fill
the host's memory. Here a message's bytes beyond a cap are counted and thrown away as they arrive.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_MORE, _LONG, _COMMAND = 1, 2, 4
_GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
_MOST_PARTS = 1000
_READ_BYTES = 1 << 18
_HANDSHAKE_SECONDS = 30.0


class ChannelClosed(Exception):  # noqa: N818 - what happened, for the kernel's owner to interpret
    """The peer is gone, or does not speak the protocol."""


@dataclass(frozen=True, slots=True)
class Parts:
    """One message: its parts, None for each that was over the cap, and its size on the wire."""

    parts: tuple[bytes | None, ...]
    size: int


class Channel:
    """One end of a ZeroMQ connection over a socket that is already connected."""

    def __init__(self, connection: socket.socket, kind: str, most_bytes: int) -> None:
        """Shake hands as a socket of this kind (DEALER, SUB); keep at most `most_bytes` of any message."""
        self._connection = connection
        self._most_bytes = most_bytes
        self._buffer = bytearray()
        self._parts: list[bytes | None] = []
        self._kept = self._size = 0
        self._to_skip = 0
        self._flags = 0
        connection.settimeout(_HANDSHAKE_SECONDS)
        self._shake_hands(kind)
        if kind == "SUB":
            self._connection.sendall(_frame(b"\x01", 0))  # subscribe to everything

    def fileno(self) -> int:
        """Return the file descriptor to wait on."""
        return self._connection.fileno()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def send(self, parts: Sequence[bytes]) -> None:
        """Send one message; raises ChannelClosed where the peer does not take it."""
        last = len(parts) - 1
        data = b"".join(_frame(part, _MORE if index < last else 0) for index, part in enumerate(parts))
        try:
            self._connection.settimeout(_HANDSHAKE_SECONDS)
            self._connection.sendall(data)
        except OSError as error:
            raise ChannelClosed(str(error)) from error

    def receive(self) -> Iterator[Parts]:
        """Read once what is there and yield each message that it completes; raises ChannelClosed at its end."""
        try:
            self._connection.settimeout(0)
            data = self._connection.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            raise ChannelClosed(str(error)) from error
        if not data:
            raise ChannelClosed("closed by the peer")
        self._buffer += data
        while self._one_frame():
            if not self._flags & (_MORE | _COMMAND):
                yield Parts(tuple(self._parts), self._size)
                self._parts, self._kept, self._size = [], 0, 0

    def _one_frame(self) -> bool:
        """Take one whole frame from the buffer, or as much as there is of one that is thrown away."""
        if self._to_skip:
            return self._skip()
        header = self._header()
        if header is None:
            return False
        start, length = header
        if self._kept + length > self._most_bytes or len(self._parts) >= _MOST_PARTS:
            self._start_skipping(start, length)
            return self._skip()
        if len(self._buffer) < start + length:
            return False
        self._flags = self._buffer[0]
        part = bytes(self._buffer[start : start + length])
        del self._buffer[: start + length]
        if not self._flags & _COMMAND:
            self._parts.append(part)
            self._kept += length
            self._size += length
        return True

    def _header(self) -> tuple[int, int] | None:
        """Return where the next frame's body starts and how long it is."""
        start = 9 if self._buffer and self._buffer[0] & _LONG else 2
        if len(self._buffer) < start:
            return None
        return start, int.from_bytes(self._buffer[1:start], "big")

    def _start_skipping(self, start: int, length: int) -> None:
        self._flags = self._buffer[0]
        del self._buffer[:start]
        self._to_skip = length
        self._size += length
        if len(self._parts) < _MOST_PARTS and not self._flags & _COMMAND:
            self._parts.append(None)

    def _skip(self) -> bool:
        thrown = min(self._to_skip, len(self._buffer))
        del self._buffer[:thrown]
        self._to_skip -= thrown
        return self._to_skip == 0

    def _shake_hands(self, kind: str) -> None:
        ready = b"\x05READY" + _property(b"Socket-Type", kind.encode()) + _property(b"Identity", b"")
        try:
            self._connection.sendall(_GREETING)
            greeting = self._exactly(64)
            if greeting[0] != _GREETING[0] or greeting[10] < 3 or not greeting[12:].startswith(b"NULL\0"):
                raise ChannelClosed("the peer speaks another protocol")
            self._connection.sendall(_frame(ready, _COMMAND))
            flags = self._exactly(1)[0]
            length = int.from_bytes(self._exactly(8 if flags & _LONG else 1), "big")
            if not flags & _COMMAND or length > 4096:
                raise ChannelClosed("the peer does not introduce itself")
            self._exactly(length)
        except OSError as error:
            raise ChannelClosed(str(error)) from error

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            part = self._connection.recv(size - len(data))
            if not part:
                raise ChannelClosed("closed by the peer")
            data += part
        return bytes(data)


def _frame(body: bytes, flags: int) -> bytes:
    if len(body) < 256:
        return bytes([flags, len(body)]) + body
    return bytes([flags | _LONG]) + len(body).to_bytes(8, "big") + body


def _property(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value
