"""What a sandbox shows: an allow-list of what Python and the kernels need, and folders of its own."""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

DISK = "/box"
"""A file system in memory, of limited size, for all that a notebook writes; no system has anything else there."""
HOME = f"{DISK}/student"
WORK = f"{HOME}/work"
"""The working folder: `Files` and nothing else when the first cell runs."""
TMP = f"{DISK}/tmp"  # noqa: S108 - inside the sandbox
TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - inside the sandbox
RUN = "/run"
"""The kernel's sockets and connection file."""
HOSTNAME = "sandbox"
USER_ID = 1000
"""As it is called inside; outside, it is an unprivileged user of the host."""

PYTHON = os.path.abspath(sys.executable)  # noqa: PTH100 - the one that takes `..` out, which no bind mount follows
"""The Python that runs here, which is the one that runs inside."""

ETC = {
    "/etc/passwd": f"student:x:{USER_ID}:{USER_ID}::{HOME}:/bin/sh\n",
    "/etc/group": f"student:x:{USER_ID}:\n",
    "/etc/hosts": f"127.0.0.1 localhost {HOSTNAME}\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
"""Files made up for the sandbox."""

_SYSTEM = (
    "/usr",
    "/etc/ld.so.cache",
    "/etc/fonts",
    "/etc/alternatives",
    "/etc/mime.types",
    "/etc/R",
    "/etc/julia",
)
_LINKED = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
_NEVER = {
    Path("/"),
    Path("/home"),
    Path("/root"),
    Path("/etc"),
    Path("/var"),
    Path("/tmp"),  # noqa: S108 - named so that it is never shown
    Path("/proc"),
    Path("/dev"),
}


def readable_paths(more: Iterable[Path] = ()) -> tuple[Path, ...]:
    """List what is bound read-only at its own path: the system, Python, its packages, and `more`; outermost first."""
    wanted = [Path(path) for path in _SYSTEM]
    wanted += [Path(path) for path in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)]
    wanted += [Path(os.path.realpath(sys.executable)).parent.parent, *_package_folders(), *more]
    wanted += [Path(os.path.realpath(path)) for path in _LINKED if not Path(path).is_symlink()]
    kept: list[Path] = []
    for path in sorted({Path(os.path.abspath(path)) for path in wanted}):  # noqa: PTH100 - as above
        if path.exists() and path not in _never() and not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return tuple(kept)


def temporary_with_python(more: Iterable[Path]) -> dict[str, list[str]]:
    """Map each folder for temporary files in which Python itself or `more` lies to what of it stays in view."""
    paths = readable_paths(more)
    shown = {name: [str(path) for path in paths if path.is_relative_to(name)] for name in TEMPORARY}
    return {name: paths for name, paths in shown.items() if paths}


def links() -> tuple[tuple[str, str], ...]:
    """List the symbolic links of the system's root, as (target, link): /lib -> usr/lib and the like."""
    return tuple((str(Path(path).readlink()), path) for path in _LINKED if Path(path).is_symlink())


def _never() -> set[Path]:
    return _NEVER | {Path.home(), Path.home().resolve()}


def _package_folders() -> Sequence[Path]:
    """List the folders of installed packages that Python really uses, a user's own among them."""
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    return [Path(folder) for folder in folders if folder in sys.path]


def out_of_reach(paths: Iterable[Path], uid: int) -> dict[Path, Path]:
    """Map each path that this user cannot get to, to the outermost folder on the way that does not let it through."""
    found = {}
    for path in paths:
        for folder in reversed(path.parents):
            status = folder.stat()
            allowed = status.st_mode & (0o100 if status.st_uid == uid else 0o001)
            if not allowed:
                found[path] = folder
                break
    return found
