"""Short ways to say what a class looks like."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from grader.gradebook import Item, ItemScore, Policies, exact
from grader.model import Student


@pytest.fixture
def item() -> Callable[..., Item]:
    """`item("hw1", 10, "homeworks")` is an item."""
    return lambda name, points=10, category="assignments", **more: Item(name, category, exact(points), **more)


@pytest.fixture
def score() -> Callable[..., ItemScore]:
    """`score(7.5)` is a graded score."""
    return lambda points, **more: ItemScore(None if points is None else exact(points), **more)


@pytest.fixture
def ada() -> Student:
    """One student with everything that a roster has."""
    return Student("s01", "Lovelace", "Ada", "ada@example.org")


@pytest.fixture
def demo() -> Policies:
    """The weights of the demo course."""
    weights = {"project": 40, "midterm": 25, "notebooks": 15, "homeworks": 15, "participation": 5}
    return Policies.model_validate({"categories": weights})


@pytest.fixture
def percent() -> Callable[..., Fraction]:
    """`percent("87.5")` is that number exactly."""
    return exact
