"""Small or plain inputs that took all time, all memory or the stack once, and others built like them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BOMBS = Path(__file__).with_name("bombs.py")
SECONDS = 60
"""A hang is the failure, so that this is far beyond what any of them takes."""


def test_every_bomb_is_answered_in_bounded_time_and_memory() -> None:
    """Each with a value or a clear error; the child names the one in which it died."""
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", str(BOMBS)], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert (0, "") == (done.returncode, done.stderr), done.stdout
