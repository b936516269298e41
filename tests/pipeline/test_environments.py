"""A changed environment is noticed and named, and costs only the results that it made."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from grader.execution.installed import Environment
from grader.pipeline import environments
from grader.pipeline.environments import differences, settings
from grader.pipeline.worker import EngineChoice
from grader.store import CourseFolder

OLD = Environment("a" * 64, {"python": "3.11.7", "numpy": "2.2.1", "attrs": "25.1"})
NEW = Environment("b" * 64, {"python": "3.11.7", "numpy": "2.2.2", "torch": "2.13"})


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Environment]:
    """What seems to be installed: change its `now`."""
    here = {"now": OLD}
    monkeypatch.setattr(environments, "environment", lambda: here["now"])
    return here


def key_under(setting: str) -> str:
    """Stand in for a result's key."""
    return f"key of {setting}"


def test_versions_are_named() -> None:
    """What is another version, new or gone; of many, the first few."""
    assert "numpy 2.2.1 -> 2.2.2, torch 2.13 added, attrs 25.1 removed" == differences(OLD.summary, NEW.summary)
    assert differences({}, {f"p{n}": "1" for n in range(9)}).endswith("and 3 more")


def test_a_changed_package_is_the_reason(tmp_path: Path, installed: dict[str, Environment]) -> None:
    """A result that was made in a remembered environment is outdated by what changed since."""
    folder, engine = CourseFolder(tmp_path), EngineChoice()
    before = settings(folder, engine)
    before.remember(folder)
    installed["now"] = NEW
    after = settings(folder, engine)
    reason = after.why_outdated(key_under(str(before.now)), key_under)
    assert "numpy 2.2.1 -> 2.2.2, torch 2.13 added, attrs 25.1 removed" == reason
    assert "" == after.why_outdated("the key of other work", key_under)


def test_another_engine_is_the_reason(tmp_path: Path, installed: dict[str, Environment]) -> None:
    """Even if nothing was remembered."""
    folder = CourseFolder(tmp_path)
    before = settings(folder, EngineChoice("auto"))
    after = settings(folder, EngineChoice("stock"))
    assert "engine auto -> stock" == after.why_outdated(key_under(str(before.now)), key_under)


def test_a_damaged_memory_is_none(tmp_path: Path, installed: dict[str, Environment]) -> None:
    """What cannot be read names nothing."""
    folder = CourseFolder(tmp_path)
    settings(folder, EngineChoice()).remember(folder)
    (tmp_path / ".grader" / "environments" / f"{OLD.digest}.json").write_text("[")
    installed["now"] = NEW
    old = f"{OLD.digest} auto True"
    assert "" == settings(folder, EngineChoice()).why_outdated(key_under(old), key_under)
