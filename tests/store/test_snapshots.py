"""Copies of the database: kept when something changed, never of a damaged one, put back wholly or not at all."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from grader.errors import StoreError
from grader.model import Student
from grader.store import Database, ImportedScore
from grader.store.snapshots import KEPT, DamagedError, Snapshots

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def snapshots(tmp_path: Path, database: Database) -> Snapshots:
    """The snapshots of the database, of which there are none yet."""
    return Snapshots(tmp_path / ".grader" / "snapshots", tmp_path / "gradebook.db")


@pytest.fixture
def score(database: Database) -> Callable[..., None]:
    """Import a score for ada."""

    def score(points: int, item: str = "exam") -> None:
        database.import_scores(item, [ImportedScore("ada", Decimal(points))], source="a.csv", imported_at=NOW)

    return score


def points(database: Database) -> list[Decimal | None]:
    """What ada has."""
    return [stored.score.score for stored in database.scores()]


def whole(path: Path) -> bool:
    """Whether SQLite finds nothing wrong."""
    with closing(sqlite3.connect(path)) as connection:
        return [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()


def damage(path: Path, offset: int) -> None:
    """Write over a file from there on."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * (size - offset))


def test_a_copy_stands_alone_and_holds_all(snapshots: Snapshots, score: Callable[..., None]) -> None:
    """What is still in the write-ahead log is in it; it needs no other file; it says what is in it."""
    score(5)
    assert snapshots.database.with_name("gradebook.db-wal").stat().st_size > 0
    kept = snapshots.keep("scores import")
    assert kept is not None
    assert kept.command == "scores-import"
    assert abs(datetime.now(UTC) - kept.taken_at).total_seconds() < 100
    assert {kept.path.name, "lock"} == {path.name for path in snapshots.folder.iterdir()}
    assert whole(kept.path)
    counts = snapshots.counts(kept)
    assert (1, 1) == (counts.imported, counts.assignments)


def test_nothing_new_where_nothing_changed(
    snapshots: Snapshots, database: Database, score: Callable[..., None]
) -> None:
    """Neither reading, nor a checkpoint of the log, nor opening it anew is a change."""
    assert snapshots.keep("grade")
    database.outcomes()
    assert snapshots.keep("grade") is None
    database.close()
    with Database(snapshots.database):
        assert snapshots.keep("grade") is None
    score(5)
    assert snapshots.keep("grade")
    assert 2 == len(snapshots.kept())


def test_no_copy_of_nothing(tmp_path: Path) -> None:
    """Neither where there is no database nor of one in which nothing is."""
    snapshots = Snapshots(tmp_path / "snapshots", tmp_path / "new.db")
    assert snapshots.keep("grade") is None
    Database(tmp_path / "new.db").close()
    assert snapshots.keep("grade") is None


def test_the_last_ten_stand(snapshots: Snapshots, score: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order in which they were made, even where the clock went back."""
    for number in range(KEPT + 3):
        score(number)
        if number == KEPT:
            monkeypatch.setattr("grader.store.snapshots.datetime", Yesteryear)
        snapshots.keep("grade")
    kept = snapshots.kept()
    assert list(range(4, KEPT + 4)) == [one.number for one in kept]
    assert kept[-1].taken_at < kept[0].taken_at
    assert kept[-1] == snapshots.find("latest")


class Yesteryear(datetime):
    """A clock that jumped."""

    @classmethod
    def now(cls, tz: Any = None) -> Yesteryear:
        """Tell another year."""
        return cls(2001, 1, 1, tzinfo=tz)


def test_a_damaged_database_is_never_kept(snapshots: Snapshots, database: Database, score: Callable[..., None]) -> None:
    """It is refused in a line that says what to do, and the good copies stand."""
    score(5)
    good = snapshots.keep("grade")
    database.close()
    damage(snapshots.database, 4096)
    with pytest.raises(DamagedError, match=r"damaged.*`grader restore`"):
        snapshots.keep("grade")
    assert (good,) == snapshots.kept()
    assert [] == [path for path in snapshots.folder.iterdir() if path.name.startswith(".grader-tmp-")]


def test_restoring_undoes_and_can_be_undone(
    snapshots: Snapshots, database: Database, score: Callable[..., None]
) -> None:
    """Through connections that stay open all the while."""
    score(5)
    before = snapshots.keep("grade")
    assert before is not None
    score(6)
    score(7, "project")
    told = {(one.kind, one.student_id, one.what, one.now, one.then) for one in snapshots.differences(before)}
    changes = {("exam", "6, normal", "5, normal"), ("project", "7, normal", None)}
    assert {("imported score", "ada", *change) for change in changes} == told
    kept = snapshots.restore(before)
    assert [Decimal(5)] == points(database)
    assert () == snapshots.differences(before)
    assert kept is not None
    assert "restore" == kept.command
    snapshots.restore(kept)
    assert [Decimal(6), Decimal(7)] == points(database)


def test_what_a_person_gave_is_compared(
    snapshots: Snapshots, database: Database, record: Callable[..., None], graded: Callable[..., Any]
) -> None:
    """Outcomes with their points, manual grades, comments."""
    database.sync_students([Student("ada")])
    before = snapshots.keep("grade")
    assert before is not None
    record(graded())
    with closing(sqlite3.connect(snapshots.database)) as live, live:
        live.execute("UPDATE grade SET manual_score = 2.5 WHERE id = (SELECT min(id) FROM grade)")
        live.execute("UPDATE comment SET manual_comment = 'Well done' WHERE id = (SELECT min(id) FROM comment)")
    found = {(one.kind, one.now, one.then) for one in snapshots.differences(before)}
    assert ("outcome", "graded, 2 by tests", None) in found
    assert {"manual grade", "comment"} <= {kind for kind, _, _ in found}
    assert ("comment", "Well done", None) in found


def test_the_copy_that_is_restored_is_not_pushed_out(snapshots: Snapshots, score: Callable[..., None]) -> None:
    """The oldest of ten can be restored: the eleventh, of the present, does not take its place."""
    for number in range(KEPT):
        score(number)
        snapshots.keep("grade")
    score(99)
    oldest = snapshots.kept()[0]
    snapshots.restore(oldest)
    assert oldest in snapshots.kept()


@pytest.mark.parametrize("offset", [0, 4096])
def test_a_damaged_database_is_replaced_and_put_aside(
    snapshots: Snapshots, database: Database, score: Callable[..., None], offset: int
) -> None:
    """Whether or not SQLite can still read its first page; the damaged file is kept as it is."""
    score(5)
    good = snapshots.keep("grade")
    database.close()
    assert good is not None
    damage(snapshots.database, offset)
    broken = snapshots.database.read_bytes()
    with pytest.raises(DamagedError):
        snapshots.differences(good)
    assert snapshots.restore(good) is None
    assert whole(snapshots.database)
    assert [Decimal(5)] == points(database)
    (aside,) = snapshots.folder.parent.joinpath("damaged").glob("*/gradebook.db")
    assert broken == aside.read_bytes()


def test_a_lost_database_comes_back(snapshots: Snapshots, database: Database, score: Callable[..., None]) -> None:
    """Where the file is gone, and its log stands there still, the copy is what counts."""
    score(5)
    good = snapshots.keep("grade")
    score(6)
    assert good is not None
    log = snapshots.database.with_name("gradebook.db-wal")
    left = log.read_bytes()
    database.close()
    snapshots.database.unlink()
    log.write_bytes(left)
    snapshots.restore(good)
    assert whole(snapshots.database)
    assert [Decimal(5)] == points(database)


def test_a_damaged_copy_is_not_put_back(snapshots: Snapshots, database: Database, score: Callable[..., None]) -> None:
    """Nor said to be what it would change: the message says to choose another, and the database stands."""
    score(5)
    bad = snapshots.keep("grade")
    assert bad is not None
    damage(bad.path, 4096)
    score(6)
    for asked in (snapshots.differences, snapshots.restore):
        with pytest.raises(StoreError, match=r"damaged itself.*choose another"):
            asked(bad)
    assert [Decimal(6)] == points(database)


def test_names_are_looked_up_never_followed(snapshots: Snapshots, score: Callable[..., None]) -> None:
    """By name, number or `latest`; anything else is refused with those that there are."""
    with pytest.raises(StoreError, match="no snapshot yet"):
        snapshots.find("latest")
    score(5)
    kept = snapshots.keep("grade")
    assert kept is not None
    assert [kept] * 4 == [snapshots.find(name) for name in (kept.name, f"{kept.name}.db", "1", "latest")]
    (snapshots.folder / "0007-20260101T000000Z-grade.db").symlink_to("/etc/passwd")
    for name in ("../../gradebook", "7", "grade", "\x1b[31m"):
        with pytest.raises(StoreError, match=kept.name) as caught:
            snapshots.find(name)
        assert "\x1b" not in str(caught.value)


def restored(snapshots: Snapshots, name: str, fault: str) -> bool:
    """Restore in a child process in which something fails; whether it came to its end."""
    child = os.fork()
    if child == 0:
        os.environ["GRADER_FAULT"] = fault
        snapshots.restore(snapshots.find(name))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in {0, -signal.SIGKILL}
    return status == 0


def test_killed_anywhere_it_is_all_or_nothing(
    snapshots: Snapshots, database: Database, score: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at each pass of writing, syncing and renaming: the database is the one or the other, and sound."""
    monkeypatch.setattr("grader.store.snapshots._PAGES_A_STEP", 20)
    score(5)
    good = snapshots.keep("grade")
    assert good is not None
    for number, point in enumerate(("write", "sync", "rename", "sync folder")):
        passes, ended = 0, False
        while not ended:
            present = 100 * number + passes
            score(present)
            database.close()  # a child must not have a connection of its parent's
            passes += 1
            ended = restored(snapshots, str(good.number), f"{point}:{passes}:kill")
            exam = [stored.score.score for stored in database.scores("exam")]
            assert exam in ([[Decimal(5)]] if ended else [[Decimal(5)], [Decimal(present)]])
            assert whole(snapshots.database)
            assert all(whole(one.path) for one in snapshots.kept())
        assert passes > 1


def test_a_full_disk_leaves_everything(
    snapshots: Snapshots, database: Database, score: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told in a line; neither a half copy nor a temporary file stays."""
    score(5)
    monkeypatch.setenv("GRADER_FAULT", "write:1:ENOSPC")
    with pytest.raises(StoreError, match="disk is full"):
        snapshots.keep("grade")
    assert {"lock"} == {path.name for path in snapshots.folder.iterdir()}
    assert [Decimal(5)] == points(database)
