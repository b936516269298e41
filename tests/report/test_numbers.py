"""The statistics hold for any numbers."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.report.numbers import FEWEST, bins, correlation, summary

PERCENTS = st.lists(st.floats(0, 250), max_size=60)
NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)
PAIRS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=40)


def test_a_summary_by_hand() -> None:
    """Quartiles lie between neighbours, the deviation is that of the whole class."""
    found = summary([60, 80, 90, 70, 100])
    assert found is not None
    assert (5, 80, 60, 70, 80, 90, 100) == (
        found.count, found.mean, found.low, found.lower, found.median, found.upper, found.high,
    )  # fmt: skip
    assert math.sqrt(200) == pytest.approx(found.deviation)


def test_no_numbers_have_no_summary() -> None:
    """And one number is all of its own."""
    assert summary([]) is None
    found = summary([7.5])
    assert found is not None
    assert {7.5} == {found.mean, found.low, found.lower, found.median, found.upper, found.high}


@given(NUMBERS)
def test_a_summary_is_in_order(numbers: list[float]) -> None:
    """Lowest, quartiles, highest in this order; mean and deviation within the range; their order is nothing."""
    found = summary(numbers)
    assert found is not None
    steps = [found.low, found.lower, found.median, found.upper, found.high]
    slack = 1e-9 * max(1.0, *map(abs, numbers))
    assert all(before <= after + slack for before, after in itertools.pairwise(steps))
    assert found.low <= found.mean <= found.high
    assert 0 <= found.deviation <= found.high - found.low + slack
    assert found == summary(reversed(numbers))


@given(PERCENTS)
def test_each_percentage_is_in_one_bin(percents: list[float]) -> None:
    """The counts add up, bins touch each other, and reach from 0 to at least 100."""
    made = bins(percents)
    assert len(percents) == sum(found.count for found in made)
    assert 0 == made[0].low
    assert made[-1].high >= 100
    assert all(one.high == other.low for one, other in itertools.pairwise(made))
    for found in made:
        last = found is made[-1]
        inside = [p for p in percents if found.low <= p < found.high or (last and p == found.high)]
        assert len(inside) == found.count


def test_a_hundred_is_in_the_last_bin_and_extra_credit_beyond() -> None:
    """100 percent is not a bar of its own; 101 is."""
    assert 10 == len(bins([100.0]))
    assert 1 == bins([100.0])[-1].count
    assert [1, 1] == [found.count for found in bins([99.0, 101.0])[-2:]]


def test_a_correlation_by_hand() -> None:
    """Equal order is 1, reverse order is -1."""
    up = [(float(n), 2.0 * n + 3) for n in range(FEWEST)]
    assert 1 == pytest.approx(correlation(up))
    assert -1 == pytest.approx(correlation([(one, -other) for one, other in up]))


def test_what_cannot_be_told_is_not_told() -> None:
    """Too few pairs, or one side that never varies."""
    assert correlation([(float(n), float(n)) for n in range(FEWEST - 1)]) is None
    assert correlation([(1.0, float(n)) for n in range(9)]) is None
    assert correlation([]) is None


@given(PAIRS)
def test_a_correlation_is_one_of_both_sides(pairs: list[tuple[float, float]]) -> None:
    """It lies within -1 and 1, and does not care which side is which."""
    found, turned = correlation(pairs), correlation([(other, one) for one, other in pairs])
    assert (found is None) == (turned is None)
    if found is not None and turned is not None:
        assert -1 <= found <= 1
        assert found == pytest.approx(turned, abs=1e-6)
