"""Many sessions on the same mailboxes never contradict themselves, nor the mailbox (see `tests.stress.imap`)."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from tests.kit.provider import PASSWORD
from tests.kit.server import Server, serve
from tests.stress.imap import Account, stress


def let_reads_wait(server: Server, seed: int) -> None:
    """Have each read wait before and after its transaction, as on an engine that is reached by a socket."""
    database, random = server.provider.world.database, Random(seed)

    async def read(verb: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        await asyncio.sleep(random.choice((0, 0, 0.001)))
        found = database.read_now(verb, *arguments, **keywords)
        await asyncio.sleep(random.choice((0, 0, 0.001)))
        return found

    database.read = read  # type: ignore[method-assign]  # on its way to the real one


@pytest.mark.rfc("9051 §7.5.1", "MUST")
@pytest.mark.parametrize(("seed", "reads_wait"), [(1, False), (2, False), (3, True), (4, True)])
def test_sessions_agree_with_the_mailbox(seed: int, reads_wait: bool) -> None:
    with serve("imap") as server:
        if reads_wait:
            let_reads_wait(server, seed)
        account = Account("127.0.0.1", server.ports["imap"], "u0", PASSWORD)
        sent = asyncio.run(stress([account], clients=7, steps=80, seed=seed))
    assert sent > 500
