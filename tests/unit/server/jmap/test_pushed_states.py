"""Which states change, and so are pushed, when something is sent or set (RFC 8620 §7.1)."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from pillarbox.directory import accounts
from pillarbox.server.jmap import pushed_states
from pillarbox.server.jmap.watching import Watch
from pillarbox.world.clock import VirtualClock
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.submitting import FRIEND, cancel, envelope, own_identity, store, submit
from tests.kit.stored_mail import NOW_MS


@pytest.mark.rfc("8620 §7.1", "MUST")
def test_what_is_sent_or_set_is_pushed_with_the_state_that_get_says() -> None:
    async def test(client: JmapClient) -> None:
        told: asyncio.Queue[Mapping[str, str]] = asyncio.Queue()
        identity, email = await own_identity(client), await store(client)
        watch = Watch(
            client.provider.world, client.account.id, None, "", lambda changed, _: told.put_nowait(changed)
        )
        await asyncio.sleep(0)
        while watch._running is not None:
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
