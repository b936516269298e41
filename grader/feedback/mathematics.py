"""LaTeX formulas as MathML, which browsers set themselves: no script, no font, no server."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from grader.feedback.alphabets import in_alphabet
from grader.feedback.plain import remembered, shorten, words
from grader.feedback.sanitise import MATHS, MATHS_ATTRIBUTES
from grader.page import clean

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_LENGTH = 4000
_LONGEST_SOURCE = 2 * MAX_LENGTH
_LINKS = re.compile(r"\\href\s*\{[^{}]*\}|\\unicode\s*(\[[^\]]*\])*")
_DEFINITIONS = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|(?:re)?newenvironment|Declare[a-zA-Z]+|[egx]?def|let)(?![a-zA-Z])"
)
_ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{([a-zA-Z]+)\*?\}(?:(?<=at\})\{\d+\}|(?<=at\*\})\{\d+\})?")
_SET_AS = dict.fromkeys(words("align aligned alignat alignedat eqnarray flalign split"), "align*")
_SET_AS |= dict.fromkeys(words("gather gathered multline"), "matrix")
_SET_AS |= {name: name for name in words("array cases matrix bmatrix Bmatrix pmatrix vmatrix Vmatrix smallmatrix")}
_SET_AS |= {"dcases": "cases", "equation": "", "displaymath": "", "math": ""}
_ROOT_OF_NAMES = re.compile(r"\\arg(?![a-zA-Z])")
_WITH_LIMITS = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
_SPACES = {"negativethinmathspace": "-0.167em"}


@remembered(longest=500, most=4096)
def formula(source: str, *, display: bool) -> Markup:
    """The formula as MathML; as its own source, escaped, when it cannot be set.

    Links and character codes are taken out of it first. Macros are not defined: they can grow without bound.
    """
    if len(source) > _LONGEST_SOURCE:
        return _as_source(shorten(clean(source), _LONGEST_SOURCE)[0], display=display)
    tex = _LINKS.sub("", clean(source)).strip()
    markup = None if len(tex) > MAX_LENGTH or _DEFINITIONS.search(tex) else _mathml(tex, display=display)
    if markup is None:
        return _as_source(tex, display=display)
    return Markup('<div class="formula">{}</div>').format(markup) if display else markup


def _as_source(tex: str, *, display: bool) -> Markup:
    return (Markup('<pre class="tex">{}</pre>') if display else Markup('<span class="tex">{}</span>')).format(tex)


def _mathml(tex: str, *, display: bool) -> Markup | None:
    from latex2mathml.converter import convert_to_element

    if not {match[2] for match in _ENVIRONMENT.finditer(tex)} <= _SET_AS.keys():
        return None
    prepared = _ROOT_OF_NAMES.sub(r"\\operatorname{arg}", _ENVIRONMENT.sub(_known_environment, tex))
    try:
        return _serialised(convert_to_element(prepared, display="block" if display else "inline"))
    except Exception:  # noqa: BLE001 - the parser raises of many kinds (RecursionError among them) on what is no LaTeX
        return None


def _known_environment(match: re.Match[str]) -> str:
    """The environment by a name that the converter knows; equations are not numbered, as in Jupyter."""
    name = _SET_AS[match[2]]
    return f"\\{match[1]}{{{name}}}" if name else ""


def _serialised(element: Element) -> Markup:
    """The element with known names only; the library's own serialisation leaves `<` in texts as it is."""
    text = clean(html.unescape(element.text or ""))
    variant = element.get("mathvariant", "normal")
    shown = "".join(in_alphabet(letter, variant) for letter in text) if variant != "normal" else text
    inner = Markup().join([escape(shown), *(_serialised(child) + _tail(child) for child in element)])
    tag = _tag(element)
    return Markup("<{0}{1}>{2}</{0}>").format(tag, _attributes(element), inner) if tag in MATHS else inner


def _tag(element: Element) -> str:
    """The element's name; an operator such as `argmin` has its limits below it in a display."""
    base = next(iter(element), None)
    limits = base is not None and base.get("movablelimits") == "true"
    return _WITH_LIMITS.get(element.tag, element.tag) if limits else element.tag


def _attributes(element: Element) -> Markup:
    """Known attributes; of `mathvariant` browsers understand "normal" alone."""
    return Markup().join(
        Markup(' {}="{}"').format(name, clean(_SPACES.get(value, html.unescape(value))))
        for name, value in element.items()
        if name in MATHS_ATTRIBUTES and (name != "mathvariant" or value == "normal")
    )


def _tail(child: Element) -> Markup:
    return escape(clean(html.unescape(child.tail or "")))
