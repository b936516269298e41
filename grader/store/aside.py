"""Folders replaced all at once: written aside, then renamed; what a killed writer left is settled by the next."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from grader.errors import StoreError
from grader.store import faults
from grader.store.files import (
    FOLDER,
    TEMPORARY,
    beneath,
    is_temporary,
    made,
    opened,
    remove_tree,
    stands,
    sync_folder,
    write_folder,
)
from grader.store.refusals import storing

_NEW, _OLD = "new", "old"


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
        opened(top, FOLDER) as start,
        beneath(start, (aside,)) as staged,
        made(start, inside.parts[:-1]) as parent,
    ):
        if stands(parent, inside.name):
            with made(staged, (f"{_OLD}{len(inside.parts)}", *inside.parts[:-1])) as before:
                faults.reached("rename")
                os.rename(inside.name, inside.name, src_dir_fd=parent, dst_dir_fd=before)
        faults.reached("rename")
        os.rename(_NEW, inside.name, src_dir_fd=staged, dst_dir_fd=parent)
        sync_folder(parent)
        remove_tree(aside, start)


def settle(top: Path) -> None:
    """Settle what writers of `replace_folder` left that were killed: what they had only moved away comes back.

    Nobody may be writing there.
    """
    with storing(top):
        for aside in sorted(top.iterdir()) if top.is_dir() else ():
            if is_temporary(aside.name) and aside.is_dir() and not aside.is_symlink():
                _put_back(top, aside)
                with opened(top, FOLDER) as start:
                    remove_tree(aside.name, start)


def _put_back(top: Path, aside: Path) -> None:
    for old in aside.glob(f"{_OLD}[0-9]*"):
        depth = old.name.removeprefix(_OLD)
        for moved in old.glob("/".join("*" * int(depth))) if depth.isdecimal() else ():
            place = top / moved.relative_to(old)
            if not os.path.lexists(place):
                faults.reached("rename")
                moved.rename(place)
