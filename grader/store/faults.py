"""Points at which the outside world can fail, so that a test can let each of them fail and see what becomes of it.

Whatever writes, syncs, renames, removes or commits tells the point first, and nothing happens. A test sets
`GRADER_FAULT=POINT:PASS:FAULT` in the environment of one process: `rename:3:kill` kills it, as `kill -9` does, where
it is about to rename for the third time; `write:5:ENOSPC` lets the fifth write fail with that error, and
`write:5+:ENOSPC` every one from the fifth on, as a full disk does.
"""

from __future__ import annotations

import errno
import itertools
import os
import signal
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal, TypeAlias, get_args

from grader.errors import StoreError
from grader.text import escape

VARIABLE: Final = "GRADER_FAULT"

Point: TypeAlias = Literal["mkdir", "write", "sync", "rename", "sync folder", "remove", "begin", "commit"]
POINTS: Final[tuple[str, ...]] = get_args(Point)


def reached(point: Point) -> None:
    """Tell that the process is about to do this; raises `OSError`, or ends it, where a test has asked for that."""
    asked = os.environ.get(VARIABLE)
    if asked:
        _parsed(asked).reached(point)


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is to fail, at which pass, and how."""

    point: str
    first: int
    lasting: bool
    error: int | None
    """The number of the system's error; None is death."""
    passes: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def reached(self, point: str) -> None:
        if point != self.point:
            return
        number = next(self.passes)
        if number == self.first or (self.lasting and number > self.first):
            if self.error is None:
                os.kill(os.getpid(), signal.SIGKILL)
            else:
                raise OSError(self.error, f"{os.strerror(self.error)}, as {VARIABLE} asks")


@lru_cache(maxsize=1)
def _parsed(asked: str) -> _Fault:
    point, _, rest = asked.partition(":")
    number, _, how = rest.partition(":")
    known = how == "kill" or how in errno.errorcode.values()
    if point not in POINTS or not number.removesuffix("+").isdecimal() or not known:
        raise StoreError(f"{VARIABLE}={escape(asked)} makes no sense; unset it: it is there for tests alone")
    error = None if how == "kill" else int(getattr(errno, how))
    return _Fault(point, int(number.removesuffix("+")), number.endswith("+"), error)
