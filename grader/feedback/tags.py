"""Markup spelled out in one way: so that what is counted in it is what every parser finds in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

_RAW = frozenset({"iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"})
"""Elements whose content is no markup to an HTML parser: what looks like a tag there is none."""
_TOKEN = re.compile(
    r"(?P<comment><!--(?:-?>|.*?(?:--!?>|\Z))|<(?:[!?]|/[^a-zA-Z])[^>]*+(?:>|\Z))"
    r"|<(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*+)"
    r"|(?P<text>[^<]++|<)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"[\s/]*+(?P<name>=?[^\s/>=]++)(?:\s*+=\s*+(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^\s>\"'][^\s>]*+)?+))?+"
)
_TAG_END = re.compile(r"[\s/]*+>")


@dataclass(frozen=True, slots=True)
class Token:
    """A tag by its name, or text where there is no name."""

    text: str
    name: str = ""
    end: bool = False


def tokens(html: str, attributes: Mapping[str, AbstractSet[str]]) -> Iterator[Token]:
    """The markup's text and those of its tags that are among `attributes`, each with those of its attributes.

    Left out are all other tags, comments, elements whose content is no markup, and a tag that never ends.
    """
    at = 0
    while match := _TOKEN.match(html, at):
        at = match.end()
        if match["text"]:
            yield Token("&lt;" if match["text"] == "<" else match["text"])
        elif match["name"]:
            name = match["name"].lower()
            allowed = attributes.get(name, frozenset())
            spelled, at = _attributes(html, at, allowed)
            if at < 0 or name == "plaintext":
                return
            if name in _RAW and not match["end"]:
                at = _after_raw(html, at, name)
            elif name in attributes:
                slash = "/" if html[at - 2] == "/" else ""
                yield Token(f"</{name}>" if match["end"] else f"<{name}{spelled}{slash}>", name, bool(match["end"]))


def _attributes(html: str, at: int, allowed: AbstractSet[str]) -> tuple[str, int]:
    """The allowed attributes of a tag, each once, and where the tag ends; -1 where it never does."""
    found: dict[str, str] = {}
    while match := _ATTRIBUTE.match(html, at):
        at = match.end()
        name = match["name"].lower()
        if name in allowed:
            value = match["double"] or match["single"] or match["bare"] or ""
            found.setdefault(name, value.replace('"', "&quot;"))
    end = _TAG_END.match(html, at)
    return "".join(f' {name}="{value}"' for name, value in found.items()), end.end() if end else -1


def _after_raw(html: str, at: int, name: str) -> int:
    """Where an element ends whose content is no markup."""
    end = re.compile(rf"</{name}[\s/>]", re.IGNORECASE).search(html, at)
    return end.start() if end else len(html)
