"""Scripts and style sheets: read once, addressed by their content, so that a browser keeps exactly what it needs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from grader.page import style_sheet, theme_rules

PREFIX = "/static/"
_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file that pages ask for."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """All files that pages ask for."""

    by_path: Mapping[str, Asset]
    urls: Mapping[str, str]
    """By plain name: `app.js`, `style.css`."""


@lru_cache(maxsize=1)
def assets() -> Assets:
    """Scripts and sheets of `static/`, by their names; `style.css` is made of those of pages, feedback and our own."""
    own = {entry.name: entry.read_bytes() for entry in files("grader.review").joinpath("static").iterdir()}
    named = {name: Asset(data, _TYPES[name.rpartition(".")[2]]) for name, data in own.items() if not _is_licence(name)}
    sheets = (style_sheet("grader.page"), style_sheet("grader.feedback"), theme_rules(), style_sheet("grader.review"))
    named["style.css"] = Asset("\n".join(sheets).encode(), _TYPES["css"])
    named["report.css"] = Asset(style_sheet("grader.report").encode(), _TYPES["css"])
    addressed = {_addressed(name, asset): asset for name, asset in named.items()}
    return Assets(addressed, {name: _addressed(name, asset) for name, asset in named.items()})


def _is_licence(name: str) -> bool:
    return name.endswith(".txt")


def serve_asset(request: Request) -> Response:
    """One of our files, nothing else; what its address says never changes, so it may be kept."""
    found = assets().by_path.get(request.url.path)
    if found is None:
        return Response("no such file\n", 404, media_type="text/plain")
    kept = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(found.data, media_type=found.media_type, headers=kept)


def _addressed(name: str, asset: Asset) -> str:
    return f"{PREFIX}{hashlib.sha256(asset.data).hexdigest()[:16]}/{name}"
