"""One run of the app: the command, the server, the way in for a browser."""

from __future__ import annotations

import re
import signal
import socket
import stat
import subprocess
import sys
import webbrowser
from pathlib import Path
from typing import Any

import httpx
import pytest

from grader.errors import GraderError
from grader.pipeline.course import OpenCourse
from grader.review.forms import Form
from grader.review.server import listening, opened_in_browser


def test_the_command_serves_until_it_is_told_to_stop(opened: OpenCourse) -> None:
    """The address that it prints opens the app; Ctrl-C ends it with status 0."""
    command = [sys.executable, "-m", "grader", "-C", str(opened.folder.root), "review", "ps1", "--no-browser"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stderr
            address = running.stderr.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", address)
            with httpx.Client() as client:
                assert "/assignments/ps1" in client.get(address).text
                origin = address.split("/?")[0]
                assert "Problem set 1" in client.get(f"{origin}/assignments/ps1").text
            running.send_signal(signal.SIGINT)
            assert 0 == running.wait(20)
            assert "Traceback" not in running.stderr.read()
        finally:
            running.kill()


def test_it_listens_on_this_machine_alone() -> None:
    """On any free port, or on the one that was asked for unless it is taken."""
    with listening(0) as listener:
        host, port = listener.getsockname()
        assert "127.0.0.1" == host
        with pytest.raises(GraderError, match=f"port {port} cannot be used"), listening(port):
            pass


def test_the_browser_gets_the_secret_from_a_file_of_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No command line carries the token; the file is gone afterwards."""
    asked: list[str] = []
    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.BackgroundBrowser("x"))
    monkeypatch.setattr(webbrowser, "open", asked.append)
    with opened_in_browser("http://127.0.0.1:1/?token=secret&x", tmp_path) as started:
        assert started
        (file,) = tmp_path.iterdir()
        assert 0o600 == stat.S_IMODE(file.stat().st_mode)
        assert "url=http://127.0.0.1:1/?token=secret&amp;x" in file.read_text()
    assert [] == list(tmp_path.iterdir())
    assert not any("secret" in address for address in asked)


def test_no_browser_in_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that would take the terminal over is not started."""
    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.GenericBrowser("w3m"))
    with opened_in_browser("http://127.0.0.1:1/", tmp_path) as started:
        assert not started
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "number"), [("2", 2.0), (" 1,5 ", 1.5), ("-0.25", -0.25), ("\N{MINUS SIGN}3", -3.0), ("1e2", 100.0)]
)
def test_numbers_of_a_form(text: str, number: float) -> None:
    """As people write them."""
    assert number == Form((("points", text),)).number("points")


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "1" * 60, "1.5.2"])
def test_what_is_no_number_is_told(text: str) -> None:
    """By the field's name."""
    with pytest.raises(GraderError, match=r"^points "):
        Form((("points", text),)).number("points")


def test_fields_of_a_form() -> None:
    """The last of a name counts, boxes are all there, line ends are plain."""
    form = Form((("a", "1"), ("a", "2"), ("text", "x\r\ny"), ("box", "on")))
    assert "2" == form.optional("a")
    assert ("1", "2") == form.all("a")
    assert "x\ny" == form.text("text")
    assert form.flag("box")
    assert not form.flag("other")
    assert 2 == form.integer("a")
    assert "2" == form.choice("a", {"1", "2"})


@pytest.mark.parametrize("bad", ["\0", "\ud800"])
def test_text_that_is_no_text_is_refused(bad: str) -> None:
    """Neither the database nor a page could bear it."""
    with pytest.raises(GraderError, match="no text"):
        Form((("comment", bad),)).text("comment")


def test_nothing_answers_on_other_addresses(serving: Any) -> None:
    """Not even on another one of the loopback."""
    settings = serving()
    with socket.socket() as other:
        other.settimeout(2)
        assert 0 == other.connect_ex(("127.0.0.1", settings.port))
    with socket.socket() as other:
        other.settimeout(2)
        assert 0 != other.connect_ex(("127.0.0.2", settings.port))
