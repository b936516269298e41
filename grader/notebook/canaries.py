"""Cells that must fail, for the moment after a test has passed: one that does not shows that tests are tampered with.

A test runs in the same process as the code that it tests, which can therefore silence it. It cannot be prevented there,
but it can be seen: what swallows a failing test swallows these twins too, as they fail in the same way. They are

- an assertion of something false, and before it a call that must fail of each helper and comparison that the test uses;
- the test's first assertion, negated or compared with an object that equals nothing. It is evaluated once more for
  that, so by default only where that calls nothing of the student's: drawing from a generator twice would change what
  later tests see.

All carry a word that nobody can know beforehand. They raise flags and never change a score.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.model import Canaries, Flag, ProbeRun, RunStatus
from grader.notebook.metadata import meta_of, source_of
from grader.notebook.syntax import parsed
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grader.model import Executed, Notebook

_MOST_TESTS = 3
"""Test cells of a notebook that are followed by twins, unless all are asked for: tampering lasts."""
_MOST_HELPERS = 3
_ARGUMENTS = {
    "assert_": "False",
    "assert_allclose": "1.0, 2.0",
    "assert_almost_equal": "1.0, 2.0",
    "assert_approx_equal": "1.0, 2.0",
    "assert_array_almost_equal": "[1.0], [2.0]",
    "assert_array_equal": "[1], [2]",
    "assert_array_less": "[2], [1]",
    "assert_equal": "1, 2",
    "assert_string_equal": "'a', 'b'",
    "assertAlmostEqual": "1.0, 2.0",
    "assertEqual": "1, 2",
    "assertFalse": "True",
    "assertTrue": "False",
    "allclose": "1.0, 2.0",
    "array_equal": "[1], [2]",
    "isclose": "1.0, 2.0",
}
"""Of helpers that tests use: arguments with which each must fail or say no."""
_HARMLESS = frozenset(
    {"abs", "all", "any", "bool", "float", "int", "isinstance", "len", "max", "min", "round", "sorted"}
)


@dataclass(frozen=True, slots=True)
class Twin:
    """A cell that must fail with the word that it carries."""

    kind: str
    """In words for whoever looks at the flag."""
    source: str
    word: str
    certain: bool = False
    """Whether no error but its own can come of it; one of a test's own assertion may be of another kind."""


def twins(
    notebook: Notebook, instructor: Notebook, words: Iterator[str], wanted: Canaries
) -> dict[int, tuple[Twin, ...]]:
    """The twins of a notebook's test cells, by the index of the cell that they follow; none where it is not Python."""
    if wanted is Canaries.OFF or not _is_python(instructor):
        return {}
    tests = [
        index
        for index, cell in enumerate(notebook["cells"])
        if cell["cell_type"] == "code" and (meta := meta_of(cell)) is not None and meta.grade and meta.fixed
    ]
    chosen = tests if wanted is Canaries.ALL else _spread(tests)
    return {
        index: tuple(_twins_of(source_of(notebook["cells"][index]), words, calls=wanted is Canaries.ALL))
        for index in chosen
    }


def tampering_seen(executed: Executed, planned: Mapping[int, Sequence[Twin]]) -> tuple[Flag, ...]:
    """A flag for each test cell with a twin that did not fail as it must."""
    flags = []
    for index, runs in executed.probes.items():
        meta = meta_of(executed.notebook["cells"][index])
        silent = [told for twin, run in zip(planned[index], runs, strict=False) if (told := _silent(twin, run))]
        if silent and meta is not None:
            sentence = (
                f"“{escape(meta.grade_id)}” passed, but after it {silent[0]} did not fail as it must: "
                "something changes how tests run, so its points may not be earned."
            )
            told = "\n".join(f"cell {index + 1}: {kind} did not fail" for kind in silent)
            flags.append(Flag("canary", sentence, meta.grade_id, told))
    return tuple(flags)


def _silent(twin: Twin, run: ProbeRun) -> str | None:
    """What did not fail as it must, in words; None where all did, or where its error is about something else."""
    if run.status is not RunStatus.RAISED:
        return twin.kind
    if twin.word in run.replied and twin.word in run.shown:
        helper = run.replied.partition(f"{twin.word}: ")[2]
        return f"{helper} of two different things" if helper in _ARGUMENTS else None
    return twin.kind if twin.certain or twin.word in run.replied else None


def _twins_of(source: str, words: Iterator[str], *, calls: bool) -> Iterator[Twin]:
    tree = parsed(source)
    yield _fixed_twin(_helpers(tree) if tree else [], next(words))
    if tree is None:
        return
    first = next((node for node in tree.body if isinstance(node, ast.Assert)), None)
    if first is not None and (calls or _calls_only(first.test, _HARMLESS)):
        yield from _assertion_twins(first.test, words, calls=calls)


def _fixed_twin(helpers: Sequence[str], word: str) -> Twin:
    """All that needs nothing of the test's but the names of its helpers, in one cell."""
    attempts = [
        f"try:\n    {'' if _last_part(helper).startswith('assert') else 'assert '}"
        f"{helper}({_ARGUMENTS[_last_part(helper)]})\n"
        f'except Exception:\n    pass\nelse:\n    raise AssertionError("{word}: {_last_part(helper)}")'
        for helper in helpers
    ]
    source = "\n".join([*attempts, f'assert False, "{word}"'])
    return Twin("an assertion of something false", source, word, certain=True)


def _last_part(helper: str) -> str:
    return helper.rpartition(".")[2]


def _assertion_twins(test: ast.expr, words: Iterator[str], *, calls: bool) -> Iterator[Twin]:
    word = next(words)
    yield Twin("the test's own assertion, negated,", f'assert not ({ast.unparse(test)}), "{word}"', word)
    if calls and isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq):
        word = next(words)
        yield Twin(
            "a comparison with an object that equals nothing",
            f'assert ({ast.unparse(test.left)}) == object(), "{word}"',
            word,
        )


def _helpers(tree: ast.Module) -> list[str]:
    """The helpers that a test calls, as it writes them, each once."""
    found = [
        ast.unparse(node.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _is_dotted(node.func) and _last_name(node.func) in _ARGUMENTS
    ]
    return list(dict.fromkeys(found))[:_MOST_HELPERS]


def _is_dotted(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _is_dotted(node.value))


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _calls_only(test: ast.expr, harmless: frozenset[str]) -> bool:
    """Whether evaluating it once more runs nothing but these functions."""
    return all(
        isinstance(node.func, ast.Name) and node.func.id in harmless
        for node in ast.walk(test)
        if isinstance(node, ast.Call)
    ) and not any(
        isinstance(node, ast.Await | ast.NamedExpr | ast.Attribute | ast.Subscript) for node in ast.walk(test)
    )


def _spread(tests: Sequence[int]) -> list[int]:
    """The first, the last and some between."""
    if len(tests) <= _MOST_TESTS:
        return list(tests)
    return [tests[round(number * (len(tests) - 1) / (_MOST_TESTS - 1))] for number in range(_MOST_TESTS)]


def _is_python(instructor: Notebook) -> bool:
    metadata: Mapping[str, Any] = instructor["metadata"]
    spec = metadata.get("kernelspec")
    if not isinstance(spec, dict):
        return True
    return str(spec.get("language") or spec.get("name") or "python").lower().startswith("python")
