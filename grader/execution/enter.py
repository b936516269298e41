"""A program that runs as root for a moment: open a way to read-only paths, become an unprivileged user, and exec.

The Python of a checkout may lie in a folder that only root can enter (/root/.pyenv). In a mount namespace of its own, a
small file system covers each such folder and shows nothing but the paths wanted; it vanishes with the process.

Standard library alone; its one argument is JSON: {"uid", "blocked": [folder], "wanted": [path], "argv": [...]}.
"""

# Importing pathlib would double the time that this program takes.
# ruff: noqa: PTH103, PTH112, PTH120
from __future__ import annotations

import ctypes
import json
import os
import sys

_CLONE_NEWNS = 0x00020000
_MS_BIND, _MS_REC, _MS_PRIVATE, _MS_NOSUID, _MS_NODEV = 4096, 16384, 1 << 18, 2, 4


def main(argument: str) -> None:
    """Do what the module says; does not return."""
    task = json.loads(argument)
    refused = "root's folders bar the way to Python, and no other can be opened"
    try:
        open_ways(task["blocked"], task["wanted"])
        refused = f"root may not become user {task['uid']} here; run grader as an ordinary user"
        become(task["uid"])
        refused = "it cannot be started"
        os.execv(task["argv"][0], task["argv"])  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.exit(f"{refused} ({error.strerror})")


def open_ways(blocked: list[str], wanted: list[str]) -> None:
    """Cover the blocked folders and bind the wanted paths below them again."""
    _checked(_libc().unshare(_CLONE_NEWNS))
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    handles = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in wanted}
    for folder in blocked:
        _mount("tmpfs", folder, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,mode=755")
    for path, handle in handles.items():
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            os.makedirs(path, mode=0o755, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
        _mount(f"/proc/self/fd/{handle}", path, None, _MS_BIND | _MS_REC)


def become(uid: int) -> None:
    """Give up root for good."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
    _checked(_libc().mount(*texts[:3], ctypes.c_ulong(flags), texts[3]))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    os.umask(0o022)
    main(sys.argv[1])
