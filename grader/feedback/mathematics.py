"""LaTeX formulas as MathML, which browsers set themselves: no script, no font, no server."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from grader.feedback.plain import clean, remembered
from grader.feedback.sanitise import MATHS, MATHS_ATTRIBUTES

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_LENGTH = 4000
_LINKS = re.compile(r"\\href\s*\{[^{}]*\}|\\unicode\s*(\[[^\]]*\])*")
_DEFINITIONS = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|(?:re)?newenvironment|Declare[a-zA-Z]+|[egx]?def|let)(?![a-zA-Z])"
)
_NUMBERED = re.compile(r"\\(begin|end)\s*\{(align|equation|gather|multline|eqnarray|alignat|flalign)\}")
_ROOT_OF_NAMES = re.compile(r"\\arg(?![a-zA-Z])")


@remembered(longest=500, most=4096)
def formula(source: str, *, display: bool) -> Markup:
    """The formula as MathML; as its own source, escaped, when it cannot be set.

    Links and character codes are taken out of it first. Macros are not defined: they can grow without bound.
    """
    tex = _LINKS.sub("", clean(source)).strip()
    markup = None if len(tex) > MAX_LENGTH or _DEFINITIONS.search(tex) else _mathml(tex, display=display)
    if markup is None:
        return _as_source(tex, display=display)
    return Markup('<div class="formula">{}</div>').format(markup) if display else markup


def _as_source(tex: str, *, display: bool) -> Markup:
    return (Markup('<pre class="tex">{}</pre>') if display else Markup('<span class="tex">{}</span>')).format(tex)


def _mathml(tex: str, *, display: bool) -> Markup | None:
    from latex2mathml.converter import convert_to_element

    prepared = _ROOT_OF_NAMES.sub(r"\\operatorname{arg}", _NUMBERED.sub(r"\\\1{\2*}", tex))
    try:
        return _serialised(convert_to_element(prepared, display="block" if display else "inline"))
    except Exception:  # noqa: BLE001 - the parser raises of many kinds (RecursionError among them) on what is no LaTeX
        return None


def _serialised(element: Element) -> Markup:
    """The element with known names only; the library's own serialisation leaves `<` in texts as it is."""
    inner = Markup().join([_text(element.text), *(_serialised(child) + _text(child.tail) for child in element)])
    if element.tag not in MATHS:
        return inner
    attributes = Markup().join(
        Markup(' {}="{}"').format(name, clean(html.unescape(value)))
        for name, value in element.items()
        if name in MATHS_ATTRIBUTES
    )
    return Markup("<{0}{1}>{2}</{0}>").format(element.tag, attributes, inner)


def _text(text: str | None) -> Markup:
    return escape(clean(html.unescape(text))) if text else Markup()
