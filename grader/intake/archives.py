"""Zip and tar archives, read as a stranger's: names judged, sizes believed only as far as they inflate."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

from grader.intake.entry import Entry, EntryError, Limits, Refused, too_large
from grader.intake.names import ignored, parts_of, unsafe_path
from grader.text import escape

_ENCRYPTED = 0x1
_IS_UTF8 = 0x800
_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, OSError, ValueError, RuntimeError, NotImplementedError, EOFError)
_LYING = (ArithmeticError, LookupError, MemoryError, struct.error)
"""What comes of numbers in an archive that are larger, or fields that are shorter, than its format allows."""
_DAMAGED = (*_BROKEN, *_LYING, zlib.error, lzma.LZMAError)
_MOST_AT_ONCE = 16 << 20
_LONGEST_HEADER = 16 << 10
_RUN_OF_DIGITS = re.compile(rb"\d{64}")
"""In a tar's header: older versions of Python take time that is quadratic in it."""


def is_archive(name: str) -> bool:
    """Whether a file of this name is looked into."""
    return name.lower().endswith((".zip", *_TARS))


def archive_entries(archive: Path | bytes, limits: Limits, name: str = "") -> Iterator[Entry | Refused]:
    """The plain files of an archive, by path or as its content; it stays open as long as the entries are kept.

    Raises `EntryError` where it is no whole archive.
    """
    name = archive.name if isinstance(archive, Path) else name
    try:
        if name.lower().endswith(_TARS):
            return _in_tar(*_tar_stream(archive, limits), limits)
        opened = zipfile.ZipFile(archive if isinstance(archive, Path) else io.BytesIO(archive))
    except _DAMAGED as error:
        raise EntryError(f"it is no whole archive: {escape(error)}") from None
    return _in_zip(opened, limits)


def _in_zip(archive: zipfile.ZipFile, limits: Limits) -> Iterator[Entry | Refused]:
    for member in archive.infolist():
        name = _zip_name(member)
        parts = parts_of(name)
        if name.endswith(("/", "\\")):
            continue
        reason = unsafe_path(parts) or _zip_reason(member, limits)
        if reason:
            yield Refused(escape(name), reason)
        elif not ignored(parts):
            yield Entry(parts, member.file_size, partial(_inflate, archive, member, limits))


def _zip_name(member: zipfile.ZipInfo) -> str:
    """The name as it was meant: many systems write UTF-8 without saying so."""
    if member.flag_bits & _IS_UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode()
    except UnicodeError:
        return member.filename


def _zip_reason(member: zipfile.ZipInfo, limits: Limits) -> str | None:
    mode = member.external_attr >> 16
    if mode and not (stat.S_ISREG(mode) or stat.S_IFMT(mode) == 0):
        return "it is a link or a special file"
    if member.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    return too_large(limits) if member.file_size > limits.entry_bytes else None


def _inflate(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits) -> bytes:
    """Read a member for as long as it stays within its limits, whatever size it claims."""
    most = min(limits.entry_bytes, max(limits.any_ratio_bytes, member.compress_size * limits.inflate_ratio))
    try:
        with archive.open(member) as stream:
            content = stream.read(most + 1)
    except _DAMAGED as error:
        raise EntryError(f"it is damaged: {escape(error)}") from None
    if len(content) > most:
        raise EntryError("it inflates to far more than it should")
    return content


class _Counted(io.RawIOBase):
    """A stream that ends with an error where it inflates too far, and never gives much at once.

    A tar's headers may claim any length of a name, which the standard library would read whole.
    """

    def __init__(self, stream: IO[bytes], most: int) -> None:
        super().__init__()
        self._stream, self._most = stream, most
        self.most_at_once = _LONGEST_HEADER

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET and offset > self._most:
            raise OSError("it inflates to far more than it should")
        return self._stream.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > self.most_at_once or self._stream.tell() + size > self._most + _MOST_AT_ONCE:
            raise OSError("it inflates to far more than it should")
        content = self._stream.read(size)
        if self.most_at_once == _LONGEST_HEADER and size > tarfile.BLOCKSIZE and _RUN_OF_DIGITS.search(content):
            raise OSError("a number in it is too long")
        return content

    def close(self) -> None:
        self._stream.close()
        super().close()


def _tar_stream(archive: Path | bytes, limits: Limits) -> tuple[IO[bytes], int]:
    """The inflated bytes of a tar, and how many of them are read at most."""
    if isinstance(archive, Path):
        with archive.open("rb") as file:
            start, size = file.read(6), file.seek(0, os.SEEK_END)
        source: Any = archive
    else:
        start, size, source = archive[:6], len(archive), io.BytesIO(archive)
    stream: Any
    if start.startswith(b"\x1f\x8b"):
        stream = gzip.open(source)  # noqa: SIM115 - the entries read from it
    elif start.startswith(b"BZh"):
        stream = bz2.open(source)  # noqa: SIM115 - as above
    elif start.startswith(b"\xfd7zXZ"):
        stream = lzma.open(source)  # noqa: SIM115 - as above
    else:
        stream = archive.open("rb") if isinstance(archive, Path) else source
    most = min(limits.total_bytes, max(limits.any_ratio_bytes, size * limits.inflate_ratio))
    if stream is source or isinstance(archive, Path):
        return stream, most
    most = min(most, limits.hand_in_bytes + limits.any_ratio_bytes)
    return _inflated(stream, most), most


def _inflated(stream: IO[bytes], most: int) -> IO[bytes]:
    """What there is of a compressed stream: going back in it for each entry would inflate it anew from its start."""
    content = io.BytesIO()
    with stream, suppress(*_DAMAGED):
        while content.tell() <= most and (piece := stream.read(1 << 20)):
            content.write(piece)
    content.seek(0)
    return content


def _in_tar(stream: IO[bytes], most: int, limits: Limits) -> Iterator[Entry | Refused]:
    counted = _Counted(stream, most)
    try:
        archive = tarfile.open(fileobj=counted, mode="r:")  # noqa: SIM115 - the entries read from it
    except _DAMAGED as error:
        stream.close()
        raise EntryError(f"it is no whole archive: {escape(error)}") from None
    while True:
        try:
            member = archive.next()
        except _DAMAGED as error:
            yield Refused("the rest", f"the archive is damaged: {escape(error)}")
            return
        if member is None:
            return
        if member.size < 0:
            yield Refused("the rest", "the archive is damaged: an entry is smaller than nothing")
            return
        if not member.isdir():
            yield from _tar_entry(archive, member, counted, limits)


def _tar_entry(
    archive: tarfile.TarFile, member: tarfile.TarInfo, stream: _Counted, limits: Limits
) -> Iterator[Entry | Refused]:
    parts = parts_of(member.name.removeprefix("./"))
    reason = unsafe_path(parts)
    if not reason and (not member.isreg() or member.issparse()):
        reason = "it is a link or a special file"
    if not reason and member.size > limits.entry_bytes:
        reason = too_large(limits)
    if reason:
        yield Refused(escape(member.name), reason)
    elif not ignored(parts):
        yield Entry(parts, member.size, partial(_extract, archive, member, stream))


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, source: _Counted) -> bytes:
    source.most_at_once = _MOST_AT_ONCE
    try:
        stream = archive.extractfile(member)
        content = bytearray()
        while stream is not None and (piece := stream.read(_MOST_AT_ONCE // 2)):
            content += piece
    except _DAMAGED as error:
        raise EntryError(f"it is damaged: {escape(error)}") from None
    finally:
        source.most_at_once = _LONGEST_HEADER
    if len(content) != member.size:
        raise EntryError("it is damaged: it ends too early")
    return bytes(content)
