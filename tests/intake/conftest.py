"""A class of awkward names, and archives as learning systems make them."""

import io
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from grader.intake import Collection, CollectPlan, Context, Standing, open_path, plan_collect, recognise
from grader.matching import Roster
from grader.model import Student
from grader.roster import valid_student_id

CLASS = (
    Student("ada", "Lovelace", "Ada", "ada@x.edu", {"canvas_id": "101", "github": "Ada-L", "team": "red"}),
    Student("ml1", "Lee", "Martin", "martin.lee@x.edu", {"login": "m_lee", "team": "red"}),
    Student("ml2", "Lee", "Martin", "mlee2@x.edu", {"login": "lee", "team": "blue"}),
    Student("jose", "García Márquez", "José", "jgm@x.edu", {"login": "jose_g", "sid": "00123"}),
    Student("mas", "Smith", "Mary-Ann", "mas@x.edu", {"github": "l"}),
    Student("oz", "Öz", "Cem", "oz@x.edu", {"login": "hacker"}),
)
BERLIN = ZoneInfo("Europe/Berlin")
Collect = Callable[..., CollectPlan]


@pytest.fixture
def make_zip(tmp_path: Path) -> Callable[..., Path]:
    """Write a zip of these entries."""

    def write(entries: Mapping[str, str | bytes], name: str = "submissions.zip") -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            for entry, content in entries.items():
                out.writestr(entry, content)
        return path

    return write


@pytest.fixture
def zipped() -> Callable[..., bytes]:
    """Give the bytes of a zip of these entries."""

    def write(entries: Mapping[str, str | bytes]) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry, content in entries.items():
                archive.writestr(entry, content)
        return out.getvalue()

    return write


@pytest.fixture
def collect() -> Collect:
    """Plan the collection of a path for the class, due on 21 September 2026 at 18:00 UTC, in Berlin."""

    def plan(path: Path, *, layout: str | None = None, standing: Mapping[str, Standing] | None = None, **more: Any):
        roster = more.pop("roster", CLASS)
        arrived = open_path(path)
        index = Roster.of(roster or ())
        context = Context(
            "ps1", arrived.source, index.values("login"), index.values("github"), frozenset({"hw1.ipynb"})
        )
        found = recognise(arrived, context, layout)
        due = datetime(2026, 9, 21, 18, tzinfo=UTC)
        collection = Collection("ps1", roster, due, BERLIN, valid_student_id, **more)
        return plan_collect(collection, [found], [*arrived.refused, *found.refused], standing or {})

    return plan


@pytest.fixture
def files_of() -> Callable[[CollectPlan], dict[str, list[str]]]:
    """Give the files of the attempt that counts, by student."""

    def files(plan: CollectPlan) -> dict[str, list[str]]:
        return {arrival.student_id: sorted(arrival.files()[0]) for arrival in plan.arrivals}

    return files
