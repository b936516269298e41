"""The frame of a page: templates extend `base.html.jinja` and fill its blocks `title` and `body`."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup

from grader.page.plain import clean, clean_line, href, points, show_directions

if TYPE_CHECKING:
    from jinja2 import Environment

_SHARED = "grader.page"
_ROOT = re.compile(r":root \{(.*?)\}", re.DOTALL)
_COLOUR = re.compile(r"--([a-z]+): (#[0-9a-f]+)")


@lru_cache
def environment(package: str) -> Environment:
    """The templates of a package: its own before the shared ones, its `style.css` after the shared one.

    Everything is escaped; the only style that the page's policy allows is this one.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader(_SHARED)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "points": points,
        "line": clean_line,
        "clean": clean,
        "href": href,
        "show_directions": show_directions,
    }
    style = "\n".join(style_sheet(name) for name in (_SHARED, package))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    made.globals |= {"style": Markup(style), "style_digest": digest}  # noqa: S704 - our own files
    return made


@lru_cache(maxsize=1)
def palettes() -> Mapping[str, Mapping[str, str]]:
    """The colours of the shared style sheet by name, for each of the themes `light`, `dark` and `print`.

    Of several names for one colour in the light theme, the first stands, in all themes.
    """
    sheets = (dict(_COLOUR.findall(root)) for root in _ROOT.findall(style_sheet(_SHARED)))
    themes = dict(zip(("light", "dark", "print"), sheets, strict=True))
    names = {colour: name for name, colour in reversed(themes["light"].items())}.values()
    return {theme: {name: colours[name] for name in names} for theme, colours in themes.items()}


def theme_rules() -> str:
    """Rules by which `data-theme` on the root element chooses a theme, whatever the reader's system prefers."""
    light, dark, _ = _ROOT.findall(style_sheet(_SHARED))
    roots = (("light", light), ("dark", dark))
    return "\n".join(f':root[data-theme="{name}"] {{{root}color-scheme: {name}; }}' for name, root in roots)


def style_sheet(package: str) -> str:
    """The style sheet of a package's pages, without those that it builds on."""
    return files(package).joinpath("templates", "style.css").read_text(encoding="utf-8")
