"""The one gate through which markup from a notebook reaches a page."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from grader.feedback.images import picture_from_uri
from grader.feedback.plain import shorten, words
from grader.feedback.tags import tokens
from grader.page import clean

if TYPE_CHECKING:
    import nh3

MATHS = words("""
    math maction menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts none mroot mrow ms
    mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover
""")
MATHS_ATTRIBUTES = words("""
    accent accentunder columnalign columnlines columnspacing columnspan depth display displaystyle fence form height
    largeop linethickness lspace mathcolor mathsize mathvariant maxsize minsize movablelimits notation rowlines
    rowspacing rowspan rspace scriptlevel separator stretchy symmetric voffset width
""")
_TAGS = words("""
    a abbr b bdi bdo blockquote br caption center cite code col colgroup dd del details dfn div dl dt em figcaption
    figure h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp small span strike strong sub summary sup
    table tbody td tfoot th thead tr tt u ul var wbr
""")
_ATTRIBUTES = {
    "a": {"href"},
    "bdo": {"dir"},
    "col": {"span"},
    "colgroup": {"span"},
    "details": {"open"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start", "reversed"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan", "scope"},
}
_NUMBERS = words("width height colspan rowspan span start")
_DROPPED_WITH_CONTENT = words("head iframe noscript object script select style svg template textarea title")
MAX_TAGS = 30_000
_MAX_REFERENCES = 100_000
_MAX_OPEN = 200
_MAX_OPEN_FORMATTING = 20
_LONGEST_AS_TEXT = 20_000
_FORMATTING = words("a b big code em font i nobr s small strike strong tt u")
_ENDS_BY_ITSELF = words("""
    p li dt dd tr td th thead tbody tfoot colgroup br hr img col wbr
""")
_NAMELESS_PICTURE = re.compile(r"<img(?![^>]* alt=)")
"""Those who listen to the page would hear its bytes otherwise."""
_TAG_OR_QUOTE = re.compile(r'<(?:[^">]|"[^"]*")*>|"')
_LARGE_HEADING = re.compile(r"\A(</?)h([12])(?=[/>])")


def sanitise(html: str, otherwise: str | None = None) -> Markup:
    """Markup that can be shown: known elements and attributes, nothing that runs, fetches, floats or has a name.

    Headings of the first two levels step down, so that the page's own stay the highest. Pictures stay when they are
    `data:` URIs whose bytes were checked; links stay when they lead to the web or to a mail address. Markup that is
    nested beyond any honest use is shown as text: `otherwise`, or its own.
    """
    spelled = _spelled(clean(html))
    if spelled is None:
        return Markup("<pre>{}</pre>").format(shorten(clean(otherwise or html), _LONGEST_AS_TEXT)[0])
    cleaned = _cleaner().clean(spelled)
    quoted = _TAG_OR_QUOTE.sub(lambda match: "&quot;" if match[0] == '"' else match[0], cleaned)
    named = _NAMELESS_PICTURE.sub('<img alt="Picture"', quoted)
    return Markup(named)  # noqa: S704 - this is the gate


def _spelled(html: str) -> str | None:
    """The markup with no tags and attributes but known ones; None where parsing it could take out of all proportion.

    HTML parsers are quadratic in open elements, in formatting elements that differ, in attributes of one element, and
    in ampersands of one text.
    """
    if html.count("&") > _MAX_REFERENCES:
        return None
    opened: Counter[str] = Counter()
    told: list[str] = []
    tags = 0
    for token in tokens(html, _known()):
        told.append(_LARGE_HEADING.sub(lambda match: f"{match[1]}h{int(match[2]) + 2}", token.text))
        if not token.name:
            continue
        tags += 1
        if token.name not in _ENDS_BY_ITSELF:
            opened[token.name] = max(0, opened[token.name] - 1) if token.end else opened[token.name] + 1
        most = _MAX_OPEN_FORMATTING if token.name in _FORMATTING else _MAX_OPEN
        if tags > MAX_TAGS or opened[token.name] > most:
            return None
    return "".join(told)


@lru_cache(maxsize=1)
def _known() -> dict[str, frozenset[str]]:
    """The tags that mean something to the sanitiser, and their attributes."""
    tags = {tag: frozenset(_ATTRIBUTES.get(tag, ())) for tag in _TAGS | _DROPPED_WITH_CONTENT | {"h1", "h2"}}
    classed = {tag: frozenset({"class"}) for tag in ("span", "div", "pre")}
    return tags | classed | dict.fromkeys(MATHS, MATHS_ATTRIBUTES)


@lru_cache(maxsize=1)
def _cleaner() -> nh3.Cleaner:
    import nh3
    from pygments.token import STANDARD_TYPES

    ours = {"span": {"absent-picture", "tex", *STANDARD_TYPES.values()} - {""}, "div": {"formula"}, "pre": {"tex"}}
    return nh3.Cleaner(
        tags=set(_TAGS | MATHS),
        clean_content_tags=set(_DROPPED_WITH_CONTENT),
        attributes=_ATTRIBUTES | {tag: set(MATHS_ATTRIBUTES) for tag in MATHS},
        attribute_filter=_attribute,
        allowed_classes=ours,
        link_rel=None,
        set_tag_attribute_values={"a": {"rel": "noopener noreferrer nofollow"}},  # two would come in random order
        url_schemes={"http", "https", "mailto", "data"},
        url_relative="deny",
    )


def _attribute(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "src":
        checked = picture_from_uri(value)
        return checked.uri if checked else None
    if attribute == "href":
        return None if value.strip().lower().startswith("data:") else value
    if tag not in MATHS and attribute in _NUMBERS:
        return value if re.fullmatch(r"\d{1,4}", value, re.ASCII) else None
    return value
