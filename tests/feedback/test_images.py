"""Pictures are what they say they are, or are not shown."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from grader.feedback.images import picture, picture_from_uri

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="10" height="10">{}</svg>'
)


def test_a_png_is_embedded_with_its_size(make: Any) -> None:
    """The page does not jump while its pictures appear."""
    found = picture("image/png", make.png_base64(30, 20))
    assert found is not None
    assert (30, 20) == (found.width, found.height)
    assert found.uri == f"data:image/png;base64,{make.png_base64(30, 20)}"


def test_line_breaks_in_base64_are_no_fault(make: Any) -> None:
    """Notebooks break the text of a picture into lines."""
    assert picture("image/png", base64.encodebytes(make.png(90, 90)).decode()) is not None


@pytest.mark.parametrize("data", ['" onerror=alert(18) x="', "", "AAAA", "ä", base64.b64encode(b"<svg/>").decode()])
def test_what_is_no_png_is_not_shown(data: str) -> None:
    """Neither text, nor other bytes, nor another kind of picture."""
    assert picture("image/png", data) is None


def test_a_png_is_no_jpeg(make: Any) -> None:
    """The type must be the one that the bytes have."""
    assert picture("image/jpeg", make.png_base64()) is None


def test_a_cut_png_is_not_shown(make: Any) -> None:
    """Its checksums do not hold."""
    assert picture("image/png", base64.b64encode(make.png(50, 50)[:-20]).decode()) is None


def test_a_picture_that_would_fill_the_memory_is_not_shown(make: Any) -> None:
    """Few bytes can claim a billion pixels."""
    assert picture("image/png", make.png_base64(30_000, 2_000)) is None


def test_an_svg_becomes_an_image_of_its_own() -> None:
    """In an image browsers run no script and fetch nothing; its text is not part of the page."""
    found = picture("image/svg+xml", SVG.format("<rect width='5' height='5'/>"))
    assert found is not None
    assert found.uri.startswith("data:image/svg+xml;base64,")


def test_a_matplotlib_svg_is_shown() -> None:
    """With its document type, its style sheet and its glyphs used by reference."""
    from io import StringIO

    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().set_title("A title of many letters")
    text = StringIO()
    figure.savefig(text, format="svg")
    assert "<use" in text.getvalue()
    assert picture("image/svg+xml", text.getvalue()) is not None


def _bomb(levels: int) -> str:
    groups = "".join(
        f'<g id="g{level}">' + f'<use xlink:href="#g{level - 1}"/>' * 10 + "</g>" for level in range(1, levels)
    )
    return SVG.format(f'<defs><rect id="g0"/>{groups}</defs><use href="#g{levels - 1}"/>')


@pytest.mark.parametrize(
    "svg",
    [
        _bomb(9),
        SVG.format('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>'),
        '<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
        "<svg",
        "<html/>",
        "",
        SVG.format("x" * 7_000_000),
        "<g>" * 100_000,
    ],
    ids=["uses", "circle", "entity", "broken", "html", "empty", "huge", "deep"],
)
def test_an_svg_that_is_none_or_grows_is_not_shown(svg: str) -> None:
    """References that multiply would stop the reader's browser."""
    assert picture("image/svg+xml", svg) is None


def test_a_few_uses_are_honest() -> None:
    """A hundred drawn elements are a drawing."""
    assert picture("image/svg+xml", _bomb(3)) is not None


@pytest.mark.parametrize(
    "uri",
    ["https://x.invalid/a.png", "data:text/html,x", "data:image/png,x", "data:,", "data:image/bmp;base64,AA", "x"],
)
def test_only_checked_data_uris_are_pictures(uri: str) -> None:
    """Nothing is fetched, and nothing else passes for a picture."""
    assert picture_from_uri(uri) is None


def test_a_data_uri_is_checked_and_written_anew(make: Any) -> None:
    """What reaches the page is our own encoding of the bytes."""
    found = picture_from_uri(f" data:IMAGE/PNG;charset=x;base64,{make.png_base64()}")
    assert found is not None
    assert found.uri == f"data:image/png;base64,{make.png_base64()}"
