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
from grader.text import escape

IGNORED = frozenset({".ipynb_checkpoints", "__pycache__", "__MACOSX", ".git", ".DS_Store", "Thumbs.db"})
"""What editors and systems leave in folders; nobody hands it in or out on purpose."""

TEMPORARY = ".grader-tmp-"
"""How the names of files and folders begin that are being written, or that a killed writer left."""
_NEW, _OLD = "new", "old"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_REGULAR = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotRegularError(Exception):
    """What stands at a path is no regular file; the message says what it is instead."""


def atomic_write(path: Path, data: bytes | str) -> None:
    """Make `path` a file of exactly this content; whoever looks, at any moment, sees the old file or the new one.

    A link at `path` is replaced, not followed; its folder has to exist and must not be a link.
    """
    with storing(path), _opened(path.parent, _FOLDER | os.O_NOFOLLOW) as folder:
        _replace(folder, path.name, data.encode() if isinstance(data, str) else data)
        _sync_folder(folder)


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
        with _opened(top, _FOLDER) as start, _made(start, inside.parts) as folder:
            _remove_others(folder, files)
            changed = set()
            for name in sorted(files):
                *parents, last = PurePosixPath(name).parts
                with _made(folder, tuple(parents)) as parent:
                    if not _same(parent, last, files[name]):
                        _replace(parent, last, files[name])
                        changed.add(tuple(parents))
            for inner in sorted(changed):
                with _beneath(folder, inner) as parent:
                    _sync_folder(parent)


def replace_folder(top: Path, inside: PurePosixPath, files: Mapping[str, bytes]) -> None:
    """Make the folder `inside` of `top` hold exactly these files, all at once: it is written aside and renamed.

    Whoever looks sees all old files, for a moment none, and then all new ones; never some of each. Where it fails, the
    old ones stand; of a writer that was killed, `settle` puts them back.
    """
    aside = f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        write_folder(top, PurePosixPath(aside, _NEW), files)
        with storing(top / inside):
            _swap(top, inside, aside)
    except BaseException:
        with suppress(StoreError):
            settle(top)
        raise


def _swap(top: Path, inside: PurePosixPath, aside: str) -> None:
    """Put the folder that was written aside in its place; what stood there moves aside first, under its own path."""
    with (
        _opened(top, _FOLDER) as start,
        _beneath(start, (aside,)) as staged,
        _made(start, inside.parts[:-1]) as parent,
    ):
        if _stands(parent, inside.name):
            with _made(staged, (f"{_OLD}{len(inside.parts)}", *inside.parts[:-1])) as before:
                faults.reached("rename")
                os.rename(inside.name, inside.name, src_dir_fd=parent, dst_dir_fd=before)
        faults.reached("rename")
        os.rename(_NEW, inside.name, src_dir_fd=staged, dst_dir_fd=parent)
        _sync_folder(parent)
        _remove_tree(aside, start)


def settle(top: Path) -> None:
    """Settle what writers of `replace_folder` left that were killed: what they had only moved away comes back.

    Nobody may be writing there.
    """
    with storing(top):
        for aside in sorted(top.iterdir()) if top.is_dir() else ():
            if is_temporary(aside.name) and aside.is_dir() and not aside.is_symlink():
                _put_back(top, aside)
                with _opened(top, _FOLDER) as start:
                    _remove_tree(aside.name, start)


def _put_back(top: Path, aside: Path) -> None:
    for old in aside.glob(f"{_OLD}[0-9]*"):
        depth = old.name.removeprefix(_OLD)
        for moved in old.glob("/".join("*" * int(depth))) if depth.isdecimal() else ():
            place = top / moved.relative_to(old)
            if not os.path.lexists(place):
                faults.reached("rename")
                moved.rename(place)


def write_beneath(top: Path, inside: PurePosixPath, data: bytes) -> None:
    """Make `top/inside` a file of exactly this content; folders are made, a link below `top` is replaced."""
    *parents, name = inside.parts
    with storing(top / inside):
        _make_top(top)
        with _opened(top, _FOLDER) as start, _made(start, tuple(parents)) as folder:
            _replace(folder, name, data)
            _sync_folder(folder)


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
    with _opened(top, _FOLDER) as start, _beneath(start, parts) as folder:
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
def storing(path: Path) -> Iterator[None]:
    """Tell what the system refused in one line that names the path and what to do."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{escape(path, 300)}: {_refusal(error)}") from error


def _refusal(error: OSError) -> str:
    remedies = {
        errno.ENOSPC: "the disk is full; make room and run the same command again",
        errno.EDQUOT: "your quota is used up; make room and run the same command again",
        errno.EROFS: "the file system is read-only; use a folder that can be written to",
        errno.EACCES: "permission denied; make it readable and writable for you (chmod u+rwX)",
        errno.EPERM: "not permitted; make it readable and writable for you (chmod u+rwX)",
        errno.ELOOP: "a link stands in the way; remove it",
        errno.ENAMETOOLONG: "the path is too long; use a shorter folder",
        errno.ENOENT: "no such file or folder",
    }
    return remedies.get(error.errno or 0, f"{error.strerror or error}; check the disk and run the same command again")


@contextmanager
def _opened(path: Path | str, flags: int, dir_fd: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, flags, dir_fd=dir_fd)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _beneath(folder: int, parts: tuple[str, ...]) -> Iterator[int]:
    if not parts:
        yield folder
        return
    with (
        _opened(parts[0], _FOLDER | os.O_NOFOLLOW, dir_fd=folder) as inner,
        _beneath(inner, parts[1:]) as last,
    ):
        yield last


@contextmanager
def _made(folder: int, parts: tuple[str, ...]) -> Iterator[int]:
    """Like `_beneath`, and each folder on the way is made where there is none."""
    if not parts:
        yield folder
        return
    _make_folder(folder, parts[0])
    with (
        _opened(parts[0], _FOLDER | os.O_NOFOLLOW, dir_fd=folder) as inner,
        _made(inner, parts[1:]) as last,
    ):
        yield last


def _make_top(top: Path) -> None:
    if not top.is_dir():
        faults.reached("mkdir")
        top.mkdir(parents=True, exist_ok=True)


def _make_folder(folder: int, name: str) -> None:
    if _stands(folder, name):
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            return
        faults.reached("remove")
        os.unlink(name, dir_fd=folder)
    faults.reached("mkdir")
    with suppress(FileExistsError):  # two of our own threads make one student's folder
        os.mkdir(name, dir_fd=folder)
    _sync_folder(folder)


def _stands(folder: int, name: str) -> bool:
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


def _sync_folder(folder: int) -> None:
    faults.reached("sync folder")
    try:
        os.fsync(folder)
    except OSError as error:
        # some network and FUSE file systems cannot sync a folder, and then keep its entries in order by themselves
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


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
            with _beneath(folder, (name,)) as descriptor:
                _remove_others(descriptor, inner)
        elif is_folder:
            _remove_tree(name, folder)
        elif inner is None or inner:
            faults.reached("remove")
            os.unlink(name, dir_fd=folder)


def _remove_tree(name: str, folder: int) -> None:
    faults.reached("remove")
    shutil.rmtree(name, dir_fd=folder)


def _check_relative(name: str) -> None:
    parts = name.split("/")
    if "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise StoreError(f"{escape(name)!r} is no path inside a folder; give the file a plain name")
