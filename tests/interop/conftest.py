"""Three demos that all tests of a run share, each test with people of its own.

`provider` asks for TLS before passwords; `plain_provider` does not; `busy_provider` has two workers. `any_provider` is
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
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    yield from _running(tmp_path_factory, "provider")


@pytest.fixture(scope="session")
def plain_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    yield from _running(tmp_path_factory, "plain", "--plain")


@pytest.fixture(scope="session")
def busy_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    yield from _running(tmp_path_factory, "busy", "--plain", "--workers", "2")


@pytest.fixture(params=["provider", "plain_provider", "busy_provider"])
def any_provider(request: pytest.FixtureRequest) -> Demo:
    found: Demo = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory for clients that want one."""
    made = tmp_path / "home"
    made.mkdir(mode=0o700)
    return made
