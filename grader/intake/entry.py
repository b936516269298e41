"""One file that somebody handed over, not yet read; and how much is taken in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from grader.text import escape


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one archive or folder may hold; what goes beyond is refused entry by entry."""

    entry_bytes: int = 95_000_000
    hand_in_bytes: int = 95_000_000
    hand_in_files: int = 900
    """Of one hand-in, its folders counted as well; a little less than what is read again from the course folder."""
    total_bytes: int = 20 << 30
    entries: int = 100_000
    inflate_ratio: int = 200
    """Bytes out for a byte in, where an entry is larger than `any_ratio_bytes`."""
    any_ratio_bytes: int = 10_000_000


class EntryError(Exception):
    """An entry that cannot be taken; the message is a sentence about it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One plain file, not yet read."""

    path: tuple[str, ...]
    """Names from the top, in Unicode's composed form; none of them leads anywhere but down."""
    size: int
    """As the archive or the file system claims."""
    read: Callable[[], bytes] = field(compare=False)
    """Raises `EntryError` where it turns out to be too large, damaged or gone."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that is not taken, and why, escaped."""

    name: str
    reason: str


def shown(parts: tuple[str, ...]) -> str:
    """A path for a sentence."""
    return escape("/".join(parts)) or "the folder"


def too_large(limits: Limits) -> str:
    """The sentence about an entry beyond its limit."""
    return f"it is larger than {limits.entry_bytes // 1_000_000} MB"
