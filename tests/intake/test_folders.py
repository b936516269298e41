"""Folders a student: plain ones, clones, what nbgrader and JupyterHub leave, and archives within."""

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import IntakeError
from grader.intake import CollectPlan, Limits
from grader.model import Student

Zip = Callable[..., Path]
Zipped = Callable[..., bytes]
Collect = Callable[..., CollectPlan]
FilesOf = Callable[[CollectPlan], dict[str, list[str]]]


def write(root: Path, *paths: str) -> Path:
    """Make files that hold their own path."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    return root


def test_an_exchanges_inbound_folder(collect: Collect, files_of: FilesOf, tmp_path: Path) -> None:
    """Only this assignment's, by the time in the folder's name; a student's own stamp is not asked."""
    top = write(
        tmp_path / "inbound",
        "ada+ps1+2026-09-20 10:00:00.000000 UTC+abc/hw1.ipynb",
        "ada+ps1+2026-09-21 19:00:00.000000 UTC+abd/hw1.ipynb",
        "oz+ps2+2026-09-20 10:00:00.000000 UTC+abc/hw1.ipynb",
        "nobody+ps1+2026-09-20 10:00:00.000000 UTC/hw1.ipynb",
    )
    (top / "ada+ps1+2026-09-20 10:00:00.000000 UTC+abc" / "timestamp.txt").write_text("2030-01-01 00:00:00 UTC")
    plan = collect(top)
    assert ("nbgrader",) == plan.layouts
    assert [("ada", 10), ("ada", 19)] == [(a.student_id, a.timestamp.hour) for a in plan.arrivals if a.timestamp]
    assert ["nobody"] == [found.called for found in plan.unmatched]


def test_a_submitted_folder_gives_this_assignment_alone(collect: Collect, files_of: FilesOf, tmp_path: Path) -> None:
    """Who handed in another assignment handed in nothing here."""
    top = write(tmp_path / "submitted", "ada/ps1/hw1.ipynb", "ada/ps2/other.ipynb", "oz/ps2/other.ipynb")
    plan = collect(top)
    assert {"ada": ["hw1.ipynb"]} == files_of(plan)
    assert "oz" in plan.absent


def test_clones_are_matched_by_the_github_column_alone(collect: Collect, files_of: FilesOf, tmp_path: Path) -> None:
    """Anybody may call themselves `oz` there; the repository itself is not handed in."""
    top = write(tmp_path / "c", "ps1-ada-l/hw1.ipynb", "ps1-ada-l/.git/HEAD", "ps1-oz/hw1.ipynb")
    plan = collect(top)
    assert ("classroom",) == plan.layouts
    assert {"ada": ["hw1.ipynb"]} == files_of(plan)
    assert ["oz"] == [found.called for found in plan.unmatched]


def test_clones_without_a_column_say_what_to_add(collect: Collect, tmp_path: Path) -> None:
    """Everybody is listed, with the remedy."""
    plan = collect(write(tmp_path / "c", "ps1-someone/hw1.ipynb"), roster=(Student("ada"),))
    assert ["roster.csv has no column github"] == [found.why for found in plan.unmatched]


def test_plain_folders_by_anything_that_names_a_student(collect: Collect, files_of: FilesOf, tmp_path: Path) -> None:
    """Id in other capitals, login, e-mail, name, id of a system; an id before a login of the same text."""
    top = write(
        tmp_path / "in", *(f"{who}/x.ipynb" for who in ("ADA", "m_lee", "oz@x.edu", "Smith, Mary-Ann", "00123"))
    )
    assert {"ada", "ml1", "oz", "mas", "jose"} == set(files_of(collect(top)))


def test_a_student_may_zip_the_folder(collect: Collect, files_of: FilesOf, make_zip: Zip, zipped: Zipped) -> None:
    """What is inside counts in its place, without the folder around; an archive in it stays an archive."""
    inner = zipped({"hw1/hw1.ipynb": "{}", "hw1/data.zip": zipped({"a.csv": "1"}), "hw1/timestamp.txt": "x"})
    plan = collect(make_zip({"ada/work.zip": inner, "oz/work.zip": zipped({"notes.txt": "x"})}))
    assert {"ada": ["data.zip", "hw1.ipynb"], "oz": ["work.zip"]} == files_of(plan)
    assert [("submissions.zip/ada/work.zip/timestamp.txt", "the course writes this file itself")] == [
        (refused.name, refused.reason) for refused in plan.refused
    ]


def test_a_data_archive_beside_a_notebook_stays_one(
    collect: Collect, files_of: FilesOf, make_zip: Zip, zipped: Zipped
) -> None:
    """The notebook may read it."""
    plan = collect(make_zip({"ada/hw1.ipynb": "{}", "ada/data.zip": zipped({"old.ipynb": "{}"})}))
    assert {"ada": ["data.zip", "hw1.ipynb"]} == files_of(plan)


def test_an_archive_or_notebook_a_student(collect: Collect, files_of: FilesOf, make_zip: Zip, zipped: Zipped) -> None:
    """`<student>.zip` and `<student>.ipynb` side by side."""
    plan = collect(make_zip({"ada.zip": zipped({"hw1.ipynb": "{}"}), "oz.ipynb": "{}", "stranger.ipynb": "{}"}))
    assert {"ada": ["hw1.ipynb"], "oz": ["oz.ipynb"]} == files_of(plan)
    assert ["stranger"] == [found.called for found in plan.unmatched]


def test_one_hand_in_has_room_for_its_notebooks_first(collect: Collect, files_of: FilesOf, tmp_path: Path) -> None:
    """What goes beyond is refused by name."""
    top = write(tmp_path / "in", "ada/a.csv", "ada/z.ipynb", "ada/b/c/d.csv")
    plan = collect(top, limits=Limits(hand_in_files=2))
    assert ["in/ada/b/c/d.csv"] == [refused.name for refused in plan.refused]


def test_without_a_roster_ids_are_taken_and_names_are_not(collect: Collect, files_of: FilesOf, make_zip: Zip) -> None:
    """Two ids that differ in capitals alone would share a folder on some systems."""
    plan = collect(make_zip({"bob/x.ipynb": "1", "BOB/y.ipynb": "2"}), roster=None)
    assert {"bob"} == set(files_of(plan)) or {"BOB"} == set(files_of(plan))
    assert 1 == len(plan.unmatched)
    named = collect(make_zip({"Jane Doe_7_assignsubmission_file/hw1.ipynb": "{}"}, "moodle.zip"), roster=None)
    assert ["there is no roster.csv to look this up in, and it cannot be an id"] == [u.why for u in named.unmatched]


def test_an_unknown_layout_lists_what_is_accepted(collect: Collect, tmp_path: Path) -> None:
    """With an example for each system."""
    with pytest.raises(IntakeError) as caught:
        collect(write(tmp_path / "in", "notes.txt"))
    assert all(name in str(caught.value) for name in ("canvas", "moodle", "gradescope", "notes.txt", "--student"))
