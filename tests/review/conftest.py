"""A small class whose database is filled directly, and the app on it: asked in-process, or by a real browser."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from grader.marking import Question
from grader.model import CellScore, Flag, Graded, GradedKind, GradedNotebook, Missing, Rejected, Repair
from grader.notebook import NO_RESPONSE, instructor_version, release
from grader.pipeline import gradebook
from grader.pipeline.course import OpenCourse, open_course
from grader.pipeline.queue import key_of
from grader.review import Settings, create_app
from grader.review.server import listening
from grader.store import Database
from tests.corpus.entry import entries
from tests.making import make_cell, make_notebook, solved, squares

HOST = "127.0.0.1:8000"
NOW = datetime(2026, 9, 21, 12, tzinfo=UTC)
_PEOPLE = ("ada,Lovelace,Ada", "bob,=Cell(),Bob", "cem,Öz,Cem", "dia,<b>Bold</b>,Dia", "eve,Missing,Eve", "fay,Bad,Fay")


def _scores(visible: float, hidden: float, essay: float | None) -> tuple[CellScore, ...]:
    return (
        CellScore("test_visible", GradedKind.TESTS, 1, visible, needs_manual=False, reason="All tests passed."),
        CellScore("test_hidden", GradedKind.TESTS, 4, hidden, needs_manual=False, reason="<i>3</i> of 4 tests passed."),
        CellScore("essay", GradedKind.ANSWER, 3, essay, needs_manual=essay is None, reason="Waits for a person."),
    )


def _fill(database: Database, opened: OpenCourse) -> None:
    instructor = instructor_version(squares())
    database.sync_students(opened.students)
    database.sync_assignment("ps1", due=None, notebooks={"squares": (instructor, release(instructor))})
    repair = (Repair("kernel", "The <u>kernel</u> was set again."),)
    flag = (Flag("imports", "Reads the <script>test</script>", "test_hidden", "import inspect"),)
    outcomes = (
        Graded("ada", "ps1", (GradedNotebook("squares", squares(), _scores(1, 4, 3), seconds=1.0),)),
        Graded("bob", "ps1", (GradedNotebook("squares", squares(), _scores(1, 0, None), repairs=repair, flags=flag),)),
        Graded("cem", "ps1", (GradedNotebook("squares", squares(), _scores(0, 3, None)),)),
        Graded("dia", "ps1", (GradedNotebook("squares", squares(), _scores(1, 2, 1)),)),
        Missing("eve", "ps1"),
        Rejected("fay", "ps1", "No notebook could be read."),
    )
    for hours, outcome in enumerate(outcomes):
        when = NOW + timedelta(hours=hours)
        database.record(outcome, key="k", engine="test", timestamp=NOW, finished_at=when, problems=())


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> OpenCourse:
    """A course of one notebook and six people: full, flagged, waiting, part, missing, rejected."""
    root = tmp_path_factory.mktemp("review") / "course"
    source = root / "source_assignments" / "ps1"
    source.mkdir(parents=True)
    (source / "squares.ipynb").write_text(json.dumps(squares()))
    (root / "course.toml").write_text(
        '[course]\nid = "small"\ntitle = "Squares & Co"\n[categories]\nnotebooks = 60\nexams = 40\n'
        "[assignments.ps1]\ntitle = 'Problem set 1'\ncategory = 'notebooks'\ndue = 2026-09-21T20:00:00\n"
        "[assignments.exam]\ncategory = 'exams'\npoints = 50\n"
    )
    (root / "roster.csv").write_text("\n".join(("student_id,last_name,first_name", *_PEOPLE)) + "\n")
    for person in ("ada", "bob", "cem", "dia", "fay"):
        folder = root / "submitted" / person / "ps1"
        folder.mkdir(parents=True)
        (folder / "squares.ipynb").write_text(json.dumps(squares()))
    found = open_course(root)
    with found.database() as database:
        _fill(database, found)
    return found


@pytest.fixture(scope="module")
def database(opened: OpenCourse) -> Iterator[Database]:
    """Its database."""
    with opened.database() as database:
        yield database


class Client:
    """Asks the app as a browser does that keeps its cookies; without a network."""

    def __init__(self, app: Any) -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.app = app
        self._client = httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}")

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request; in a thread of its own, for a browser of the same run has a loop in this one."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(self._client.request(method, path, **options))).result()

    def keep(self, name: str, value: str) -> None:
        """Keep a cookie, as a script of ours makes the browser do."""
        self._client.cookies.set(name, value)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Look at a page, with headers whose names have underscores here."""
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def csrf(self) -> str:
        """The secret that a page carries for its forms."""
        found = re.search(r'<meta name="csrf" content="([^"]+)">', self.get("/").text)
        assert found
        return found[1]

    def post(self, path: str, fields: Any = (), **headers: str) -> httpx.Response:
        """Send a form as one of our pages does; headers may say otherwise."""
        sent = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return self.ask("POST", path, data={"csrf": self.csrf()} | dict(fields), headers=sent)


@pytest.fixture
def client(opened: OpenCourse, database: Database) -> Callable[..., Client]:
    """Make a client of a new run of the app, in the house already unless told otherwise."""

    def make(*, inside: bool = True, **settings: Any) -> Client:
        made = Client(create_app(opened, database, Settings(**({"port": 8000, "token": "once"} | settings))))
        if inside:
            assert 200 == made.get("/?token=once").status_code
        return made

    return make


@pytest.fixture(scope="module")
def serving(opened: OpenCourse) -> Iterator[Callable[..., Settings]]:
    """Run the app on a free port, as `grader review` does, until the module's tests are over."""
    import uvicorn

    running: list[tuple[uvicorn.Server, Thread]] = []
    with opened.database() as database, ExitStack() as sockets:

        def start(**given: Any) -> Settings:
            listener = sockets.enter_context(listening(0))
            settings = Settings(listener.getsockname()[1], **given)
            config = uvicorn.Config(create_app(opened, database, settings), ws="none", lifespan="off", log_config=None)
            server = uvicorn.Server(config)
            thread = Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            running.append((server, thread))
            return settings

        yield start
        for server, _ in running:
            server.should_exit = True
        for _, thread in running:
            thread.join(10)


@pytest.fixture(scope="session")
def visit(browser: Any) -> Callable[..., Any]:
    """Open the app in a new context of the browser; what the console says is in `page.said`."""

    def make(settings: Settings, **options: Any) -> Any:
        page = browser.new_context(**options).new_page()
        page.said = []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.goto(settings.address)
        page.wait_for_selector("main#main")
        return page

    return make


@pytest.fixture(scope="session")
def violations() -> Callable[[Any], list[str]]:
    """What axe finds wrong with a page, a line each."""

    def find(page: Any) -> list[str]:
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(page).response["violations"]
        return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]

    return find


@pytest.fixture(scope="session")
def course_path() -> Path:
    """Where this folder is."""
    return Path(__file__).parent


# --- a course whose answers wait for a person ------------------------------------------------------------------------
SAID = {
    "ada": "It is x times x.",
    "bob": "it is  x times x",
    "cem": "It is x times x",
    "dot": "It is x times y.",
    "eva": "Because $(-x)^2 = x^2$.",
    "fay": "",
    "gus": "",
}


def _asking() -> dict[str, Any]:
    return make_notebook(
        make_cell("markdown", "# Squares"),
        {**make_cell("markdown", "## Why\nSay why a square is never negative."), "id": "asks"},
        make_cell("markdown", "Because of $x^2$: MARK-SCHEME", "why", grade=True, solution=True, points=3),
        {**make_cell("markdown", "## Plot"), "id": "asks-2"},
        make_cell("code", "### BEGIN SOLUTION\nplot(x)\n### END SOLUTION", "plot", grade=True, solution=True, points=2),
    )


def _hostile() -> tuple[str, list[dict[str, Any]]]:
    """What the corpus' pages try: Markdown of all its entries, and outputs of every kind."""
    text = "\n\n".join(entry.cells["markdown"] for entry in entries("output") if "markdown" in entry.cells)
    svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="window.pwned=1"><script>window.pwned=2</script></svg>'
    kinds = {
        "text/html": "<script>window.pwned=3</script><img src=x onerror='window.pwned=4'><b id=panel>html</b>",
        "image/svg+xml": svg,
        "application/javascript": "window.pwned=5",
        "image/png": "PHNjcmlwdD5hbGVydCgxOSk8L3NjcmlwdD4=",
        "text/latex": r"$\href{javascript:window.pwned=6}{x}$",
    }
    shown = [{"output_type": "display_data", "metadata": {}, "data": {kind: data}} for kind, data in kinds.items()]
    return text + "\n\n<form action=/ id=panel><input name=do value=full></form><b data-key=f>x</b>", shown


def _answered(student_id: str, said: str, outputs: list[dict[str, Any]]) -> Graded:
    notebook = solved(instructor_version(_asking()), why=said, plot=f"plot({len(student_id)})")
    for cell in notebook["cells"]:
        if cell["id"] == "plot":
            cell["outputs"] = outputs or [{"output_type": "stream", "name": "stdout", "text": ["drawn\n"]}]
    blank = not said
    scores = (
        CellScore("why", GradedKind.ANSWER, 3, 0 if blank else None, not blank, "", NO_RESPONSE if blank else None),
        CellScore("plot", GradedKind.ANSWER, 2, None, needs_manual=True, reason=""),
    )
    return Graded(student_id, "ps1", (GradedNotebook("squares", notebook, scores),))


@pytest.fixture(scope="session")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of which every answer waits, but two that are blank; not to be changed: see `waiting`."""
    root = tmp_path_factory.mktemp("answered") / "course"
    source = root / "source_assignments" / "ps1"
    source.mkdir(parents=True)
    (source / "squares.ipynb").write_text(json.dumps(_asking()))
    (root / "course.toml").write_text(
        '[course]\nid = "small"\ntimezone = "Europe/Berlin"\n[categories]\nnotebooks = 100\n'
        "[assignments.ps1]\ncategory = 'notebooks'\ntitle = 'Problem set 1'\n"
    )
    people = "".join(f"{student},Family{student},Given{student}\n" for student in (*SAID, "mal"))
    (root / "roster.csv").write_text(f"student_id,last_name,first_name\n{people}")
    course, instructor = open_course(root), instructor_version(_asking())
    text, outputs = _hostile()
    with course.database() as database:
        database.sync_students(course.students)
        database.sync_assignment("ps1", due=None, notebooks={"squares": (instructor, release(instructor))})
        for student, said in (*SAID.items(), ("mal", text)):
            graded = _answered(student, said, outputs if student == "mal" else [])
            data = json.dumps(graded.notebooks[0].notebook).encode()
            course.folder.write_submission(student, "ps1", {"squares.ipynb": data})
            course.folder.write_autograded(student, "ps1", {"squares.ipynb": data})
            database.record(graded, key=student, engine="test", timestamp=None, finished_at=NOW, problems=())
    return root


@pytest.fixture
def waiting(answered: Path, tmp_path: Path) -> OpenCourse:
    """A copy of it, to be graded."""
    shutil.copytree(answered, tmp_path / "course")
    return open_course(tmp_path / "course")


class Grading:
    """A grader at work on one question, asked in-process; answers are named by their students."""

    def __init__(self, opened: OpenCourse, database: Database, grader: str, question: str = "why") -> None:
        self.client = Client(create_app(opened, database, Settings(8000, token="once", grader=grader)))
        self.client.get("/?token=once")
        self.question = Question("ps1", "squares", question)
        self.path = f"/assignments/ps1/questions/squares/{question}"
        self._csrf = self.client.csrf()

    def page(self, student: str) -> httpx.Response:
        """The page of a student's answer."""
        return self.client.get(self.at(student))

    def at(self, student: str, *more: str) -> str:
        """The address of a student's answer."""
        return "/".join((self.path, "answers", key_of(self.question, student), *more))

    def seen(self, student: str) -> str:
        """The version of an answer that its page shows."""
        found = re.search(r'name="seen" value="([^"]*)"', self.page(student).text)
        assert found
        return found[1]

    def send(self, path: str, fields: Any = ()) -> httpx.Response:
        """Press something; a field of several values has a list."""
        return self.client.post(path, {"csrf": self._csrf} | dict(fields), hx_request="true")

    def save(self, student: str, do: str = "save", **fields: Any) -> httpx.Response:
        """Press something in the panel of an answer, as it stands unless `seen` says otherwise."""
        plain = {"do": do, "comment": "", "seen": fields.pop("seen", None) or self.seen(student)}
        return self.send(self.at(student), plain | fields)

    def add(self, text: str, points: str) -> str:
        """Make a rubric item: its id."""
        told = self.send(f"{self.path}/rubric", {"text": text, "points": points, "give": "on"})
        return str(json.loads(told.headers["hx-trigger"])["grader:rubric"]["give"])


@pytest.fixture
def grading(waiting: OpenCourse) -> Iterator[Callable[..., Grading]]:
    """Make a grader of the course whose answers wait, with a connection of their own."""
    with ExitStack() as connections:

        def make(grader: str = "tina", question: str = "why") -> Grading:
            return Grading(waiting, connections.enter_context(waiting.database()), grader, question)

        yield make


@pytest.fixture
def points(waiting: OpenCourse) -> Callable[[], dict[str, float]]:
    """What stands in the gradebook: the points of the assignment by student."""

    def read() -> dict[str, float]:
        with waiting.database() as database:
            book = gradebook.build(waiting, database)
        return {row.student.student_id: float(row.items["ps1"].score or 0) for row in book.rows}

    return read


# --- any course ------------------------------------------------------------------------------------------------------
@pytest.fixture
def inside() -> Iterator[Callable[..., Client]]:
    """Make a client of a course, in the house already, with a connection of its own."""
    with ExitStack() as connections:

        def make(course: OpenCourse, **settings: Any) -> Client:
            database = connections.enter_context(course.database())
            made = Client(create_app(course, database, Settings(**({"port": 8000, "token": "once"} | settings))))
            connections.callback(made.app.state.errands.close)
            assert 200 == made.get("/?token=once").status_code
            return made

        yield make


@pytest.fixture
def served() -> Iterator[Callable[[OpenCourse], Settings]]:
    """Serve a course on a free port until the test is over."""
    import uvicorn

    with ExitStack() as house:

        def stop(server: uvicorn.Server, thread: Thread) -> None:
            server.should_exit = True
            thread.join(10)

        def start(course: OpenCourse) -> Settings:
            database = house.enter_context(course.database())
            listener = house.enter_context(listening(0))
            settings = Settings(listener.getsockname()[1])
            server = uvicorn.Server(uvicorn.Config(create_app(course, database, settings), ws="none", log_config=None))
            thread = Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            house.callback(stop, server, thread)
            return settings

        yield start


class Window:
    """A browser's window on a run of the app of its own, with a connection to the database of its own."""

    PATIENCE = 10_000
    """Milliseconds: more than anything takes."""

    def __init__(self, page: Any, settings: Settings, leave: Callable[[], None]) -> None:
        self.page, self.origin, self.leave = page, settings.origin, leave
        page.set_default_timeout(self.PATIENCE)

    def to(self, path: str) -> None:
        """Go to a page."""
        self.page.goto(self.origin + path)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other; a text in angle brackets is typed."""
        for key in keys:
            if key.startswith("<"):
                self.page.keyboard.type(key[1:-1])
            else:
                self.page.keyboard.press(key)

    def expect(self, selector: str) -> Any:
        """What is to come true of a part of the page."""
        from playwright.sync_api import expect

        expect.set_options(timeout=self.PATIENCE)
        return expect(self.page.locator(selector))

    def go(self, key: str) -> None:
        """Press a key that leads to another answer, and wait until it is there."""
        before = self.page.locator("#where .number").inner_text()
        self.press(key)
        self.expect("#where .number").not_to_have_text(before)


@pytest.fixture
def at_work(visit: Callable[..., Any]) -> Iterator[Callable[..., Window]]:
    """Start the app on a course for a grader, in a window at 1280 by 720; `leave()` ends that run."""
    import uvicorn

    with ExitStack() as runs:

        def start(opened: OpenCourse, grader: str, path: str = "/") -> Window:
            house = runs.enter_context(ExitStack())
            database, listener = house.enter_context(opened.database()), house.enter_context(listening(0))
            settings = Settings(listener.getsockname()[1], grader=grader)
            config = uvicorn.Config(create_app(opened, database, settings), ws="none", lifespan="off", log_config=None)
            server = uvicorn.Server(config)
            thread = Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            house.callback(thread.join, 10)
            house.callback(setattr, server, "should_exit", True)
            page = visit(settings, viewport={"width": 1280, "height": 720})
            house.callback(page.context.close)
            window = Window(page, settings, house.close)
            window.to(path)
            return window

        yield start
