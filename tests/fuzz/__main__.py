"""Fuzz one target, or all in turn, for some minutes: `python -m tests.fuzz markup --minutes 10`.

With `atheris` installed the search is guided by coverage; without it, or with `--drawn`, Hypothesis draws inputs until
the time is up. What is found is shown as the input that fails: turn it into a test before you mend it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

ROUND = 500
INSTRUMENTED = ["grader", "latex2mathml", "markdown_it", "openpyxl", "rich", "tarfile", "zipfile"]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", help="one of those in tests/fuzz/targets.py, or `all`")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--drawn", action="store_true", help="do without atheris")
    asked = parser.parse_args()
    guided = None if asked.drawn or asked.target == "all" else _atheris()
    with guided.instrument_imports(include=INSTRUMENTED) if guided else nullcontext():
        from tests.fuzz.targets import TARGETS
    names = list(TARGETS) if asked.target == "all" else [asked.target]
    if unknown := set(names) - set(TARGETS):
        parser.error(f"there is no target {unknown.pop()}; there are {', '.join(TARGETS)}")
    for name in names:
        seconds = 60 * asked.minutes / len(names)
        if guided is not None:
            _guide(guided, TARGETS[name], seconds)  # which ends the process
        sys.stdout.write(f"{name}: {_draw(TARGETS[name], seconds):,} inputs, nothing found\n")
        sys.stdout.flush()


def _atheris() -> Any:
    try:
        import atheris
    except ImportError:
        return None
    return atheris


def _draw(target: Any, seconds: float) -> int:
    """Draw inputs in rounds until time is up; how many there were."""
    from hypothesis import HealthCheck, Phase, given, settings

    end, tried = time.monotonic() + seconds, 0

    def counted(value: Any) -> None:
        nonlocal tried
        tried += 1
        target.check(value)

    chosen = settings(
        max_examples=ROUND,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    while time.monotonic() < end:
        chosen(given(target.inputs)(counted))()
    return tried


def _guide(atheris: Any, target: Any, seconds: float) -> None:
    """Let libFuzzer look for inputs that reach new code: bytes as they are, or those that Hypothesis draws from."""
    from hypothesis import HealthCheck, given, settings

    check = target.check
    if not target.good:
        quiet = settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
        check = quiet(given(target.inputs)(target.check)).hypothesis.fuzz_one_input
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.good):
            Path(corpus, str(number)).write_bytes(seed)
        limits = [f"-max_total_time={seconds:.0f}", "-timeout=60", "-rss_limit_mb=4096", "-max_len=20000"]
        atheris.Setup([sys.argv[0], *limits, "-print_final_stats=1", corpus], lambda data: check(data) and None)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
