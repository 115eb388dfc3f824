"""What is asked at MAIL, before anybody waits for it: a stranger says MAIL as often as he likes, and leaves."""

import asyncio
from dataclasses import replace
from typing import Any

from pillarbox.delivery import asker
from pillarbox.delivery.checks import sender_domain
from pillarbox.dns import Kind, NoData, Outcome
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.world.resolver import Resolver
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp


class Slow(Resolver):
    """Has names that are never answered."""

    def __init__(self) -> None:
        self.open = 0

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        if name.endswith("slow.example"):
            self.open += 1
            await asyncio.Event().wait()
        return NoData(300)


def test_mail_said_again_and_again_takes_no_more_than_its_share_of_the_look_ups() -> None:
    async def test(provider: SmtpProvider) -> None:
        slow = Slow()
        service = provider.service(Role.MX, world=replace(provider.world, resolver=slow))
        client = provider.client_of(service)
        await client.greet()
        for number in range(150):
            await client.say(f"MAIL FROM:<a@{number}.slow.example>")
            await asyncio.sleep(0)  # it asks, and is cancelled then
            await client.say("RSET")
            await asyncio.sleep(0)
        assert 90 < slow.open <= asker.MAX_EARLY + sender_domain.MAX_EARLY
        other = provider.client_of(service)
        await other.greet()
        assert await other.codes("MAIL FROM:<a@good.example>", "RCPT TO:<anna@one.example>", "DATA") == [
            250,
            250,
            354,
        ]
        assert (await other.say(b"From: a@good.example\r\n\r\nHello\r\n.\r\n")).startswith("250")
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            if "Asker" in repr(task) or "SenderDomains" in repr(task):
                task.cancel()

    run_with_smtp(test)
