"""Random numbers that depend on the submission alone: the same submission draws the same ones, whatever ran before."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import random
import sys
from collections.abc import Callable, Sequence
from types import ModuleType


def _seed_numpy(module: ModuleType, seed: int) -> None:
    module.seed(seed % 2**32)


def _seed_torch(module: ModuleType, seed: int) -> None:
    module.manual_seed(seed)


_SEEDERS: dict[str, Callable[[ModuleType, int], None]] = {"numpy.random": _seed_numpy, "torch": _seed_torch}


def seed_everything(seed: int) -> None:
    """Seed `random`, numpy's and torch's global generators; those not imported yet as soon as they are."""
    random.seed(seed)
    for name, seeder in _SEEDERS.items():
        if name in sys.modules:
            seeder(sys.modules[name], seed)
    missing = {name for name in _SEEDERS if name not in sys.modules}
    if missing:
        sys.meta_path.insert(0, _SeedOnImport(missing, seed))


class _SeedOnImport(importlib.abc.MetaPathFinder):
    """Finds nothing by itself: it lets the others find a module, and has it seeded when it is loaded."""

    def __init__(self, missing: set[str], seed: int) -> None:
        self._missing = missing
        self._seed = seed

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Wrap the loader of the modules that are waited for."""
        if fullname not in self._missing:
            return None
        self._missing.discard(fullname)
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    _seed_after_loading(spec.loader, fullname, self._seed)
                return spec
        return None


def _seed_after_loading(loader: object, name: str, seed: int) -> None:
    load = loader.exec_module  # type: ignore[attr-defined]

    def load_and_seed(module: ModuleType) -> None:
        load(module)
        _SEEDERS[name](module, seed)

    loader.exec_module = load_and_seed  # type: ignore[attr-defined]
