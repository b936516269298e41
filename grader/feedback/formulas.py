r"""Formulas in Markdown, where Jupyter sees them: `$…$`, `$$…$$`, `\\(…\\)`, `\\[…\\]` and LaTeX environments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from grader.feedback.mathematics import formula

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token
    from markdown_it.utils import OptionsDict

_ENVIRONMENTS = (
    "align|aligned|alignat|array|[bpvBV]?matrix|cases|eqnarray|equation|flalign|gather|gathered|multline|split"
)
_INLINE = re.compile(
    r"\$\$(?P<display>(?:[^$\\]|\\.)+?)\$\$"
    r"|\$(?P<text>(?!\s)(?:[^$\\]|\\.)+?(?<!\s))\$(?!\d)"
    r"|\\\\\((?P<round>.{1,2000}?)\\\\\)"
    r"|\\\\\[(?P<square>.{1,4000}?)\\\\\]"
    rf"|(?P<environment>\\begin\{{(?P<name>(?:{_ENVIRONMENTS})\*?)\}}.{{1,4000}}?\\end\{{(?P=name)\}})",
    re.DOTALL,
)
_OPENS_BLOCK = re.compile(rf"(?P<dollars>\$\$)|\\begin\{{(?P<name>(?:{_ENVIRONMENTS})\*?)\}}")
_MOST_LINES = 200


def add_formulas(parser: MarkdownIt) -> None:
    """Teach a parser the formulas of Jupyter's Markdown."""
    parser.inline.ruler.before("escape", "formula", _inline)
    parser.block.ruler.before("fence", "formula", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.add_render_rule("formula", _render)


def _render(
    _self: RendererHTML, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: MutableMapping[str, Any]
) -> str:
    token = tokens[index]
    return str(formula(token.content, display=bool(token.meta["display"])))


def _inline(state: StateInline, silent: bool) -> bool:
    match = _INLINE.match(state.src, state.pos, state.posMax) if state.src[state.pos] in "$\\" else None
    if match is None:
        return False
    if not silent:
        kind = "environment" if match["environment"] else match.lastgroup or "text"
        token = state.push("formula", "", 0)
        token.content = match[kind]
        token.meta = {"display": kind not in {"text", "round"}}
    state.pos = match.end()
    return True


def _block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """A formula that has its lines to itself; without this rule a `-` or `=` at the start of a line would end it."""
    if state.is_code_block(start_line):
        return False
    begin = state.bMarks[start_line] + state.tShift[start_line]
    opening = _OPENS_BLOCK.match(state.src, begin, state.eMarks[start_line])
    if opening is None:
        return False
    closing = "$$" if opening["dollars"] else f"\\end{{{opening['name']}}}"
    last = _last_line(state, start_line, min(end_line, start_line + _MOST_LINES), closing, opening.end())
    if last is None:
        return False
    if not silent:
        text = state.getLines(start_line, last + 1, state.sCount[start_line], False).strip()
        token = state.push("formula", "", 0)
        token.block = True
        token.content = text.removeprefix("$$").removesuffix("$$") if opening["dollars"] else text
        token.meta = {"display": True}
        token.map = [start_line, last + 1]
        state.line = last + 1
    return True


def _last_line(state: StateBlock, start_line: int, end_line: int, closing: str, search_from: int) -> int | None:
    """The line that ends with `closing`; None when there is none, or when text follows it."""
    for line in range(start_line, end_line):
        if line > start_line and state.sCount[line] < state.blkIndent:
            return None
        found = state.src.find(closing, max(search_from, state.bMarks[line]), state.eMarks[line])
        if found >= 0:
            rest = state.src[found + len(closing) : state.eMarks[line]]
            return None if rest.strip() else line
    return None
