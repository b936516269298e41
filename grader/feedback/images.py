"""Pictures from a notebook: shown only when their bytes are what their type says, and then as inert `data:` URIs."""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import unquote_to_bytes

from grader.feedback.drawings import MAX_SVG_ELEMENTS, Drawing

MAX_BYTES = 6_000_000
MAX_PIXELS = 40_000_000
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
            warnings.simplefilter("ignore")  # the size is judged below; the rest is said of hostile bytes
            with Image.open(BytesIO(raw), formats=(form,)) as image:
                width, height = image.size
                image.verify()
    except Exception:  # noqa: BLE001 - the parsers of four formats raise whatever they like on hostile bytes
        return None
    return Picture(_uri(mime, raw), width, height) if 0 < width * height <= MAX_PIXELS else None


def _svg(raw: bytes) -> Picture | None:
    """An SVG as an `<img>`: browsers run no script and fetch nothing in an image, so it needs no rewriting."""
    from defusedxml.sax import parseString

    if len(raw) > MAX_BYTES:
        return None
    drawing = Drawing()
    try:
        parseString(raw, drawing, forbid_external=False)  # a document type is named in many, and never fetched
    except Exception:  # noqa: BLE001 - whatever the parser or its guards say, it is no picture
        return None
    return Picture(_uri(_SVG, raw)) if drawing.drawn() <= MAX_SVG_ELEMENTS else None
