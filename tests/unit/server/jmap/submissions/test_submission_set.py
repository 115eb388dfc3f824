"""EmailSubmission/set: what is sent, why not, undoing it, and what becomes of the email (RFC 8621 §7.5)."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from pillarbox.config.sections.limits import Limits
from pillarbox.directory import accounts, aliases, groups
from pillarbox.protocol.jmap.capabilities import SUBMISSION
from pillarbox.protocol.jmap.errors import MethodError
from pillarbox.queue.scheduled import MAX_HOLD_S
from pillarbox.server.jmap.service import JmapService
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import DatabaseUnavailable
from tests.kit.jmap.client import BASE_URL, JmapClient, run_with_jmap
from tests.kit.jmap.submitting import (
    DRAFTS,
    FRIEND,
    EmailSets,
    cancel,
    envelope,
    octets_of,
    own_identity,
    release,
    store,
    submit,
)
from tests.kit.stored_mail import NOW_MS

ME = "u0@one.example"
HOUR = {"HOLDFOR": "3600"}


@pytest.mark.rfc("8621 §7.5", "MUST")
def test_an_email_is_sent_without_bcc_and_the_sent_one_keeps_it() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client)
        made = await submit(client, email)
        assert made.keys() == {
            "id", "threadId", "envelope", "sendAt", "undoStatus", "deliveryStatus", "dsnBlobIds", "mdnBlobIds",
        }  # fmt: skip
        assert made["undoStatus"] == "final"
        assert [to["email"] for to in made["envelope"]["rcptTo"]] == [FRIEND, "x@elsewhere.example"]
        assert {key: one["delivered"] for key, one in made["deliveryStatus"].items()} == {
            FRIEND: "yes",
            "x@elsewhere.example": "queued",
        }
        (came,) = octets_of(client, 1)
        assert b"bcc" not in came.lower()
        assert came.endswith(b"\r\n\r\nThe body.\r\n")
        (kept,) = octets_of(client, 0, "Drafts")
        assert b"Bcc: x@elsewhere.example" in kept

    run_with_jmap(test)


@pytest.mark.replaces_functions
def test_the_address_of_the_client_is_logged_and_traced() -> None:
    async def test(client: JmapClient) -> None:
        seen: list[str] = []
        begin = client.service._reception.begin

        async def begun(origin: Any, *arguments: Any, **keywords: Any) -> Any:
            seen.append(origin.client_address)
            return await begin(origin, *arguments, **keywords)

        client.service._reception.begin = begun  # type: ignore[method-assign]
        identity, email = await own_identity(client), await store(client)
        record = {"identityId": identity, "emailId": email}
        call = ["EmailSubmission/set", {"accountId": client.account_id, "create": {"k": record}}, "c"]
        octets = json.dumps({"using": [SUBMISSION], "methodCalls": [call]}).encode()
        await client.service.call(client.account, octets, BASE_URL, client_address="192.0.2.7")
        assert seen == ["192.0.2.7"]

    run_with_jmap(test)


@pytest.mark.rfc("8621 §7", "MUST")
@pytest.mark.parametrize(
    ("header", "to"),
    [
        (f"Bcc: {FRIEND}", [FRIEND]),
        (f"To: {FRIEND}\r\nCc: u1@One.Example", [FRIEND]),
        (f"To: {FRIEND}\r\nCc: U1@one.example", [FRIEND, "U1@one.example"]),
        (f"To: {FRIEND}\r\nResent-To: u2@two.example\r\nResent-From: {ME}\r\nResent-Bcc: u2@two.example", [FRIEND]),
    ],
)  # fmt: skip
def test_the_envelope_comes_from_the_header(header: str, to: list[str]) -> None:
    async def test(client: JmapClient) -> None:
        made = await submit(client, await store(client, f"From: {ME}\r\n{header}\r\n".encode()))
        assert [one["email"] for one in made["envelope"]["rcptTo"]] == to
        assert len(octets_of(client, 1)) == 1
        assert octets_of(client, 2) == []
        assert b"\r\nBcc" not in octets_of(client, 1)[0]

    run_with_jmap(test)


@pytest.mark.parametrize("to", [ME, f"{ME}, me@one.example", "crew@one.example"])
def test_mail_to_myself_arrives_once_and_stays_once_where_it_was(to: str) -> None:
    async def test(client: JmapClient) -> None:
        write = client.provider.world.database.write
        await write(accounts.add_address, client.account.id, "me@one.example")
        crew = await write(groups.create, "crew", "crew@one.example")
        await write(groups.add_member, crew, client.account.id)
        email = await store(
            client, f"From: {ME}\r\nTo: {to}\r\nMessage-ID: <me@one.example>\r\n".encode(), to="Sent"
        )
        assert "id" in await submit(client, email)
        assert len(octets_of(client, 0)) == len(octets_of(client, 0, "Sent")) == 1
        assert "id" in await submit(client, email), "sent again, it comes again"
        assert (len(octets_of(client, 0)), len(octets_of(client, 0, "Sent"))) == (2, 1)

    run_with_jmap(test)


# --- why not


@pytest.mark.rfc("8621 §7.5", "MUST")
@pytest.mark.parametrize(
    ("draft", "more", "error"),
    [
        ("draft", {"emailId": "M99"}, {"type": "invalidProperties", "properties": ["emailId"]}),
        ("draft", {"emailId": "F1"}, {"type": "invalidProperties", "properties": ["emailId"]}),
        ("draft", {"emailId": "#x"}, {"type": "invalidProperties", "properties": ["emailId"]}),
        ("draft", {"identityId": "I99"}, {"type": "invalidProperties", "properties": ["identityId"]}),
        ("draft", {"sendAt": "2026-01-01T00:00:00Z"}, {"type": "invalidProperties", "properties": ["sendAt"]}),
        ("draft", {"undoStatus": "final"}, {"type": "invalidProperties", "properties": ["undoStatus"]}),
        ("draft", {"envelope": {"mailFrom": {"email": ME}}}, {"type": "invalidProperties", "properties": ["envelope"]}),
        ("draft", {"envelope": envelope(FRIEND, X="1")}, {"type": "invalidProperties", "properties": ["envelope"]}),
        ("draft", {"envelope": envelope(FRIEND, HOLDFOR="9999999")},
         {"type": "invalidProperties", "properties": ["envelope"]}),
        ("draft", {"envelope": envelope(FRIEND, sender="u1@one.example")}, {"type": "forbiddenMailFrom"}),
        ("draft", {"envelope": envelope()}, {"type": "noRecipients"}),
        ("draft", {"envelope": envelope("no", FRIEND)}, {"type": "invalidRecipients", "invalidRecipients": ["no"]}),
        ("draft", {"envelope": envelope(*(f"x{n}@elsewhere.example" for n in range(2000)))},
         {"type": "tooManyRecipients", "maxRecipients": 100}),
        ("to_nobody", {}, {"type": "noRecipients"}),
        ("to_unknown", {}, {"type": "invalidRecipients", "invalidRecipients": ["nobody@one.example"]}),
        ("from_nobody", {}, {"type": "invalidEmail", "properties": ["from"]}),
        ("of_two", {}, {"type": "invalidEmail", "properties": ["from"]}),
        ("forged", {}, {"type": "forbiddenFrom"}),
    ],
)  # fmt: skip
def test_why_an_email_is_not_sent(draft: str, more: dict[str, Any], error: dict[str, Any]) -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, DRAFTS[draft])
        said = await submit(
            client, **{"email": email, **more} if "emailId" not in more else {"email": "", **more}
        )
        said.pop("description", None)
        if "maxRecipients" in error:
            error["maxRecipients"] = client.provider.config.limits.recipients
        assert said == error
        assert octets_of(client, 1) == []
        _, found = await client.call("EmailSubmission/query")
        assert found["ids"] == []

    run_with_jmap(test)


@pytest.mark.rfc("8621 §7.5", "MUST")
def test_too_large_says_how_large_one_may_be() -> None:
    async def test(client: JmapClient) -> None:
        most = len(DRAFTS["draft"])
        config = replace(client.provider.config, limits=Limits(message_octets=most))
        client.service = JmapService(client.provider.world, config)
        said = await submit(client, await store(client))
        assert (said["type"], said["maxSize"]) == ("tooLarge", most)

    run_with_jmap(test)


@pytest.mark.rfc("8621 §9.6", "MUST")
@pytest.mark.parametrize(
    ("author", "error"),
    [
        (ME, ""),
        ("U0@ONE.EXAMPLE", ""),
        ("u0+shop@one.example", ""),
        ("info@one.example", ""),
        ("me@one.example", ""),
        (FRIEND, "forbiddenFrom"),
        ("u0@two.example", "forbiddenFrom"),
        (f"{ME}\r\nSender: {FRIEND}", ""),
        (f"{FRIEND}\r\nSender: {ME}", "forbiddenFrom"),
        (f"{ME}, {FRIEND}", "invalidEmail"),
    ],
)
def test_who_may_send(author: str, error: str) -> None:
    async def test(client: JmapClient) -> None:
        write = client.provider.world.database.write
        await write(accounts.add_address, client.account.id, "me@one.example")
        await write(aliases.create, "info@one.example", [ME], may_send=True)
        said = await submit(client, await store(client, f"From: {author}\r\nTo: {FRIEND}\r\n".encode()))
        assert said.get("type", "") == error

    run_with_jmap(test)


# --- undoing


@pytest.mark.rfc("8621 §7.5", "MUST")
def test_what_is_held_can_be_undone_and_nothing_else() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client)
        held = await submit(client, email, envelope=envelope(FRIEND, **HOUR))
        assert held["undoStatus"] == "pending"
        assert "envelope" not in held
        assert held["sendAt"] == "2023-11-14T23:13:20Z"
        for status in ("final", "gone"):
            _, said = await client.call(
                "EmailSubmission/set", update={held["id"]: {"undoStatus": status}, "S99": {}, "x": {}}
            )
            assert said["notUpdated"][held["id"]]["properties"] == ["undoStatus"]
            assert said["notUpdated"]["S99"] == said["notUpdated"]["x"] == {"type": "notFound"}
        _, said = await client.call("EmailSubmission/set", update={held["id"]: {"undoStatus": "canceled"}})
        (status,) = said["updated"][held["id"]]["deliveryStatus"].values()
        assert (status["delivered"], status["smtpReply"][:4]) == ("no", "550 ")
        assert await cancel(client, held["id"]) is None, "it is so already"
        gone = await submit(client, email)
        assert (await cancel(client, gone["id"]))["type"] == "cannotUnsend"
        assert len(octets_of(client, 1)) == 1
        _, said = await client.call(
            "EmailSubmission/get", ids=[held["id"]], properties=["undoStatus", "envelope"]
        )
        assert said["list"] == [
            {
                "id": held["id"],
                "undoStatus": "canceled",
                "envelope": {
                    "mailFrom": {"email": ME, "parameters": HOUR},
                    "rcptTo": [{"email": FRIEND, "parameters": None}],
                },
            }
        ]

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


def test_undoing_and_leaving_at_the_same_time_is_either() -> None:
    async def test(client: JmapClient) -> None:
        clock = client.provider.world.clock
        assert isinstance(clock, VirtualClock)
        email, arrived = await store(client), 0
        for number in range(100):
            held = await submit(client, email, envelope=envelope(FRIEND, HOLDFOR="1"))
            await clock.advance((950 + number) / 1000)
            if number == 0:  # one after the other at first and last, so that both come about
                refused = await cancel(client, held["id"])
            elif number == 99:
                await release(client)
                refused = await cancel(client, held["id"])
            elif number % 2:
                refused, _ = await asyncio.gather(cancel(client, held["id"]), release(client))
            else:
                _, refused = await asyncio.gather(release(client), cancel(client, held["id"]))
            await clock.advance(1)
            await release(client)
            arrived += refused is not None
            assert len(octets_of(client, 1)) == arrived, number
            _, said = await client.call("EmailSubmission/get", ids=[held["id"]])
            assert said["list"][0]["undoStatus"] == ("canceled" if refused is None else "final")
        assert 0 < arrived < 100

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


@pytest.mark.rfc("8621 §7.5", "MUST NOT")
def test_whoever_forgets_a_submission_or_its_email_has_sent_it_all_the_same() -> None:
    async def test(client: JmapClient) -> None:
        clock = client.provider.world.clock
        assert isinstance(clock, VirtualClock)
        held = await submit(client, await store(client), envelope=envelope(FRIEND, **HOUR))
        _, said = await client.call("EmailSubmission/set", destroy=[held["id"], held["id"], "S99"])
        assert said["destroyed"] == [held["id"]]
        assert said["notDestroyed"] == {"S99": {"type": "notFound"}}
        await client.provider.expunge(0, mailbox="Drafts")
        await clock.advance(3600)
        await release(client)
        assert len(octets_of(client, 1)) == 1

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


# --- the Email/set


@pytest.mark.rfc("8621 §7.5", "MUST")
def test_one_email_set_follows_for_what_has_succeeded() -> None:
    sets = EmailSets()

    async def test(client: JmapClient) -> None:
        good, bad, old = await store(client), await store(client, DRAFTS["forged"]), await store(client)
        earlier = (await submit(client, old))["id"]
        identity = await own_identity(client)
        patch = {"keywords/$draft": None}
        records = {"a": good, "b": bad, "c": good}
        answer = await client.request(
            [
                "EmailSubmission/set",
                {
                    "accountId": client.account_id,
                    "create": {key: {"identityId": identity, "emailId": one} for key, one in records.items()},
                    "destroy": [earlier],
                    "onSuccessUpdateEmail": {
                        "#a": patch, "#b": patch, "#c": {"keywords/$seen": True}, "#d": patch, "S99": patch,
                    },
                    "onSuccessDestroyEmail": [earlier, "#b", "S99"],
                },
                "c",
            ],
            using=(SUBMISSION,),
        )  # fmt: skip
        first, second = answer["methodResponses"]
        assert (first[0], first[2], second[0], second[2]) == ("EmailSubmission/set", "c", "Email/set", "c")
        assert first[1]["created"].keys() == {"a", "c"}
        assert first[1]["notCreated"]["b"]["type"] == "forbiddenFrom"
        assert sets.calls == [
            {
                "accountId": client.account_id,
                "update": {good: {"keywords/$draft": None, "keywords/$seen": True}},
                "destroy": [old],
            }
        ]

    run_with_jmap(test, sets.handlers())


def test_without_success_there_is_no_email_set() -> None:
    sets = EmailSets()

    async def test(client: JmapClient) -> None:
        email = await store(client, DRAFTS["forged"])
        arguments = {
            "accountId": client.account_id,
            "create": {"a": {"identityId": await own_identity(client), "emailId": email}},
            "onSuccessUpdateEmail": {"#a": {"keywords/$draft": None}},
            "onSuccessDestroyEmail": ["#a"],
        }
        answer = await client.request(["EmailSubmission/set", arguments, "c"])
        assert len(answer["methodResponses"]) == 1
        assert sets.calls == []

    run_with_jmap(test, sets.handlers())


def test_an_email_set_that_fails_says_so_after_what_was_sent() -> None:
    sets = EmailSets(MethodError("stateMismatch"))

    async def test(client: JmapClient) -> None:
        email = await store(client)
        arguments = {
            "accountId": client.account_id,
            "create": {"a": {"identityId": await own_identity(client), "emailId": email}},
            "onSuccessDestroyEmail": ["#a"],
        }
        answer = await client.request(["EmailSubmission/set", arguments, "c"])
        first, second = answer["methodResponses"]
        assert first[1]["created"].keys() == {"a"}
        assert second == ["error", {"type": "stateMismatch"}, "c"]
        assert len(octets_of(client, 1)) == 1

    run_with_jmap(test, sets.handlers())


# --- states, and what fails


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_nothing_is_sent_in_another_state() -> None:
    async def test(client: JmapClient) -> None:
        identity, email = await own_identity(client), await store(client)
        record = {"identityId": identity, "emailId": email}
        name, said = await client.call("EmailSubmission/set", ifInState="7", create={"a": record})
        assert (name, said["type"]) == ("error", "stateMismatch")
        assert octets_of(client, 1) == []
        _, said = await client.call("EmailSubmission/set", ifInState="0", create={"a": record})
        assert said["oldState"] == "0" != said["newState"]
        state, sent = said["newState"], said["created"]["a"]["id"]
        _, said = await client.call(
            "EmailSubmission/set", ifInState=state, create={"b": record}, destroy=[sent]
        )
        assert (said["created"].keys(), said["destroyed"]) == ({"b"}, [sent]), (
            "what it changes itself counts not"
        )

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_records_are_named_by_creation_ids() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client)
        account = client.account_id
        answer = await client.request(
            ["Identity/set", {"accountId": account, "create": {"me": {"email": ME, "name": "I"}}}, "0"],
            [
                "EmailSubmission/set",
                {"accountId": account, "create": {"k": {"identityId": "#me", "emailId": "#mail"}}},
                "1",
            ],
            ["EmailSubmission/get", {"accountId": account, "ids": ["#k"], "properties": ["identityId"]}, "2"],
            createdIds={"mail": email},
        )
        made, sent, got = (said for _, said, _ in answer["methodResponses"])
        assert got["list"] == [{"id": sent["created"]["k"]["id"], "identityId": made["created"]["me"]["id"]}]

    run_with_jmap(test)


@pytest.mark.replaces_functions
def test_what_fails_after_something_was_sent_says_so() -> None:
    async def test(client: JmapClient) -> None:
        identity, email = await own_identity(client), await store(client)
        record = {"identityId": identity, "emailId": email}
        database = client.provider.world.database
        write, calls = database.write, 0

        async def failing(verb: Any, *arguments: Any, **keywords: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls >= 2:
                raise DatabaseUnavailable
            return await write(verb, *arguments, **keywords)

        database.write = failing  # type: ignore[method-assign]
        _, said = await client.call("EmailSubmission/set", create={"a": record, "b": record}, destroy=["S1"])
        assert said["created"].keys() == {"a"}
        assert said["notCreated"]["b"]["type"] == said["notDestroyed"]["S1"]["type"] == "serverFail"
        assert len(octets_of(client, 1)) == 1

    run_with_jmap(test)


@pytest.mark.rfc("8621 §1.3.2", "MUST")
def test_the_session_says_how_long_mail_may_be_held() -> None:
    async def test(client: JmapClient) -> None:
        session = json.loads((await client.service.session(client.account, BASE_URL)).octets)
        said = session["accounts"][client.account_id]["accountCapabilities"][SUBMISSION]
        assert said["maxDelayedSend"] == MAX_HOLD_S
        assert said["submissionExtensions"].keys() == {"DSN", "REQUIRETLS", "SIZE", "FUTURERELEASE"}

    run_with_jmap(test)


async def sent_and_moved(client: JmapClient, email: str, to: str) -> list[Any]:
    """Send an email to oneself, and have it moved from Drafts; the responses."""
    _, said = await client.call("Mailbox/query", filter={"role": "drafts"})
    (drafts,) = said["ids"]
    patch = {f"mailboxIds/{drafts}": None, f"mailboxIds/{to}": True, "keywords/$draft": None}
    arguments = {
        "accountId": client.account_id,
        "create": {"k": {"identityId": await own_identity(client), "emailId": email}},
        "onSuccessUpdateEmail": {"#k": patch},
    }
    answer = await client.request(["EmailSubmission/set", arguments, "c"])
    responses: list[Any] = answer["methodResponses"]
    return responses


@pytest.mark.rfc("8621 §7.5.1", "MUST")
def test_a_draft_to_myself_is_sent_and_moved_to_sent() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, f"From: {ME}\r\nTo: {ME}\r\n".encode())
        _, said = await client.call("Mailbox/query", filter={"role": "sent"})
        (sent,) = said["ids"]
        first, second = await sent_and_moved(client, email, sent)
        assert first[1]["created"].keys() == {"k"}
        assert (second[0], second[1]["updated"]) == ("Email/set", {email: None})
        assert [len(octets_of(client, 0, name)) for name in ("INBOX", "Sent", "Drafts")] == [1, 1, 0]
        _, said = await client.call("Email/get", ids=[email], properties=["mailboxIds", "keywords"])
        assert said["list"] == [{"id": email, "mailboxIds": {sent: True}, "keywords": {}}]

    run_with_jmap(test)


def test_a_draft_that_cannot_be_moved_is_sent_and_stays() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, f"From: {ME}\r\nTo: {ME}\r\n".encode())
        first, second = await sent_and_moved(client, email, "F999")
        assert first[1]["created"].keys() == {"k"}
        assert second[0] == "Email/set"
        assert second[1]["notUpdated"][email]["type"] == "invalidProperties"
        assert [len(octets_of(client, 0, name)) for name in ("INBOX", "Drafts")] == [1, 1]

    run_with_jmap(test)
