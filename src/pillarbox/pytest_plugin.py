"""Fixtures for pytest, available once Pillarbox is installed; nothing else is loaded before a test uses one.

A test has mailboxes of its own: what one has left, whether mail, mailboxes or accounts, is gone when the next begins.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pillarbox.testing import AsyncProvider, Provider


@pytest.fixture(scope="session")
def pillarbox_session() -> "Iterator[Provider]":
    """One provider for all tests of the run."""
    from pillarbox.testing import Provider

    with Provider() as provider:
        yield provider


@pytest.fixture
def pillarbox(pillarbox_session: "Provider") -> "Iterator[Provider]":
    """The provider of the run, with its own accounts only, and all mailboxes empty."""
    pillarbox_session.reset()
    yield pillarbox_session
    pillarbox_session.reset()


@pytest.fixture
def pillarbox_async(pillarbox: "Provider") -> "AsyncProvider":
    """The same with coroutines for methods, for tests that are coroutines themselves, whatever runs them."""
    from pillarbox.testing import AsyncProvider

    return AsyncProvider(pillarbox)
