"""Who is it? Names as systems and people write them, and never a guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.matching import NoMatchError, Roster, close_students, compact_name, fold_name
from grader.model import Student

CLASS = (
    Student("jgm", "García Márquez", "José", "jose@x.edu", {"GitHub user": "Gabo", "SIS Login ID": "j_gm"}),
    Student("soren", "Kierkegaard", "Søren"),
    Student("oneill", "O’Neill", "Eugene"),
)


@pytest.mark.parametrize(
    "said",
    ["José García Márquez", "garcia marquez, jose", "JOSÉ GARCÍA MÁRQUEZ", "Jose\u0301 Garci\u0301a-Ma\u0301rquez"],
)
def test_accents_order_and_capitals_make_no_difference(said: str) -> None:
    """Nor does the form in which Unicode writes them."""
    assert "jgm" == Roster.of(CLASS).find([("name", said)]).student.student_id


@pytest.mark.parametrize(("said", "expected"), [("Soren Kierkegaard", "soren"), ("ONeill, Eugene", "oneill")])
def test_letters_that_have_no_accent_to_lose(said: str, expected: str) -> None:
    """A stroke through a letter, an apostrophe of any kind."""
    assert expected == Roster.of(CLASS).find([("name", said)]).student.student_id


def test_columns_are_known_by_what_they_are_called() -> None:
    """Titles in any capitals, with blanks or underscores."""
    roster = Roster.of(CLASS)
    assert ["jgm"] == [student.student_id for student in roster.fitting("github", "gabo")]
    assert ["jgm"] == [student.student_id for student in roster.fitting("login", "J_GM")]
    assert () == roster.fitting("student_id", "gabo")


def test_a_close_spelling_is_nobody_with_candidates() -> None:
    """A person decides."""
    with pytest.raises(NoMatchError):
        Roster.of(CLASS).find([("name", "Jose Garcia Marques")])
    assert ("jgm",) == close_students("Jose Garcia Marques", CLASS)
    assert ("jgm",) == close_students("garciamarquezjos", CLASS)
    assert () == close_students("!!", CLASS)


@given(st.text(), st.text())
def test_names_are_the_same_in_any_order(first: str, last: str) -> None:
    """And folding what is folded changes nothing."""
    assert fold_name(f"{first} {last}") == fold_name(f"{last}, {first}")
    assert fold_name(fold_name(first)) == fold_name(first)
    assert compact_name(compact_name(first)) == compact_name(first)
