"""Hostile and broken hand-ins end as they should, through the whole grader, and nobody else notices."""

from __future__ import annotations

import re
import sqlite3
import stat
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.corpus.assignment import HONEST_POINTS
from tests.corpus.entry import Entry, entries
from tests.corpus.handing_in import GROUPS, HONEST, Class

pytestmark = pytest.mark.slow

Hold = Callable[[str, str], Class]

CLASSES = [("files", "forked"), ("texts", "forked"), ("code", "forked"), ("texts", "stock"), ("code", "stock")]
"""Which engine runs it makes no difference to files, archives and metadata."""
_KERNEL_MB, _OURS_MB = 300, 700
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _cases() -> Iterator[Any]:
    for group, engine in CLASSES:
        for entry in entries(*GROUPS[group][0]):
            marks = [pytest.mark.xfail(strict=True, reason=entry.falls_short)] if entry.falls_short else []
            yield pytest.param(group, engine, entry, id=f"{engine}-{entry.category}-{entry.id}", marks=marks)


def test_the_corpus_is_whole() -> None:
    """All entries are there, each under an id of its own, and each says how it may end."""
    ids = [entry.id for entry in entries()]
    assert len(ids) >= 103
    assert sorted(set(ids)) == sorted(ids)
    assert all(entry.ends for entry in entries())


@pytest.mark.parametrize(("group", "engine", "entry"), list(_cases()))
def test_it_ends_as_it_should(hold: Hold, group: str, engine: str, entry: Entry) -> None:
    """The outcome, the automatic points, and nothing said that must not be."""
    klass = hold(group, engine)
    points = klass.points.get(entry.student, 0)
    shown = klass.shown(entry)
    assert klass.ends(entry) & set(entry.ends), klass.rows.get(entry.student)
    assert entry.at_least <= points <= entry.at_most
    assert [] == [words for words in entry.absent if words in shown]


@pytest.mark.parametrize(("group", "engine"), CLASSES)
class TestNobodyElseNotices:
    """What holds after every run, whoever handed in."""

    def test_honest_work_beside_it(self, hold: Hold, group: str, engine: str) -> None:
        """Before, among and after the others: all points, no flag, no incident, no repair."""
        klass = hold(group, engine)
        assert dict.fromkeys(HONEST, HONEST_POINTS) == {s: klass.points[s] for s in HONEST}
        for student in HONEST:
            (notebook,) = klass.rows[student].notebooks
            assert ((), (), ()) == (notebook.flags, notebook.incidents, notebook.repairs)

    def test_everybody_has_an_outcome(self, hold: Hold, group: str, engine: str) -> None:
        """Nobody is lost, and nothing is called a fault of the grader's."""
        klass = hold(group, engine)
        assert {entry.id for entry in klass.entries} == {
            entry.id for entry in klass.entries if entry.student in klass.rows or entry.id in klass.collected
        }
        assert [] == [row.student_id for row in klass.rows.values() if str(row.status) == "faulted"]

    def test_only_results_are_written(self, hold: Hold, group: str, engine: str) -> None:
        """Nothing changed around the results, and results are plain files of students who handed in."""
        klass = hold(group, engine)
        assert klass.before == klass.after
        assert klass.host_before == klass.host_after
        for folder in ("autograded", "feedback"):
            top = klass.root / folder
            assert {path.name for path in top.iterdir()} <= set(klass.rows)
            assert all(stat.S_IFMT(p.lstat().st_mode) in {stat.S_IFREG, stat.S_IFDIR} for p in top.rglob("*"))

    def test_the_database_is_whole(self, hold: Hold, group: str, engine: str) -> None:
        """SQLite finds nothing wrong with it."""
        klass = hold(group, engine)
        connection = sqlite3.connect(klass.root / "gradebook.db")
        assert [("ok",)] == connection.execute("pragma integrity_check").fetchall()
        connection.close()

    def test_no_process_is_left(self, hold: Hold, group: str, engine: str, leftovers: Callable[[], list[str]]) -> None:
        """Not a second after the last command."""
        hold(group, engine)
        assert [] == leftovers()

    def test_time_is_bounded(self, hold: Hold, group: str, engine: str) -> None:
        """No cell and no notebook takes more than five seconds beyond its limit, whatever it does about it."""
        klass = hold(group, engine)
        limits = klass.limits
        notebooks = [(student, found) for student, row in klass.rows.items() for found in row.notebooks]
        cells = {student: max((t or 0 for t in found.cell_seconds), default=0) for student, found in notebooks}
        assert {} == {student: took for student, took in cells.items() if took > limits.cell_seconds + 5}
        whole = {student: found.seconds for student, found in notebooks}
        assert {} == {student: took for student, took in whole.items() if took > limits.notebook_seconds + 5}

    def test_memory_is_bounded(self, hold: Hold, group: str, engine: str) -> None:
        """No process of any command, on either side of the walls, was larger than a notebook may be and a kernel is."""
        klass = hold(group, engine)
        assert [] == [s.command for s in klass.said if s.largest_mb > klass.limits.memory_mb + _KERNEL_MB]
        others = [said for said in klass.said if not said.command.startswith("grade ")]
        assert [] == [said.command for said in others if said.largest_mb > _OURS_MB]

    def test_nothing_leaks(self, hold: Hold, group: str, engine: str) -> None:
        """Neither files of others, nor the environment, nor hidden tests or solutions reach any page or terminal."""
        klass = hold(group, engine)
        texts = [klass.shown(entry) for entry in klass.entries]
        for token in ("LEAK", "s3cr3t-env", "HIDDEN-TOKEN", "SOLUTION-TOKEN"):
            assert [] == [entry.id for entry, text in zip(klass.entries, texts, strict=True) if token in text]

    def test_faults_are_told_in_escaped_lines(self, hold: Hold, group: str, engine: str) -> None:
        """No control character reaches a terminal; the exit status says that something needs attention."""
        klass = hold(group, engine)
        assert {0, 1, 2} >= {said.status for said in klass.said}
        assert [] == [said.command for said in klass.said if _CONTROL.search(said.text) or "Traceback" in said.text]


@pytest.mark.parametrize("group", ["texts", "code"])
def test_both_engines_agree(hold: Hold, group: str) -> None:
    """A harmless entry earns the same in a forked and in a standard kernel."""
    forked, stock = hold(group, "forked"), hold(group, "stock")
    steady = [
        entry.student for entry in forked.entries if entry.category not in {"flood", "resource", "kill", "tamper"}
    ]
    assert {s: forked.points.get(s) for s in steady} == {s: stock.points.get(s) for s in steady}
