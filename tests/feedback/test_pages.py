"""What scores mean, and how numbers and names are written."""

from __future__ import annotations

from typing import Any

import pytest

from grader.feedback import ScoreState
from grader.feedback.plain import join, shorten
from grader.page import clean, clean_line, points


@pytest.mark.parametrize(
    ("state", "facts"),
    [
        (ScoreState.FULL, {"score": 2.0}),
        (ScoreState.FULL, {"score": 2.5}),
        (ScoreState.PARTIAL, {"score": 0.5}),
        (ScoreState.ZERO, {"score": 0.0}),
        (ScoreState.ZERO, {"score": -1.0}),
        (ScoreState.NONE, {"score": None}),
        (ScoreState.NONE, {"score": float("nan")}),
        (ScoreState.WAITING, {"score": None, "waiting": True}),
        (ScoreState.WAITING, {"score": 2.0, "waiting": True}),
        (ScoreState.NOT_RUN, {"score": 0.0, "not_run": True}),
        (ScoreState.UNWEIGHTED, {"score": 0.0, "max_score": 0.0}),
    ],
)
def test_a_state_says_what_a_score_means(make: Any, state: ScoreState, facts: dict[str, Any]) -> None:
    """Waiting comes before everything; full marks need a number that reaches the maximum."""
    assert state is make.question(**facts).state


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2", 2.0),
        ("2.5", 2.5),
        ("0.33", 1 / 3),
        ("0", -0.0),
        ("-1", -1.0),
        ("\N{EN DASH}", None),
        ("\N{EN DASH}", float("inf")),
    ],
)
def test_points_are_written_short(text: str, number: float | None) -> None:
    """At most two decimals and no idle zeros."""
    assert text == points(number)


def test_clean_text_can_be_encoded() -> None:
    """Lone surrogates, NUL and ESC cannot stand in a page; line ends are newlines."""
    assert "a\ufffdb\ufffdc\nd\n" == clean("a\ud800b\x00c\r\nd\r")


def test_a_name_is_one_line_and_keeps_its_direction() -> None:
    """Neither line breaks nor direction marks get from a name into its surroundings; joiners of real scripts stay."""
    assert "Ada evil" == clean_line("Ada\n \u202eevil\u2069")
    assert "می\u200cخواهم" == clean_line("می\u200cخواهم")


def test_a_long_text_keeps_both_its_ends() -> None:
    """The end of a long output is where its error stands."""
    text, left_out = shorten("a" * 500 + "b" * 500, 100)
    assert 900 == left_out
    assert text.startswith("a" * 80)
    assert text.endswith("b" * 20)
    assert "900 characters left out" in text


@pytest.mark.parametrize(("text", "value"), [("ab", "ab"), ("ab", ["a", "b"]), ("a", ["a", 3]), ("", 3), ("", None)])
def test_multiline_strings_come_in_two_forms(text: str, value: object) -> None:
    """What is neither a string nor a list of strings holds no text."""
    assert text == join(value)
