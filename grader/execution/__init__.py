"""Run notebooks that nobody trusts: one seam (`model.Execute`), two engines behind it, one sandbox around both.

Read in this order: `engines` (which engine), `run` (the policy that both share: order of cells, limits, restarts),
`kernel` (what a running kernel is), `outputs` (what is kept of what it says), `stock` and `forked` (two ways to have
one), `sandbox` and `view` (what it can see), `limits` and `memory` (what it may use).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grader.execution.breakouts import Private as Private
    from grader.execution.breakouts import sandbox_checks as sandbox_checks
    from grader.execution.check import Check as Check
    from grader.execution.doctor import checks as checks
    from grader.execution.engines import Engine as Engine
    from grader.execution.engines import open_engine as open_engine
    from grader.execution.installed import Environment as Environment
    from grader.execution.installed import environment as environment
    from grader.execution.instructor import instructor_kernel as instructor_kernel
    from grader.execution.moment import Claimed as Claimed
    from grader.execution.moment import claim as claim
    from grader.execution.moment import semaphores as semaphores
    from grader.execution.sandbox import Sandbox as Sandbox
    from grader.execution.sandbox import find_sandbox as find_sandbox

_HOMES = {
    "Check": "check",
    "Claimed": "moment",
    "Engine": "engines",
    "Environment": "installed",
    "Private": "breakouts",
    "Sandbox": "sandbox",
    "checks": "doctor",
    "claim": "moment",
    "environment": "installed",
    "find_sandbox": "sandbox",
    "instructor_kernel": "instructor",
    "open_engine": "engines",
    "sandbox_checks": "breakouts",
    "semaphores": "moment",
}


def __getattr__(name: str) -> Any:
    """Import a part of the face when it is first asked for: most commands execute nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
