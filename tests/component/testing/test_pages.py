"""Each Python example of the pages runs as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.paths import ROOT

EXAMPLES = [
    (page, number, block)
    for page in ("docs/testing.md", "README.md")
    for number, block in enumerate(
        re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    )
]
RUN_COROUTINES = """
import asyncio, inspect
def pytest_configure(config):
    config.addinivalue_line("markers", "asyncio: as pytest-asyncio has it")
def pytest_pyfunc_call(pyfuncitem):
    if inspect.iscoroutinefunction(pyfuncitem.obj):
        asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}))
        return True
"""


def test_the_pages_have_examples() -> None:
    assert len(EXAMPLES) == 6


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{page}-{number}" for page, number, _ in EXAMPLES])
def test_an_example_runs_as_it_stands(example: tuple[str, int, str], tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(example[2])
    (tmp_path / "conftest.py").write_text(RUN_COROUTINES)
    of_pytest = [
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "pillarbox.pytest_plugin",
        "-W",
        "error",
    ]
    words = of_pytest if "test_" in example[2] else []
    done = subprocess.run(
        [sys.executable, *words, "test_example.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not words or " passed" in done.stdout
