"""What a look at this machine found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that grading needs, whether it works, and what to do where it does not."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
