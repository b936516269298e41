"""`python -m benchmarks.soak [--minutes N | --rounds N] [--short] [--seed N]`: exit status 1 if anything broke."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.soak.course import LONG, SHORT
from benchmarks.soak.rounds import Faults, Round, soak, told


def main() -> int:
    """Play rounds, a line each, and tell the figures."""
    parser = argparse.ArgumentParser(description="Grade under random kills and bombs, and check what has to hold.")
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--short", action="store_true", help="a few bombs instead of all")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    minutes = asked.minutes if asked.minutes or asked.rounds else 30
    played: list[Round] = []
    chosen, faults = SHORT if asked.short else LONG, Faults(seed=asked.seed)
    for one in soak(folder, chosen, faults, minutes=minutes, rounds=asked.rounds):
        played.append(one)
        struck = f"{one.strikes} × {one.kind}" if one.strikes else one.kind
        print(f"round {one.number}: {struck}, {one.runs} runs, {one.seconds:.0f} s", flush=True)
        for line in one.broken:
            print(f"  BROKEN {line}", flush=True)
    print(told(played))
    if any(one.broken for one in played):
        print(f"the course is left in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
