"""The entries of a folder, archive or file that somebody handed over: each a plain file within limits, or refused."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from grader.errors import IntakeError
from grader.intake.archives import archive_entries, is_archive
from grader.intake.entry import Entry, EntryError, Limits, Refused, shown, too_large
from grader.intake.names import fold, ignored, unsafe_path
from grader.text import escape


@dataclass(frozen=True, slots=True)
class Arrived:
    """All that one path holds."""

    source: Path
    entries: tuple[Entry, ...]
    refused: tuple[Refused, ...] = ()
    limits: Limits = field(default_factory=Limits)


def open_path(path: Path, limits: Limits | None = None) -> Arrived:
    """List what a folder, an archive or a single file holds; nothing is read yet but names.

    Raises `IntakeError` where the path is none of these.
    """
    limits = limits or Limits()
    shown = escape(path, 300)
    try:
        if path.is_symlink():
            path = path.resolve()
        if path.is_dir():
            return sorted_out(path, _in_folder(path, (), limits), limits)
        if not path.is_file():
            raise IntakeError(f"{shown}: there is no such file or folder")
        if is_archive(path.name):
            return sorted_out(path, archive_entries(path, limits), limits)
    except OSError as error:
        raise IntakeError(f"{shown}: cannot be read: {escape(error.strerror)}") from None
    except EntryError as error:
        raise IntakeError(f"{shown}: {error}; download it again") from None
    return sorted_out(path, iter([_file(path, (unicodedata.normalize("NFC", path.name),), limits)]), limits)


def sorted_out(source: Path, found: Iterator[Entry | Refused], limits: Limits) -> Arrived:
    """Keep the entries within the limits; of two names that some file systems take for one, the first."""
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
        folded = fold(entry.path)
        if total > limits.total_bytes:
            refused.append(Refused(shown(entry.path), "all together is larger than what is taken in at once"))
        elif folded in entries:
            refused.append(Refused(shown(entry.path), "another entry has the same name up to upper and lower case"))
        else:
            entries[folded] = entry
    return Arrived(source, tuple(entries.values()), tuple(refused), limits)


def _in_folder(folder: Path, above: tuple[str, ...], limits: Limits) -> Iterator[Entry | Refused]:
    try:
        found = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Refused(shown(above), f"it cannot be read: {escape(error.strerror)}")
        return
    for item in found:
        parts = (*above, unicodedata.normalize("NFC", item.name))
        if ignored(parts):
            continue
        if reason := unsafe_path(parts):
            yield Refused(shown(parts), reason)
        elif item.is_symlink():
            yield Refused(shown(parts), "it is a link")
        elif item.is_dir(follow_symlinks=False):
            yield from _in_folder(Path(item.path), parts, limits)
        else:
            yield _file(Path(item.path), parts, limits)


def _file(path: Path, parts: tuple[str, ...], limits: Limits) -> Entry | Refused:
    try:
        status = path.lstat()
    except OSError as error:
        return Refused(shown(parts), f"it cannot be read: {escape(error.strerror)}")
    if not stat.S_ISREG(status.st_mode):
        return Refused(shown(parts), "it is no plain file")
    if status.st_size > limits.entry_bytes:
        return Refused(shown(parts), too_large(limits))
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
        raise EntryError(too_large(limits))
    return content
