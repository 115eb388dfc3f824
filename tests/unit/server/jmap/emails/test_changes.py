"""Email/changes (RFC 8621 §4.3), and emails with so many changes or messages that they are read in threads."""

import pytest

from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.store import flags, placements
from pillarbox.store.flags import Mode
from pillarbox.store.logged import IN_LOOP
from pillarbox.world.database import Transaction
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.emails import box, box_number, called, delivered, failed, get, state


@pytest.mark.rfc("8620 §5.2", "MUST")
def test_more_than_is_read_in_the_loop() -> None:
    async def test(client: JmapClient) -> None:
        await delivered(client)
        since = await state(client)
        emails = [await delivered(client) for _ in range(IN_LOOP.rows + 10)]
        said = await called(client, "Email/changes", sinceState=since)
        assert said["created"] == emails
        assert said["newState"] == await state(client)
        assert not said["hasMoreChanges"]

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.2", "MUST")
@pytest.mark.parametrize("since", ["", "x", "-1", "01", "999999", "1.2", "1.2.3.4", "1e3", " 1", "1" * 900])
def test_states_that_there_are_not(since: str) -> None:
    async def test(client: JmapClient) -> None:
        await delivered(client)
        assert (await failed(client, "Email/changes", sinceState=since))["type"] == "cannotCalculateChanges"

    run_with_jmap(test)


def test_an_email_that_imap_has_copied_very_often() -> None:
    def copy(tx: Transaction, client: JmapClient, inbox: MailboxId) -> None:
        for _ in range(11):  # each time twice as many
            placements.copy(tx, client.account.id, inbox, EVERYTHING, to=inbox, now_ms=1)

    def flag(tx: Transaction, client: JmapClient, inbox: MailboxId) -> None:
        first = NumberSet(((1, 1),))
        flags.alter(tx, client.account.id, inbox, first, mode=Mode.ADD, flags=flag_text.SEEN)

    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        database, inbox = client.provider.world.database, box_number(client)
        await database.write(copy, client, inbox)
        assert client.provider.messages(0) == 2**11
        since = await state(client)
        await database.write(flag, client, inbox)
        assert (await called(client, "Email/changes", sinceState=since))["updated"] == [email]
        (found,) = await get(client, email)
        assert (found["mailboxIds"], found["keywords"]) == ({box(client): True}, {"$seen": True})
        archive = {box(client, "Archive"): True}
        said = await called(client, "Email/set", update={email: {"mailboxIds": archive}})
        assert said["updated"] == {email: None}
        assert client.provider.messages(0) == 0
        assert client.provider.messages(0, mailbox="Archive") == 1
        assert (await called(client, "Email/set", destroy=[email]))["destroyed"] == [email]

    run_with_jmap(test)
