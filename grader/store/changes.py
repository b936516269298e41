"""When something on disk was changed last, told without reading it."""

from __future__ import annotations

import stat
from pathlib import Path

_MOST_ENTRIES = 5000
"""No submission that is taken has so many."""


def written_at(top: Path) -> float:
    """The latest time, in seconds since 1970, at which anything below a path came to be what it is; 0 where nothing is.

    A copy that keeps its original's time, as `cp -p` makes it, is as old as the copying. Links are not followed.
    """
    latest = 0.0
    pending = [top]
    for _ in range(_MOST_ENTRIES):
        if not pending:
            break
        path = pending.pop()
        try:
            found = path.lstat()
            pending += path.iterdir() if stat.S_ISDIR(found.st_mode) else ()
        except OSError:
            continue
        latest = max(latest, found.st_mtime, found.st_ctime)
    return latest
