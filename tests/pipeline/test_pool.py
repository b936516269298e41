"""The pool: every job is done, and a job that kills its worker costs only itself."""

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from grader.pipeline import pool
from grader.pipeline.pool import Done, Failed, Workers, run


def double(number: int) -> int:
    """Do honest work."""
    return 2 * number


def die_on_three(number: int) -> int:
    """Kill the worker, as the kernel's out-of-memory killer would."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def raise_on_three(number: int) -> int:
    """Fail with a bug of ours."""
    if number == 3:
        raise ZeroDivisionError("three")
    return number


def fail_once(folder: Path, number: int) -> int:
    """Fail the first time that a number is tried."""
    try:
        (folder / str(number)).touch(exist_ok=False)
    except FileExistsError:
        return number
    raise OSError("a passing fault")


def test_every_job_is_done_once() -> None:
    """Each job yields one result, in whatever order."""
    results = list(run(range(20), double, Workers(2)))
    assert {n: 2 * n for n in range(20)} == {r.job: r.result for r in results if isinstance(r, Done)}
    assert len(results) == 20


@pytest.mark.parametrize(("work", "reason"), [(die_on_three, "died"), (raise_on_three, "ZeroDivisionError: three")])
def test_a_bad_job_costs_only_itself(work: object, reason: str) -> None:
    """The job that kills its worker or raises fails; all others are done."""
    results = list(run(range(8), work, Workers(2)))  # type: ignore[arg-type]
    failed = [r for r in results if isinstance(r, Failed)]
    assert [3] == [f.job for f in failed]
    assert reason in failed[0].reason
    assert set(range(8)) - {3} == {r.job for r in results if isinstance(r, Done)}


def test_a_passing_fault_is_retried(tmp_path: Path) -> None:
    """What fails once and works the second time is done."""
    results = list(run(range(3), partial(fail_once, tmp_path), Workers(1)))
    assert [0, 1, 2] == sorted(r.job for r in results if isinstance(r, Done))


def test_jobs_are_drawn_as_workers_become_free() -> None:
    """The pool never holds more jobs than it can soon begin, so that memory does not grow with the class."""
    drawn: list[int] = []

    def jobs() -> "object":
        for number in range(30):
            drawn.append(number)
            yield number

    results = run(jobs(), double, Workers(1))  # type: ignore[arg-type]
    next(results)
    assert len(drawn) <= 3
    results.close()  # type: ignore[attr-defined]


def test_no_jobs_need_no_worker() -> None:
    """An empty plan yields nothing."""
    assert [] == list(run([], double, Workers(2)))


@pytest.mark.parametrize(
    ("cause", "result", "begins"), [(2, 1, True), (1, 2, False), (1, None, True), (None, 1, False)]
)
def test_workers_begin_to_start_where_work_is_foreseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cause: int | None, result: int | None, begins: bool
) -> None:
    """The fork server starts early if what came in is newer than what was made of it, or nothing was made yet."""
    folder, made = tmp_path / "submitted", tmp_path / "gradebook.db"
    folder.mkdir()
    if cause is not None:
        (folder / "student").mkdir()
        os.utime(folder / "student", (cause, cause))
    os.utime(folder, (0, 0))
    if result is not None:
        made.touch()
        os.utime(made, (result, result))
    begun: list[bool] = []
    monkeypatch.setattr(pool.forkserver, "ensure_running", lambda: begun.append(True))
    pool.foresee((), folder, made)
    assert bool(begun) is begins


def test_nothing_begins_where_nothing_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder of submissions there is nothing to foresee."""
    monkeypatch.setattr(pool.forkserver, "ensure_running", lambda: pytest.fail("it began"))
    pool.foresee((), tmp_path / "submitted", None)
