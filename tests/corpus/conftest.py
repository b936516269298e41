"""The classes that the corpus makes: each is graded once, whichever tests ask for it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.corpus.entry import entries
from tests.corpus.handing_in import GROUPS, Class, hold_class

_PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture(scope="session", autouse=True)
def _sandbox(sandbox: object) -> None:
    """Skip where there is no sandbox: nothing of the corpus may run without one."""


@pytest.fixture(scope="module")
def hold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], Class]]:
    """Give the class of a group and an engine, graded."""
    held: dict[tuple[str, str], Class] = {}

    def hold(group: str, engine: str) -> Class:
        if (group, engine) not in held:
            categories, limits = GROUPS[group]
            folder = tmp_path_factory.mktemp(f"{group}-{engine}")
            held[group, engine] = hold_class(folder, entries(*categories), engine, limits)
        return held[group, engine]

    _adopt_orphans(True)
    yield hold
    _adopt_orphans(False)


@pytest.fixture
def leftovers() -> Callable[[], list[str]]:
    """Name the processes that runs have left: every orphan of theirs is a child of this process."""

    def leftovers() -> list[str]:
        _, alive = psutil.wait_procs(psutil.Process().children(recursive=True), timeout=1)
        return [" ".join(process.cmdline()) for process in alive if process.is_running()]

    return leftovers


def _adopt_orphans(wanted: bool) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)
