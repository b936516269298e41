"""What the system refuses, in one line that names the path and says what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.errors import StoreError
from grader.text import escape


@contextmanager
def storing(path: Path | str) -> Iterator[None]:
    """Tell what the system refused in one line that names the path and what to do."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{escape(path, 300)}: {_refusal(error)}") from error


def refused_by_system(error: OSError) -> str | None:
    """What disk or permissions did not allow, in a line that says what to do; None where it is something else."""
    if error.errno not in _REMEDIES or error.errno == errno.ENOENT:
        return None
    where = f"{escape(error.filename, 300)}: " if error.filename else ""
    return f"{where}{_refusal(error)}"


def _refusal(error: OSError) -> str:
    remedy = _REMEDIES.get(error.errno or 0)
    return remedy or f"{error.strerror or error}; check the disk and run the same command again"


_REMEDIES = {
    errno.ENOSPC: "the disk is full; make room and run the same command again",
    errno.EDQUOT: "your quota is used up; make room and run the same command again",
    errno.EIO: "the disk does not work; check it and run the same command again",
    errno.EROFS: "the file system is read-only; use a folder that can be written to",
    errno.EACCES: "permission denied; make it readable and writable for you (chmod u+rwX)",
    errno.EPERM: "not permitted; make it readable and writable for you (chmod u+rwX)",
    errno.ELOOP: "a link stands in the way; remove it",
    errno.ENAMETOOLONG: "the path is too long; use a shorter folder",
    errno.ENOENT: "no such file or folder",
}
