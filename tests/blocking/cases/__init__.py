"""The attacks, a module for each kind; each has its `CASES`."""

import importlib
import pkgutil

from tests.blocking.case import Case


def by_module() -> dict[str, tuple[Case, ...]]:
    """The cases of each module here, in order of the modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}").CASES for name in names}


def every_case() -> tuple[Case, ...]:
    """All cases of all modules here."""
    return tuple(case for cases in by_module().values() for case in cases)
