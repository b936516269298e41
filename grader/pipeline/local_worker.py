"""What workers of a cluster that was begun by this run do as they start; Dask calls it, by its `preload`."""

from __future__ import annotations

import signal


def dask_setup(_worker: object) -> None:
    """Leave Ctrl-C to the coordinator, which decides what is still finished: a terminal sends it to every process."""
    # a handler of ours, not SIG_IGN: that would be inherited by kernels, which must be interruptible
    signal.signal(signal.SIGINT, lambda *_: None)
