"""Pictures from a notebook: shown only when their bytes are what their type says, and then as inert `data:` URIs."""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_BYTES = 6_000_000
MAX_PIXELS = 40_000_000
MAX_SVG_ELEMENTS = 200_000
_MAX_USE_DEPTH = 50
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}
_SVG = "image/svg+xml"
MIMES = (*_FORMATS, _SVG)
_DATA_URI = re.compile(r"data:(image/[a-z+]+)((?:;[a-z0-9=-]+)*),(.*)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture whose content was checked."""

    uri: str
    width: int | None = None
    height: int | None = None


def picture(mime: str, data: str) -> Picture | None:
    """The picture in an output's data (base64, or SVG text); None when it is not what it says or too large."""
    if mime == _SVG:
        return _svg(data.encode("utf-8", "replace")) if len(data) <= MAX_BYTES else None
    raw = _decoded(data)
    return None if raw is None else _bitmap(mime, raw)


def picture_from_uri(uri: str) -> Picture | None:
    """The picture in a `data:` URI; None for any other address and for pictures that are not what they say."""
    match = _DATA_URI.fullmatch(uri.strip()) if len(uri) <= 2 * MAX_BYTES else None
    if match is None:
        return None
    mime, parameters, data = match[1].lower(), match[2].lower(), match[3]
    raw = _decoded(data) if parameters.endswith(";base64") else unquote_to_bytes(data)
    if raw is None:
        return None
    return _svg(raw) if mime == _SVG else _bitmap(mime, raw)


def _decoded(data: str) -> bytes | None:
    if len(data) > MAX_BYTES * 3 // 2:
        return None
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _uri(mime: str, raw: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(raw).decode('ascii')}"


def _bitmap(mime: str, raw: bytes) -> Picture | None:
    from PIL import Image

    form = _FORMATS.get(mime)
    if form is None or len(raw) > MAX_BYTES:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(BytesIO(raw), formats=(form,)) as image:
                width, height = image.size
                image.verify()
    except Exception:  # noqa: BLE001 - the parsers of four formats raise whatever they like on hostile bytes
        return None
    return Picture(_uri(mime, raw), width, height) if 0 < width * height <= MAX_PIXELS else None


def _svg(raw: bytes) -> Picture | None:
    """An SVG as an `<img>`: browsers run no script and fetch nothing in an image, so it needs no rewriting."""
    import defusedxml.ElementTree as ET  # noqa: N817 - the name under which the standard library's twin is known

    if len(raw) > MAX_BYTES:
        return None
    try:
        root = ET.fromstring(raw)
    except Exception:  # noqa: BLE001 - whatever the parser or its guards say, it is no picture
        return None
    if not root.tag.endswith("svg") or _drawn(root) > MAX_SVG_ELEMENTS:
        return None
    return Picture(_uri(_SVG, raw))


def _drawn(root: Element) -> int:
    """How many elements a browser draws once every `<use>` is followed; a circle counts as too many."""
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    sizes: dict[str, int] = {}

    def size(element: Element, inside: frozenset[str]) -> int:
        total = 0
        for part in element.iter():
            total += 1 + (used(part, inside) if part.tag.endswith("}use") else 0)
            if total > MAX_SVG_ELEMENTS:
                break
        return total

    def used(part: Element, inside: frozenset[str]) -> int:
        name = (part.get("href") or part.get(_XLINK_HREF) or "").removeprefix("#")
        if name in inside or len(inside) > _MAX_USE_DEPTH:
            return MAX_SVG_ELEMENTS
        if name in by_id and name not in sizes:
            sizes[name] = size(by_id[name], inside | {name})
        return sizes.get(name, 0)

    return size(root, frozenset())
