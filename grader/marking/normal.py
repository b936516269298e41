"""Answers as far as they differ: what is left of code and text when how it is written counts for nothing."""

from __future__ import annotations

import io
import re
import tokenize
import unicodedata

_LEFT_OUT = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER})
_STRING = re.compile(r"(?s)([A-Za-z]*)('''|\"\"\"|'|\")(.*)\2\Z")
_MATHEMATICS = re.compile(r"(\$[^$]+\$)")
_RAISED = {"<super>": "^", "<sub>": "_"}
_LAST = ".,;:"
_LONGEST = 50_000


def normal_code(source: str) -> str:
    """Code without comments, blank lines, blanks and the choice of quotes; names stay as they are.

    What Python cannot read loses blanks alone.
    """
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source[:_LONGEST]).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return "\n".join(" ".join(line.split()) for line in source.splitlines() if line.strip())
    return " ".join(_token(token.type, token.string) for token in tokens if token.type not in _LEFT_OUT).strip()


def normal_text(source: str) -> str:
    """Text without capitals, line breaks, needless blanks, quotes around it and a stop at its end.

    Capitals within formulas count; a raised or lowered sign is written out (x² as x^2), for it is not the sign itself.
    """
    plain = unicodedata.normalize("NFKC", "".join(_spelled(sign) for sign in source[:_LONGEST]))
    folded = (piece if piece.startswith("$") else piece.casefold() for piece in _MATHEMATICS.split(plain))
    words = " ".join("".join(folded).split())
    return _unquoted(words.rstrip(_LAST).rstrip())


def _token(kind: int, text: str) -> str:
    match kind:
        case tokenize.NEWLINE:
            return "\n"
        case tokenize.INDENT:
            return "\x02"
        case tokenize.DEDENT:
            return "\x03"
        case tokenize.STRING:
            return _string(text)
    return text


def _string(text: str) -> str:
    """A string with double quotes, where that changes nothing of what it says."""
    found = _STRING.match(text)
    if found is None:
        return text
    prefix, quote, body = found[1].lower(), found[2], found[3]
    if any(sign in body for sign in "\\'\"\n"):
        return f"{prefix}{quote}{body}{quote}"
    return f'{prefix.replace("u", "")}"{body}"'


def _spelled(sign: str) -> str:
    if sign.isascii():
        return sign
    kind, _, rest = unicodedata.decomposition(sign).partition(" ")
    return f"{_RAISED[kind]}{unicodedata.normalize('NFKC', sign)}" if kind in _RAISED and rest else sign


def _unquoted(text: str) -> str:
    for quote in "\"'":
        if len(text) > 1 and text[0] == text[-1] == quote and quote not in text[1:-1]:
            return text[1:-1].strip().rstrip(_LAST).rstrip()
    return text
