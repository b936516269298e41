"""What in a student's cells reaches for the tests: their frames, their source, or the machinery that runs them.

Reading what a cell says proves nothing: a course about debuggers has honest reasons for all of this. It finds what no
failing twin can see, a value copied out of the caller's frame. Each finding is a flag with cell, line and what it does.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from grader.model import Flag
from grader.notebook.metadata import meta_of, source_of
from grader.notebook.syntax import LONGEST, parsed
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from grader.model import Notebook

_FRAMES = "looks into the frames of whoever calls it"
_TRACES = "watches the execution of other code"
_MEMORY = "searches the memory of the whole process"
_LINES = "reads the source of code that was run"
_RAW = "reaches past Python into the process"
_SHELL = "reaches into what runs the cells"
_BUILTINS = "changes Python's builtins"
_LIBRARY = "puts a function of its own in a library"
_EQUAL = "makes an object that equals everything"
_PROCESS = "looks at the process from outside"
_TOO_LONG = "is too long to be looked through"

_ATTRIBUTES = {
    **dict.fromkeys(("_getframe", "_current_frames", "f_back", "f_locals", "f_globals", "tb_frame"), _FRAMES),
    **dict.fromkeys(("settrace", "setprofile", "settrace_all_threads"), _TRACES),
    **dict.fromkeys(("get_objects", "get_referrers", "get_referents"), _MEMORY),
    **dict.fromkeys(
        (
            "_showtraceback",
            "ast_transformers",
            "history_manager",
            "input_transformer_manager",
            "input_transformers_cleanup",
            "input_transformers_post",
            "iopub_socket",
            "run_ast_nodes",
            "run_cell_async",
            "run_code",
            "send_response",
            "set_custom_exc",
            "showtraceback",
        ),
        _SHELL,
    ),
}
_OF_MODULES = {
    "inspect": (frozenset({"stack", "trace", "getouterframes", "getinnerframes", "getargvalues"}), _FRAMES),
}
_MODULES = {"linecache": _LINES, "ctypes": _RAW, "_ctypes": _RAW}
_OF_SHELL = frozenset({"kernel", "run_cell", "compile", "displayhook", "display_pub", "user_ns", "user_global_ns"})
_PATHS = re.compile(r"/proc/(self|\d+|\[|\*|\{)|history\.sqlite")
_MAGIC = re.compile(r"^(\s*)(%{1,2}|!|\?)")
_MOST = 20


@dataclass(frozen=True, slots=True)
class _Finding:
    line: int
    does: str


def scan(notebook: Notebook) -> tuple[Flag, ...]:
    """Flags for what the student's own code in a rebuilt notebook reaches for, one for each cell and kind."""
    flags = (flag for index, cell in enumerate(notebook["cells"]) for flag in _of_cell(index, cell))
    return tuple(islice(flags, _MOST))


def _of_cell(index: int, cell: Mapping[str, Any]) -> Iterator[Flag]:
    meta = meta_of(cell)
    if cell["cell_type"] != "code" or (meta is not None and meta.fixed):
        return
    source = source_of(cell).replace("\r\n", "\n").replace("\r", "\n")  # so that lines are those of the parser
    lines = source.split("\n")
    found: dict[str, list[int]] = {}
    for finding in _findings(source):
        found.setdefault(finding.does, []).append(finding.line)
    for does, numbers in found.items():
        place = f"Cell {index + 1}, line {min(numbers)},"
        told = "\n".join(f"line {n}: {escape(lines[n - 1].strip())}" for n in sorted(set(numbers))[:5])
        yield Flag("reaches-out", f"{place} {does}; see what for.", meta.grade_id if meta else None, told)


def _findings(source: str) -> Iterator[_Finding]:
    if len(source) > LONGEST:
        yield _Finding(1, _TOO_LONG)
        return
    tree = parsed(_without_magics(source))
    if tree is None:
        return
    names = _Names.of(tree)
    for node in ast.walk(tree):
        yield from _in_node(node, names)


@dataclass(frozen=True, slots=True)
class _Names:
    """What a cell calls modules, the shell and functions of its own."""

    modules: dict[str, str]
    shells: frozenset[str]
    functions: frozenset[str]

    @classmethod
    def of(cls, tree: ast.Module) -> _Names:
        modules, shells, functions = {"builtins": "builtins", "__builtins__": "builtins"}, set(), set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules |= {alias.asname or alias.name.partition(".")[0]: alias.name for alias in node.names}
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions.add(node.name)
            elif isinstance(node, ast.Assign) and _is_shell(node.value, frozenset()):
                shells |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        return cls(modules, frozenset(shells), frozenset(functions))


def _in_node(node: ast.AST, names: _Names) -> Iterator[_Finding]:
    match node:
        case ast.Import() | ast.ImportFrom():
            yield from _import(node)
        case ast.Attribute():
            yield from _attribute(node, names)
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _patch(target, value, names)
        case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id=name), attribute, value]) if name in names.modules:
            named = attribute.value if isinstance(attribute, ast.Constant) else ""
            yield from _patch(ast.Attribute(ast.Name(name), str(named), lineno=node.lineno), value, names)
        case ast.ClassDef(body=body):
            yield from (_Finding(item.lineno, _EQUAL) for item in body if _always_equal(item))
        case ast.Constant(value=str(text)) if _PATHS.search(text):
            yield _Finding(node.lineno, _PROCESS)


def _import(node: ast.Import | ast.ImportFrom) -> Iterator[_Finding]:
    imported = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    for name in imported:
        if (module := name.partition(".")[0]) in _MODULES:
            yield _Finding(node.lineno, _MODULES[module])
    if isinstance(node, ast.ImportFrom):
        telling, does = _OF_MODULES.get(node.module or "", (frozenset(_ATTRIBUTES), ""))
        for alias in node.names:
            if alias.name in telling:
                yield _Finding(node.lineno, does or _ATTRIBUTES[alias.name])


def _attribute(node: ast.Attribute, names: _Names) -> Iterator[_Finding]:
    if node.attr in _ATTRIBUTES:
        yield _Finding(node.lineno, _ATTRIBUTES[node.attr])
    if isinstance(node.value, ast.Name):
        telling, does = _OF_MODULES.get(names.modules.get(node.value.id, ""), (frozenset(), ""))
        if node.attr in telling:
            yield _Finding(node.lineno, does)
    if node.attr in _OF_SHELL and _is_shell(node.value, names.shells):
        yield _Finding(node.lineno, _SHELL)


def _patch(target: ast.expr, value: ast.expr, names: _Names) -> Iterator[_Finding]:
    """A function of the cell's own, or a lambda, in the place of a module's; of builtins, anything at all."""
    if not isinstance(target, ast.Attribute):
        return
    owner = target.value
    while isinstance(owner, ast.Attribute):
        owner = owner.value
    module = names.modules.get(owner.id) if isinstance(owner, ast.Name) else None
    if module == "builtins":
        yield _Finding(target.lineno, _BUILTINS)
    elif module is not None and (
        isinstance(value, ast.Lambda)
        or target.attr.startswith("assert")
        or (isinstance(value, ast.Name) and value.id in names.functions)
    ):
        yield _Finding(target.lineno, _LIBRARY)


def _is_shell(node: ast.expr, shells: frozenset[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in shells
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "get_ipython"


def _always_equal(item: ast.stmt) -> bool:
    match item:
        case ast.FunctionDef(name="__eq__", body=[*_, ast.Return(value=ast.Constant(value=True))]):
            return len(item.body) <= 2  # a docstring may stand before it
        case ast.Assign(targets=[ast.Name(id="__eq__")], value=ast.Lambda(body=ast.Constant(value=True))):
            return True
    return False


def _without_magics(source: str) -> str:
    """Python for the parser: lines that IPython alone understands say `pass`, and so does a cell magic's whole cell."""
    lines = source.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not first.startswith(("%%time", "%%timeit", "%%capture", "%%prun")):
        return ""
    return "\n".join(f"{match[1]}pass" if (match := _MAGIC.match(line)) else line for line in lines)
