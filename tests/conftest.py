"""What tests of several packages share: a small course on disk, a browser."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.making import squares
from tests.postgres import Server, running_server

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course on disk with one assignment, `ps1`, of one notebook, `squares`, and a roster of three."""
    root = tmp_path / "course"
    source = root / "source_assignments" / "ps1"
    source.mkdir(parents=True)
    (source / "squares.ipynb").write_text(json.dumps(squares()))
    (root / "course.toml").write_text(
        '[course]\nid = "small"\n[categories]\nnotebooks = 60\nexams = 40\n'
        "[assignments.ps1]\ncategory = 'notebooks'\ndue = 2026-09-21T20:00:00\n"
        "[assignments.exam]\ncategory = 'exams'\npoints = 50\n"
        "[limits]\ncell_seconds = 5\nmemory_mb = 512\n"
    )
    (root / "roster.csv").write_text("student_id,last_name,first_name\nada,Lovelace,Ada\nbob,=Cell(),Bob\ncem,Öz,Cem\n")
    return root


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A Chromium; without one the tests are skipped, or fail where `GRADER_REQUIRE_BROWSER` is set."""
    if not CHROMIUM.exists() and not os.environ.get("GRADER_REQUIRE_BROWSER"):
        pytest.skip(f"no {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_ARGUMENTS))
        yield running
        running.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server; in its database `template` are our tables and no rows."""
    from grader.store import Database

    with running_server() as server:
        Database(server.create("template")).close()
        yield server
