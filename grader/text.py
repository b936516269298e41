"""Text from students, made safe to show."""

from __future__ import annotations

import unicodedata

_KEPT = {" "}
_DANGEROUS = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def escape(text: object, limit: int = 200) -> str:
    r"""One line of text that no terminal, log or eye can be fooled with.

    Control characters, line breaks, bidirectional marks and surrogates become `\xNN`, `\uNNNN` or `\UNNNNNNNN`;
    what is longer than `limit` ends in an ellipsis.
    """
    whole = str(text)
    shown = whole if len(whole) <= limit else whole[: limit - 1] + "…"
    return "".join(_escaped(character) for character in shown)


def _escaped(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _DANGEROUS:
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
