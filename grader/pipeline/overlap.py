"""Waiting for a disk several times at once: durable writes of small files are nearly all waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")

_AT_ONCE = 4


def overlapped(source: Iterable[Given], work: Callable[[Given], Made]) -> Iterator[Made]:
    """Do `work` on everything that comes, a few at once in threads, and yield what it gives in the same order.

    No more is drawn from the source than is being worked on, so that memory does not grow; what raises, raises here.
    """
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        waiting: deque[Future[Made]] = deque()
        for given in source:
            waiting.append(threads.submit(work, given))
            while waiting and (waiting[0].done() or len(waiting) > _AT_ONCE):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
