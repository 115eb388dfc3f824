"""Many sessions on the same mailboxes never contradict themselves, nor the mailbox (see `tests.stress.imap`)."""

import asyncio

import pytest

from tests.kit.provider import PASSWORD
from tests.kit.server import serving
from tests.stress.imap import Account, stress


@pytest.mark.rfc("9051 §7.5.1", "MUST")
@pytest.mark.parametrize("seed", [1, 2])
def test_sessions_agree_with_the_mailbox(seed: int) -> None:
    with serving("imap") as server:
        account = Account("127.0.0.1", server.ports["imap"], "u0", PASSWORD)
        sent = asyncio.run(stress([account], clients=7, steps=80, seed=seed))
    assert sent > 500
