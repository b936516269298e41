"""What works on this machine and what does not, found out by trying it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from grader.errors import GraderError, SandboxError
from grader.execution.check import Check
from grader.execution.sandbox import Sandbox, find_sandbox
from grader.execution.view import readable_paths
from grader.model import Executed, IncidentKind, Limits, Notebook
from grader.text import escape

_OLDEST_PYTHON = (3, 11)
_ENOUGH_DISK = 1 << 30
_MEMORY_MB = 400
_MOST_PATHS = 1000
_PROBE = """
import json, os, socket
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
def readable(path):
    try:
        return bool(open(path, "rb").read(1))
    except OSError:
        return False
def connected(address):
    try:
        socket.create_connection(address, 1).close()
    except OSError:
        return False
    return True
print(json.dumps({
    "root": os.getuid() == 0, "capabilities": status["CapEff"], "filter": status["Seccomp"],
    "interfaces": [line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]],
    "connected": connected(("192.0.2.1", 80)),
    "seen": [path for path in json.loads(PATHS) if os.path.lexists(path)],
    "read": [path for path in ("/etc/shadow", "/etc/machine-id", "/proc/1/root/etc/hostname") if readable(path)],
    "secrets": [name for name in os.environ if "SECRET" in name or "TOKEN" in name],
}))
"""
_BOMB = """
import mmap
block = mmap.mmap(-1, 1 << 30)
for start in range(0, 1 << 30, 4096):
    block[start] = 1
"""


def checks() -> Iterator[Check]:
    """Try what grading needs, one check after the other; takes some seconds."""
    yield _python()
    yield from _sandbox()
    yield _kernels()
    yield _disk()


def _python() -> Check:
    detail = f"{platform.python_version()} ({sys.executable})"
    return Check("Python", sys.version_info >= _OLDEST_PYTHON, detail, "Install Python 3.11 or newer.")


def _sandbox() -> Iterator[Check]:
    try:
        sandbox = find_sandbox()
    except SandboxError as error:
        yield Check("sandbox", ok=False, detail=" ".join(error.messages[:-1]), remedy=error.messages[-1])
        return
    user = "as this user" if sandbox.uid is None else f"as user {sandbox.uid}, which root becomes"
    yield Check("sandbox", ok=True, detail=f"bubblewrap {sandbox.version} ({sandbox.bwrap}), {user}")
    try:
        yield from _held(sandbox)
    except GraderError as error:
        yield Check(
            "kernel in the sandbox", ok=False, detail=str(error), remedy="Install ipykernel: pip install ipykernel"
        )
        return
    yield _forked(sandbox)


def _held(sandbox: Sandbox) -> Iterator[Check]:
    """Run a notebook that tries to get out, and one that takes too much memory."""
    private = _private_paths()
    executed = _executed(sandbox, _PROBE.replace("PATHS", repr(json.dumps(private))), Limits(cell_seconds=30))
    found = _printed(executed)
    yield Check(
        "kernel in the sandbox", bool(found), "a standard kernel starts and answers" if found else _said(executed)
    )
    if not found:
        return
    rights = f"user {'root' if found['root'] else 'unprivileged'}, capabilities {found['capabilities']}"
    tight = not found["root"] and not found["capabilities"].strip("0") and found["filter"] == "2"
    yield Check("no privileges", tight, f"{rights}, system-call filter {'on' if found['filter'] == '2' else 'off'}")
    alone = found["interfaces"] == ["lo"] and not found["connected"]
    yield Check("no network", alone, f"interfaces: {', '.join(found['interfaces'])}")
    seen = [*found["seen"], *found["read"], *found["secrets"]]
    detail = f"visible: {', '.join(map(escape, seen))}" if seen else f"{len(private)} files and folders here: none is"
    yield Check("nothing of the host in view", not seen, detail, "Keep the course outside of Python's own folders.")
    stopped = _executed(sandbox, _BOMB, Limits(cell_seconds=30, memory_mb=_MEMORY_MB))
    held = [incident.kind for incident in stopped.incidents] == [IncidentKind.MEMORY]
    how = "the sum over all its processes is measured every 0.1 s, and each process has a limit of its own"
    yield Check("memory limit", held, how if held else "a notebook took more than its limit")


def _private_paths() -> list[str]:
    """List what lies in the current and the home folder, but for the way to Python itself."""
    shown = readable_paths()
    found = [entry for folder in (Path.cwd(), Path.home()) for entry in sorted(folder.iterdir())]
    return [str(entry) for entry in found if not any(path.is_relative_to(entry) for path in shown)][:_MOST_PATHS]


def _forked(sandbox: Sandbox) -> Check:
    from grader.execution.forked import forked_engine_works

    problem = forked_engine_works(sandbox)
    if problem is None:
        return Check("fast kernels", ok=True, detail="forked from a warm process")
    return Check("fast kernels", ok=True, detail=f"not here ({problem}): standard kernels are used, which take longer")


def _kernels() -> Check:
    from grader.execution.kernelspecs import installed_kernels

    names = sorted(f"{escape(name)} ({escape(spec.language)})" for name, spec in installed_kernels().items())
    return Check("kernels", bool(names), ", ".join(names), "Install ipykernel: pip install ipykernel")


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free
    detail = f"{free / (1 << 30):.1f} GB free in {escape(Path.cwd())}, {os.cpu_count()} processors"
    return Check("disk", free > _ENOUGH_DISK, detail, "Free at least 1 GB.")


def _executed(sandbox: Sandbox, source: str, limits: Limits) -> Executed:
    from grader.execution.stock import StockEngine

    cell: dict[str, object] = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
    notebook: Notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    return StockEngine(sandbox).execute(notebook, {}, limits)


def _printed(executed: Executed) -> Mapping[str, Any]:
    for output in executed.notebook["cells"][0]["outputs"]:
        if output["output_type"] == "stream" and output["name"] == "stdout":
            found = json.loads(output["text"])
            return found if isinstance(found, dict) else {}
    return {}


def _said(executed: Executed) -> str:
    return escape(executed.notebook["cells"][0]["outputs"], limit=400)
