"""Environments in which a course was graded before: so that a change that costs a whole class is told by its name."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from grader.errors import StoreError
from grader.execution.installed import Environment, environment
from grader.pipeline.worker import EngineChoice
from grader.store import CourseFolder

_SHOWN = 6
_CHOICES = tuple(EngineChoice(kind, sandbox) for kind in ("auto", "forked", "stock") for sandbox in (True, False))


@dataclass(frozen=True, slots=True)
class Setting:
    """What results depend on beside submission and sources: the environment and the engine."""

    digest: str
    engine: EngineChoice

    def __str__(self) -> str:
        return f"{self.digest} {self.engine.kind} {self.engine.sandbox}"


@dataclass(frozen=True, slots=True)
class Settings:
    """The one that results get now, and those that they had before, each with what has changed since."""

    now: Setting
    environment: Environment
    before: Mapping[str, str]

    def why_outdated(self, key: str, key_under: Callable[[str], str]) -> str:
        """What has changed since a result got its key, if that is nothing but the setting; else nothing."""
        return next((words for setting, words in self.before.items() if key_under(setting) == key), "")

    def remember(self, folder: CourseFolder) -> None:
        """Keep the environment's versions, by which a later change can be named."""
        path = f"environments/{self.environment.digest}.json"
        if not (folder.private / path).is_file():
            folder.write_private(path, json.dumps(dict(self.environment.summary), indent=1))


def settings(folder: CourseFolder, engine: EngineChoice) -> Settings:
    """The setting of this machine, and those that this course has seen."""
    current = environment()
    before = {str(setting): words for setting, words in _before(folder, current, engine)}
    return Settings(Setting(current.digest, engine), current, before)


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What is installed in another version, is new or is gone: `numpy 2.2.1 -> 2.2.2, torch added`."""
    changes = [
        f"{name} {before[name]} -> {now[name]}"
        for name in sorted(before.keys() & now.keys())
        if before[name] != now[name]
    ]
    changes += [f"{name} {now[name]} added" for name in sorted(now.keys() - before.keys())]
    changes += [f"{name} {before[name]} removed" for name in sorted(before.keys() - now.keys())]
    more = [f"and {len(changes) - _SHOWN} more"] if len(changes) > _SHOWN else []
    return ", ".join([*changes[:_SHOWN], *more])


def _before(folder: CourseFolder, current: Environment, engine: EngineChoice) -> Iterator[tuple[Setting, str]]:
    """Other settings, with what has changed: those of this environment first."""
    for choice in _CHOICES:
        if choice != engine:
            yield Setting(current.digest, choice), f"engine {choice} -> {engine}"
    for digest, summary in _remembered(folder).items():
        if digest != current.digest:
            for choice in _CHOICES:
                other = "" if choice == engine else f", engine {choice} -> {engine}"
                yield Setting(digest, choice), f"{differences(summary, current.summary)}{other}"


def _remembered(folder: CourseFolder) -> dict[str, dict[str, str]]:
    """Versions by digest; a file that is damaged is as if it were not there."""
    found: dict[str, dict[str, str]] = {}
    top = folder.private / "environments"
    for path in sorted(top.glob("*.json")) if top.is_dir() else ():
        with suppress(OSError, ValueError, StoreError):
            summary = json.loads(path.read_bytes())
            if set(path.stem) <= set(string.hexdigits) and isinstance(summary, dict):
                found[path.stem] = {str(name): str(version) for name, version in summary.items()}
    return found
