"""Grading one submission again from its page: a command of its own, one at a time, ended with the app."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.pipeline.course import OpenCourse
from grader.review import regrade
from grader.review.errors import Refusal
from grader.review.regrade import Errands, command

AT = "/assignments/ps1/students/ada"
FOR_EVER = "import time\nprint('begun', flush=True)\nwhile True: time.sleep(60)"


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let a program of the test stand in for `grader grade`."""

    def become(program: str) -> None:
        monkeypatch.setattr(regrade, "command", lambda *_: (sys.executable, "-c", program))

    return become


@pytest.fixture
def errands(tmp_path: Path) -> Iterator[Errands]:
    """Regrades in some folder; none goes on after the test."""
    made = Errands(tmp_path)
    yield made
    made.close()


def test_names_stay_names() -> None:
    """No shell, no option: what an id or an assignment says is never more than an id or an assignment."""
    made = command(Path("/course"), "--force", "-x; rm -rf $HOME")

    assert "--student=-x; rm -rf $HOME" in made
    assert ("--", "--force") == made[-2:]
    assert (sys.executable, "-P", "-m", "grader", "-C", "/course", "grade") == made[:7]


@pytest.mark.slow
def test_a_submission_is_graded_again_and_its_log_shown(waiting: OpenCourse, inside: Callable[..., Any]) -> None:
    """The command itself runs; its log is beside the page, which is told when it has ended; points by hand stay."""
    client = inside(waiting)

    begun = client.post(f"{AT}/regrade", hx_request="true")
    assert "Grading again" in begun.text
    assert "hx-trigger" in begun.text
    assert 0 == client.app.state.errands.about("ps1", "ada").process.wait(60)
    ended = client.get(f"{AT}/regrade", hx_request="true")

    assert "1 graded" in ended.text
    assert "grader:regraded" in ended.headers["hx-trigger"]
    assert "hx-get" not in ended.text
    page = client.get(AT).text
    assert "NameError" in page
    assert "<summary>Graded again</summary>" in page
    assert "Graded again" not in client.get("/assignments/ps1/students/bob").text


def test_a_course_in_use_is_left_alone(waiting: OpenCourse, inside: Callable[..., Any]) -> None:
    """Who holds it is told, and nothing is started."""
    client = inside(waiting)

    with waiting.folder.lock("grade hw7"):
        told = client.post(f"{AT}/regrade", hx_request="true")

    assert 409 == told.status_code
    assert f"in use by `grade hw7` (process {os.getpid()}" in told.headers["hx-trigger"]
    assert client.app.state.errands.about("ps1", "ada") is None


def test_nobody_else_is_graded(waiting: OpenCourse, inside: Callable[..., Any]) -> None:
    """An address can name anybody; only who is in the class is graded."""
    client = inside(waiting)

    assert 404 == client.post("/assignments/ps1/students/nobody/regrade").status_code
    assert 404 == client.post("/assignments/other/students/ada/regrade").status_code


def test_what_it_prints_is_text(waiting: OpenCourse, inside: Callable[..., Any], says: Callable[[str], None]) -> None:
    """Markup and control characters in the log are characters."""
    says("print('<script>x</script> \\x1b[31m \\u202e')")
    client = inside(waiting)

    client.post(f"{AT}/regrade", hx_request="true")
    client.app.state.errands.about("ps1", "ada").process.wait(60)
    told = client.get(f"{AT}/regrade").text

    assert "&lt;script&gt;x&lt;/script&gt;" in told
    assert "\x1b" not in told
    assert "\u202e" not in told


def test_only_the_end_of_a_long_log_is_kept_in_sight(errands: Errands, says: Callable[[str], None]) -> None:
    """A log without end does not fill the page."""
    says("print('x' * 1_000_000)\nprint('end')")

    errand = errands.start("ps1", "ada")
    errand.process.wait(60)

    assert errand.said().endswith("end\n")
    assert 64_000 == len(errand.said())


def test_one_at_a_time(errands: Errands, says: Callable[[str], None]) -> None:
    """A second one waits until the first has ended."""
    says(FOR_EVER)
    errands.start("ps1", "ada")

    with pytest.raises(Refusal, match="ada is being graded again"):
        errands.start("ps1", "bob")


def test_it_ends_with_the_app(errands: Errands, says: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a command that pays no heed to Ctrl-C."""
    monkeypatch.setattr(regrade, "_PATIENCE", (0.1, 0.1))
    says(f"import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n{FOR_EVER}")
    errand = errands.start("ps1", "ada")

    errands.close()

    assert not errand.running


def test_read_only_starts_nothing(waiting: OpenCourse, inside: Callable[..., Any]) -> None:
    """To look is not to grade."""
    assert 403 == inside(waiting, read_only=True).post(f"{AT}/regrade").status_code
