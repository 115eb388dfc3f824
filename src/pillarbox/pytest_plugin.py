"""Fixtures for pytest, available once Pillarbox is installed; nothing else is loaded before a test uses one."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pillarbox.testing.provider import Provider


@pytest.fixture(scope="session")
def pillarbox_session() -> "Iterator[Provider]":
    """One provider for all tests of the run."""
    from pillarbox.testing.provider import Provider

    with Provider() as provider:
        yield provider


@pytest.fixture
def pillarbox(pillarbox_session: "Provider") -> "Provider":
    """The provider of the run, with all mailboxes empty."""
    pillarbox_session.empty()
    return pillarbox_session
