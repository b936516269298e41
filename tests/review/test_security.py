"""Who may come in, what may be asked, and what everything leaves with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from grader.errors import GraderError, StaleError, StoreError
from grader.review import app as review_app
from grader.review import course
from grader.review.errors import Refusal
from grader.review.gate import HEADERS, MAX_BODY, POLICY
from grader.review.routing import form_of, post

TOKEN = "/?token=once"


def write(request: Request) -> Response:
    """Say what came in; where `trouble` was asked for, be it."""
    form = form_of(request)
    match form.optional("trouble"):
        case "number":
            return PlainTextResponse(f"{form.number('points')}")
        case "refused":
            raise Refusal(409, "somebody else was quicker: 3 points by <b>bob</b>")
        case "stale":
            raise StaleError("bob wrote in between")
        case "store":
            raise StoreError("gradebook.db: the disk is full")
        case "words":
            raise GraderError("one line", "another line")
        case "bug":
            raise ZeroDivisionError
    return PlainTextResponse(form.text("comment"))


@pytest.fixture(autouse=True)
def _one_write(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the app a page that writes; the real ones are tested with what they write."""
    monkeypatch.setattr(review_app, "PAGES", ("course",))
    monkeypatch.setattr(course, "ROUTES", (*course.ROUTES, post("/write", write, "write")))
    return iter(())


def test_every_answer_carries_the_headers(client: Callable[..., Any]) -> None:
    """Pages, refusals, errors and redirects; assets may be kept, for their address changes with them."""
    inside, outside = client(), client(inside=False)
    style = inside.get("/").text.split('stylesheet" href="')[1].split('"')[0]
    answers = {
        200: inside.get("/"),
        404: inside.get("/nope"),
        403: outside.get("/"),
        421: outside.get("/", host="evil.example"),
        405: inside.ask("DELETE", "/"),
        500: inside.post("/write", {"trouble": "bug"}),
        413: inside.post("/write", {"comment": "x" * MAX_BODY}),
    }
    assert list(answers) == [answer.status_code for answer in answers.values()]
    for answer in answers.values():
        assert dict(HEADERS) == {name: answer.headers.get(name) for name in HEADERS}
    kept = inside.get(style)
    assert "immutable" in kept.headers["cache-control"]
    assert POLICY == kept.headers["content-security-policy"]


def test_the_policy_allows_nothing_but_our_own_files() -> None:
    """No inline script or style, no eval, no frame, no other host."""
    assert "default-src 'none'" in POLICY
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert "*" not in POLICY


def test_without_token_or_session_there_is_only_a_way_in(client: Callable[..., Any]) -> None:
    """A stranger learns how to get in, and nothing of the course."""
    stranger = client(inside=False)
    for path in (
        "/",
        "/class",
        "/class/export/csv",
        "/students/ada",
        "/nope",
        "/?token=",
        "/?token=twice",
        "/?token=\u00fc",
    ):
        answer = stranger.get(path)
        assert 403 == answer.status_code
        assert "grader review" in answer.text
        assert not {"Squares", "Lovelace", "csrf"} & set(answer.text.split())
    assert 403 == stranger.ask("POST", "/write", data={"comment": "x"}).status_code


def test_the_token_opens_once(client: Callable[..., Any]) -> None:
    """One browser gets the session; a second with the same link does not, the first may use it again."""
    first = client()
    second = type(first)(first.app)
    assert 403 == second.get(TOKEN).status_code
    assert 403 == second.get("/").status_code
    assert 200 == first.get(TOKEN).status_code
    assert 200 == first.get("/").status_code


def test_the_session_is_for_this_run_and_for_no_script(client: Callable[..., Any]) -> None:
    """The cookie is HttpOnly and SameSite=Strict, and of no use at another run."""
    stranger = client(inside=False)
    cookie = stranger.get(TOKEN).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Max-Age" not in cookie
    name, _, value = cookie.split(";")[0].partition("=")
    other = client(inside=False)
    assert 403 == other.get("/", cookie=f"{name}={value}").status_code
    assert 200 == stranger.get("/").status_code


def test_the_door_leads_on_from_a_page_of_ours(client: Callable[..., Any]) -> None:
    """No redirect: a strict cookie would not go with it. It leads to the assignment that was named."""
    assert 'content="0; url=/"' in client(inside=False).get(TOKEN).text
    named = client(inside=False, assignment="ps <1>")
    assert 'content="0; url=/assignments/ps%20%3C1%3E"' in named.get(TOKEN).text


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:8001",
        "localhost",
        "evil.example:8000",
        "127.0.0.1.evil.example:8000",
        "",
    ],
)
def test_another_host_is_refused(client: Callable[..., Any], host: str) -> None:
    """A name that somebody made lead here gets nothing, even with the session."""
    assert 421 == client().get("/", host=host).status_code


def test_localhost_is_the_same_house(client: Callable[..., Any]) -> None:
    """The loopback's name will do, with the port."""
    assert 200 == client().get("/", host="localhost:8000").status_code


def test_a_write_needs_the_secret_of_our_pages(client: Callable[..., Any]) -> None:
    """In a field or in a header; without it, or with another, nothing is done."""
    inside = client()
    assert "hello" == inside.post("/write", {"comment": "hello"}).text
    assert "hello" == inside.post("/write", {"comment": "hello", "csrf": ""}, x_csrf_token=inside.csrf()).text
    for csrf in ("", "x", inside.csrf() + "x", "\u00fc"):
        assert 403 == inside.post("/write", {"comment": "hello", "csrf": csrf}).status_code


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "null"}, 200),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "none"}, 403),
    ],
)
def test_a_write_comes_from_our_own_pages(client: Callable[..., Any], headers: dict[str, str], status: int) -> None:
    """What another site, or another port of this machine, makes the browser send is refused."""
    assert status == client().post("/write", {"comment": "x"}, **headers).status_code


def test_an_old_browser_must_name_its_origin(client: Callable[..., Any]) -> None:
    """Without Sec-Fetch-Site, the origin has to be ours."""
    inside = client()
    fields = {"csrf": inside.csrf(), "comment": "x"}
    for origin, status in (({}, 403), ({"origin": "null"}, 403), ({"origin": "http://127.0.0.1:8000"}, 200)):
        assert status == inside.ask("POST", "/write", data=fields, headers=origin).status_code


@pytest.mark.parametrize(
    ("site", "mode", "status"),
    [
        ("same-origin", "cors", 200),
        ("none", "navigate", 200),
        ("cross-site", "navigate", 200),
        ("same-site", "no-cors", 403),
    ],
)
def test_pages_are_not_for_embedding(client: Callable[..., Any], site: str, mode: str, status: int) -> None:
    """Another port's page may lead here, but not read or embed what is here."""
    assert status == client().get("/", sec_fetch_site=site, sec_fetch_mode=mode).status_code


def test_read_only_refuses_every_write(client: Callable[..., Any]) -> None:
    """At one place, whatever the page; looking goes on."""
    looking = client(read_only=True)
    assert 200 == looking.get("/").status_code
    answer = looking.post("/write", {"comment": "x"})
    assert (403, True) == (answer.status_code, "--read-only" in answer.text)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_refused(client: Callable[..., Any], method: str) -> None:
    """There is looking and there is writing."""
    assert 405 == client().ask(method, "/").status_code
    assert 405 == client().post("/").status_code


def test_a_body_has_bounds(client: Callable[..., Any]) -> None:
    """Told by its length or found while it is read; fields are bounded, too."""
    inside = client()

    async def endless() -> Any:
        for _ in range(50):
            yield b"comment=" + b"x" * 100_000

    headers = {"content-type": "application/x-www-form-urlencoded", "origin": "http://127.0.0.1:8000"}
    assert 413 == inside.ask("POST", "/write", content=endless(), headers=headers).status_code
    many = "&".join("x=1" for _ in range(3000))
    assert 400 == inside.ask("POST", "/write", content=many, headers=headers).status_code
    assert 400 == inside.post("/write", {"comment": "x" * 30_000}).status_code


@pytest.mark.parametrize(
    ("trouble", "status", "line"),
    [
        ("refused", 409, "somebody else was quicker: 3 points by &lt;b&gt;bob&lt;/b&gt;"),
        ("stale", 409, "bob wrote in between"),
        ("store", 503, "gradebook.db: the disk is full"),
        ("words", 400, "another line"),
        ("number", 400, "points is no number"),
        ("bug", 500, "a fault of grader"),
    ],
)
def test_errors_are_told_in_a_line(
    client: Callable[..., Any], caplog: pytest.LogCaptureFixture, trouble: str, status: int, line: str
) -> None:
    """On a page, with the status that fits, escaped and without a traceback; our own bugs are logged."""
    answer = client().post("/write", {"trouble": trouble, "points": "<x>"})
    assert status == answer.status_code
    assert line in answer.text
    assert "Traceback" not in answer.text
    assert (trouble == "bug") == ("ZeroDivisionError" in caplog.text)


def test_htmx_gets_errors_as_a_message(client: Callable[..., Any]) -> None:
    """In a header, for a corner of the page that stays as it is."""
    answer = client().post("/write", {"trouble": "refused"}, hx_request="true")
    assert (409, "none", "") == (answer.status_code, answer.headers["hx-reswap"], answer.text)
    assert "somebody else was quicker" in answer.headers["hx-trigger"]
    assert answer.headers["hx-trigger"].isascii()


def test_assets_are_ours_alone(client: Callable[..., Any]) -> None:
    """Their addresses are looked up, never followed; they hold nobody's data and need no session."""
    stranger = client(inside=False)
    for path in ("/static/", "/static/app.js", "/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd"):
        assert stranger.get(path).status_code in {403, 404}
    page = client().get("/").text
    for piece in page.split('src="')[1:]:
        answer: httpx.Response = stranger.get(piece.split('"')[0])
        assert (200, "text/javascript; charset=utf-8") == (answer.status_code, answer.headers["content-type"])


def test_no_page_has_inline_script_or_style(client: Callable[..., Any]) -> None:
    """The policy would stop it; so it is not there."""
    inside = client()
    for path in ("/", "/assignments/ps1", "/class", "/students/bob", "/report", "/nope"):
        text = inside.get(path).text
        assert "<style" not in text
        assert ' style="' not in text
        assert "javascript:" not in text
        assert 0 == sum("src=" not in tag.split(">")[0] for tag in text.split("<script")[1:])


def test_names_of_students_are_text(client: Callable[..., Any]) -> None:
    """Names, repairs and flags are escaped wherever they stand."""
    inside = client()
    for path in ("/", "/assignments/ps1", "/class", "/students/bob", "/students/dia", "/report"):
        text = inside.get(path).text
        assert "<b>Bold" not in text
        assert "<u>kernel" not in text
        assert "<script>test" not in text
    assert "&lt;b&gt;Bold&lt;/b&gt;" in inside.get("/class").text
