"""Hostile archives: each bad entry is refused alone, by name, in one line; nothing is written outside."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.errors import IntakeError
from grader.intake import CollectPlan, Limits, open_path
from grader.intake.entry import EntryError

Zip = Callable[..., Path]
Zipped = Callable[..., bytes]
Collect = Callable[..., CollectPlan]


def tar(path: Path, *members: tuple[str, bytes] | tarfile.TarInfo, mode: Any = "w") -> Path:
    """Write a tar."""
    with tarfile.open(path, mode) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return path


def contents(path: Path, limits: Limits | None = None) -> dict[str, bytes]:
    """Read all entries that can be read."""
    found = {}
    for entry in open_path(path, limits).entries:
        try:
            found["/".join(entry.path)] = entry.read()
        except EntryError as error:
            found["/".join(entry.path)] = str(error).encode()
    return found


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tgz", "w:gz"), ("a.tar.xz", "w:xz")]
)
def test_tars_are_read_as_zips_are(tmp_path: Path, name: str, mode: str) -> None:
    """Of any compression."""
    path = tar(tmp_path / name, ("./ada/hw1.ipynb", b"one"), ("oz/hw1.ipynb", b"two"), mode=mode)
    assert {"ada/hw1.ipynb": b"one", "oz/hw1.ipynb": b"two"} == contents(path)


def test_a_link_and_a_file_through_it(tmp_path: Path, collect: Collect) -> None:
    """The link is refused, and the file is a plain one below the student's folder."""
    link = tarfile.TarInfo("ada/d")
    link.type, link.linkname = tarfile.SYMTYPE, "/tmp"
    hard = tarfile.TarInfo("ada/h")
    hard.type, hard.linkname = tarfile.LNKTYPE, "../../gradebook.db"
    plan = collect(tar(tmp_path / "s.tar", link, hard, ("ada/d/evil.txt", b"x"), ("ada/hw1.ipynb", b"{}")))
    assert {"ada/d", "ada/h"} == {refused.name for refused in plan.refused}
    assert [["d/evil.txt", "hw1.ipynb"]] == [sorted(arrival.files()[0]) for arrival in plan.arrivals]


def test_a_tar_that_claims_a_name_of_gigabytes(tmp_path: Path) -> None:
    """It is not read into memory."""
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 8 << 30
    path = tmp_path / "long.tar"
    path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(10_000))
    with pytest.raises(IntakeError, match="no whole archive"):
        open_path(path)


def test_a_tar_bomb_is_not_inflated_to_its_end(tmp_path: Path) -> None:
    """The entries before it are taken, the rest is refused."""
    path = tar(tmp_path / "b.tar.gz", ("ada/a.ipynb", b"x"), ("ada/b", bytes(30 << 20)), ("ada/c", b"y"), mode="w:gz")
    arrived = open_path(path, Limits(any_ratio_bytes=1 << 20, inflate_ratio=10))
    assert ("ada", "a.ipynb") in {entry.path for entry in arrived.entries}
    assert any(refused.name == "the rest" for refused in arrived.refused)


def test_links_in_zips_are_refused(tmp_path: Path, collect: Collect) -> None:
    """By the mode that Unix zips carry."""
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as out:
        for name, kind in (("ada/l", stat.S_IFLNK), ("ada/p", stat.S_IFIFO), ("ada/hw1.ipynb", stat.S_IFREG)):
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, (kind | 0o644) << 16
            out.writestr(info, "/etc/passwd")
    plan = collect(path)
    assert {"ada/l", "ada/p"} == {refused.name for refused in plan.refused}
    assert [["hw1.ipynb"]] == [list(arrival.files()[0]) for arrival in plan.arrivals]


def test_a_bomb_of_many_parts_costs_all_of_its_parts(make_zip: Zip, collect: Collect) -> None:
    """The sizes that it claims are not asked, and nothing is left that could be taken."""
    plan = collect(make_zip({f"ada/f{number}": bytes(11_000_000) for number in range(4)}))
    assert () == plan.arrivals
    assert ["it inflates to far more than it should"] * 4 == [r.reason for r in plan.refused[:4]]
    assert "nothing of it can be taken" == plan.refused[-1].reason


def test_a_zip_that_lies_about_a_size(tmp_path: Path) -> None:
    """It is damaged, and the entry beside it is read."""
    path = tmp_path / "lie.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("ada/a.csv", b"a" * 1000)
        out.writestr("ada/b.csv", b"b")
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02", 0, raw.rindex(b"PK\x01\x02"))
    raw[at + 24 : at + 28] = (10).to_bytes(4, "little")
    path.write_bytes(raw)
    found = contents(path)
    assert found["ada/a.csv"] != b"a" * 1000
    assert b"b" == found["ada/b.csv"]


def test_too_many_entries_end_in_one_line(make_zip: Zip) -> None:
    """Whatever comes after the limit is not looked at."""
    arrived = open_path(make_zip({f"ada/{n}": "" for n in range(20)}), Limits(entries=5))
    assert 5 == len(arrived.entries)
    assert ["the rest"] == [refused.name for refused in arrived.refused]


def test_names_that_some_file_systems_take_for_one(make_zip: Zip, collect: Collect) -> None:
    """Capitals, composed and decomposed accents, wide letters: the second is refused."""
    names = ["hw1.ipynb", "HW1.ipynb", "caf\u00e9.csv", "cafe\u0301.csv", "\uff41.csv", "a.csv"]
    plan = collect(make_zip({f"ada/{name}": "x" for name in names}))
    assert 3 == len(plan.arrivals[0].files()[0])
    assert 3 == len(plan.refused)


@pytest.mark.parametrize(
    "name", ["CON", "nul.csv", "com1.ipynb", "x/LPT9 .txt", "aux.", "Timestamp.TXT", "d/" * 12 + "x"]
)
def test_names_that_would_be_something_else_elsewhere(make_zip: Zip, collect: Collect, name: str) -> None:
    """Devices of Windows, the course's own file, and folders that are too deep are refused alone."""
    plan = collect(make_zip({"ada/hw1.ipynb": "{}", f"ada/{name}": "x"}))
    assert [["hw1.ipynb"]] == [list(arrival.files()[0]) for arrival in plan.arrivals]
    assert 1 == len(plan.refused)


def test_a_long_name_is_refused_and_an_escaped_line(make_zip: Zip, collect: Collect) -> None:
    """With bytes counted, not letters."""
    plan = collect(make_zip({"ada/hw1.ipynb": "{}", f"ada/{'長' * 100}.csv": "x", f"ada/{'e' * 300}": "x"}))
    assert ["its name is too long"] * 2 == [refused.reason for refused in plan.refused]
    assert all(len(refused.name) <= 200 for refused in plan.refused)


def test_names_in_utf8_that_do_not_say_so(tmp_path: Path) -> None:
    """As Moodle and macOS write them."""
    path = tmp_path / "u.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("Jos??/hw1.ipynb", "x")
    path.write_bytes(path.read_bytes().replace(b"Jos??", "José".encode()))
    assert "José" == open_path(path).entries[0].path[0]


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.tar"])
@pytest.mark.parametrize(
    "content", [b"", b"no archive at all", b"PK\x03\x04" + bytes(100), b"\x1f\x8b\x08" + bytes(30)]
)
def test_what_is_no_archive_is_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    """Truncated downloads above all."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(IntakeError) as caught:
        open_path(tmp_path / name)
    assert 1 == len(str(caught.value).splitlines())


def test_an_encrypted_entry_is_refused(make_zip: Zip, collect: Collect) -> None:
    """Nobody is asked for a password."""
    path = make_zip({"ada/hw1.ipynb": "{}", "ada/secret.csv": "x"})
    raw = bytearray(path.read_bytes())
    raw[raw.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    assert [("ada/secret.csv", "it is encrypted")] == [(r.name, r.reason) for r in collect(path).refused]


def test_a_hostile_archive_of_a_students_own(make_zip: Zip, zipped: Zipped, collect: Collect) -> None:
    """Inside a learning system's archive the same rules hold, with the whole place named."""
    inner = zipped({"../../evil.txt": "x", "/tmp/evil": "x", "p1.ipynb": "{}"})
    plan = collect(make_zip({"lovelaceada_101_7_s.zip": inner}))
    assert [["p1.ipynb"]] == [list(arrival.files()[0]) for arrival in plan.arrivals]
    assert ["its path leads out of its folder", "its path is absolute"] == [r.reason for r in plan.refused]
    assert all(r.name.startswith("submissions.zip/lovelaceada_101_7_s.zip/s.zip/") for r in plan.refused)
