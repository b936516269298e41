"""What is promised of everything that parses: a value of the documented kind, or an error of few printable lines."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from grader.config import parse_course
from grader.errors import ConfigError, GraderError, IntakeError, MarkingError, NotebookError, ScoresError
from grader.execution.frames import FrameReader, Oversized
from grader.execution.kernel import Message, parse_json
from grader.execution.outputs import Recorder
from grader.execution.zmtp import Channel, ChannelClosed
from grader.feedback import NotebookPage, render_notebook_page
from grader.feedback.images import MIMES, picture
from grader.feedback.prose import markdown
from grader.feedback.sanitise import sanitise
from grader.feedback.terminal import terminal
from grader.gradebook import Item, parse_rubric, read_attendance, read_scores, read_sheet
from grader.grading import grade_submission
from grader.intake import (
    Arrived,
    Collection,
    Context,
    Entry,
    Limits,
    Refused,
    in_zone,
    plan_collect,
    read_aliases,
    read_stamp,
    recognise,
)
from grader.intake.archives import archive_entries
from grader.intake.entries import sorted_out
from grader.intake.entry import EntryError
from grader.marking import Question, read_requests
from grader.matching import close_students
from grader.model import Bundle, CellRun, Executed, Graded, Rejected, RunStatus, Student, Submission
from grader.model import Limits as RunLimits
from grader.notebook import dump, imported_modules, instructor_version, read, redact, redact_unexecuted, release
from grader.notebook.scan import scan
from grader.roster import read_roster, valid_student_id
from grader.store.facts import decode_facts, encode_facts
from grader.text import escape
from tests.making import solved, squares

CLASS = (Student("ada", "Lovelace", "Ada", "ada@x.edu", {"login": "ada", "kaggle": "ada"}), Student("7", "Bee", "Bob"))
LONGEST_LINE = 3_000
SMALL = Limits(200_000, 500_000, 50, 2_000_000, 200, any_ratio_bytes=300_000)


@contextmanager
def refusing(*kinds: type[Exception]) -> Iterator[None]:
    """Take an error of these kinds for an answer if each of its lines can be shown as it is."""
    try:
        yield
    except kinds as error:
        lines = error.messages if isinstance(error, GraderError) else (str(error),)
        assert lines
        for line in lines[:50]:
            printable(line)


def printable(line: str) -> None:
    """A line, no more, that harms no terminal."""
    assert line == escape(line, LONGEST_LINE), line[:300]


@cache
def bundle(*, execute: bool) -> Bundle:
    """The small course's assignment."""
    instructor = instructor_version(read(json.dumps(squares()).encode(), "squares.ipynb").notebook)
    released = release(instructor)
    return Bundle("ps1", {"squares": instructor}, {"squares": released}, {}, RunLimits(), execute, "0" * 64)


@cache
def answered() -> dict[str, Any]:
    """An honest answer to it, with outputs and a picture."""
    answer = "def square(x):\n    return x * x"
    notebook = solved(bundle(execute=False).releases["squares"], square=answer, essay="![x](attachment:a.png) $x^2$")
    notebook["cells"][4]["attachments"] = {"a.png": {"image/png": "iVBORw0KGgo="}}
    notebook["cells"][1]["outputs"] = [
        {"output_type": "stream", "name": "stdout", "text": ["1\n", "2"]},
        {"output_type": "execute_result", "data": {"text/plain": "4", "text/html": "<b>4</b>"}, "metadata": {}},
        {"output_type": "display_data", "data": {"image/svg+xml": "<svg><use href='#a'/></svg>"}, "metadata": {}},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[31m----> 1 x", "E: v"]},
    ]
    return notebook


def check_notebook_bytes(data: bytes) -> None:
    """A notebook of nbformat 4.5 that is written and read again as the same; or a reason."""
    import nbformat

    with refusing(NotebookError):
        found = read(data, "a\n\x1b.ipynb")
        nbformat.validate(nbformat.from_dict(found.notebook))
        text = dump(found.notebook)
        json.loads(text, parse_constant=_refuse)
        again = read(text.encode(), "a")
        assert again.repairs == ()
        assert dump(again.notebook) == text
        for repair in found.repairs:
            printable(repair.sentence)


def _refuse(constant: str) -> None:
    raise AssertionError(constant)


def check_submission(files: dict[str, bytes]) -> None:
    """An outcome whose scores are possible, and a page, whatever was handed in; nothing of it is run."""
    _judged(files, bundle(execute=False))


def _judged(files: dict[str, bytes], assignment: Bundle, execute: Any = None) -> None:
    outcome = grade_submission(Submission("ada", "ps1", files, ""), assignment, execute)
    assert isinstance(outcome, Graded | Rejected)
    for graded in outcome.notebooks:
        for line in (*graded.repairs, *graded.flags, *graded.incidents):
            printable(line.sentence)
        for score in graded.scores:
            assert score.auto_score is None or 0 <= score.auto_score <= score.max_score
        redacting = redact if assignment.execute else redact_unexecuted
        shown = redacting(graded.notebook, assignment.sources["squares"])
        page = NotebookPage(
            "c",
            "a",
            "n",
            "ada",
            "squares",
            shown,
            (),
            0,
            0,
            graded.repairs,
            graded.incidents,
            executed=assignment.execute,
        )
        html = render_notebook_page(page)
        html.encode()
        assert "HIDDEN-TOKEN" not in html
        json.loads(dump(graded.notebook), parse_constant=_refuse)
    decode_facts(encode_facts(outcome, ("x",)))


def check_executed(case: tuple[Any, list[tuple[str, Any]], list[RunStatus]]) -> None:
    """The same for a notebook that ran, whatever its kernel said."""
    notebook, messages, statuses = case

    def execute(whole: Any, _files: Any, limits: RunLimits, _probes: Any = None) -> Executed:
        recorder = Recorder(int(limits.output_mb * (1 << 20)))
        ran = [cell for cell in whole["cells"] if cell["cell_type"] == "code"]
        for number, cell in enumerate(ran):
            recorder.begin(number)
            for kind, content in messages:
                data = json.dumps(content).encode()
                found = parse_json(data)
                recorder.add(Message(kind, found if isinstance(found, dict) else None, len(data)))
            cell["outputs"] = recorder.outputs()[-1]
        runs = iter(chain(statuses, iter(lambda: RunStatus.COMPLETED, None)))
        return Executed(whole, tuple(CellRun(next(runs)) if c["cell_type"] == "code" else None for c in whole["cells"]))

    _judged({"squares.ipynb": json.dumps(notebook).encode()}, bundle(execute=True), execute)


def check_code(source: str) -> None:
    """Flags of one line, and names."""
    notebook = {"cells": [{"cell_type": "code", "metadata": {}, "source": source}]}
    for flag in scan(notebook):
        printable(flag.sentence)
    imported_modules([notebook])


def check_markup(text: str) -> None:
    """Markup that can be encoded and runs nothing."""
    for made in (sanitise(text), markdown(text, {"a": {"image/png": text, "image/svg+xml": text}}), terminal(text)):
        made.encode()
        assert "<script" not in made.lower()
        assert len(made) < 100 * len(text) + 100_000


def check_picture(data: bytes) -> None:
    """A picture or none."""
    import base64

    for mime in MIMES:
        text = data.decode("utf-8", "replace") if mime == "image/svg+xml" else base64.b64encode(data).decode()
        found = picture(mime, text)
        assert found is None or found.uri.startswith("data:image/")


def check_archive(data: bytes) -> None:
    """Entries that lead nowhere else, each of which can be read or not, within limits."""
    for name in ("a.zip", "a.tar", "a.tar.gz"):
        with refusing(EntryError):
            arrived = sorted_out(Path(name), archive_entries(data, SMALL, name), SMALL)
            for refused in arrived.refused:
                printable(refused.name)
                printable(refused.reason)
            for entry in arrived.entries[:20]:
                assert ".." not in entry.path
                with refusing(EntryError):
                    assert len(entry.read()) <= SMALL.total_bytes


def check_layout(case: tuple[list[tuple[str, bytes]], str | None]) -> None:
    """Hand-ins of students who are in the class, or a reason."""
    named, layout = case
    entries = {
        name: Entry(tuple(name.split("/")), len(content), lambda content=content: content) for name, content in named
    }
    context = Context("ps1", Path("a.zip"), frozenset({"ada"}), frozenset({"ada"}), frozenset({"squares.ipynb"}))
    zone, due = ZoneInfo("Europe/Berlin"), datetime(2026, 9, 21, 18, tzinfo=UTC)
    with refusing(IntakeError):
        found = recognise(Arrived(Path("a.zip"), tuple(entries.values())), context, layout)
        collection = Collection("ps1", CLASS, due, zone, valid_student_id)
        plan = plan_collect(collection, [found], [*found.refused, Refused("a", "b")], {})
        for arrival in plan.arrivals:
            assert arrival.student_id in {"ada", "7"}
            if arrival.timestamp:
                arrival.timestamp.astimezone(UTC).isoformat()
        for unmatched in plan.unmatched:
            close_students(unmatched.called, CLASS)


def check_stamp(text: str) -> None:
    """A moment that can be compared and told in any zone, or none."""
    moment = in_zone(read_stamp(text), ZoneInfo("Asia/Tokyo"))
    if moment is not None:
        assert (moment > datetime(2026, 1, 1, tzinfo=UTC)) in {True, False}
        moment.astimezone(ZoneInfo("America/Los_Angeles"))


def check_scores(data: bytes) -> None:
    """Scores within the item's points for students of the class, or a reason."""
    item = Item("hw1", "assignments", Fraction(10))
    kinds: list[Callable[[], Any]] = [
        lambda: read_scores(data, "x\n", item=item, roster=CLASS),
        lambda: read_scores(data, "x\n", item=item, roster=CLASS, points="percentile"),
        lambda: read_scores(data, "x\n", item=item, roster=CLASS, points="baseline 1=5"),
        lambda: read_sheet(data, "x\n", item=item, roster=CLASS),
        lambda: read_attendance(data, "x\n", item=item, roster=CLASS),
    ]
    for read_it in kinds:
        with refusing(ScoresError):
            plan = read_it()
            for problem in plan.problems:
                printable(str(problem))
            for note in plan.notes:
                printable(note)
            for change in plan.changes:
                assert change.student_id in {"ada", "7"}
                assert change.after.score is None or 0 <= change.after.score / (change.after.max_score or 10) <= 1


def check_requests(data: bytes) -> None:
    """Requests of students of the class about questions that there are, or a reason."""
    with refusing(MarkingError):
        found = read_requests(data, "x\n", roster=CLASS, questions=[Question("ps1", "squares", "essay")], zone=UTC)
        for line in found.problems:
            printable(line)
        assert {row.student_id for row in found.requests} <= {"ada", "7"}


def check_course_text(text: str) -> None:
    """A course, a roster, a rubric, aliases, or what is wrong with them."""
    with refusing(ConfigError):
        parse_course(text, ["ps1"])
    with refusing(ConfigError):
        read_roster(text)
    with refusing(ConfigError):
        parse_rubric(text, "rubric.toml")
    with refusing(IntakeError):
        read_aliases(text, "aliases.csv")


def check_frames(data: bytes) -> None:
    """The same frames however the stream is cut, none of them longer than allowed."""
    whole = [str(frame) for frame in FrameReader(64).feed(data)]
    reader = FrameReader(64)
    pieces = [frame for at in range(0, len(data), 3) for frame in reader.feed(data[at : at + 3])]
    assert [str(frame) for frame in pieces] == whole
    for frame in pieces:
        if isinstance(frame, bytes):
            assert len(frame) <= 64
            found = parse_json(frame)
            json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
        else:
            assert isinstance(frame, Oversized)


def check_wire(data: bytes) -> None:
    """Messages of few parts within the cap, or the end of the channel."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data[:100_000])
        theirs.shutdown(socket.SHUT_WR)
        try:
            channel = Channel(ours, "DEALER", 100)
            while True:
                for message in channel.receive():
                    kept = [part for part in message.parts if part is not None]
                    assert sum(map(len, kept)) <= 100
                    assert len(message.parts) <= 1000
        except ChannelClosed:
            return
