"""The wire between the host and the kernels it forks: JSON objects, each after its length in four bytes.

Both ends import this, so it stays light. What comes from a kernel is hostile: a reader never holds more than one frame
of the size that it was made for, and skips larger ones without storing them.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

_LENGTH = struct.Struct("<I")
MAX_LENGTH = 0xFFFFFFFF

Frame = dict[str, Any]


class Oversized(Exception):  # noqa: N818 - a fact about a frame, not an error of ours
    """A frame was larger than the reader accepts; it is being skipped."""


def pack(frame: Frame) -> bytes:
    """Encode a frame of our own making."""
    return pack_text(json.dumps(frame, separators=(",", ":")).encode())


def pack_text(text: bytes) -> bytes:
    """Put the length in front of a frame that is JSON already."""
    return _LENGTH.pack(len(text)) + text


class FrameReader:
    """Cuts a stream of bytes into frames; it keeps at most one unfinished frame of `largest` bytes."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._buffer = bytearray()
        self._to_skip = 0

    def feed(self, data: bytes) -> Iterator[bytes | Oversized]:
        """Take in bytes; give each frame that is complete, and an `Oversized` for each that is too large."""
        self._buffer += data
        while True:
            if self._to_skip:
                skipped = min(self._to_skip, len(self._buffer))
                del self._buffer[:skipped]
                self._to_skip -= skipped
            if self._to_skip or len(self._buffer) < _LENGTH.size:
                return
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > self._largest:
                self._to_skip = length + _LENGTH.size
                yield Oversized(length)
                continue
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            frame = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield frame
