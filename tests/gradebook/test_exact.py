"""Numbers stay what was written."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.gradebook import exact, rounded, shown


@pytest.mark.parametrize("written", [0.1, "0.1", Decimal("0.1"), Fraction(1, 10), " 0.1 ", ".1"])
def test_a_tenth_is_a_tenth(written):
    """However it comes, 0.1 is one tenth and not its binary neighbour."""
    assert exact(written) == Fraction(1, 10)


@pytest.mark.parametrize(
    "written", [True, None, "", "A", "1e9", "nan", float("nan"), float("inf"), Decimal("NaN"), "٣", "1/3"]
)
def test_what_is_no_number_is_refused(written):
    """Booleans, text, infinities and numbers in other scripts are no scores."""
    with pytest.raises(ValueError, match="number"):
        exact(written)


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        ("0.125", 2, "0.13"),
        ("2.5", 0, "3"),
        ("89.995", 2, "90.00"),
        ("89.9949", 2, "89.99"),
        ("-0.125", 2, "-0.12"),
        ("0", 2, "0.00"),
    ],
)
def test_rounding_is_half_up(value, digits, expected):
    """A half goes up, where Python's own rounding would go to the even neighbour."""
    assert f"{rounded(exact(value), digits):f}" == expected


@given(st.fractions(min_value=0, max_value=1000), st.integers(0, 6))
def test_rounding_moves_by_half_a_unit_at_most(value, digits):
    """Rounding is the nearest number with so many digits."""
    assert abs(Fraction(rounded(value, digits)) - value) * 2 <= Fraction(1, 10**digits)


@pytest.mark.parametrize(
    ("value", "expected"), [("8", "8"), ("8.50", "8.5"), ("100", "100"), ("0.004", "0"), ("10.00", "10")]
)
def test_shown_numbers_have_no_idle_zeros(value, expected):
    """What is shown has as many digits as say something."""
    assert shown(exact(value)) == expected
