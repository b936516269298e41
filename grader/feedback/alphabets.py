"""The mathematical alphabets of Unicode: browsers no longer make them from `mathvariant`."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_STYLES = {
    "bold": ("BOLD",),
    "italic": ("ITALIC",),
    "bold-italic": ("BOLD ITALIC", "BOLD"),
    "double-struck": ("DOUBLE-STRUCK",),
    "script": ("SCRIPT",),
    "bold-script": ("BOLD SCRIPT",),
    "fraktur": ("FRAKTUR", "BLACK-LETTER"),
    "bold-fraktur": ("BOLD FRAKTUR",),
    "sans-serif": ("SANS-SERIF",),
    "bold-sans-serif": ("SANS-SERIF BOLD",),
    "monospace": ("MONOSPACE",),
}
_GENERAL = re.compile(r"\b(?:LATIN|GREEK|LETTER) ")


@lru_cache(maxsize=1024)
def in_alphabet(letter: str, variant: str) -> str:
    """The letter, digit or sign in the alphabet that MathML calls `variant`; itself where there is none."""
    name = _GENERAL.sub("", unicodedata.name(letter, ""))
    for style in _STYLES.get(variant, ()):
        for candidate in (f"MATHEMATICAL {style} {name}", f"{style} {name}"):
            try:
                return unicodedata.lookup(candidate)
            except KeyError:
                continue
    return letter
