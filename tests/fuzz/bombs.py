"""Run by `test_bombs.py` in a process of its own: what once hung, crashed or took gigabytes, and its likes."""

from __future__ import annotations

import io
import json
import resource
import sys
import tarfile
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from grader.config import parse_course
from grader.errors import GraderError
from grader.execution.kernel import Message, parse_json
from grader.execution.outputs import Recorder
from grader.feedback.highlight import highlight
from grader.feedback.images import picture
from grader.feedback.mathematics import formula
from grader.feedback.outputs import outputs
from grader.feedback.prose import markdown
from grader.feedback.sanitise import sanitise
from grader.gradebook import Item, read_scores
from grader.gradebook.formats.table import read_table
from grader.intake import Arrived, Context, Entry, Limits, recognise
from grader.intake.archives import archive_entries
from grader.intake.entry import EntryError
from grader.intake.names import parts_of
from grader.matching import fold_name
from grader.model import Student
from grader.notebook import read
from grader.notebook.scan import scan
from grader.roster import read_roster

MEMORY = 3 << 30
LONGEST_LINE = 2_000
SVG = "image/svg+xml"


def source(text: str) -> Any:
    """What the scan says of a cell."""
    return scan({"cells": [{"cell_type": "code", "metadata": {}, "source": text}]})


def scores(data: bytes, points: str | None = None) -> Any:
    """Read a file of scores for one student."""
    roster = [Student("ada", extra={"kaggle": "ada"})]
    return read_scores(data, "x", item=Item("hw1", "a", Fraction(10)), roster=roster, points=points)


def arrived(files: dict[str, bytes], layout: str) -> Any:
    """Recognise an archive of these files."""
    entries = tuple(Entry(tuple(name.split("/")), 1, lambda data=data: data) for name, data in files.items())
    return recognise(Arrived(Path("x.zip"), entries), Context("ps1", Path("x.zip")), layout)


def tar(kind: bytes, body: bytes) -> Any:
    """List a tar with one header that carries this."""
    member = tarfile.TarInfo("x")
    member.type, member.size = kind, len(body)
    data = member.tobuf() + body + bytes(-len(body) % 512) + tarfile.TarInfo("y").tobuf() + bytes(1024)
    return list(archive_entries(data, Limits(), "x.tar"))


def shrinking_tar() -> None:
    """An entry of a negative size leads back to itself."""
    member = tarfile.TarInfo("x")
    member.size = -512
    found = list(archive_entries(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024), Limits(), "x.tar"))
    assert len(found) == 1


def many_files_tar() -> None:
    """A small compressed archive whose files are read from the last to the first."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for number in range(800):
            member = tarfile.TarInfo(f"{number:04}")
            member.size = 11_000
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    entries = [entry for entry in archive_entries(out.getvalue(), Limits(), "x.tgz") if isinstance(entry, Entry)]
    assert sum(len(entry.read()) for entry in reversed(entries)) == 800 * 11_000


def nameless() -> bytes:
    """A zip with a member that is called nothing."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        member = zipfile.ZipInfo("x")
        member.filename = ""
        archive.writestr(member, b"")
    return out.getvalue()


def wide_workbook() -> Any:
    """Rows with a single cell each, in the last column that there is."""
    import openpyxl

    book, whole = io.BytesIO(), io.BytesIO()
    openpyxl.Workbook().save(book)
    rows = b"".join(b'<row r="%d"><c r="XFD%d"><v>1</v></c></row>' % (row, row) for row in range(1, 20_000))
    start = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            sheet = name == "xl/worksheets/sheet1.xml"
            new.writestr(name, start + rows + b"</sheetData></worksheet>" if sheet else old.read(name))
    return read_table(whole.getvalue(), "x.xlsx")


def metadata(text: str) -> Any:
    """Gradescope's file beside one submission."""
    return arrived({"submission_metadata.yml": text.encode(), "submission_1/a": b""}, "gradescope")


def laughs() -> Any:
    """A name that is a list of lists of lists, each many times the same."""
    levels = "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    return metadata(f"a0: &a0 [x, x]\n{levels}submission_1:\n  submitters:\n  - sid: *a11\n")


def small(made: str, most: int) -> None:
    """What is made of a text has a length in proportion."""
    assert len(made) <= most, len(made)


def floods() -> None:
    """Errors and results of a cell, each below what one of them may have."""
    recorder = Recorder(1 << 20)
    recorder.begin(1)
    for _ in range(3_000):
        for kind in ("error", "execute_result"):
            content = {"ename": "E", "evalue": "x" * 19_000, "traceback": [], "data": {"text/plain": "x" * 19_000}}
            recorder.add(Message(kind, content, 19_100))
    small(json.dumps(recorder.outputs()), 2 << 20)


def infinity() -> None:
    """A number that JSON can say and Python cannot write again."""
    assert parse_json(b'{"a": [1e999]}') is None


def resubmitted() -> None:
    """A file that is a later attempt of one that looks like a later attempt itself."""
    names = [f"ada_1_{number}_{name}.ipynb" for number, name in enumerate(["a", "a-1", "a-1-2"], 1)]
    found = arrived(dict.fromkeys(names, b"{}"), "canvas")
    assert [list(hand_in.files) for hand_in in found.hand_ins] == [["a.ipynb"], ["a-1.ipynb"], ["a-1-2.ipynb"]]


def used_in_circles(parts: int) -> str:
    """A drawing of parts in each other, each of which uses the next and holds all others."""
    opened = "".join(f'<g id="a{number}"><use href="#a{number + 1}"/>' for number in range(parts))
    return f"<svg>{opened}{'<p/>' * 100_000}{'</g>' * parts}</svg>"


COURSE = '[course]\nid = "x"\n'
BOMBS: dict[str, Callable[[], Any]] = {
    "a string that never ends": lambda: read(b"[" * 300_001 + b'"' + b'\\"' * 2_000_000, "x"),
    "a line that ends as none does": lambda: source("x = 1\rimport ctypes"),
    "a literal that fills the memory": lambda: source(f"[{'1,' * 8_000_000}]"),
    "brackets within brackets": lambda: source("(" * 5_000 + "-" * 100_000),
    "a first line without an end": lambda: read_table(b"a" * 200_000, "x"),
    "rows without an end": lambda: read_table(b"a\n" * 8_000_000, "x"),
    "columns without an end": lambda: read_table(b"a,b\n" + b"," * 100_000, "x"),
    "a title of blanks": lambda: scores(b'Username,"b' + b" " * 130_000 + b'x"\n1,2\n'),
    "a rank of thousands of digits": lambda: scores(
        b"Rank,TeamId,TeamName,Score\n" + b"1" * 5_000 + b",1,ada,1\n", "percentile"
    ),
    "a leaderboard of many": lambda: scores(
        b"TeamId,TeamName,Score\n" + b"".join(b"1,a,%d\n" % score for score in range(40_000)), "percentile"
    ),
    "a workbook as wide as can be": wide_workbook,
    "marks upon marks in a name": lambda: fold_name("a" + "\u0301\u0327" * 60_000),
    "marks upon marks in a path": lambda: parts_of("a" + "\u0301\u0327" * 30_000),
    "a roster of columns": lambda: read_roster(",".join(["student_id", *map(str, range(50_000))]) + "\na\n" * 50_000),
    "brackets in a course": lambda: parse_course("a=" + "[" * 5_000, ()),
    "digits in a course": lambda: parse_course("a=" + "1" * 5_000, ()),
    "an exponent in a course": lambda: parse_course(f"{COURSE}[categories]\na=1e999999999\n", ()),
    "an exponent beyond exponents": lambda: parse_course(f"{COURSE}[categories]\na=1e{'9' * 30}\n", ()),
    "elements within elements": lambda: picture(SVG, f"<svg>{'<g>' * 200_000}{'</g>' * 200_000}</svg>"),
    "parts within parts": lambda: picture(SVG, used_in_circles(900)),
    "a name space of a megabyte": lambda: picture(
        SVG, f'<svg xmlns:a="{"u" * 1_000_000}">{"".join(f"<a:b{n}/>" for n in range(20_000))}</svg>'
    ),
    "blank lines without an end": lambda: highlight("a" + "\n" * 29_000, "ipython3"),
    "a comment of strokes": lambda: markdown(f"```c\n{'/' * 29_000}\n```"),
    "a quotation mark in the middle": lambda: read_table(b'a\t"b"\x00"c"\n', "x"),
    "a member without a name": lambda: list(archive_entries(nameless(), Limits(), "x.zip")),
    "characters by number": lambda: small(formula("\\unicode[" * 1_000_000, display=True), 20_000),
    "a rule of dashes": lambda: outputs({"outputs": [{"output_type": "error", "traceback": ["-" * 20_000_000 + "x"]}]}),
    "a reference to a long address": lambda: small(markdown(f"[a]: {'x' * 50_000}\n\n{'[a]' * 16_000}"), 1_000_000),
    "one picture many times": lambda: small(
        markdown("![x](attachment:a)" * 5_000, {"a": {SVG: f"<svg>{' ' * 1_000_000}</svg>"}}), 6_000_000
    ),
    "ampersands without an end": lambda: small(sanitise("&" * 1_000_000), 200_000),
    "places for a shell": lambda: highlight("<!--" * 7_000, "ipython3"),
    "attributes without an end": lambda: small(sanitise(f"<p {' '.join(f'a{n}' for n in range(150_000))}>"), 100),
    "tags in attributes": lambda: small(
        sanitise("".join(f'<b a{n}="</b>">' for n in range(10_000)) + "<p>x</p>" * 5_000), 200_000
    ),
    "tags in text": lambda: small(
        sanitise("".join(f"<b a{n}><textarea></b></textarea>" for n in range(5_000)) + "<p>x</p>" * 5_000), 200_000
    ),
    "tags that do not close": lambda: small(sanitise("<b><table></b></table>" * 7_000 + "<p>x</p>" * 1_000), 400_000),
    "a header of digits": lambda: tar(tarfile.XHDTYPE, b"1" * 16_000),
    "a long header of digits": lambda: tar(tarfile.XHDTYPE, b"1" * 10_000_000),
    "a long header of lines": lambda: tar(tarfile.XHDTYPE, b"3 \n" * 3_000_000),
    "an entry smaller than nothing": shrinking_tar,
    "a compressed archive from its end": many_files_tar,
    "a list that holds itself": laughs,
    "lists within lists": lambda: metadata("[" * 200_000),
    "dashes after dashes": lambda: metadata("- " * 20_000 + "a"),
    "small errors without an end": floods,
    "infinity": infinity,
    "an attempt of an attempt": resubmitted,
}


def main() -> None:
    """Set each of them off."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for name, set_off in BOMBS.items():
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        try:
            set_off()
        except (GraderError, EntryError) as error:
            if len(str(error)) > LONGEST_LINE or not str(error).isprintable():
                raise


if __name__ == "__main__":
    main()
