"""Unit tests are pure: a test here that uses a socket, a process or the disk fails. Its place is `tests/component`."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.kit.purity import watching


@contextmanager
def _pure() -> Iterator[None]:
    with watching() as seen:
        yield
    if seen:
        pytest.fail("not a unit test, since it " + ", ".join(dict.fromkeys(seen)), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Fixtures are watched, too."""
    with _pure():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """The test."""
    with _pure():
        return (yield)
