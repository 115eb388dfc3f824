"""The attacks, a module for each kind; each has its `CASES`."""

import importlib
import pkgutil

from tests.blocking.case import Case


def every_case() -> tuple[Case, ...]:
    """All cases of all modules here, in order of the modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(case for module in modules for case in module.CASES)
