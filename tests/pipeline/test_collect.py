"""Collecting: who gets what, earlier attempts kept, nothing twice, nobody guessed."""

import contextlib
import csv
import io
import json
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from grader.errors import IntakeError
from grader.intake import Action
from grader.pipeline import collect
from grader.pipeline.course import open_course


def hand_in(inbox: Path, student: str, content: str, stamp: str | None = None, *, name: str = "squares.ipynb") -> Path:
    """Put a student's folder into an inbox."""
    folder = inbox / student
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content)
    if stamp:
        (folder / "timestamp.txt").write_text(stamp)
    return inbox


def take_in(course: Path, *paths: Path, student: str | None = None) -> dict[str, Action]:
    """Collect and tell what happened to each student's hand-in."""
    opened = open_course(course)
    plan = collect.plan(opened, "ps1", paths, collect.CollectRequest(student))
    return {arrival.student_id: arrival.action for arrival in collect.carry_out(opened, plan)}


def submitted(course: Path, student: str) -> str:
    """Read what counts of a student."""
    return (course / "submitted" / student / "ps1" / "squares.ipynb").read_text()


def test_a_folder_of_folders(course: Path, tmp_path: Path) -> None:
    """Each student's folder goes to that student, with the time in UTC."""
    inbox = hand_in(tmp_path / "in", "ada", "one", "2026-09-20 22:00:00 EDT")
    assert {"ada": Action.NEW} == take_in(course, hand_in(inbox, "ada", "one", "2026-09-20T22:00:00-04:00"))
    assert "one" == submitted(course, "ada")
    assert (course / "submitted/ada/ps1/timestamp.txt").read_text().startswith("2026-09-21 02:00:00")


def test_a_zip_with_a_folder_around_and_the_assignments_name_inside(course: Path, tmp_path: Path) -> None:
    """`download/<student>/<assignment>/<file>` is a plain layout, too."""
    archive = tmp_path / "download.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("download/ada/ps1/squares.ipynb", "one")
        out.writestr("download/bob/ps1/squares.ipynb", "two")
        out.writestr("__MACOSX/download/ada/._squares.ipynb", "junk")
    assert {"ada": Action.NEW, "bob": Action.NEW} == take_in(course, archive)
    assert "two" == submitted(course, "bob")


def test_collecting_again_changes_nothing(course: Path, tmp_path: Path) -> None:
    """The second time everything is as before, down to the files' inodes."""
    inbox = hand_in(tmp_path / "in", "ada", "one", "2026-09-20T10:00:00Z")
    take_in(course, inbox)
    before = {path: path.stat().st_ino for path in (course / "submitted").rglob("*")}
    assert {"ada": Action.SAME} == take_in(course, inbox)
    assert before == {path: path.stat().st_ino for path in (course / "submitted").rglob("*")}


def test_an_unknown_time_is_not_invented(course: Path, tmp_path: Path) -> None:
    """Where nothing says when it was handed in, there is no `timestamp.txt`: nobody is late by when we collect."""
    take_in(course, hand_in(tmp_path / "in", "ada", "one"))
    assert ["squares.ipynb"] == [path.name for path in (course / "submitted/ada/ps1").iterdir()]


def test_the_later_attempt_counts_and_the_earlier_is_kept(course: Path, tmp_path: Path) -> None:
    """Whichever order they are collected in."""
    early = hand_in(tmp_path / "early", "ada", "early", "2026-09-20T10:00:00+00:00")
    late = hand_in(tmp_path / "late", "ada", "late", "2026-09-21T10:00:00+00:00")
    assert {"ada": Action.NEW} == take_in(course, late)
    assert {"ada": Action.KEPT} == take_in(course, early)
    assert "late" == submitted(course, "ada")
    assert ["early"] == [path.read_text() for path in (course / ".grader/attempts").rglob("*.ipynb")]
    assert {"ada": Action.SAME} == take_in(course, early)


def test_a_replaced_attempt_is_kept(course: Path, tmp_path: Path) -> None:
    """Nothing is overwritten without keeping it."""
    take_in(course, hand_in(tmp_path / "a", "ada", "first"))
    assert {"ada": Action.REPLACES} == take_in(course, hand_in(tmp_path / "b", "ada", "second"))
    assert "second" == submitted(course, "ada")
    assert ["first"] == [path.read_text() for path in (course / ".grader/attempts").rglob("*.ipynb")]


def test_a_stranger_is_listed_not_guessed(course: Path, tmp_path: Path) -> None:
    """A folder whose name is nearly a student's is nobody's, with the student as a suggestion."""
    plan = collect.plan(open_course(course), "ps1", [hand_in(tmp_path / "in", "adaa", "x")])
    assert () == plan.arrivals
    assert [("adaa", ("ada",))] == [(found.called, found.candidates) for found in plan.unmatched]


def test_one_notebook_of_one_student(course: Path, tmp_path: Path) -> None:
    """A file that came by mail is collected with --student."""
    (tmp_path / "squares.ipynb").write_text("mine")
    assert {"ada": Action.NEW} == take_in(course, tmp_path / "squares.ipynb", student="ada")
    assert "mine" == submitted(course, "ada")


def test_links_and_pipes_are_refused_alone(course: Path, tmp_path: Path) -> None:
    """The honest file beside them is taken, and nothing is read through them."""
    import os

    inbox = hand_in(tmp_path / "in", "ada", "one")
    (inbox / "ada" / "link.ipynb").symlink_to("/etc/passwd")
    os.mkfifo(inbox / "ada" / "pipe.ipynb")
    plan = collect.plan(open_course(course), "ps1", [inbox])
    assert {"ada/link.ipynb", "ada/pipe.ipynb"} == {refused.name for refused in plan.refused}
    assert ["squares.ipynb"] == list(plan.arrivals[0].hand_in.files)


@pytest.mark.parametrize("name", ["../../evil.ipynb", "/etc/evil", "ada/../../evil", "C:\\evil", "ada/\x1b[2Jx"])
def test_paths_that_lead_elsewhere_are_refused_by_name(course: Path, tmp_path: Path, name: str) -> None:
    """Escaped, one line each; the rest of the archive is taken."""
    archive = tmp_path / "evil.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("ada/squares.ipynb", "one")
        out.writestr("bob/squares.ipynb", "two")
        out.writestr(zipfile.ZipInfo(name), "evil")
    plan = collect.plan(open_course(course), "ps1", [archive])
    assert 1 == len(plan.refused)
    assert plan.refused[0].name.isprintable()
    assert {"ada", "bob"} == {arrival.student_id for arrival in plan.arrivals}


def test_a_bomb_costs_only_itself(course: Path, tmp_path: Path) -> None:
    """An entry that inflates a thousandfold is refused, the other entry of the same student is taken."""
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("ada/squares.ipynb", "one")
        out.writestr("ada/bomb.csv", bytes(50_000_000))
    opened = open_course(course)
    plan = collect.plan(opened, "ps1", [archive])
    list(collect.carry_out(opened, plan))
    assert ["inflates" in refused.reason for refused in plan.refused] == [True]
    assert {"squares.ipynb"} == {path.name for path in (course / "submitted/ada/ps1").iterdir()}


def test_an_unknown_layout_says_what_was_found(course: Path, tmp_path: Path) -> None:
    """And what would be accepted."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("x")
    with pytest.raises(IntakeError, match=r"notes\.txt.*<student>/<files>"):
        collect.plan(open_course(course), "ps1", [tmp_path / "in"])


def test_as_settles_and_is_remembered(course: Path, tmp_path: Path) -> None:
    """What a person said once holds for the next archive of the system; a dry look remembers nothing."""
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    for number, path in enumerate((first, second)):
        with zipfile.ZipFile(path, "w") as out:
            out.writestr(f"Countess L_{number}_assignsubmission_file/squares.ipynb", f"{number}")
    opened = open_course(course)
    request = collect.CollectRequest(named={"Countess L": "ada"})
    plan = collect.plan(opened, "ps1", [first], request)
    assert not collect.alias_file(opened).exists()
    list(collect.carry_out(opened, plan))
    assert "moodle,Countess L,ada" in collect.alias_file(opened).read_text()
    assert {"ada": Action.REPLACES} == take_in(course, second)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (collect.CollectRequest(named={"ada": "eve"}), '"eve" is nobody on the roster'),
        (collect.CollectRequest(named={"nothing": "bob"}), '--as "nothing": nothing here is called that'),
        (collect.CollectRequest(student="../x"), "cannot be the id"),
        (collect.CollectRequest(team_column="team"), "is no column of roster.csv"),
        (collect.CollectRequest(received="soon"), '"soon" is no date and time'),
    ],
)
def test_wrong_requests_say_what_is_wrong(
    course: Path, tmp_path: Path, request_: collect.CollectRequest, said: str
) -> None:
    """One line each, before anything is written."""
    with pytest.raises(IntakeError, match=said):
        collect.plan(open_course(course), "ps1", [hand_in(tmp_path / "in", "ada", "x")], request_)


def test_the_first_attempt_counts_where_the_course_says_so(course: Path, tmp_path: Path) -> None:
    """Whichever order they are collected in."""
    config = course / "course.toml"
    config.write_text(config.read_text().replace("[assignments.ps1]\n", '[assignments.ps1]\nattempts = "first"\n'))
    early = hand_in(tmp_path / "early", "ada", "early", "2026-09-20T10:00:00+00:00")
    late = hand_in(tmp_path / "late", "ada", "late", "2026-09-21T10:00:00+00:00")
    assert {"ada": Action.NEW} == take_in(course, late)
    assert {"ada": Action.REPLACES} == take_in(course, early)
    assert {"ada": Action.SAME} == take_in(course, late)
    assert "early" == submitted(course, "ada")


def test_a_time_that_becomes_known_is_written(course: Path, tmp_path: Path) -> None:
    """`--received` may be said afterwards; nothing else changes, and that twice is once."""
    inbox = hand_in(tmp_path / "in", "ada", "one")
    take_in(course, inbox)
    opened = open_course(course)
    request = collect.CollectRequest(received="2026-09-21 21:00")
    for action in (Action.DATED, Action.SAME):
        plan = collect.plan(opened, "ps1", [inbox], request)
        assert [(action, True)] == [(arrival.action, arrival.late) for arrival in collect.carry_out(opened, plan)]
    assert (course / "submitted/ada/ps1/timestamp.txt").read_text().startswith("2026-09-21 21:00:00")
    assert not (course / ".grader/attempts").exists()


def test_an_old_version_handed_in_again_counts_again(course: Path, tmp_path: Path) -> None:
    """The same content at a later time is the latest attempt; and that twice is once."""
    for day, content in ((20, "one"), (21, "two"), (22, "one")):
        take_in(course, hand_in(tmp_path / str(day), "ada", content, f"2026-09-{day}T10:00:00Z"))
    assert "one" == submitted(course, "ada")
    assert (course / "submitted/ada/ps1/timestamp.txt").read_text().startswith("2026-09-22")
    for day in (20, 21, 22):
        assert {"ada": Action.SAME} == take_in(course, tmp_path / str(day))


@pytest.mark.parametrize("fails_at", range(1, 12))
def test_a_crash_leaves_all_of_one_attempt_or_nothing(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    """Wherever it happens; the earlier attempt is kept, and the same command goes on from there."""
    import os

    first = hand_in(hand_in(tmp_path / "a", "ada", "1a", "2026-09-20T10:00:00Z"), "ada", "1b", name="second.ipynb")
    second = hand_in(hand_in(tmp_path / "b", "ada", "2a", "2026-09-21T10:00:00Z"), "ada", "2b", name="second.ipynb")
    take_in(course, first)
    calls = 0

    def failing(function):
        def call(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls == fails_at:
                raise KeyboardInterrupt
            return function(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", failing(os.rename))
        patch.setattr(os, "replace", failing(os.replace))
        with contextlib.suppress(KeyboardInterrupt):
            take_in(course, second)
    folder = course / "submitted/ada/ps1"
    found = {path.name: path.read_text() for path in folder.glob("*.ipynb")} if folder.exists() else {}
    assert found in ({}, {"squares.ipynb": "1a", "second.ipynb": "1b"}, {"squares.ipynb": "2a", "second.ipynb": "2b"})
    take_in(course, second)
    assert "2a" == submitted(course, "ada")
    assert ["1a"] == [path.read_text() for path in (course / ".grader/attempts").rglob("squares.ipynb")]
    assert ["ada"] == [path.name for path in (course / "submitted").iterdir()]


def test_the_account(course: Path, tmp_path: Path) -> None:
    """Received, matched, unmatched, missing, late, twice: as lines, as JSON and as a CSV that no spreadsheet runs."""
    from click.testing import CliRunner

    from grader.cli import group

    archive = tmp_path / "moodle.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for who in ("Ada Lovelace_1", "=Cell() Bobb_2", "Eve\x1b[2J Other_3"):
            out.writestr(f"{who}_assignsubmission_file/squares.ipynb", who)
        out.writestr("Ada Lovelace_1_assignsubmission_file/timestamp.txt", "x")
    inbox = hand_in(tmp_path / "in", "ada", "later", "2026-09-22T10:00:00Z")
    arguments = [
        "-C",
        str(course),
        "collect",
        "ps1",
        str(archive),
        str(inbox),
        "--json",
        "--csv",
        str(tmp_path / "a.csv"),
    ]
    result = CliRunner().invoke(group, arguments, standalone_mode=False)
    assert 1 == result.return_value
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert ["matched", "matched"] == [record["kind"] for record in records[:2]]
    account = records[-1]
    expected = {"received": 3, "matched": 1, "unmatched": 1, "missing": 2, "late": 1, "duplicates": 1, "refused": 2}
    assert expected == {key: account[key] for key in expected}
    assert ["moodle", "folders"] == account["formats"]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert {"matched": 2, "unmatched": 1, "refused": 2, "missing": 2} == Counter(row["status"] for row in rows)
    assert not any(cell.startswith("=") for row in rows for cell in row.values())
