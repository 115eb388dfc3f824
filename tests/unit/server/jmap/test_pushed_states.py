"""Which states change, and so are pushed, when something is sent or set (RFC 8620 §7.1)."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

import pytest

from pillarbox.directory import accounts
from pillarbox.server.jmap import pushed_states
from pillarbox.server.jmap.watching import TOLD_AT_ONCE, Watches
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Database
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.submitting import FRIEND, cancel, envelope, own_identity, store, submit
from tests.kit.stored_mail import NOW_MS


@pytest.mark.rfc("8620 §7.1", "MUST")
def test_what_is_sent_or_set_is_pushed_with_the_state_that_get_says() -> None:
    async def test(client: JmapClient) -> None:
        told: asyncio.Queue[Mapping[str, str]] = asyncio.Queue()
        identity, email = await own_identity(client), await store(client)
        watches = Watches(client.provider.world)
        watch = watches.watch(client.account.id, None, "", lambda changed, _: told.put_nowait(changed))
        await asyncio.sleep(0)
        while not watch.is_settled:
            await asyncio.sleep(0)

        async def pushed(kind: str) -> None:
            changed = await asyncio.wait_for(told.get(), 10)
            _, said = await client.call(f"{kind}/get", ids=[])
            assert changed == {kind: said["state"]}

        held = await submit(client, email, envelope=envelope(FRIEND, HOLDFOR="60"))
        await pushed("EmailSubmission")
        assert await cancel(client, held["id"]) is None
        await pushed("EmailSubmission")
        await client.call("Identity/set", update={identity: {"name": "Anna"}})
        await pushed("Identity")
        await client.call("VacationResponse/set", update={"singleton": {"isEnabled": True}})
        await pushed("VacationResponse")
        await client.call("AddressBook/set", create={"b": {"name": "Work"}})
        await pushed("AddressBook")
        await client.call("ContactCard/set", create={"c": {"addressBookIds": {"D2": True}}})
        await pushed("ContactCard")
        watch.end()

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


class Counted:
    """A database that counts what is read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads = 0

    async def read(self, *arguments: Any) -> Any:
        self.reads += 1
        return await self._database.read(*arguments)


def test_an_account_is_read_once_for_all_who_watch_it_and_they_are_told_in_turns() -> None:
    async def test(client: JmapClient) -> None:
        world = client.provider.world
        counted = Counted(world.database)
        watches = Watches(dataclasses.replace(world, database=cast("Database", counted)))
        turn, told = 0, Counter[int]()
        everybody = [
            watches.watch(client.account.id, None, "", lambda _, __: told.update([turn])) for _ in range(100)
        ]

        async def count_turns() -> None:
            nonlocal turn
            while True:
                turn += 1
                await asyncio.sleep(0)

        async def settled() -> None:
            await asyncio.sleep(0)
            while not everybody[-1].is_settled:
                await asyncio.sleep(0)

        turns = asyncio.create_task(count_turns())
        await settled()
        assert (counted.reads, told.total()) == (1, 0)
        await client.call("VacationResponse/set", update={"singleton": {"isEnabled": True}})
        await settled()
        assert counted.reads <= 3
        assert told.total() == len(everybody)
        assert max(told.values()) <= TOLD_AT_ONCE
        late = watches.watch(client.account.id, None, "VacationResponse=0", lambda _, __: told.update([-1]))
        await settled()
        assert (told[-1], told.total()) == (1, len(everybody) + 1), "the others know it already"
        for watch in (late, *everybody, late):
            watch.end()
        turns.cancel()
        assert not watches._watched
        reads = counted.reads
        await client.call("VacationResponse/set", update={"singleton": {"isEnabled": False}})
        await asyncio.sleep(0)
        assert counted.reads == reads

    run_with_jmap(test)


def test_addresses_are_looked_up_again_where_an_identity_has_changed() -> None:
    async def test(client: JmapClient) -> None:
        database, account = client.provider.world.database, client.account.id
        states, known = await database.read(pushed_states.read, account, None)
        await database.write(accounts.add_address, account, "b@one.example")
        again: Any = await database.read(pushed_states.read, account, known)
        assert again == (states, known)
        await client.call("Identity/set", create={"i": {"email": "b@one.example"}})
        states, known = await database.read(pushed_states.read, account, known)
        _, said = await client.call("Identity/get")
        assert states["Identity"] == known.text == said["state"]

    run_with_jmap(test)
