"""Moving a course's database from one kind to another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.store.copy import Copied, Copying, CopyPlan

_URL = re.compile(r"[a-z][a-z0-9+]*:")


def plan_copy(source: str, target: str) -> CopyPlan:
    """What copying one database into another would do; each is a path of a SQLite file or a URL."""
    from grader.store import copy

    return copy.plan_copy(_where(source), _where(target))


def carry_out(plan: CopyPlan) -> Iterator[Copying | Copied]:
    """Copy and compare; each table is told once all of them are the same in both."""
    from grader.store import copy

    return copy.copy_database(plan)


def _where(text: str) -> Path | str:
    return text if _URL.match(text) else Path(text)
