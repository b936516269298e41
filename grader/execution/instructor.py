"""A plain kernel for the instructor's own code: AUTOTEST lines are made into tests by running the solution."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grader.execution.moment import claim
from grader.model import Files


@contextlib.contextmanager
def instructor_kernel(kernel: str, files: Files) -> Iterator[Any]:
    """Start a kernel of this name in a folder with exactly these files, and give its client; both are gone afterwards.

    There is no sandbox around it: only code from the course's sources may run here. Python's string hashes are pinned,
    so that the same code gives the same values. A kernel that is not there or does not start raises what Jupyter
    raises: `NoSuchKernel` (a `KeyError`), `RuntimeError` or `OSError`.
    """
    claimed = claim("instructor")
    try:
        with _started(kernel, claimed.path, files) as client:
            yield client
    finally:
        claimed.release()


@contextlib.contextmanager
def _started(kernel: str, folder: Path, files: Files) -> Iterator[Any]:
    from jupyter_client.manager import start_new_kernel

    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    manager, client = start_new_kernel(
        kernel_name=kernel,
        cwd=str(folder),
        env={**os.environ, "PYTHONHASHSEED": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
