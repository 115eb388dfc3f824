"""Whether the package runs compiled."""

from types import ModuleType

import pytest
from click.testing import CliRunner

from pillarbox import __version__
from pillarbox.app.build import COMPILED, is_compiled
from pillarbox.app.cli import main


@pytest.mark.parametrize(
    ("file", "compiled"),
    [
        ("/opt/pillarbox/mail/header.cpython-311-x86_64-linux-gnu.so", True),
        ("/opt/pillarbox/mail/header.abi3.so", True),
        ("/opt/pillarbox/mail/header.py", False),
        ("/opt/pillarbox/mail/header.pyc", False),
    ],
)
def test_a_compiled_module_is_known_by_its_file(file: str, compiled: bool) -> None:
    module = ModuleType("header")
    module.__file__ = file
    assert is_compiled(module) is compiled


def test_the_version_says_so() -> None:
    shown = CliRunner().invoke(main, ["--version"]).output
    assert shown.startswith("pillarbox (compiled), " if COMPILED else "pillarbox, ")
    assert shown.split()[-1] == __version__
