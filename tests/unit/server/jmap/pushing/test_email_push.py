"""EmailPush: what is told of emails that have come (draft-ietf-jmap-emailpush-03)."""

import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.push import subscriptions
from pillarbox.server.jmap.pushing.email_push import MAX_EMAILS, MAX_RENDERED_OCTETS
from pillarbox.server.jmap.pushing.posting import MAX_MESSAGE_OCTETS
from pillarbox.server.jmap.pushing.sender import PushSender
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.pushing import TAKEN, URL, PushService, change, refusal, settled, verified


def mail(subject: str, *fields: str, body: str = "text\r\n") -> bytes:
    lines = [f"Subject: {subject}", "From: Anna <anna@one.example>", *fields, "", body]
    return "\r\n".join(lines).encode()


def run(test: Callable[[JmapClient, PushService, PushSender], Awaitable[None]]) -> None:
    async def scenario(client: JmapClient) -> None:
        service = PushService()
        sender = service.sender(client)
        await test(client, service, sender)
        await sender.stop()
        assert not client.provider.telemetry.failures

    run_with_jmap(scenario)


async def told_of(
    client: JmapClient, service: PushService, *properties: str, types: Any = (), **config: Any
) -> str:
    """A subscription to emails, verified."""
    return await verified(
        client,
        service,
        keys=service.device.keys,
        types=types if types is None else list(types),
        emailPush={client.account_id: {"properties": list(properties), **config}},
    )


def subjects(service: PushService) -> list[str]:
    return [
        email["subject"]
        for pushed in service.posted
        if pushed.message["@type"] == "EmailPush"
        for email in pushed.message["emails"]
    ]


def test_an_email_is_told_with_the_properties_that_were_named() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await told_of(client, service, "from", "subject", "id", "preview", "mailboxIds", urgency="high")
        await client.provider.deliver(0, mail("hello"))
        said = await service.next()
        await settled(sender)
        _, email = await client.call(
            "Email/get", ids=None, properties=["from", "subject", "preview", "mailboxIds"]
        )
        assert said == {
            "@type": "EmailPush",
            "accountId": client.account_id,
            "state": email["state"],
            "emails": email["list"],
        }
        assert list(said["emails"][0]) == ["from", "subject", "id", "preview", "mailboxIds"]
        assert service.posted[-1].encoding == "aes128gcm"
        assert service.posted[-1].fields["Urgency"] == "high"

    run(test)


def test_the_id_is_told_only_where_it_was_named() -> None:
    async def test(client: JmapClient, service: PushService, _: PushSender) -> None:
        await told_of(client, service, "subject")
        await client.provider.deliver(0, mail("hello"))
        assert (await service.next())["emails"] == [{"subject": "hello"}]

    run(test)


def test_state_changes_are_told_beside_emails_where_types_are_wanted() -> None:
    async def test(client: JmapClient, service: PushService, _: PushSender) -> None:
        await told_of(client, service, "subject", types=["Email"])
        await client.provider.deliver(0, mail("hello"))
        assert (await service.next())["@type"] == "EmailPush"
        said = await service.next()
        assert said["changed"][client.account_id].keys() == {"Email"}

    run(test)


async def inbox(client: JmapClient) -> str:
    _, answer = await client.call("Mailbox/get", ids=None, properties=["role"])
    return next(str(one["id"]) for one in answer["list"] if one["role"] == "inbox")


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        (None, ["plain", "news", "starred", "filed"]),
        ({"inMailbox": "${inbox}"}, ["plain", "news", "starred"]),
        (
            {"operator": "OR", "conditions": [{"inMailbox": "none"}, {"hasKeyword": "$notify"}]},
            ["starred"],
        ),
        ({"subject": "news"}, ["news"]),
        ({"text": "unsubscribe"}, ["news"]),
        ({"operator": "NOT", "conditions": [{"text": "unsubscribe"}]}, ["plain", "starred", "filed"]),
        ({"from": "anna", "hasAttachment": False}, ["plain", "news", "starred", "filed"]),
        ({"someInThreadHaveKeyword": "$flagged"}, ["filed"]),
        ({"minSize": 10_000_000}, []),
    ],
)
def test_only_emails_that_match_are_told(filter_: Any, expected: list[str]) -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        deliver = client.provider.deliver
        await deliver(0, mail("filed", "Message-ID: <old@one.example>"), flags="\\Flagged")
        text = json.dumps(filter_).replace("${inbox}", await inbox(client))
        await told_of(client, service, "subject", filter=json.loads(text))
        await deliver(0, mail("plain"))
        await deliver(0, mail("news", body="To unsubscribe, write.\r\n"))
        await deliver(0, mail("starred"), flags="$notify")
        await deliver(0, mail("filed", "In-Reply-To: <old@one.example>"), mailbox="Archive")
        await settled(sender)
        assert subjects(service) == expected

    run(test)


def test_drafts_are_not_delivered() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await told_of(client, service, "subject")
        await client.provider.deliver(0, mail("draft"), flags="\\Draft", mailbox="Drafts")
        await settled(sender)
        await client.provider.deliver(0, mail("mail"))
        await settled(sender)
        assert subjects(service) == ["mail"]

    run(test)


def test_what_came_before_is_not_told() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await client.provider.deliver(0, mail("before"))
        id_ = await verified(client, service, keys=service.device.keys, types=[])
        await client.provider.deliver(0, mail("not asked for yet"))
        await settled(sender)
        await change(client, id_, emailPush={client.account_id: {"properties": ["subject"]}})
        await settled(sender)
        await client.provider.deliver(0, mail("after"))
        await settled(sender)
        assert subjects(service) == ["after"]
        assert await change(client, id_, emailPush=None) is None
        await client.provider.deliver(0, mail("not asked for any more"))
        await settled(sender)
        assert subjects(service) == ["after"]

    run(test)


def test_a_change_of_the_filter_tells_nothing_twice() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        id_ = await told_of(client, service, "subject")
        await client.provider.deliver(0, mail("one"))
        await settled(sender)
        await change(client, id_, **{f"emailPush/{client.account_id}/filter": {"subject": "o"}})
        await settled(sender)
        assert subjects(service) == ["one"]

    run(test)


def test_what_came_while_nobody_looked_is_told_together_the_newest_of_it() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await told_of(client, service, "subject")
        await sender.stop()
        for number in range(MAX_EMAILS + 3):
            await client.provider.deliver(0, mail(f"mail {number}"))
        again = service.sender(client)
        await settled(again)
        await again.stop()
        assert subjects(service) == [f"mail {number}" for number in range(3, MAX_EMAILS + 3)]
        assert len(service.posted) == 2, "the code, and all of them"
        final = service.sender(client)
        await settled(final)
        await final.stop()
        assert len(service.posted) == 2, "not once more"

    run(test)


# --- room


def test_properties_that_do_not_fit_are_left_out_in_their_order() -> None:
    async def test(client: JmapClient, service: PushService, _: PushSender) -> None:
        await told_of(client, service, "id", "subject", "header:X-Long:asText", "preview", "size")
        long = "\r\n ".join(["x" * 70] * 60)
        await client.provider.deliver(0, mail("hello", f"X-Long: {long}"))
        (email,) = (await service.next())["emails"]
        assert list(email) == ["id", "subject", "preview", "size"]

    run(test)


def test_emails_are_split_into_as_many_messages_as_they_need() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await told_of(client, service, "subject")
        await sender.stop()
        for number in range(9):
            await client.provider.deliver(0, mail(f"{number}" + " long" * 180))
        again = service.sender(client)
        await settled(again)
        await again.stop()
        pushed = [one.message for one in service.posted if one.message["@type"] == "EmailPush"]
        assert 2 <= len(pushed) <= 4
        assert [subject[0] for subject in subjects(service)] == list("012345678")
        assert all(len(json.dumps(one)) <= MAX_MESSAGE_OCTETS + 100 for one in pushed)

    run(test)


def test_of_a_long_message_what_needs_all_of_it_is_left_out() -> None:
    async def test(client: JmapClient, service: PushService, _: PushSender) -> None:
        await told_of(client, service, "subject", "textBody", "attachments", "headers", "size")
        await client.provider.deliver(0, mail("short"))
        (short,) = (await service.next())["emails"]
        assert short.keys() == {"subject", "textBody", "attachments", "headers", "size"}
        await client.provider.deliver(0, mail("long", body="x" * MAX_RENDERED_OCTETS))
        (long,) = (await service.next())["emails"]
        assert (long["subject"], long.keys()) == ("long", {"subject", "headers", "size"})

    run(test)


def test_what_is_too_large_for_a_push_service_is_left_out_and_the_next_is_told() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await told_of(client, service, "subject")
        service.answers[URL] = deque([refusal(413), TAKEN])
        await client.provider.deliver(0, mail("one"))
        await settled(sender)
        await client.provider.deliver(0, mail("two"))
        await settled(sender)
        assert subjects(service) == ["one", "two"]

    run(test)


def test_what_was_taken_of_several_messages_is_not_sent_again() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await told_of(client, service, "subject")
        await sender.stop()
        for number in range(6):
            await client.provider.deliver(0, mail(f"{number}" + " long" * 180))
        service.answers[URL] = deque([TAKEN, refusal(503)])
        again = service.sender(client)
        await settled(again)
        await again.stop()
        service.answers.clear()
        read = client.provider.world.database.read_now
        (one,) = read(subscriptions.of_account, client.account.id, now_ms=0)
        assert one.failures == 1
        await client.provider.world.database.write(
            lambda tx: tx.execute("UPDATE push_subscriptions SET retry_at_ms = 0")
        )
        final = service.sender(client)
        await settled(final)
        await final.stop()
        taken = [pushed.message["emails"][0]["subject"][0] for pushed in service.posted[1:]]
        first, refused, *others = taken
        assert first == "0"
        assert others[0] == refused, "it goes on with what was refused"

    run(test)


def test_an_email_that_is_gone_again_is_not_told() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await told_of(client, service, "subject")
        await sender.stop()
        await client.provider.deliver(0, mail("gone"))
        await client.provider.expunge(0)
        await client.provider.deliver(0, mail("there"))
        again = service.sender(client)
        await settled(again)
        await again.stop()
        assert subjects(service) == ["there"]

    run(test)
