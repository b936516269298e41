"""A few hundred hostile inputs to all that parses them, the same each time; `python -m tests.fuzz` tries more."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.targets import TARGETS

EXAMPLES = {"submission": 40, "executed": 40, "layout": 60, "scores": 60, "wire": 60}


@pytest.mark.parametrize("name", TARGETS)
def test_only_a_value_or_a_clear_error_comes_of_it(name: str) -> None:
    """No exception of another kind, no line that is none, no score out of range."""
    target = TARGETS[name]
    chosen = settings(
        max_examples=EXAMPLES.get(name, 100), derandomize=True, database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    chosen(given(target.inputs)(target.check))()
