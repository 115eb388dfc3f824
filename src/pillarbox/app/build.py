"""How this installation was built: pure Python, or with compiled modules (decision 0032)."""

from types import ModuleType
from typing import Final

from pillarbox.mail import slices


def is_compiled(module: ModuleType) -> bool:
    """Whether a module is a library of the machine instead of Python source."""
    return not (module.__file__ or "").endswith((".py", ".pyc"))


COMPILED: Final = is_compiled(slices)
"""A wheel has all of its compiled modules or none, so one tells of all: one that loads nothing else."""
