"""Sessions on a real store: what transcripts cannot show easily (large mail, time, failures, many messages)."""

import asyncio
from pathlib import Path

from tests.kit.pop3.client import Pop3Client
from tests.kit.provider import open_provider

MESSAGE = b"Subject: hi\r\n\r\n.dot\r\nlast\r\n"


def test_the_lease_is_seen_by_other_processes(tmp_path: Path) -> None:
    async def play() -> None:
        here, there = await open_provider(tmp_path), await open_provider(tmp_path)
        await here.deliver(0, MESSAGE)
        one, two = Pop3Client(here), Pop3Client(there)
        await one.log_in()
        await one.send(b"DELE 1")
        assert (await two.log_in()).startswith(b"-ERR [IN-USE]")
        await one.send(b"QUIT")
        assert (await two.log_in()).startswith(b"+OK 0")
        await here.close()
        await there.close()

    asyncio.run(play())
