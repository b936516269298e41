"""The invented class: who is in it, what they hand in, and that it is the same every time."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from grader.demo import STUDENTS, Fate, invent, not_invented
from grader.notebook import meta_of, points_cells, read, source_of
from grader.roster import read_roster

if TYPE_CHECKING:
    from grader.demo import Drop, InventedClass
    from grader.model import Bundle, Files
    from grader.pipeline.course import OpenCourse


def hand_ins(drop: Drop) -> dict[str, dict[str, bytes]]:
    """The files of a drop by student id and path, out of the zip if it is one."""
    files: Files = drop.files
    if drop.path.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(drop.files[drop.path])) as archive:
            files = {f"{drop.path}/{name}": archive.read(name) for name in archive.namelist()}
    found: dict[str, dict[str, bytes]] = {}
    for path, content in files.items():
        top, student_id, *rest = PurePosixPath(path).parts
        assert top == drop.path
        found.setdefault(student_id, {})["/".join(rest)] = content
    return found


def latest(invented: InventedClass, assignment: str) -> dict[str, dict[str, bytes]]:
    """The last hand-in of every student to an assignment."""
    return {
        sid: files for drop in invented.drops if drop.assignment == assignment for sid, files in hand_ins(drop).items()
    }


def rows(text: str) -> dict[str, dict[str, str]]:
    """A CSV's rows by student id."""
    return {row["student_id"]: row for row in csv.DictReader(io.StringIO(text))}


def test_the_same_seed_invents_the_same_class(
    course: OpenCourse, bundles: Mapping[str, Bundle], invented: InventedClass
) -> None:
    """Rosters, files and scores are equal, byte by byte."""
    assert invented == invent(course.course, bundles.values())


def test_another_seed_invents_other_work(
    course: OpenCourse, bundles: Mapping[str, Bundle], invented: InventedClass
) -> None:
    """The people stay, what they do changes."""
    other = invent(course.course, bundles.values(), seed=1)
    assert (invented.roster_csv, True) == (other.roster_csv, invented.drops != other.drops)


def test_an_assignment_less_changes_nothing_for_the_others(
    course: OpenCourse, bundles: Mapping[str, Bundle], invented: InventedClass
) -> None:
    """Where torch is missing, the other five assignments get the same hand-ins as everywhere."""
    without = [bundle for name, bundle in bundles.items() if name != "notebook_06_pytorch_training"]
    fewer = invent(course.course, without)
    assert fewer.drops == tuple(drop for drop in invented.drops if drop.assignment != "notebook_06_pytorch_training")
    assert fewer.scores == invented.scores


@pytest.mark.parametrize("seed", range(5))
def test_every_fate_occurs_without_torch(course: OpenCourse, bundles: Mapping[str, Bundle], seed: int) -> None:
    """Whatever the seed, each fate comes over somebody in the five assignments that everybody can run."""
    without = [bundle for name, bundle in bundles.items() if name != "notebook_06_pytorch_training"]
    became = invent(course.course, without, seed=seed).fates
    counted = Counter(fate for by_student in became.values() for fate in by_student.values())
    assert set() == set(Fate) - set(counted)
    assert 1 == counted[Fate.INFINITE_LOOP], "it costs the demo a cell's whole time"


def test_most_work_is_honest(invented: InventedClass) -> None:
    """More than half of the hand-ins to each assignment are plain work, all right or partly right."""
    for became in invented.fates.values():
        counted = Counter(became.values())
        assert len(STUDENTS) < 2 * (counted[Fate.PARTIAL] + counted[Fate.PERFECT])


def test_the_roster_reads_back_as_the_class(invented: InventedClass) -> None:
    """24 students, one of them with a single name."""
    assert read_roster(invented.roster_csv) == STUDENTS
    assert 24 == len(STUDENTS)
    assert 1 == sum(not student.last_name for student in STUDENTS)


def test_names_come_from_many_scripts() -> None:
    """Latin with accents, apostrophes and hyphens, and at least eight scripts besides."""
    letters = "".join(student.name for student in STUDENTS)
    scripts = {unicodedata.name(letter).split()[0] for letter in letters if letter.isalpha()}
    assert {
        "LATIN",
        "CJK",
        "HANGUL",
        "ARABIC",
        "HEBREW",
        "GREEK",
        "CYRILLIC",
        "DEVANAGARI",
        "THAI",
        "GEORGIAN",
    } <= scripts
    assert {"'", "-"} <= set(letters)


def test_ids_are_plain_logins_and_known_again() -> None:
    """Ids are ASCII and different; anybody else's id is told."""
    ids = [student.student_id for student in STUDENTS]
    assert ids == sorted(set(ids), key=ids.index)
    assert all(student_id.isascii() and student_id.isalnum() for student_id in ids)
    assert () == not_invented(ids)
    assert ("hacker", "bitdiddle") == not_invented(["hacker", *ids, "bitdiddle"])


def test_who_has_a_fate_but_missing_hands_in(invented: InventedClass) -> None:
    """The students who hand in are those whose fate is another than missing."""
    for assignment, became in invented.fates.items():
        assert set(latest(invented, assignment)) == {sid for sid, fate in became.items() if fate is not Fate.MISSING}


def test_two_attempts_come_in_two_drops(invented: InventedClass) -> None:
    """The second is another piece of work, stamped later, and delivered after the first."""
    twice = {(a, sid) for a, became in invented.fates.items() for sid, f in became.items() if f is Fate.TWO_ATTEMPTS}
    for assignment, student_id in twice:
        first, second = (
            files[student_id]
            for drop in invented.drops
            if drop.assignment == assignment and student_id in (files := hand_ins(drop))
        )
        assert first["timestamp.txt"] < second["timestamp.txt"]
        assert first != second
    delivered_twice = {(d.assignment, sid) for d in invented.drops if d.path.endswith("_second") for sid in hand_ins(d)}
    assert twice == delivered_twice


def test_no_two_students_hand_in_the_same(invented: InventedClass) -> None:
    """Notebooks of one assignment differ from one student to the next in what is written in them."""
    for assignment in invented.fates:
        written = Counter(
            tuple(
                source_of(cell)
                for path, content in sorted(files.items())
                if path.endswith(".ipynb")
                and "/" not in path
                and invented.fates[assignment][sid] is not Fate.UNREADABLE
                for cell in read(content, path).notebook["cells"]
            )
            for sid, files in latest(invented, assignment).items()
        )
        del written[()]
        assert [] == [sources for sources, times in written.items() if times > 1]


def test_hand_ins_are_stamped_before_the_deadline_but_for_the_late(course: OpenCourse, invented: InventedClass) -> None:
    """`timestamp.txt` is nbgrader's, in UTC; exactly the late ones are late."""
    for assignment, became in invented.fates.items():
        due = course.course.assignments[assignment].due
        assert due is not None
        for student_id, files in latest(invented, assignment).items():
            text = files["timestamp.txt"].decode().strip().replace("UTC", "+0000")
            assert (datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f %z") > due) == (became[student_id] is Fate.LATE)


def test_only_the_unreadable_cannot_be_read(invented: InventedClass) -> None:
    """Each notebook is JSON but for the upload that broke off."""
    for assignment, became in invented.fates.items():
        for student_id, files in latest(invented, assignment).items():
            notebooks = {path: content for path, content in files.items() if path.endswith(".ipynb")}
            unreadable = [path for path, content in notebooks.items() if not _is_json(content) and "/" not in path]
            assert bool(unreadable) == (became[student_id] is Fate.UNREADABLE)


def test_the_renamed_have_other_names(bundles: Mapping[str, Bundle], invented: InventedClass) -> None:
    """A renamed hand-in has as many notebooks as the assignment, none under its own name."""
    for assignment, became in invented.fates.items():
        for student_id, files in latest(invented, assignment).items():
            names = {path.removesuffix(".ipynb") for path in files if path.endswith(".ipynb") and "/" not in path}
            copies = 2 if became[student_id] is Fate.COPY else 1
            assert len(names) == copies * len(bundles[assignment].releases)
            assert bool(names & set(bundles[assignment].releases)) == (became[student_id] is not Fate.RENAMED)


def test_the_copy_is_answered_and_the_original_is_not(bundles: Mapping[str, Bundle], invented: InventedClass) -> None:
    """Who works in a copy hands in the untouched release under the right name."""
    for assignment, became in invented.fates.items():
        for student_id in (sid for sid, fate in became.items() if fate is Fate.COPY):
            files = latest(invented, assignment)[student_id]
            for name, released in bundles[assignment].releases.items():
                original, copy = (
                    [source_of(cell) for cell in read(files[f"{called}.ipynb"], called).notebook["cells"]]
                    for called in (name, f"{name}-Copy1")
                )
                assert [source_of(cell) for cell in released["cells"]] == original
                assert original != copy


def test_colab_leaves_its_traces(invented: InventedClass) -> None:
    """No cell ids, format 4.0, the person's name, widgets without state."""
    for assignment, became in invented.fates.items():
        for student_id in (sid for sid, fate in became.items() if fate is Fate.COLAB):
            files = latest(invented, assignment)[student_id]
            saved = [json.loads(files[path]) for path in files if path.endswith(".ipynb") and "/" not in path]
            assert {0} == {notebook["nbformat_minor"] for notebook in saved}
            assert not any("id" in cell for notebook in saved for cell in notebook["cells"])
            people = {
                cell["metadata"]["executionInfo"]["user"]["displayName"]
                for notebook in saved
                for cell in notebook["cells"]
                if cell["cell_type"] == "code"
            }
            assert {next(s.name for s in STUDENTS if s.student_id == student_id)} == people
            assert all("state" not in notebook["metadata"]["widgets"].popitem()[1] for notebook in saved)


def test_the_blank_is_the_release(bundles: Mapping[str, Bundle], invented: InventedClass) -> None:
    """Who hands in a blank has changed no cell."""
    for assignment, became in invented.fates.items():
        for student_id in (sid for sid, fate in became.items() if fate is Fate.BLANK):
            for name, released in bundles[assignment].releases.items():
                handed_in = read(latest(invented, assignment)[student_id][f"{name}.ipynb"], name).notebook
                assert [source_of(cell) for cell in released["cells"]] == [source_of(c) for c in handed_in["cells"]]


def test_only_the_tampered_change_tests(bundles: Mapping[str, Bundle], invented: InventedClass) -> None:
    """Cells that carry points and are not answers stay as released, but for the one who cheats."""
    for assignment, became in invented.fates.items():
        for student_id, fate in became.items():
            if fate in {Fate.MISSING, Fate.UNREADABLE, Fate.RENAMED}:
                continue
            changed = 0
            for name, released in bundles[assignment].releases.items():
                handed_in = read(latest(invented, assignment)[student_id][f"{name}.ipynb"], name).notebook
                changed += len(_tests(released).items() ^ _tests(handed_in).items())
            assert bool(changed) == (fate is Fate.TAMPERED)


def test_scores_of_every_other_item_name_the_whole_class(course: OpenCourse, invented: InventedClass) -> None:
    """One file an item, every student in it, points within 0 and the item's most."""
    items = {item.name: item for item in course.course.assignments.values() if not item.has_notebooks}
    assert set(items) == set(invented.scores)
    for name, text in invented.scores.items():
        scores = rows(text)
        assert {student.student_id for student in STUDENTS} == set(scores)
        points = [float(row["score"]) for row in scores.values() if row["score"] not in {"", "EX"}]
        assert 0 <= min(points) <= max(points) <= float(items[name].points or 0)


def test_homeworks_have_blanks_excuses_and_comments(invented: InventedClass) -> None:
    """Some are missing, one student is excused, one comment has a comma and an apostrophe."""
    scores = rows(invented.scores["homework_1"])
    assert 2 == sum(row["score"] == "" for row in scores.values())
    assert 1 == sum(row["score"] == "EX" for row in scores.values())
    assert any("," in row["comment"] and "'" in row["comment"] for row in scores.values())


def test_teams_of_one_to_three_share_a_score(invented: InventedClass) -> None:
    """Everybody is in one team, and a team has one score."""
    teams: dict[str, list[str]] = {}
    for row in rows(invented.scores["project"]).values():
        teams.setdefault(row["comment"], []).append(row["score"])
    assert {1} == {len(set(scores)) for scores in teams.values()}
    assert {1, 2, 3} >= {len(scores) for scores in teams.values()}


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return False
    return True


def _tests(notebook: Mapping[str, object]) -> dict[str, str]:
    graded = {cell.grade_id for cell in points_cells(notebook) if cell.kind == "tests"}
    return {m.grade_id: source_of(c) for c in notebook["cells"] if (m := meta_of(c)) and m.grade_id in graded}  # type: ignore[attr-defined]
