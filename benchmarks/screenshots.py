"""Pictures of `grader review` for the documentation: `python -m benchmarks.screenshots [COURSE] [-o FOLDER]`.

Without a course, the demo's is made first. Everything happens in a copy: pictures may grade, flag and change.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from PIL import Image
from playwright.sync_api import sync_playwright

from grader.pipeline.course import OpenCourse, open_course
from grader.review import Settings, create_app
from grader.review.server import listening

CHROMIUM = "/usr/bin/chromium"
SIZE: Any = {"width": 1280, "height": 720}
_COLOURS = 256


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture."""

    name: str
    """Of its file, without `.png`."""
    path: str
    """With `{assignment}` and `{student}` where the address has them."""
    before: Callable[[Any], object] = lambda page: page
    """What is done on the page first."""
    scheme: str = "light"
    assignment: str = "notebook_02_shallow_networks"
    student: int = 6
    """Which of the class, in the roster's order."""


def _with_help(page: Any) -> None:
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")


def _repaired(page: Any) -> None:
    page.get_by_role("searchbox").fill("repaired")
    page.locator("#submissions").evaluate("heading => heading.scrollIntoView({ block: 'start' })")


SHOTS = (
    Shot("assignments", "/", lambda page: page.wait_for_selector(".coming", state="detached")),
    Shot("assignments-dark", "/", lambda page: page.wait_for_selector(".coming", state="detached"), scheme="dark"),
    Shot("assignment", "/assignments/{assignment}"),
    Shot("submissions", "/assignments/{assignment}", _repaired),
    Shot("class", "/class"),
    Shot("student", "/students/{student}"),
    Shot("keys", "/students/{student}", _with_help, scheme="dark"),
    Shot("report", "/report"),
)
"""In the order in which they are taken, on one course: what one changes, the next ones see."""


def main() -> None:
    """Take every picture, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("course", nargs="?", type=Path, help="a graded course  [default: the demo's]")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/screenshots"))
    parser.add_argument("--only", action="append", metavar="NAME", help="take this one alone; may be repeated")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        opened = open_course(_course(given.course, Path(scratch) / "course"))
        with _serving(opened) as settings, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--headless", "--no-sandbox"])
            context = browser.new_context(viewport=SIZE, device_scale_factor=1)
            page = context.new_page()
            page.goto(settings.address)
            page.wait_for_selector("main#main")
            for shot in SHOTS:
                if not given.only or shot.name in given.only:
                    file = given.output / f"{shot.name}.png"
                    file.write_bytes(_small(_take(page, settings, opened, shot)))
                    print(f"{file}  {file.stat().st_size // 1000} kB")
            browser.close()


def _take(page: Any, settings: Settings, opened: OpenCourse, shot: Shot) -> bytes:
    student = opened.students[shot.student].student_id
    page.emulate_media(color_scheme=shot.scheme)
    page.goto(settings.origin + shot.path.format(assignment=shot.assignment, student=student))
    shot.before(page)
    taken: bytes = page.screenshot(animations="disabled")
    return taken


def _small(png: bytes) -> bytes:
    """The picture with as few colours as text and flat shapes need."""
    out = BytesIO()
    shown = Image.open(BytesIO(png)).convert("RGB")
    few = shown.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(out, "png", optimize=True)
    return out.getvalue()


def _course(given: Path | None, copy: Path) -> Path:
    if given is not None:
        shutil.copytree(given, copy)
        return copy
    subprocess.run([sys.executable, "-m", "grader", "demo", str(copy)], check=False)  # 1: some are to be looked at
    return copy


@contextmanager
def _serving(opened: OpenCourse) -> Iterator[Settings]:
    with opened.database() as database, listening(0) as listener:
        settings = Settings(listener.getsockname()[1], grader="ta")
        app = create_app(opened, database, settings)
        server = uvicorn.Server(uvicorn.Config(app, ws="none", lifespan="off", log_config=None))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield settings
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    main()
