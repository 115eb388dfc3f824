"""Three demos that all tests of a run share, each test with people of its own.

`house` asks for TLS before passwords; `plain_house` does not; `busy_house` has two workers. `anywhere` is
each of them in turn.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.demo import PASSWORD, USERS, Demo, demo

CROWD = ("--users", str(USERS), "--password", PASSWORD)


def _running(factory: pytest.TempPathFactory, name: str, *options: str) -> Iterator[Demo]:
    folder = factory.mktemp(name)
    with demo(folder, "--dir", folder / "data", *CROWD, *options) as running:
        yield running
        assert running.process.poll() is None, "it ended by itself"
    said = running.log()
    assert "Traceback" not in said, said
    assert "session failed" not in said, said
    assert running.process.returncode == 0, said


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    yield from _running(tmp_path_factory, "house")


@pytest.fixture(scope="session")
def plain_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    yield from _running(tmp_path_factory, "plain", "--plain")


@pytest.fixture(scope="session")
def busy_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    yield from _running(tmp_path_factory, "busy", "--plain", "--workers", "2")


@pytest.fixture(params=["house", "plain_house", "busy_house"])
def anywhere(request: pytest.FixtureRequest) -> Demo:
    found: Demo = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory for clients that want one."""
    made = tmp_path / "home"
    made.mkdir(mode=0o700)
    return made
