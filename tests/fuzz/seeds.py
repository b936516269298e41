"""Good files of every kind, to damage."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.hostile import damaged
from tests.making import squares

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32) + b"\x04\x02\x05A"


def zipped(**members: bytes) -> bytes:
    """A zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(mode: str, form: int) -> bytes:
    """A tar with a long name and a number of its own format."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form) as archive:
        for name in ("ada/squares.ipynb", "ada/" + "x" * 150):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = 2, 1.5 if form == tarfile.PAX_FORMAT else 1
            archive.addfile(member, io.BytesIO(b"{}"))
    return out.getvalue()


@cache
def workbook() -> bytes:
    """A workbook of scores."""
    import openpyxl

    book = openpyxl.Workbook()
    for row in (["student_id", "score", "when"], ["ada", 7.5, date(2026, 1, 1)], ["7", "=1+1", True]):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@cache
def workbook_parts() -> dict[str, bytes]:
    """Its parts by name."""
    with zipfile.ZipFile(io.BytesIO(workbook())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@st.composite
def workbooks(draw: Callable[..., Any]) -> bytes:
    """A workbook with damage in one of its parts, as a zip that is whole."""
    parts = workbook_parts()
    name = draw(st.sampled_from(sorted(parts)))
    return zipped(**{**parts, name: draw(damaged([parts[name]]))})


def framed(*texts: bytes) -> bytes:
    """Frames with their lengths."""
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


NOTEBOOK = (
    json.dumps(squares()).encode(),
    json.dumps(
        {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "heading", "level": 2, "source": ["a"]}]}]}
    ).encode(),
    "﻿".encode() + json.dumps([squares()["cells"][1]]).encode(),
    json.dumps({"content": squares()}).encode("utf-16"),
    b'{"cells": [{"cell_type": "code", "source": "\xe4\xf6"},\n<<<<<<< HEAD\n{}\n=======\n1\n>>>>>>> b\n]}',
)
SCORE = (
    b"student_id,score,max,comment\nada,7.5,10,ok\n7,EX,,\n",
    b"Student,ID,SIS User ID,SIS Login ID,Section,hw1 (3)\n    Points Possible,,,,,10\nAda,1,ada,ada,A,9\n",
    b"Identifier,Full name,Email address,Grade,Maximum Grade,Feedback comments\nParticipant 1,Ada,ada@x.edu,5,10,\n",
    '"Last Name"\t"Username"\t"hw1 [Total Pts: 10 Score] |3"\n"Lovelace"\t"ada"\t"7"\n'.encode("utf-16"),
    b"OrgDefinedId,Username,hw1 Points Grade <Numeric MaxPoints:10>,End-of-Line Indicator\n#ada,ada,7,#\n",
    b"First Name,SID,Email,Total Score,Max Points,Status,Lateness (H:M:S)\nAda,ada,,7,10,Graded,00:10:00\n",
    b"Rank,TeamId,TeamName,LastSubmissionDate,Score,SubmissionCount,TeamMemberUserNames\n1,1,a,x,0.9,2,ada\n",
    b"student_id;1.9.;2.9.\nada;x;0,5\n7;;e\n",
    zipped(**{"board.csv": b"student_id,score\nada,1\n"}),
    workbook(),
)
REQUESTS = (
    b"student,question,message,time\nada,ps1/squares/essay,please look,2026-10-01 10:00\n7,essay,why?,01.10.2026\n",
    b"Timestamp,Email address,Problem set,Reason\n2026/10/01 10:00:00 am,ada@x.edu,ps1,=1+1\n",
)
COURSE = (
    """
[course]
id = "x"
timezone = "Europe/Berlin"
[categories]
notebooks = 60
exams = {weight = 40, drop_lowest = 1}
[assignments.ps1]
category = "notebooks"
due = 2026-09-21T20:00:00
[assignments.exam]
category = "exams"
points = 1e2
[letters]
A = 90
[limits]
cell_seconds = 1.5
[[exceptions]]
student = "ada"
assignment = "ps1"
add = 1
reason = "x"
""",
    "student_id,last_name,first_name,email,canvas id\nada,Lovelace,Ada,ada@x.edu,1\nbob,,,,\n",
    'title = "x"\n[[criteria]]\nname = "a"\npoints = 5\nlevels = {good = 5, bad = 0.5}\n',
    "format,called,student_id\ncanvas,Ada,ada\n",
)
ARCHIVE = (
    zipped(**{"ada/squares.ipynb": b"{}", "é/x": b"1" * 3000}),
    tarred("w", tarfile.PAX_FORMAT),
    tarred("w", tarfile.GNU_FORMAT),
    tarred("w:gz", tarfile.GNU_FORMAT),
)
SVG = b'<?xml version="1.0"?><!DOCTYPE svg><svg xmlns="x"><g id="a"><use href="#b"/></g><g id="b"/></svg>'
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
)
GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
CODE = (
    b"import inspect as i\nfor f in i.stack():\r\n    f.frame.f_locals['x'] = 1\n%time x",
    b"class A:\n  __eq__ = lambda *a: True\nimport numpy as np\nnp.allclose = lambda *a: True\n",
)
YAML = ":submission_1:\n  :submitters:\n  - :name: Ada\n    :sid: ada\n  :created_at: 2026-01-01 00:00:00.0 Z\n"
