"""Which engine runs the notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Literal, Protocol, Self

from grader.errors import SandboxError
from grader.model import Executed, Files, Limits, Notebook, Probes


class Engine(Protocol):
    """Something that runs notebooks, one at a time, until it is closed; a context manager."""

    @property
    def name(self) -> str:
        """Return what it is called in results: their key names the engine that made them."""

    def execute(self, notebook: Notebook, files: Files, limits: Limits, probes: Probes = ..., /) -> Executed:
        """See `model.Execute`."""

    def close(self) -> None:
        """End whatever it holds open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_engine(
    kind: Literal["auto", "forked", "stock"] = "auto", *, sandbox: bool = True, preload: Sequence[str] = ()
) -> Engine:
    """Open an engine; "auto" takes the forked one where it works here, else the stock one.

    `preload` names modules that the instructor's notebooks import. `sandbox=False` runs student code with the rights of
    this process (root's are dropped where possible), under limits only. Raises SandboxError where there is no sandbox.
    Call it in the thread that will execute: sandboxes die with the thread that started them.
    """
    from grader.execution.sandbox import find_sandbox
    from grader.execution.stock import StockEngine

    found = find_sandbox() if sandbox else None
    if kind == "stock" or (kind == "auto" and found is None):
        return StockEngine(found)
    if found is None:
        raise SandboxError("The forked engine runs only inside the sandbox: use --engine stock with --no-sandbox.")
    from grader.execution.forked import ForkedEngine

    engine = ForkedEngine(found, preload)
    reason = engine.why_not_working()
    if reason is None:
        return engine
    engine.close()
    if kind == "forked":
        raise SandboxError(f"The forked engine does not work here: {reason}. Use --engine stock.")
    return StockEngine(found)
