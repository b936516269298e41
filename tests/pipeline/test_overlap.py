"""Threads that wait for the disk: order is kept, nothing is drawn far ahead, and failures are seen."""

import threading
from collections.abc import Iterator

import pytest

from grader.pipeline.overlap import overlapped


def test_the_order_is_that_of_the_source() -> None:
    """Whatever finishes first."""
    assert [2 * n for n in range(50)] == list(overlapped(range(50), lambda n: 2 * n))


def test_several_are_worked_on_at_once() -> None:
    """Two that wait for each other both finish."""
    both = threading.Barrier(2, timeout=30)
    assert [0, 1] == sorted(overlapped(range(2), lambda _: both.wait()))


def test_little_is_drawn_ahead() -> None:
    """Memory does not grow with the class."""
    drawn: list[int] = []

    def source() -> Iterator[int]:
        for number in range(100):
            drawn.append(number)
            yield number

    results = overlapped(source(), lambda n: n)
    next(results)
    assert len(drawn) <= 6


def test_what_raises_is_raised() -> None:
    """A full disk stops the run."""

    def work(number: int) -> int:
        if number == 3:
            raise OSError("full")
        return number

    with pytest.raises(OSError, match="full"):
        list(overlapped(range(10), work))
