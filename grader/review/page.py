"""Templates to responses; every page has the same frame."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import NoMatchFound

from grader.review.assets import assets
from grader.review.desk import desk_of

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.requests import Request

THEME = "grader-theme"
KEYS = "grader-keys"
NAVIGATION = (
    ("assignments", "Assignments", "g a"),
    ("class", "Class", "g c"),
    ("report", "Report", "g r"),
    ("requests", "Regrade requests", "g q"),
)
"""Name of the route, label, keys; a page whose route is not there is left out."""

_DOCUMENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)


def render(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A template of ours as a response, with what the frame needs; a fragment for htmx is a template without frame."""
    return HTMLResponse(markup(request, template, **values), status)


def markup(request: Request, template: str, **values: Any) -> str:
    """The text of a template of ours."""
    desk = desk_of(request)
    frame = {
        "course": desk.opened.course,
        "settings": desk.settings,
        "csrf": request.app.state.door.csrf,
        "theme": _one_of(request.cookies.get(THEME), "light", "dark"),
        "keys_off": request.cookies.get(KEYS) == "off",
        "navigation": NAVIGATION,
        "open_requests": desk.database.marks.open_requests,
        "here": getattr(request.scope.get("route"), "name", ""),
        "url": partial(url, request),
        "link": partial(link, request),
        "assets": assets().urls,
    }
    return _environment().get_template(template).render(frame | values)


def document(content: str | bytes) -> HTMLResponse:
    """A page that was made for students, as it is, with its own frame and its own style; nothing in it runs."""
    return HTMLResponse(content, headers={"Content-Security-Policy": _DOCUMENT_POLICY})


def url(request: Request, name: str, /, **parameters: str) -> str:
    """The address of a page of ours by the name of its route."""
    return quote(str(request.app.url_path_for(name, **parameters)), errors="replace")


def link(request: Request, name: str, /, **parameters: str) -> str | None:
    """The address of a page of ours, None where there is no such page."""
    try:
        return url(request, name, **parameters)
    except (NoMatchFound, AssertionError):
        return None


def see_other(request: Request, name: str, /, **parameters: str) -> RedirectResponse:
    """Send the browser on to a page of ours after a write."""
    return RedirectResponse(url(request, name, **parameters), 303)


def toast(response: Response, text: str, kind: str = "done") -> Response:
    """The response, which htmx tells in a corner of the page, too; `kind` is done or error."""
    response.headers["HX-Trigger"] = json.dumps({"grader:toast": {"text": text, "kind": kind}})
    return response


def problem(request: Request, status: int, lines: Iterable[str]) -> Response:
    """What went wrong: in a corner of the page that htmx asked from, or as a page of its own."""
    if request.headers.get("hx-request") == "true":
        return toast(Response(status_code=status, headers={"HX-Reswap": "none"}), "\n".join(lines), "error")
    return render(request, "problem.html.jinja", status=status, code=status, lines=tuple(lines))


def _one_of(text: str | None, *choices: str) -> str:
    return text if text in choices else ""


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import ChoiceLoader, PackageLoader

    from grader.feedback import environment

    pages = environment()
    assert pages.loader is not None
    return pages.overlay(loader=ChoiceLoader([PackageLoader("grader.review"), pages.loader]))
