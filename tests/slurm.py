"""A Slurm of the tests' own: one node, this machine; its programs end with the tests."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "sinfo", "squeue")
_SECONDS = 30
REQUIRED = "GRADER_REQUIRE_SLURM"


@contextmanager
def running_slurm() -> Iterator[Path]:
    """Its configuration, for `SLURM_CONF`; the test is skipped where there are no programs for one."""
    lacking = [name for name in _PROGRAMS if _program(name) is None]
    if lacking:
        if os.environ.get(REQUIRED):
            pytest.fail(f"no {', '.join(lacking)} here, and {REQUIRED} is set: apt-get install slurm-wlm")
        pytest.skip(f"no {', '.join(lacking)} here: apt-get install slurm-wlm")
    folder = Path(tempfile.mkdtemp(prefix="grader-slurm-"))
    folder.chmod(0o755)  # munged asks for it
    config = folder / "slurm.conf"
    config.write_text(_config(folder))
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key, paths = folder / "key", ("socket", "pid-file", "log-file", "seed-file")
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    try:
        with ExitStack() as stack:
            files = [f"--{name}={folder / name}" for name in paths]
            stack.enter_context(_running(config, "munged", "--foreground", "--force", f"--key-file={key}", *files))
            _wait_for((folder / "socket").exists, folder / "log-file")
            for name in ("slurmctld", "slurmd"):
                stack.enter_context(_running(config, name, "-D"))
            _wait_for(lambda: "idle" in asked(config, "sinfo", "--noheader", "--format=%T"), folder / "slurmd.log")
            yield config
    finally:
        shutil.rmtree(folder)


def asked(config: Path, *command: str) -> str:
    """What one of its commands prints."""
    environment = {**os.environ, "SLURM_CONF": str(config)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60).stdout


def _config(folder: Path) -> str:
    host, user = socket.gethostname().partition(".")[0], pwd.getpwuid(os.geteuid()).pw_name
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        ports = one.getsockname()[1], other.getsockname()[1]
    return f"""
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthInfo=socket={folder / "socket"}
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder / "state"}
SlurmdSpoolDir={folder / "spool"}
SlurmctldPidFile={folder / "slurmctld.pid"}
SlurmdPidFile={folder / "slurmd.pid"}
SlurmctldLogFile={folder / "slurmctld.log"}
SlurmdLogFile={folder / "slurmd.log"}
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000
PartitionName=teaching Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


@contextmanager
def _running(config: Path, name: str, *options: str) -> Iterator[None]:
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    program = _program(name)
    assert program is not None
    with subprocess.Popen([program, *options], env={**os.environ, "SLURM_CONF": str(config)}, **quiet) as process:
        try:
            yield
        finally:
            process.terminate()


def _wait_for(condition: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < deadline, log.read_text(errors="replace") if log.exists() else f"no {log}"
        time.sleep(0.2)
