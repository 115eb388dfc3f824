"""People who read their mail: they flag, copy, move and delete messages, at any time."""

import asyncio
from random import Random

from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.number_set import EVERYTHING
from pillarbox.store import flags, mailboxes, placements
from pillarbox.world.database import DatabaseUnavailable, Transaction
from pillarbox.world.world import World
from tests.simulation.faults import HOUR

_FLAGS = ("\\Seen", "\\Flagged \\Seen", "\\Deleted", "$Forwarded")


async def read_mail(world: World, accounts: list[AccountId], chance: Random, *, visits: int) -> None:
    """Do something, so many times."""
    for _ in range(visits):
        await asyncio.sleep(chance.expovariate(1 / HOUR))
        try:
            now_ms = world.clock.now_ms()
            await world.database.write(_do_something, chance.choice(accounts), chance, now_ms)
        except DatabaseUnavailable:
            pass


def _do_something(tx: Transaction, account: AccountId, chance: Random, now_ms: int) -> None:
    inbox, archive = (mailboxes.by_name(tx, account, name).id for name in ("INBOX", "Archive"))
    match chance.randrange(4):
        case 0:
            flags.alter(tx, account, inbox, EVERYTHING, mode=flags.Mode.ADD, flags=chance.choice(_FLAGS))
        case 1:
            placements.copy(tx, account, inbox, EVERYTHING, to=archive, now_ms=now_ms)
        case 2:
            placements.move(tx, account, inbox, EVERYTHING, to=archive, now_ms=now_ms)
        case _:
            placements.expunge(tx, account, archive, EVERYTHING, deleted_only=False)
