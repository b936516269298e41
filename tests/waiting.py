"""Waiting in tests for what another process does."""

import time
from collections.abc import Callable

_SECONDS = 60


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, a minute at most."""
    deadline = time.monotonic() + _SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
