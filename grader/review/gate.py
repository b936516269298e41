"""The gate in front of every page: which host, which method, who; and the headers that everything leaves with."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from grader.review.assets import PREFIX, assets
from grader.review.peers import is_stranger

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from grader.review.desk import Settings
    from grader.review.door import Door

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
MAX_BODY = 1_000_000
"""Of a request: a comment is some kilobytes, a table of regrade requests some hundred."""
_METHODS = frozenset({"GET", "HEAD", "POST"})
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">{refresh}<meta name="viewport" content="width=device-width">
<title>{title}</title><link rel="icon" href="{icon}"><link rel="stylesheet" href="{style}"></head>
<body class="plain-page"><main><h1>{title}</h1>{text}</main></body></html>
"""


class Gate:
    """Lets a request through to the pages, or answers it itself."""

    def __init__(self, app: ASGIApp, door: Door, settings: Settings) -> None:
        """Stand in front of `app`."""
        self._app = app
        self._door = door
        self._settings = settings
        self._hosts = {f"{name}:{settings.port}" for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; there are no other protocols here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer: ASGIApp = self._refusal(Request(scope)) or self._app
        await answer(scope, receive, send_guarded)

    def _refusal(self, request: Request) -> Response | None:
        """Why the request goes no further; None where it may."""
        if (wrong := self._wrong(request)) or request.url.path.startswith(PREFIX):
            return wrong
        known = self._door.knows(request.cookies.get(self._door.cookie))
        token = request.query_params.get("token")
        if token is not None and request.method == "GET" and request.url.path == "/":
            return self._admitted(token, known=known)
        if not known:
            return _closed()
        return self._unwelcome(request)

    def _wrong(self, request: Request) -> Response | None:
        """What nobody may ask: another user, another host (a name that somebody made lead here), another method."""
        if is_stranger(request.client, self._settings.port):
            return PlainTextResponse("this is another user's grader review\n", 403)
        if request.headers.getlist("host") not in [[host] for host in self._hosts]:
            return PlainTextResponse(f"grader review answers at {self._settings.origin} only\n", 421)
        if request.method not in _METHODS:
            return PlainTextResponse("no such method here\n", 405, headers={"Allow": ", ".join(sorted(_METHODS))})
        return None

    def _unwelcome(self, request: Request) -> Response | None:
        """What even our own browser may not ask."""
        if _from_elsewhere(request):
            return PlainTextResponse("this request was made by another site\n", 403)
        if request.method == "POST" and self._settings.read_only:
            return PlainTextResponse("this is grader review --read-only: nothing can be changed\n", 403)
        return None

    def _admitted(self, token: str, *, known: bool) -> Response:
        session = None if known else self._door.open(token)
        if session is None:
            return self._go_on() if known else _closed()
        response = self._go_on()
        response.set_cookie(self._door.cookie, session, httponly=True, samesite="strict", path="/")
        return response

    def _go_on(self) -> Response:
        """Lead on from a page of ours: a redirect would count as coming from where the link was, without cookie."""
        name = self._settings.assignment
        first = escape(f"/assignments/{quote(name)}" if name else "/")
        refresh = f'<meta http-equiv="refresh" content="0; url={first}">'
        return _page("grader review", f'<p><a href="{first}">Go on</a></p>', 200, refresh)


def _from_elsewhere(request: Request) -> bool:
    """Whether a page that is not ours made the browser send this.

    Under `no-referrer` a form's own origin is told as `null`; then the browser's word for where it came from counts.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if request.method == "POST":
        ours = f"http://{request.headers['host']}"
        return site not in {None, "same-origin"} or origin not in ({ours} if site is None else {ours, "null", None})
    navigating = request.headers.get("sec-fetch-mode") == "navigate"
    return site in {"cross-site", "same-site"} and not navigating


def _closed() -> Response:
    how = (
        "<p>This address opens only with the link that <code>grader review</code> printed in its terminal. "
        "Copy that link whole, with its token, into the address bar.</p>"
        "<p>The link works once, in one browser. If it was used already, go on in the window that it opened; if that "
        "is gone, stop <code>grader review</code> with Ctrl-C and start it again.</p>"
    )
    return _page("This door is closed", how, 403)


def _page(title: str, text: str, status: int, refresh: str = "") -> Response:
    urls = assets().urls
    made = _PAGE.format(title=title, text=text, refresh=refresh, icon=urls["icon.svg"], style=urls["style.css"])
    return HTMLResponse(made, status)
