"""Text from students shows as what it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.text import escape


@given(st.text())
def test_nothing_dangerous_is_left(text: str) -> None:
    """No control, format or surrogate character survives, whatever came in."""
    assert not {unicodedata.category(c) for c in escape(text)} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_one_character_shows_as_ten_at_the_most(text: str, limit: int) -> None:
    """The length of what is shown is bounded by the limit."""
    assert len(escape(text, limit)) <= 10 * limit


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë O’Toole 李明", "Zoë O’Toole 李明"),
        ("a\nb\tc", r"a\x0ab\x09c"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("abc\u202etxt.exe", r"abc\u202etxt.exe"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_is_seen(text: str, shown: str) -> None:
    """Honest letters stay, tricks become visible."""
    assert shown == escape(text)
