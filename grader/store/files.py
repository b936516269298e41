"""Files written whole or not at all, and files of strangers read without following them anywhere."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from grader.errors import StoreError
from grader.store import faults
from grader.store.refusals import storing
from grader.text import escape

IGNORED = frozenset({".ipynb_checkpoints", "__pycache__", "__MACOSX", ".git", ".DS_Store", "Thumbs.db"})
"""What editors and systems leave in folders; nobody hands it in or out on purpose."""

TEMPORARY = ".grader-tmp-"
"""How the names of files and folders begin that are being written, or that a killed writer left."""
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_REGULAR = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotRegularError(Exception):
    """What stands at a path is no regular file; the message says what it is instead."""


def atomic_write(path: Path, data: bytes | str) -> None:
    """Make `path` a file of exactly this content; whoever looks, at any moment, sees the old file or the new one.

    A link at `path` is replaced, not followed; its folder has to exist and must not be a link. What is neither link nor
    file stays: root could replace a device.
    """
    with storing(path), opened(path.parent, FOLDER | os.O_NOFOLLOW) as folder:
        _refuse_device(folder, path)
        _replace(folder, path.name, data.encode() if isinstance(data, str) else data)
        sync_folder(folder)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where there is none."""
    with storing(path):
        _make_top(path)


def write_folder(top: Path, inside: PurePosixPath, files: Mapping[str, bytes]) -> None:
    """Make the folder `inside` of `top` hold exactly these files, each written whole; what else was there is removed.

    `top` may be a link that the instructor made; below it no link is followed: one in the way is replaced.
    A file that already has its content is left as it is.
    """
    for name in files:
        _check_relative(name)
    with storing(top / inside):
        _make_top(top)
        with opened(top, FOLDER) as start, made(start, inside.parts) as folder:
            _remove_others(folder, files)
            changed = set()
            for name in sorted(files):
                *parents, last = PurePosixPath(name).parts
                with made(folder, tuple(parents)) as parent:
                    if not _same(parent, last, files[name]):
                        _replace(parent, last, files[name])
                        changed.add(tuple(parents))
            for inner in sorted(changed):
                with beneath(folder, inner) as parent:
                    sync_folder(parent)


def write_beneath(top: Path, inside: PurePosixPath, data: bytes) -> None:
    """Make `top/inside` a file of exactly this content; folders are made, a link below `top` is replaced."""
    *parents, name = inside.parts
    with storing(top / inside):
        _make_top(top)
        with opened(top, FOLDER) as start, made(start, tuple(parents)) as folder:
            _replace(folder, name, data)
            sync_folder(folder)


def remove_leftovers(top: Path, *, deep: bool = False) -> None:
    """Remove the files that killed writers left in this folder, or `deep` below it; nobody may be writing there."""
    with storing(top):
        for _, folders, names, folder in os.fwalk(top.resolve()) if top.is_dir() else ():
            for name in names:
                if is_temporary(name):
                    faults.reached("remove")
                    os.unlink(name, dir_fd=folder)
            if not deep:
                folders.clear()


def is_temporary(name: str) -> bool:
    """Whether a file or folder of this name is one of ours that is being written, or that a killed writer left."""
    return name.startswith(TEMPORARY)


@contextmanager
def open_beneath(top: Path, parts: tuple[str, ...]) -> Iterator[int]:
    """A descriptor of a folder below `top`; a link on the way there is refused with an `OSError`."""
    with opened(top, FOLDER) as start, beneath(start, parts) as folder:
        yield folder


def read_regular(folder: int, name: str, max_bytes: int) -> bytes:
    """Content of a regular file in an open folder; never waits for a pipe, never follows a link.

    Raises `NotRegularError` for anything else and for a file of more than `max_bytes`.
    """
    try:
        descriptor = os.open(name, _REGULAR, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EMLINK):
            raise NotRegularError("is a link or a socket") from None
        raise
    with os.fdopen(descriptor, "rb") as file:
        what = describe(os.fstat(descriptor).st_mode)
        if what is not None:
            raise NotRegularError(what)
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise NotRegularError("is too large")
    return data


def describe(mode: int) -> str | None:
    """What stands at a path, for a sentence about it; None for a regular file."""
    kinds = {
        stat.S_IFLNK: "is a link",
        stat.S_IFDIR: "is a folder",
        stat.S_IFIFO: "is a pipe",
        stat.S_IFSOCK: "is a socket",
        stat.S_IFCHR: "is a device",
        stat.S_IFBLK: "is a device",
    }
    return None if stat.S_ISREG(mode) else kinds.get(stat.S_IFMT(mode), "is no regular file")


@contextmanager
def opened(path: Path | str, flags: int, dir_fd: int | None = None) -> Iterator[int]:
    """A descriptor, closed at the end."""
    descriptor = os.open(path, flags, dir_fd=dir_fd)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def beneath(folder: int, parts: tuple[str, ...]) -> Iterator[int]:
    """A descriptor of a folder below an open one; a link on the way is refused."""
    if not parts:
        yield folder
        return
    with (
        opened(parts[0], FOLDER | os.O_NOFOLLOW, dir_fd=folder) as inner,
        beneath(inner, parts[1:]) as last,
    ):
        yield last


@contextmanager
def made(folder: int, parts: tuple[str, ...]) -> Iterator[int]:
    """Like `beneath`, and each folder on the way is made where there is none."""
    if not parts:
        yield folder
        return
    _make_folder(folder, parts[0])
    with (
        opened(parts[0], FOLDER | os.O_NOFOLLOW, dir_fd=folder) as inner,
        made(inner, parts[1:]) as last,
    ):
        yield last


def _make_top(top: Path) -> None:
    if not top.is_dir():
        faults.reached("mkdir")
        top.mkdir(parents=True, exist_ok=True)


def _make_folder(folder: int, name: str) -> None:
    if stands(folder, name):
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            return
        faults.reached("remove")
        os.unlink(name, dir_fd=folder)
    faults.reached("mkdir")
    with suppress(FileExistsError):  # two of our own threads make one student's folder
        os.mkdir(name, dir_fd=folder)
    sync_folder(folder)


def stands(folder: int, name: str) -> bool:
    """Whether anything has this name in an open folder."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _replace(folder: int, name: str, data: bytes) -> None:
    try:
        _replace_once(folder, name, data)
    except FileNotFoundError:
        # whoever tidied up just now took our temporary file for one that a killed writer left
        _replace_once(folder, name, data)


def _replace_once(folder: int, name: str, data: bytes) -> None:
    temporary = f"{TEMPORARY}{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o666, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            faults.reached("write")
            file.write(data)
            file.flush()
            _keep_mode(folder, name, descriptor)
            faults.reached("sync")
            os.fsync(descriptor)
        faults.reached("rename")
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):  # what went wrong first is what is told
            faults.reached("remove")
            os.unlink(temporary, dir_fd=folder)
        raise


def sync_folder(folder: int) -> None:
    """Make what was renamed in an open folder outlast a loss of power."""
    faults.reached("sync folder")
    try:
        os.fsync(folder)
    except OSError as error:
        # some network and FUSE file systems cannot sync a folder, and then keep its entries in order by themselves
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def _refuse_device(folder: int, path: Path) -> None:
    try:
        mode = os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if (what := describe(mode)) and not stat.S_ISLNK(mode):
        raise StoreError(f"{escape(path, 300)}: {what} and is left as it is; name a file")


def _keep_mode(folder: int, name: str, descriptor: int) -> None:
    """Give a file that takes another's place the same permissions: what was private stays so."""
    try:
        before = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISREG(before):
        os.fchmod(descriptor, stat.S_IMODE(before) & 0o777)


def _same(folder: int, name: str, data: bytes) -> bool:
    try:
        return read_regular(folder, name, len(data)) == data
    except (OSError, NotRegularError):
        return False


def _remove_others(folder: int, files: Mapping[str, bytes]) -> None:
    """Remove what is no file of these and no folder above one, and what stands where a file or folder is to come."""
    heads: dict[str, dict[str, bytes]] = {}
    for path, data in files.items():
        first, _, rest = path.partition("/")
        heads.setdefault(first, {}).update({rest: data} if rest else {})
    with os.scandir(folder) as listing:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in listing]
    for name, is_folder in entries:
        inner = heads.get(name)
        if is_folder and inner:
            with beneath(folder, (name,)) as descriptor:
                _remove_others(descriptor, inner)
        elif is_folder:
            remove_tree(name, folder)
        elif inner is None or inner:
            faults.reached("remove")
            os.unlink(name, dir_fd=folder)


def remove_tree(name: str, folder: int) -> None:
    """Remove a folder of an open folder, with all that is in it."""
    faults.reached("remove")
    shutil.rmtree(name, dir_fd=folder)


def _check_relative(name: str) -> None:
    parts = name.split("/")
    if "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise StoreError(f"{escape(name)!r} is no path inside a folder; give the file a plain name")
