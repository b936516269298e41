"""Hostile packages: what is beside honest work is refused alone, and odd ids are names to look up, never paths."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.intake import CollectPlan
from grader.model import Student

Zip = Callable[..., Path]
Zipped = Callable[..., bytes]
Collect = Callable[..., CollectPlan]


def honest(tmp_path: Path) -> Path:
    """Make the folder of a student with an honest notebook."""
    (tmp_path / "in" / "ada").mkdir(parents=True)
    (tmp_path / "in" / "ada" / "p1.ipynb").write_text("{}")
    (tmp_path / "gradebook.db").write_bytes(b"SQLite format 3")
    return tmp_path / "in" / "ada"


def refused_of(plan: CollectPlan) -> dict[str, str]:
    """Give the reasons by name, once the honest notebook is seen to be all that is taken."""
    assert [["p1.ipynb"]] == [list(arrival.files()[0]) for arrival in plan.arrivals]
    return {refused.name: refused.reason for refused in plan.refused}


def test_a_link_to_the_database(collect: Collect, tmp_path: Path) -> None:
    """It is not followed."""
    (honest(tmp_path) / "data.csv").symlink_to("../../gradebook.db")
    assert {"ada/data.csv": "it is a link"} == refused_of(collect(tmp_path / "in"))


def test_links_to_folders_and_loops(collect: Collect, tmp_path: Path) -> None:
    """Collection walks neither out nor forever."""
    folder = honest(tmp_path)
    (folder / "loop").symlink_to(".")
    (folder / "up").symlink_to("../..")
    assert {"ada/loop", "ada/up"} == set(refused_of(collect(tmp_path / "in")))


def test_a_pipe(collect: Collect, tmp_path: Path) -> None:
    """Opening it would wait forever."""
    os.mkfifo(honest(tmp_path) / "data.csv")
    assert {"ada/data.csv": "it is no plain file"} == refused_of(collect(tmp_path / "in"))


def test_an_archive_that_writes_elsewhere(collect: Collect, make_zip: Zip, zipped: Zipped) -> None:
    """The honest notebook in it is taken."""
    inner = zipped({"../../../evil.txt": "x", "/tmp/h4evil.txt": "x", "p1.ipynb": "{}"})
    refused = refused_of(collect(make_zip({"ada/s.zip": inner})))
    assert ["its path is absolute", "its path leads out of its folder"] == sorted(refused.values())


def test_an_archive_that_is_a_bomb(collect: Collect, make_zip: Zip, zipped: Zipped) -> None:
    """Fifty entries of twenty megabytes of nothing: nobody else's work is touched, the bomb stays as it came."""
    inner = zipped({f"f{number}": bytes(20 << 20) for number in range(6)})
    plan = collect(make_zip({"ada/s.zip": inner, "oz/p1.ipynb": "{}"}))
    assert {"ada": ["s.zip"], "oz": ["p1.ipynb"]} == {a.student_id: list(a.files()[0]) for a in plan.arrivals}
    assert 6 == sum("inflates" in refused.reason for refused in plan.refused)


ODD = {
    "formula": "=HYPERLINK(1)",
    "bidi": "\u202egnp.exe",
    "template": "{{7*7}}%(x)s{0}",
    "too long": "x" * 240,
    "dots": "...",
}


@pytest.mark.parametrize("student_id", ODD.values(), ids=ODD)
def test_an_odd_id_is_looked_up_and_nothing_more(collect: Collect, make_zip: Zip, student_id: str) -> None:
    """Who is not on the roster is listed in printable text, and never guessed."""
    plan = collect(make_zip({f"{student_id}/p1.ipynb": "{}"}))
    assert () == plan.arrivals
    assert all(found.hand_in.source.isprintable() for found in plan.unmatched)
    assert all(found.why.isprintable() for found in plan.unmatched)


@pytest.mark.parametrize("student_id", ["=HYPERLINK(1)", "{{7*7}}%(x)s{0}"])
def test_an_odd_id_of_the_roster_is_a_student(collect: Collect, make_zip: Zip, student_id: str) -> None:
    """It is a name like any other."""
    plan = collect(make_zip({f"{student_id}/p1.ipynb": "{}"}), roster=(Student(student_id),))
    assert [student_id] == [arrival.student_id for arrival in plan.arrivals]


@pytest.mark.parametrize("student_id", ["../../evil", "a/../../b", "..", ".", "/etc"])
def test_an_id_that_leads_elsewhere(collect: Collect, make_zip: Zip, student_id: str) -> None:
    """The entry is refused by name, with and without a roster."""
    archive = make_zip({f"{student_id}/p1.ipynb": "{}", "ada/p1.ipynb": "{}"})
    for roster in (None, (Student("ada"),)):
        assert 1 == len(refused_of(collect(archive, roster=roster)))


def test_ids_that_hold_what_no_id_may(collect: Collect, make_zip: Zip) -> None:
    """Without a roster, control and direction marks, dots in front and 200 bytes are no id."""
    plan = collect(make_zip({f"{name}/p1.ipynb": "{}" for name in ("\u202egnp", ".hidden", "é" * 120)}), roster=None)
    assert (0, 3) == (len(plan.arrivals), len(plan.unmatched))


def test_a_twin_in_capitals(collect: Collect, make_zip: Zip) -> None:
    """`BOB` is bob where only bob is on the roster."""
    plan = collect(make_zip({"BOB/p1.ipynb": "{}"}), roster=(Student("bob"),))
    assert ["bob"] == [arrival.student_id for arrival in plan.arrivals]
