"""Run the command line as a user does: a process of its own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def grader(tmp_path: Path) -> Run:
    """Call `grader` with these arguments and give its result."""

    def run(*arguments: object, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "grader", *map(str, arguments)]
        return subprocess.run(command, cwd=cwd or tmp_path, capture_output=True, text=True, timeout=300, check=False)

    return run
