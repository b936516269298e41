"""Groups of equal answers, asked in-process: a grade for all, taken back one by one; near-equal ones side by side."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from grader.review.differences import Differences, side_by_side

Grader = Callable[..., Any]
Points = Callable[[], dict[str, float]]


def said(answer: Any) -> str:
    """What the toast of an answer says."""
    return str(json.loads(answer.headers["hx-trigger"])["grader:toast"]["text"])


def listed(tina: Any) -> list[str]:
    """The addresses of the groups, as the list has them."""
    return re.findall(r'href="([^"]+/groups/[^"]+)"', tina.client.get(f"{tina.path}/groups").text)


def give(tina: Any, address: str, do: str = "save", **fields: Any) -> Any:
    """Press something in a group's panel, as it is shown unless `seen` says otherwise."""
    seen = fields.pop("seen", None) or versions(tina, address)
    return tina.send(address, {"do": do, "scope": "open", "points": "", "comment": "", "seen": seen} | fields)


def versions(tina: Any, address: str) -> str:
    """What the page of a group has seen."""
    found = re.search(r'name="seen" value="([^"]*)"', tina.client.get(address).text)
    assert found
    return html.unescape(found[1])


def test_equal_answers_are_listed_together(grading: Grader) -> None:
    """The largest first, then blanks, then those that stand alone; without names."""
    tina = grading()
    page = tina.client.get(f"{tina.path}/groups").text
    counts = re.findall(r"data-step>(\d+)<span", page)
    assert ["3", "2", "1", "1", "1"] == counts
    first, blank, other = (re.search(said, page) for said in ("(?i)it is +x times x", "Blank:", "It is x times y"))
    assert first
    assert blank
    assert other
    assert first.start() < blank.start() < other.start()
    assert "5 different answers" in page
    assert "Familyada" not in page
    assert 404 == tina.client.get(f"{tina.path}/groups/nosuch").status_code


def test_a_grade_goes_to_all_who_wait(grading: Grader, points: Points) -> None:
    """Items, points, comment; told how many; those who have a grade keep it, unless all are chosen."""
    tina = grading()
    address, item = listed(tina)[0], tina.add("Half of it", "1.5")
    tina.save("bob", "zero")
    done = give(tina, address, item=item, comment="All right")
    assert "Gave 1.5 of 3 to 2 answers; u undoes it" == said(done)
    assert {"ada": 1.5, "bob": 0.0, "cem": 1.5}.items() <= points().items()
    assert "All right" in tina.page("cem").text
    assert "All 3 graded" in done.text
    assert "Nobody in this group waits" in said(give(tina, address, "full"))
    assert "Gave 3 of 3 to 3 answers; u undoes it" == said(give(tina, address, "full", scope="all"))
    assert {"ada": 3.0, "bob": 3.0, "cem": 3.0}.items() <= points().items()


def test_it_is_undone_in_one_stroke(grading: Grader, points: Points) -> None:
    """All members are as they were before."""
    tina = grading()
    address = listed(tina)[0]
    tina.save("bob", "points", points="1")
    give(tina, address, scope="all", points="2")
    assert {"ada": 2.0, "bob": 2.0}.items() <= points().items()
    undone = tina.send(f"{address}/undo")
    assert "Undone: gave 2 of 3 to 3 answers" == said(undone)
    assert "2 of 3 not graded" in undone.text
    assert {"ada": 0.0, "bob": 1.0}.items() <= points().items()


def test_it_is_taken_back_one_by_one(grading: Grader, points: Points) -> None:
    """The others keep theirs; a version that is not the one that stands is refused with what does."""
    tina, ben = grading("tina"), grading("ben")
    address = listed(tina)[0]
    done = give(tina, address, "full")
    members = [json.loads(html.unescape(each)) for each in re.findall(r'data-values="([^"]+)"', done.text)]
    assert 3 == len(members)
    assert re.search(r"Answer \d has no grade by hand", said(tina.send(f"{address}/back", members[0])))
    assert [0.0, 3.0, 3.0] == sorted(points()[student] for student in ("ada", "bob", "cem"))
    give(ben, address, "zero", scope="all")
    stale = tina.send(f"{address}/back", members[1])
    assert (409, True) == (stale.status_code, "ben wrote at" in stale.text)
    assert [0.0, 0.0, 0.0] == sorted(points()[student] for student in ("ada", "bob", "cem"))
    assert 404 == tina.send(f"{address}/back", {"one": "nosuch", "version": "x"}).status_code


def test_nobody_gets_it_where_somebody_was_quicker(grading: Grader, points: Points) -> None:
    """One member's other version is enough; what was to be given is offered again, by numbers only."""
    tina, ben = grading("tina"), grading("ben")
    address = listed(tina)[0]
    seen = versions(tina, address)
    ben.save("cem", "points", points="1")
    stale = give(tina, address, points="3", comment="Fine", scope="all", seen=seen)
    assert 409 == stale.status_code
    for words in ("Yours was not saved", "ben wrote at", "Fine"):
        assert words in stale.text
    assert re.search(r"Answer \d: ben", stale.text)
    assert {"ada": 0.0, "bob": 0.0, "cem": 1.0}.items() <= points().items()
    give(tina, address, points="3", comment="Fine", scope="all")
    assert {"ada": 3.0, "bob": 3.0, "cem": 3.0}.items() <= points().items()


def test_blanks_in_one_stroke(grading: Grader, points: Points) -> None:
    """They have 0 without a person; a word, or points for trying, goes to all of them."""
    tina = grading()
    address = listed(tina)[1]
    assert "Left blank" in tina.client.get(address).text
    assert "Gave 0.5 of 3 to 2 answers; u undoes it" == said(give(tina, address, points="0.5", comment="Try it!"))
    assert {"fay": 0.5, "gus": 0.5}.items() <= points().items()


def test_flags_of_members_stay(grading: Grader) -> None:
    """A grade for all is no answer to what was flagged."""
    tina = grading()
    tina.send(tina.at("bob", "flag"), {"seen": tina.seen("bob")})
    give(tina, listed(tina)[0], "full")
    assert 'aria-pressed="true"' in tina.page("bob").text.split('id="panel"')[1]


def test_nothing_is_no_grade(grading: Grader, points: Points) -> None:
    """Nothing ticked and typed gives nobody 0; nonsense is told."""
    tina = grading()
    address = listed(tina)[0]
    assert "nothing is ticked" in said(give(tina, address, comment="Only words"))
    for fields in (
        {"points": "x"},
        {"points": "4"},
        {"scope": "some"},
        {"seen": "x"},
        {"item": "nosuch", "points": "1"},
    ):
        assert 400 == give(tina, address, **fields).status_code
    assert 409 == give(tina, address, "full", seen="{}").status_code
    assert 0 == points()["ada"]


def test_near_equal_answers_stand_side_by_side(grading: Grader) -> None:
    """What differs is marked, word by word."""
    tina = grading()
    page = tina.client.get(listed(tina)[0]).text
    assert "Nearly equal" in page
    assert "<del>x" in page
    assert "<ins>y" in page


def words(side: Differences, left: bool) -> list[str]:
    """One side of a comparison, put together again."""
    found = ((row.left if left else row.right) for row in side.rows)
    return ["".join(piece.text for piece in pieces) for pieces in found if pieces is not None]


TEXTS = st.text(st.sampled_from("ab <>&\n"), max_size=60)


@given(TEXTS, TEXTS)
def test_nothing_is_lost_side_by_side(one: str, other: str) -> None:
    """Each side says what its text says; what is marked as the same is the same."""
    found = side_by_side(one, other)
    assert one.splitlines() == words(found, left=True)
    assert other.splitlines() == words(found, left=False)
    for row in found.rows:
        if row.left is not None and row.right is not None:
            kept = ["".join(p.text for p in side if not p.changed) for side in (row.left, row.right)]
            assert kept[0] == kept[1]
    if one.splitlines() == other.splitlines():
        assert all(row.same for row in found.rows)


def test_side_by_side_has_bounds() -> None:
    """However long and strange two texts are: what is beyond is counted."""
    one, other = "\n".join("a b " * 3000 for _ in range(2000)), "\n".join("b a " * 3000 for _ in range(10))
    found = side_by_side(one, other)
    assert (300, 1700) == (len(found.rows), found.left_out)
    assert max(len(piece.text) for row in found.rows for piece in row.left or ()) <= 4000
