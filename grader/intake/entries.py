"""The entries of an archive or folder that somebody handed over: each a plain file within limits, or refused alone."""

from __future__ import annotations

import os
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from grader.errors import IntakeError
from grader.text import escape

_IGNORED_FOLDERS = frozenset({"__MACOSX", ".ipynb_checkpoints", "__pycache__", ".git"})
_IGNORED_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_LONGEST_NAME = 255
_DEEPEST = 20
_CHUNK = 1 << 20
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one archive or folder may hold; what goes beyond is refused entry by entry."""

    entry_bytes: int = 200 << 20
    total_bytes: int = 20 << 30
    entries: int = 100_000
    inflate_ratio: int = 200
    """Bytes out for a byte in, once an entry is larger than a megabyte."""


class EntryError(Exception):
    """An entry that cannot be taken; the message is a sentence about it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One plain file, not yet read."""

    path: tuple[str, ...]
    """Names from the top, in Unicode's composed form; none of them leads anywhere but down."""
    size: int
    """As the archive or the file system claims."""
    read: Callable[[], bytes]
    """Raises `EntryError` where it turns out to be too large, damaged or gone."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that is not taken, and why, escaped."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """All that one path holds."""

    source: Path
    entries: tuple[Entry, ...]
    refused: tuple[Refused, ...] = ()


def open_path(path: Path, limits: Limits | None = None) -> Arrived:
    """List what a folder, a zip or a single file holds; nothing is read yet but names.

    Raises `IntakeError` where the path is none of these.
    """
    limits = limits or Limits()
    shown = escape(path, 300)
    if path.is_symlink():
        path = path.resolve()
    if path.is_dir():
        return _sorted_out(path, _in_folder(path, (), limits), limits)
    if not path.is_file():
        raise IntakeError(f"{shown}: there is no such file or folder")
    if zipfile.is_zipfile(path):
        return _sorted_out(path, _in_zip(path, limits), limits)
    if path.suffix.lower() == ".zip":
        raise IntakeError(f"{shown}: is no whole zip; download it again")
    return _sorted_out(path, iter([_file(path, (path.name,), limits)]), limits)


def _sorted_out(source: Path, found: Iterator[Entry | Refused], limits: Limits) -> Arrived:
    entries: dict[str, Entry] = {}
    refused: list[Refused] = []
    total = 0
    for number, entry in enumerate(found, 1):
        if number > limits.entries:
            refused.append(Refused("the rest", f"there are more than {limits.entries:,} entries"))
            break
        if isinstance(entry, Refused):
            refused.append(entry)
            continue
        total += entry.size
        folded = "/".join(entry.path).casefold()
        if total > limits.total_bytes:
            refused.append(Refused(_shown(entry.path), "all together is larger than what is taken in at once"))
        elif folded in entries:
            refused.append(Refused(_shown(entry.path), "another entry has the same name up to upper and lower case"))
        else:
            entries[folded] = entry
    return Arrived(source, tuple(entries.values()), tuple(refused))


def _in_zip(path: Path, limits: Limits) -> Iterator[Entry | Refused]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise IntakeError(f"{escape(path, 300)}: is no whole zip: {escape(error)}; download it again") from None
    for member in members:
        if not member.is_dir():
            parts = _parts(member.filename)
            reason = _reason(parts) or _zip_reason(member, limits)
            if reason:
                yield Refused(escape(member.filename), reason)
            elif not _ignored(parts):
                yield Entry(parts, member.file_size, partial(_inflate, path, member, limits))


def _zip_reason(member: zipfile.ZipInfo, limits: Limits) -> str | None:
    mode = member.external_attr >> 16
    if mode and not (stat.S_ISREG(mode) or stat.S_IFMT(mode) == 0):
        return "it is a link or a special file"
    if member.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    return f"it is larger than {limits.entry_bytes >> 20} MB" if member.file_size > limits.entry_bytes else None


def _inflate(path: Path, member: zipfile.ZipInfo, limits: Limits) -> bytes:
    """Read a member for as long as it stays within its limits, whatever size it claims."""
    most = min(limits.entry_bytes, max(_CHUNK, member.compress_size * limits.inflate_ratio))
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            content = stream.read(most + 1)
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, EOFError, zlib.error) as error:
        raise EntryError(f"it is damaged: {escape(error)}") from None
    if len(content) > most:
        raise EntryError("it inflates to far more than it should")
    return content


def _in_folder(folder: Path, above: tuple[str, ...], limits: Limits) -> Iterator[Entry | Refused]:
    try:
        found = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Refused(_shown(above), f"it cannot be read: {escape(error.strerror)}")
        return
    for item in found:
        parts = (*above, unicodedata.normalize("NFC", item.name))
        if _ignored(parts):
            continue
        if reason := _reason(parts):
            yield Refused(_shown(parts), reason)
        elif item.is_symlink():
            yield Refused(_shown(parts), "it is a link")
        elif item.is_dir(follow_symlinks=False):
            yield from _in_folder(Path(item.path), parts, limits)
        else:
            yield _file(Path(item.path), parts, limits)


def _file(path: Path, parts: tuple[str, ...], limits: Limits) -> Entry | Refused:
    try:
        status = path.lstat()
    except OSError as error:
        return Refused(_shown(parts), f"it cannot be read: {escape(error.strerror)}")
    if not stat.S_ISREG(status.st_mode):
        return Refused(_shown(parts), "it is no plain file")
    if status.st_size > limits.entry_bytes:
        return Refused(_shown(parts), f"it is larger than {limits.entry_bytes >> 20} MB")
    return Entry(parts, status.st_size, partial(_read_file, path, limits))


def _read_file(path: Path, limits: Limits) -> bytes:
    try:
        # neither a link nor a pipe that took the file's place since it was listed can lead elsewhere or block
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise EntryError("it is no plain file")
            content = stream.read(limits.entry_bytes + 1)
    except OSError as error:
        raise EntryError(f"it cannot be read: {escape(error.strerror)}") from None
    if len(content) > limits.entry_bytes:
        raise EntryError(f"it is larger than {limits.entry_bytes >> 20} MB")
    return content


def _parts(name: str) -> tuple[str, ...]:
    """The names of a path in an archive; some systems write backslashes."""
    return tuple(unicodedata.normalize("NFC", name).replace("\\", "/").split("/"))


def _reason(parts: tuple[str, ...]) -> str | None:
    """Why a path cannot be one below its folder."""
    if parts[0] == "" or (len(parts[0]) == 2 and parts[0][1] == ":"):
        return "its path is absolute"
    if any(part in {"", ".", ".."} for part in parts):
        return "its path leads out of its folder"
    if any(unicodedata.category(character) in {"Cc", "Cs"} for part in parts for character in part):
        return "its name holds control characters"
    if len(parts) > _DEEPEST or any(len(os.fsencode(part)) > _LONGEST_NAME for part in parts):
        return "its name is too long"
    return None


def _ignored(parts: tuple[str, ...]) -> bool:
    """What operating systems and editors leave behind."""
    return parts[-1] in _IGNORED_FILES or parts[-1].startswith("._") or not _IGNORED_FOLDERS.isdisjoint(parts)


def _shown(parts: tuple[str, ...]) -> str:
    return escape("/".join(parts)) or "the folder"
