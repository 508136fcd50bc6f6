"""Worked examples in docstrings: run, and asked for."""

from __future__ import annotations

import doctest
import inspect
from types import ModuleType


def run_examples(module: ModuleType) -> None:
    results = doctest.testmod(module)
    assert results.attempted and not results.failed


def without_example(module: ModuleType) -> list[str]:
    """Public functions and methods of the module that show none."""
    found = {
        test.name.removeprefix(f"{module.__name__}.") for test in doctest.DocTestFinder().find(module) if test.examples
    }
    return [name for name in _public(module) if name not in found]


def _public(module: ModuleType) -> list[str]:
    own = [one for one in vars(module).values() if getattr(one, "__module__", None) == module.__name__]
    names = [one.__name__ for one in own if inspect.isfunction(one) and not one.__name__.startswith("_")]
    classes = [one for one in own if inspect.isclass(one)]
    return names + [
        f"{one.__name__}.{name}"
        for one in classes
        for name, member in vars(one).items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, staticmethod))
    ]
