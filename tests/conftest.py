"""What tests of several packages share: a small course on disk, the sandbox, a browser."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.errors import SandboxError
from grader.execution import Sandbox
from tests.making import small_course
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
    return small_course(tmp_path / "course")


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """The sandbox of this machine; without one the test is skipped, or fails where `GRADER_REQUIRE_SANDBOX` is set."""
    from grader.execution import find_sandbox

    try:
        return find_sandbox()
    except SandboxError as error:
        if os.environ.get("GRADER_REQUIRE_SANDBOX"):
            pytest.fail(f"GRADER_REQUIRE_SANDBOX is set: {error}")
        pytest.skip(str(error))


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
