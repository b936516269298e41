"""What a worker keeps from job to job, and how values travel to it."""

import pickle
from types import SimpleNamespace

import pytest

from grader.pipeline import worker
from grader.pipeline.worker import Bench, EngineChoice, Packed, pack, unpack


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What becomes of engines."""
    events: list[str] = []

    def opened(choice: EngineChoice, preload: tuple[str, ...]) -> object:
        events.append(f"open {choice} {','.join(preload)}")
        return SimpleNamespace(close=lambda: events.append("close"))

    monkeypatch.setattr(worker, "_opened", opened)
    monkeypatch.setattr(worker, "_JOBS_AN_ENGINE", 3)
    return events


def lend(bench: Bench, times: int, *preload: str) -> None:
    """Do jobs."""
    for _ in range(times):
        with bench.engine(EngineChoice(), preload):
            pass


def test_an_engine_is_kept_and_renewed_after_many_jobs(events: list[str]) -> None:
    """One is closed before the next opens."""
    lend(Bench(), 7, "numpy")
    assert ["open auto numpy", "close", "open auto numpy", "close", "open auto numpy"] == events


def test_another_course_gets_another_engine(events: list[str]) -> None:
    """A worker of a cluster serves one run after another."""
    bench = Bench()
    lend(bench, 1, "numpy")
    lend(bench, 1, "torch")
    bench.close()
    bench.close()
    assert ["open auto numpy", "close", "open auto torch", "close"] == events


def test_what_travels_is_small_and_arrives_as_itself() -> None:
    """Whoever unpickles a packed value has the value."""
    value = {"cells": ["print(1)\n" * 1000]}
    assert value == unpack(pack(value))
    sent = pickle.dumps(Packed(value))
    assert value == pickle.loads(sent)
    assert len(sent) < 500
