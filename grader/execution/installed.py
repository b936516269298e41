"""What a kernel of this Python sees: part of the key of every result."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import site
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.execution import view

_RECORD = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(-py[0-9.]+)?\.(dist|egg)-info")
_SEPARATORS = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True)
class Environment:
    """The Python and the packages that notebooks run with."""

    digest: str
    """SHA-256 over the summary; the same where notebooks see the same versions."""
    summary: Mapping[str, str]
    """Versions by name: "python", "platform", and each installed package."""


def environment() -> Environment:
    """Return the environment of kernels started now; what was installed a moment ago is in it."""
    shown = tuple(f"{path}/" for path in view.readable_paths())
    installed: dict[str, str] = {}
    for folder in dict.fromkeys(sys.path):
        if f"{folder}/".startswith(shown) and not _within_packages(Path(folder)):
            for name, version in _distributions(Path(folder)):
                installed.setdefault(name, version)
    installed.pop("grader", None)  # its version is a part of the key by itself
    python = {"python": platform.python_version(), "platform": f"{sys.platform} {platform.machine()}"}
    summary = {**python, **dict(sorted(installed.items()))}
    return Environment(hashlib.sha256(json.dumps(summary).encode()).hexdigest(), summary)


def _within_packages(folder: Path) -> bool:
    """Tell whether a package put this folder of its own on the path when we imported it, as setuptools does."""
    return any(str(parent) in site.getsitepackages() for parent in folder.parents)


def _distributions(folder: Path) -> Iterator[tuple[str, str]]:
    """Read names and versions from the names of the folders in which installers record them: a file each is slow."""
    if folder.is_dir():
        for entry in sorted(path.name for path in folder.iterdir()):
            found = _RECORD.fullmatch(entry)
            if found:
                yield _SEPARATORS.sub("-", found["name"]).lower(), found["version"]
