"""Markdown with mathematics, as notebooks write it, to sanitised HTML."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from markupsafe import Markup

from grader.feedback.formulas import add_formulas
from grader.feedback.highlight import highlight
from grader.feedback.images import Picture, picture, picture_from_uri
from grader.feedback.plain import join, remembered, shorten
from grader.feedback.sanitise import sanitise
from grader.page import clean, clean_line

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence

    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import OptionsDict

MAX_LENGTH = 100_000
_MOST_ADDRESSED, _ADDRESSED_BESIDES = 10, 2_000
"""Characters of addresses for a character of a text: one beyond ASCII has nine in an address."""
_MOST_TIMES = 3
"""How often one picture is shown in one text: each time, the page holds all of it."""


def markdown(source: str, attachments: Mapping[str, Any] | None = None) -> Markup:
    """The Markdown as safe HTML: formulas as MathML, attached pictures embedded, remote ones named, never fetched."""
    return _rendered(source, attachments) if attachments else _kept(source)


@remembered(longest=10_000)
def _kept(source: str) -> Markup:
    return _rendered(source, {})


def _rendered(source: str, attachments: Mapping[str, Any]) -> Markup:
    text, left_out = shorten(clean(source), MAX_LENGTH)
    if left_out:
        return Markup("<pre>{}</pre>").format(text)
    parser, env = _parser(), {"attachments": attachments, "shown": Counter[str]()}
    tokens = parser.parse(text, env)
    if sum(map(_addressed, tokens)) > _MOST_ADDRESSED * len(text) + _ADDRESSED_BESIDES:
        return Markup("<pre>{}</pre>").format(text)
    return sanitise(parser.renderer.render(tokens, parser.options, env), otherwise=text)


def _addressed(token: Token) -> int:
    """Characters of the addresses and titles in it; a reference repeats them at each place that names it."""
    own = sum(len(value) for value in token.attrs.values() if isinstance(value, str))
    return own + sum(map(_addressed, token.children or ()))


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    add_formulas(parser)
    parser.add_render_rule("image", _image)
    parser.add_render_rule("fence", _fence)
    parser.add_render_rule("code_block", _fence)
    return parser


def _fence(
    _self: RendererHTML, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: MutableMapping[str, Any]
) -> str:
    token = tokens[index]
    language = token.info.split()[0] if token.info.split() else ""
    return Markup("<pre><code>{}</code></pre>\n").format(highlight(token.content.rstrip("\n"), language))


def _image(
    _self: RendererHTML, tokens: Sequence[Token], index: int, _options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    token = tokens[index]
    address, label = str(token.attrs.get("src", "")), clean_line(token.content)
    attached = address.startswith("attachment:")
    found = None
    if (attached or address.startswith("data:")) and env["shown"][address] < _MOST_TIMES:
        env["shown"][address] += 1
        found = _attached(address, env["attachments"]) if attached else picture_from_uri(address)
    if found is not None:
        return Markup('<img src="{}" alt="{}">').format(found.uri, label)
    where = "" if attached or address.lower().startswith("data:") else f" at {clean_line(address)}"
    text = f"[picture not shown: {label or 'without a description'}{where}]"
    return Markup('<span class="absent-picture">{}</span>').format(text)


def _attached(address: str, attachments: Mapping[str, Any]) -> Picture | None:
    bundle = attachments.get(unquote(address.removeprefix("attachment:")))
    if not isinstance(bundle, dict):
        return None
    return next((found for mime, data in bundle.items() if (found := picture(str(mime), join(data)))), None)
