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
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from PIL import Image
from playwright.sync_api import sync_playwright

from grader.marking import Mark, Question, with_points
from grader.pipeline.course import OpenCourse, open_course
from grader.pipeline.marking import Marking
from grader.pipeline.regrades import Regrades
from grader.review import Settings, create_app
from grader.review.server import listening

CHROMIUM = "/usr/bin/chromium"
SIZE: Any = {"width": 1280, "height": 720}
NAMED = {
    "assignment": "notebook_02_shallow_networks",
    "notebook": "shallow_networks",
    "question": "how_many_regions",
    "student": "ma5026",
}
_COLOURS = 256
_GRADED = 15
_ITEMS = (
    ("1", "Says $D + 1$", ("+ 1", "+1", "more")),
    ("1", "Says why some are lost", ("coincide",)),
    ("-0.5", "Counts joints, not regions", ()),
    ("-1", "Contradicts the picture above", ()),
)
"""Points and texts of a rubric, and words by which an answer gets the item."""
_WORDS = (
    "I say when there are fewer: is that not why some are lost? Why only one point?",
    "The second sentence answers the second part of the question.",
    "My answer says the same as my neighbour’s, and she has both points.",
    "Please look at the end again: a unit that never switches adds no joint.",
    "I counted the regions in the picture: there are D.",
    "It was D in the lecture.",
)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture."""

    name: str
    """Of its file, without theme and `.png`."""
    path: str
    """With the names in `NAMED` where the address has them."""
    before: Callable[[Any], object] = lambda page: page
    """What is done on the page first."""
    kept: bool = True
    """Whether it is one of those that the documentation shows; the others are taken with `--all`."""


def _keys(*keys: str, then: str = "") -> Callable[[Any], None]:
    """Press keys, one after the other, and wait until something is there."""

    def press(page: Any) -> None:
        for key in keys:
            page.keyboard.press(key)
        if then:
            page.wait_for_selector(then)

    return press


def _standing(page: Any) -> None:
    page.wait_for_selector(".coming", state="detached")


def _repaired(page: Any) -> None:
    page.get_by_role("searchbox").fill("repaired")
    page.locator("#submissions").evaluate("heading => heading.scrollIntoView({ block: 'start' })")


def _first(page: Any) -> None:
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_load_state()


ANSWER = "/assignments/{assignment}/questions/{notebook}/{question}"
WHOLE = "/assignments/{assignment}/students/{student}"
SHOTS = (
    Shot("assignments", "/", _standing),
    Shot("assignment", "/assignments/{assignment}", kept=False),
    Shot("submissions", "/assignments/{assignment}", _repaired, kept=False),
    Shot("queue", ANSWER),
    Shot("rubric", ANSWER, _keys("r", then="#rubric-body h2")),
    Shot("all-answers", ANSWER, _keys("l", then="#all-body h2"), kept=False),
    Shot("groups", ANSWER + "/groups"),
    Shot("group", ANSWER + "/groups", _first, kept=False),
    Shot("submission", WHOLE),
    Shot("override", f"{WHOLE}/at/{{notebook}}/test_network", _keys("c", then="#comment:focus"), kept=False),
    Shot("differences", f"{WHOLE}/differences", kept=False),
    Shot("requests", "/requests"),
    Shot("request", "/requests", _first),
    Shot("request-new", "/requests/new", kept=False),
    Shot("class", "/class"),
    Shot("student", "/students/{student}", kept=False),
    Shot("keys", ANSWER, _keys("?", then="dialog[open]"), kept=False),
    Shot("report", "/report", kept=False),
)
"""In the order in which they are taken, on one course: what one changes, the next ones see."""
DARK = ("queue",)
"""Which of those that are kept are kept dark, too."""


def _people_at_work(opened: OpenCourse) -> None:
    """Grade some answers by hand and ask for some regrades, so that there is something to see."""
    question = Question(NAMED["assignment"], NAMED["notebook"], NAMED["question"])
    with opened.database() as database:
        ta = Marking.of(opened, database, "ta")
        for points, text, _ in _ITEMS:
            ta.add_item(question, Decimal(points), text)
        items = ta.rubric(question).rubric.ordered
        for entry in ta.queue(question)[:_GRADED]:
            (answer,) = ta.answers.responses(question, [entry.student_id])
            said = " ".join(part.source for part in answer.parts)
            carried = (
                item.id for item, (*_, words) in zip(items, _ITEMS, strict=True) if any(w in said for w in words)
            )
            if entry.state != "blank":
                ta.mark(question, entry.student_id, Mark(tuple(carried)), entry.version)
        marked = [one for one in ta.queue(question) if one.state == "marked"]
        asking = [*[one for one in marked if one.points == 1][:4], *[one for one in marked if one.points == 0][:2]]
        ta.flag(question, marked[1].student_id, marked[1].version, flagged=True)
        made = [
            Regrades(ta).add(one.student_id, question.assignment, question, words)
            for one, words in zip(asking, _WORDS, strict=True)
        ]
        seen = database.marks.mark(question, made[3].student_id)
        mark = with_points(seen.mark or Mark(), ta.rubric(question).rubric, seen.max_score, seen.max_score)
        accepted = "You are right, that is said in the last line."
        Regrades(ta).decide(made[3].id, accepted, made[3].version, accepted=True, wanted=(mark, seen.version))
        Regrades(ta).decide(made[4].id, "The picture shows D joints, not D regions.", made[4].version, accepted=False)


def main() -> None:
    """Take the pictures that the documentation shows, or all, light and dark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("course", nargs="?", type=Path, help="a graded course  [default: the demo's]")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/screenshots"))
    parser.add_argument("--all", action="store_true", help="every page in both themes, not just those that are kept")
    parser.add_argument("--only", action="append", metavar="NAME", help="take this page alone; may be repeated")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        opened = open_course(_course(given.course, Path(scratch) / "course"))
        _people_at_work(opened)
        with _serving(opened) as settings, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--headless", "--no-sandbox"])
            page = browser.new_context(viewport=SIZE, device_scale_factor=1).new_page()
            page.goto(settings.address)
            page.wait_for_selector("main#main")
            for shot in SHOTS:
                if (given.all or shot.kept) and (not given.only or shot.name in given.only):
                    for scheme in ("light", "dark") if given.all or shot.name in DARK else ("light",):
                        file = given.output / f"{shot.name}{'-dark' if scheme == 'dark' else ''}.png"
                        file.write_bytes(_small(_take(page, settings, shot, scheme)))
                        print(f"{file}  {file.stat().st_size // 1000} kB")
            browser.close()


def _take(page: Any, settings: Settings, shot: Shot, scheme: str) -> bytes:
    page.emulate_media(color_scheme=scheme)
    page.goto(settings.origin + shot.path.format(**NAMED))
    shot.before(page)
    page.wait_for_load_state("networkidle")
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
