"""What is done to a hand-in before it is handed in; an entry names the function."""

from __future__ import annotations

import copy
import io
import json
import os
import tarfile
import zipfile
from typing import Any

from tests.corpus.assignment import Work
from tests.making import make_cell


def link_to_database(work: Work) -> None:
    """A data file that is a link to the course's database."""
    (work.folder / "data.csv").symlink_to("../../../gradebook.db")


def links_to_folders(work: Work) -> None:
    """Links that lead round in a circle and out of the folder."""
    (work.folder / "loop").symlink_to(".")
    (work.folder / "up").symlink_to("../../..")


def pipe(work: Work) -> None:
    """A named pipe: opening it waits forever."""
    os.mkfifo(work.folder / "data.csv")


def zip_slip(work: Work) -> None:
    """Entries whose paths lead out."""
    work.archive = work.folder / "s.zip"
    with zipfile.ZipFile(work.archive, "w") as archive:
        archive.writestr("../../../h4evil.txt", "x")
        archive.writestr("/tmp/h4evil.txt", "x")
        archive.writestr("p1.ipynb", json.dumps(work.notebook))


def zip_bomb(work: Work) -> None:
    """A gigabyte of zeros in a megabyte."""
    work.archive = work.folder / "s.zip"
    with zipfile.ZipFile(work.archive, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(50):
            archive.writestr(f"f{number}", bytes(20 << 20))


def tar_through_link(work: Work) -> None:
    """A link, and a file whose path goes through it."""
    work.archive = work.folder / "s.tar"
    with tarfile.open(work.archive, "w") as archive:
        link = tarfile.TarInfo("d")
        link.type, link.linkname = tarfile.SYMTYPE, "/tmp"
        archive.addfile(link)
        file = tarfile.TarInfo("d/h4evil.txt")
        file.size = 1
        archive.addfile(file, io.BytesIO(b"x"))


def shadow_modules(work: Work) -> None:
    """Modules of the student's own by the names of those that the tests or the interpreter import."""
    (work.folder / "numpy").mkdir()
    (work.folder / "numpy" / "__init__.py").write_text(
        "import sys, types\n"
        "class Forgiving(types.ModuleType):\n"
        "    def __getattr__(self, name): return lambda *a, **k: None\n"
        "sys.modules['numpy.testing'] = testing = Forgiving('numpy.testing')\n"
    )
    (work.folder / "sitecustomize.py").write_text("print('pwn')")
    (work.folder / "random.py").write_text("raise SystemExit")


def many_cells(work: Work) -> None:
    """200,000 cells more."""
    cell = make_cell("code", "1")
    work.notebook["cells"] += [{**cell, "id": f"c{number}"} for number in range(200_000)]


def widget_state(work: Work) -> None:
    """A widget's saved state that ends a script and begins another."""
    value = "</script><script>alert(19)</script>"
    model = {"model_name": "HTMLModel", "model_module": "@jupyter-widgets/controls", "state": {"value": value}}
    state = {"version_major": 2, "version_minor": 0, "state": {"m": {"model_module_version": "2.0.0", **model}}}
    work.notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": state}


def empty(work: Work) -> None:
    """No byte at all."""
    work.content = b""


def byte_order_mark(work: Work) -> None:
    """UTF-8 as Windows editors write it."""
    work.content = b"\xef\xbb\xbf" + json.dumps(work.notebook).encode()


def utf_16(work: Work) -> None:
    """Another encoding."""
    work.content = json.dumps(work.notebook).encode("utf-16")


def nbformat_3(work: Work) -> None:
    """A notebook of another time, without any of the assignment's cells."""
    cell = {"cell_type": "code", "input": "1", "language": "python", "outputs": []}
    old = {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": [cell]}]}
    work.content = json.dumps(old).encode()


def minor_version_99(work: Work) -> None:
    """A notebook of the future."""
    work.notebook["nbformat_minor"] = 99


def same_cell_ids(work: Work) -> None:
    """All cells have one id."""
    for cell in work.notebook["cells"]:
        cell["id"] = "same"


def cells_twice(work: Work) -> None:
    """The key of the cells again, with none: parsers differ in which they believe."""
    work.content = json.dumps(work.notebook)[:-1].encode() + b', "cells": []}'


def deep_brackets(work: Work) -> None:
    """JSON nested beyond any parser's depth."""
    work.content = b"[" * 100_000


def outputs_of_wrong_type(work: Work) -> None:
    """Outputs that are no list."""
    work.notebook["cells"][2]["outputs"] = {"a": 1}


def _marks(work: Work) -> dict[str, Any]:
    marks: dict[str, Any] = work.cell("test_hidden")["metadata"]["nbgrader"]
    return marks


def second_test(work: Work) -> None:
    """The hidden test's id again, on a cell that passes."""
    work.notebook["cells"].append({**copy.deepcopy(work.cell("test_hidden")), "source": "pass", "id": "dup"})


def thousand_points(work: Work) -> None:
    """More points for a test."""
    _marks(work)["points"] = 1000


def own_graded_cell(work: Work) -> None:
    """A test of the student's own."""
    own = make_cell("code", "pass", "bonus", grade=True, locked=True, points=1000, cell_type="code")
    work.notebook["cells"].append(own)


def test_as_solution(work: Work) -> None:
    """A test that claims to be an answer, emptied."""
    _marks(work).update(solution=True, locked=False)
    work.cell("test_hidden")["source"] = "pass"


def forgiven_test(work: Work) -> None:
    """A tag by which executors forgive errors."""
    work.cell("test_hidden")["metadata"]["tags"] = ["raises-exception"]


def test_first(work: Work) -> None:
    """A test above what it tests."""
    cell = work.cell("test_hidden")
    work.notebook["cells"].remove(cell)
    work.notebook["cells"].insert(0, cell)


def metadata_list(work: Work) -> None:
    """Grading marks of the wrong type."""
    work.cell("test_hidden")["metadata"]["nbgrader"] = [1]


def schema_99(work: Work) -> None:
    """Grading marks of a version that does not exist."""
    _marks(work)["schema_version"] = 99


def unmarked_test(work: Work) -> None:
    """A test without its grading marks."""
    work.cell("test_hidden")["metadata"] = {}


def raw_test(work: Work) -> None:
    """A test that is no code any more."""
    cell = work.cell("test_hidden")
    cell["cell_type"] = "raw"
    del cell["outputs"], cell["execution_count"]


ARCHIVES = frozenset({"zip_slip", "zip_bomb", "tar_through_link"})
"""Those that hand in something else than a folder."""
