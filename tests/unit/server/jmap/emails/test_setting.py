"""Email/set: RFC 8621 §4.6, RFC 8620 §5.3."""

import json
from hashlib import sha256
from typing import Any

import pytest

from pillarbox.config.sections.limits import Limits as ConfiguredLimits
from pillarbox.directory import quota
from pillarbox.mail import flags
from pillarbox.mail.number_set import EVERYTHING
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.server.jmap.emails import storing
from pillarbox.store import flags as store_flags
from pillarbox.store import mailbox_cache, mailboxes
from pillarbox.store.flags import Mode
from pillarbox.world.database import DatabaseUnavailable, Transaction
from pillarbox.world.topic import Topic, account_changed
from tests.kit.jmap.client import ALL, BASE_URL, JmapClient, run_with_jmap
from tests.kit.jmap.emails import PLAIN, box, called, created, delivered, draft, failed, get, state

BIG = "x" * 300_000


def mailboxes_of(client: JmapClient, *names: str) -> dict[str, bool]:
    return {box(client, name): True for name in names}


# --- create


@pytest.mark.rfc("8621 §4.6", "MUST")
def test_a_draft_is_created() -> None:
    async def test(client: JmapClient) -> None:
        before = await state(client)
        given = draft(
            client,
            subject="Grüße",
            to=[{"name": "Bea", "email": "bea@two.example"}],
            receivedAt="2024-05-06T07:08:09Z",
        )
        said = await called(client, "Email/set", create={"k": given})
        assert said["oldState"] == before
        assert said["newState"] == await state(client)
        told = said["created"]["k"]
        assert {*told} == {
            "id",
            "blobId",
            "threadId",
            "size",
            "hasAttachment",
            "preview",
            "messageId",
            "sentAt",
        }
        (found,) = await get(client, told["id"], fetchTextBodyValues=True)
        assert {name: found[name] for name in told} == told
        assert found["keywords"] == {"$draft": True}
        assert found["mailboxIds"] == given["mailboxIds"]
        assert found["receivedAt"] == "2024-05-06T07:08:09Z"
        assert found["subject"] == "Grüße"
        assert found["to"] == given["to"]
        assert [text["value"] for text in found["bodyValues"].values()] == ["Hello"]
        assert told["messageId"][0].endswith("@one.example")

    run_with_jmap(test)


@pytest.mark.parametrize("text", ["Hello", BIG])
def test_an_email_is_created_in_several_mailboxes_with_one_change(text: str) -> None:
    async def test(client: JmapClient) -> None:
        where = mailboxes_of(client, "INBOX", "Sent", "Drafts")
        await delivered(client, mailbox="Archive")
        before = await state(client)
        said = await called(client, "Email/set", create={"k": draft(client, text, mailboxIds=where)})
        (found,) = await get(client, said["created"]["k"]["id"])
        assert found["mailboxIds"] == where
        changed = await called(client, "Email/changes", sinceState=before)
        assert (changed["created"], changed["updated"]) == ([found["id"]], [])
        assert int(said["newState"]) == int(before) + 1
        assert all(client.provider.messages(0, mailbox=name) == 1 for name in ("INBOX", "Sent", "Drafts"))
        assert client.provider.world.memory.used_octets == 0

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_pitfall_11_all_that_is_wrong_is_named() -> None:
    async def test(client: JmapClient) -> None:
        given = {
            "id": "M1",
            "size": 1,
            "mailboxIds": {},
            "keywords": {"a b": True},
            "receivedAt": "yesterday",
            "subject": 5,
            "colour": "red",
            "headers": [],
        }
        said = await called(client, "Email/set", create={"k": given, "l": draft(client)})
        error = said["notCreated"]["k"]
        assert error["type"] == "invalidProperties"
        assert {*error["properties"]} == {*given}
        assert [*said["created"]] == ["l"], "others are created"

    run_with_jmap(test)


@pytest.mark.parametrize(
    "where",
    [None, {}, {"F99": True}, {"nowhere": True}, {"F1": False}, {"#never": True}, ["F1"], {"M1": True}],
)
@pytest.mark.rfc("8621 §4.6", "MUST")
def test_an_email_must_be_in_a_mailbox(where: Any) -> None:
    async def test(client: JmapClient) -> None:
        before = await state(client)
        said = await called(client, "Email/set", create={"k": draft(client, mailboxIds=where)})
        assert said["notCreated"]["k"]["type"] == "invalidProperties"
        assert said["notCreated"]["k"]["properties"] == ["mailboxIds"]
        assert said["newState"] == before

    run_with_jmap(test)


@pytest.mark.rfc("8621 §4.6", "MUST")
def test_a_blob_of_a_draft_that_does_not_exist() -> None:
    async def test(client: JmapClient) -> None:
        missing = "B" + "0" * 64
        parts = [{"blobId": missing, "type": "text/plain"}, {"blobId": "nothing", "type": "text/plain"}]
        said = await called(client, "Email/set", create={"k": draft(client, attachments=parts)})
        assert said["notCreated"]["k"]["type"] == "blobNotFound"
        assert said["notCreated"]["k"]["notFound"] == [missing, "nothing"]

    run_with_jmap(test)


def test_parts_and_messages_are_attached_and_nobody_elses() -> None:
    async def test(client: JmapClient) -> None:
        (message,) = await get(client, await delivered(client))
        parts = [
            {"blobId": message["blobId"], "type": "message/rfc822"},
            {"blobId": message["textBody"][0]["blobId"], "type": "text/plain", "name": "a.txt"},
        ]
        email = await created(client, attachments=parts)
        (found,) = await get(client, email, properties=["attachments"])
        assert [part["size"] for part in found["attachments"]] == [len(PLAIN), len("How are you?\r\n")]
        await client.provider.deliver(1, PLAIN + b"secret")
        theirs = sha256(PLAIN + b"secret").hexdigest()
        part = {"blobId": f"B{theirs}", "type": "text/plain"}
        said = await called(client, "Email/set", create={"k": draft(client, attachments=[part])})
        assert said["notCreated"]["k"]["type"] == "blobNotFound"

    run_with_jmap(test)


@pytest.mark.parametrize("octets", [2_000, 200_000])
def test_an_email_that_is_too_large(octets: int) -> None:
    async def test(client: JmapClient) -> None:
        said = await called(client, "Email/set", create={"k": draft(client, "x " * octets)})
        assert said["notCreated"]["k"]["type"] == "tooLarge"
        assert said["notCreated"]["k"]["maxSize"] == 1_000
        email = await delivered(client, PLAIN * 20)
        (message,) = await get(client, email)
        part = {"blobId": message["blobId"], "type": "text/plain"}
        said = await called(client, "Email/set", create={"k": draft(client, attachments=[part])})
        assert said["notCreated"]["k"]["type"] == "tooLarge"

    run_with_jmap(with_message_octets(test, 1_000))


def with_message_octets(test: Any, octets: int) -> Any:
    async def limited(client: JmapClient) -> None:
        client.provider.limits = ConfiguredLimits(message_octets=octets)
        client.service._config = client.provider.config
        await test(client)

    return limited


def test_over_quota() -> None:
    async def test(client: JmapClient) -> None:
        await client.provider.world.database.write(quota.set_account_quota, client.account.id, 600)
        said = await called(
            client,
            "Email/set",
            create={"a": draft(client), "b": draft(client, "x" * 5_000), "c": draft(client)},
        )
        assert [*said["created"]] == ["a", "c"]
        assert said["notCreated"]["b"]["type"] == "overQuota"
        where = mailboxes_of(client, "INBOX", "Sent")
        said = await called(client, "Email/set", create={"d": draft(client, "x" * 30, mailboxIds=where)})
        assert said["notCreated"]["d"]["type"] == "overQuota"
        assert client.provider.messages(0) == 0

    run_with_jmap(test)


def test_pitfall_28_a_draft_may_take_the_place_of_another_although_both_would_exceed_the_quota() -> None:
    async def test(client: JmapClient) -> None:
        old = await created(client, subject="old")
        await client.provider.world.database.write(quota.set_account_quota, client.account.id, 400)
        save = {"k": draft(client, subject="new")}
        said = await called(client, "Email/set", create=save, destroy=["M5"])
        assert said["notCreated"]["k"]["type"] == "overQuota"
        said = await called(client, "Email/set", create=save, destroy=[old])
        assert said["destroyed"] == [old]
        assert [email["subject"] for email in await get(client)] == ["new"]

    run_with_jmap(test)


# --- update


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_pitfall_2_a_part_of_a_pointer_may_be_digits() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        await called(client, "Email/set", update={email: {"keywords/2026": True}})
        assert (await get(client, email))[0]["keywords"] == {"2026": True}

    run_with_jmap(test)


@pytest.mark.parametrize(
    ("patch", "error"),
    [
        ({"keywords/$seen": "true"}, "invalidProperties"),
        ({"keywords/$seen": False}, "invalidProperties"),
        ({"keywords/$seen": 1}, "invalidProperties"),
        ({"keywords/a b": True}, "invalidProperties"),
        ({"keywords": {"$seen": False}}, "invalidProperties"),
        ({"keywords": "$seen"}, "invalidProperties"),
        ({"keywords/$seen/x": True}, "invalidPatch"),
        ({"keywords": {}, "keywords/$seen": True}, "invalidPatch"),
        ({"keywords/~2": True}, "invalidPatch"),
        ({"mailboxIds": {}}, "invalidProperties"),
        ({"mailboxIds": None}, "invalidProperties"),
        ({"mailboxIds/F1": None}, "invalidProperties"),
        ({"mailboxIds/F99": True}, "invalidProperties"),
        ({"mailboxIds/inbox": True}, "invalidProperties"),
        ({"mailboxIds/F2": False}, "invalidProperties"),
        ({"mailboxIds/#never": True}, "invalidProperties"),
        ({"subject": "Other"}, "invalidProperties"),
        ({"size": 1}, "invalidProperties"),
        ({"id": "M1"}, "invalidProperties"),
        ({"colour": "red"}, "invalidProperties"),
        ({"header:Subject:asDate": None}, "invalidProperties"),
        ({"header:Subject": " Other"}, "invalidProperties"),
        ({"from/0/email": "eve@evil.example"}, "invalidPatch"),
    ],
)
@pytest.mark.rfc("8620 §5.3", "MUST")
def test_pitfall_3_a_patch_that_is_not_right_changes_nothing(patch: dict[str, Any], error: str) -> None:
    async def test(client: JmapClient) -> None:
        assert (box(client), box(client, "Drafts")) == ("F1", "F2")
        email = await delivered(client)
        before = await state(client)
        said = await called(client, "Email/set", update={email: patch})
        assert said["notUpdated"][email]["type"] == error
        if error == "invalidProperties":
            (name,) = patch
            assert said["notUpdated"][email]["properties"] == [
                name if name.startswith("header") or "#" in name else name.partition("/")[0]
            ]
        assert said["updated"] is None
        assert said["oldState"] == said["newState"] == before

    run_with_jmap(test)


@pytest.mark.parametrize(
    ("patch", "keywords", "names"),
    [
        ({"keywords/$seen": True}, "$seen work", "INBOX"),
        ({"keywords/$SEEN": True}, "$seen work", "INBOX"),
        ({"keywords/Work": None}, "", "INBOX"),
        ({"keywords/other": None, "keywords/a b": None}, "work", "INBOX"),
        ({"keywords": {"$flagged": True, "New": True}}, "$flagged new", "INBOX"),
        ({"keywords": {}}, "", "INBOX"),
        ({"keywords": None}, "", "INBOX"),
        ({"mailboxIds": {"F2": True}}, "work", "Drafts"),
        ({"mailboxIds/F2": True, "mailboxIds/F1": None}, "work", "Drafts"),
        ({"mailboxIds/F2": True}, "work", "INBOX Drafts"),
        ({"mailboxIds/F2": None, "mailboxIds/nowhere": None}, "work", "INBOX"),
        ({"mailboxIds/F1": True}, "work", "INBOX"),
        ({"subject": "Hello", "size": len(PLAIN), "keywords/$seen": True}, "$seen work", "INBOX"),
        ({"header:Subject:asText": "Hello", "bcc": None}, "work", "INBOX"),
        ({}, "work", "INBOX"),
    ],
)
@pytest.mark.rfc("8620 §5.3", "MUST")
def test_pitfall_3_patches(patch: dict[str, Any], keywords: str, names: str) -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client, flags="work")
        said = await called(client, "Email/set", update={email: patch})
        assert said["updated"] == {email: None}, said
        (found,) = await get(client, email)
        assert found["keywords"] == dict.fromkeys(keywords.split(), True)
        assert found["mailboxIds"] == mailboxes_of(client, *names.split())

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_a_whole_object_is_a_patch_of_itself() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        (found,) = await get(client, email)
        found["keywords"] = {"$seen": True}
        said = await called(client, "Email/set", update={email: found})
        assert said["updated"] == {email: None}
        assert (await get(client, email)) == [found]

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_emails_that_are_not_there_and_such_that_will_be_destroyed() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        seen = {"keywords/$seen": True}
        said = await called(
            client,
            "Email/set",
            update={"M6": seen, "nobody": seen, "#never": seen, "F1": {"subject": "x"}, email: seen},
            destroy=[email, "M5", "nobody", "#never", email],
        )
        kinds = {key: error["type"] for key, error in said["notUpdated"].items()}
        assert kinds == {**dict.fromkeys(["M6", "nobody", "#never", "F1"], "notFound"), email: "willDestroy"}
        assert said["destroyed"] == [email]
        assert {*said["notDestroyed"]} == {"M5", "nobody", "#never"}
        assert (await called(client, "Email/get", ids=[email]))["notFound"] == [email]

    run_with_jmap(test)


def test_one_change_however_many_emails() -> None:
    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(20)]
        before = int(await state(client))
        patch = {"keywords/$seen": True, "mailboxIds": mailboxes_of(client, "Archive")}
        await called(client, "Email/set", update=dict.fromkeys(emails, patch))
        assert int(await state(client)) == before + 1

    run_with_jmap(test)


@pytest.mark.rfc("8621 §4.1.1", "MUST")
def test_a_keyword_that_is_too_long_is_none() -> None:
    async def test(client: JmapClient) -> None:
        email, long = await delivered(client), "k" * (flags.MAX_KEYWORD_OCTETS + 1)
        for patch in ({"keywords": {long: True}}, {f"keywords/{long}": True}):
            said = await called(client, "Email/set", update={email: patch})
            assert said["notUpdated"][email]["type"] == "invalidProperties"
            assert said["notUpdated"][email]["properties"] == ["keywords"]
        said = await called(client, "Email/set", create={"k": draft(client, keywords={long: True})})
        assert said["notCreated"]["k"]["type"] == "invalidProperties"
        said = await called(client, "Email/set", update={email: {f"keywords/{long[1:]}": True}})
        assert said["updated"] == {email: None}

    run_with_jmap(test)


def test_too_many_keywords() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        many = {f"k{number}": True for number in range(flags.MAX_KEYWORDS + 1)}
        said = await called(client, "Email/set", update={email: {"keywords": many}})
        assert said["notUpdated"][email]["type"] == "tooManyKeywords"
        said = await called(client, "Email/set", create={"k": draft(client, keywords=many)})
        assert said["notCreated"]["k"]["type"] == "tooManyKeywords"
        half = [f"k{number}" for number in range(flags.MAX_KEYWORDS // 2 + 1)]
        await called(client, "Email/set", update={email: {"keywords": dict.fromkeys(half, True)}})
        more = {f"keywords/l{number}": True for number in range(flags.MAX_KEYWORDS // 2 + 1)}
        said = await called(client, "Email/set", update={email: more})
        assert said["notUpdated"][email]["type"] == "tooManyKeywords"

    run_with_jmap(test)


# --- all together


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_pitfall_5_creations_are_known_in_the_whole_request() -> None:
    async def test(client: JmapClient) -> None:
        account = client.account_id
        answer = await client.request(
            ["Email/set", {"accountId": account, "create": {"k": draft(client)}}, "0"],
            ["Email/set", {"accountId": account, "update": {"#k": {"keywords/a": True}}}, "1"],
            ["Email/get", {"accountId": account, "ids": ["#k"], "properties": ["keywords"]}, "2"],
            ["Email/set", {"accountId": account, "destroy": ["#k"]}, "3"],
            createdIds={},
        )
        said = [arguments for _, arguments, _ in answer["methodResponses"]]
        email = said[0]["created"]["k"]["id"]
        assert said[1]["updated"] == {email: None}
        assert said[2]["list"] == [{"id": email, "keywords": {"$draft": True, "a": True}}]
        assert said[3]["destroyed"] == [email]
        assert answer["createdIds"] == {"k": email}

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_pitfall_5_creations_are_known_in_the_call_itself() -> None:
    async def test(client: JmapClient) -> None:
        create = {"k": draft(client), "gone": draft(client, "x"), "bad": {}}
        seen = {"keywords/$seen": True}
        said = await called(
            client,
            "Email/set",
            create=create,
            update={"#k": seen, "#bad": seen, "#gone": seen},
            destroy=["#gone", "#bad"],
        )
        ids = {key: told["id"] for key, told in said["created"].items()}
        assert said["updated"] == {ids["k"]: None}
        assert said["destroyed"] == [ids["gone"]]
        assert {key: error["type"] for key, error in said["notUpdated"].items()} == {
            "#bad": "notFound",
            "#gone": "willDestroy",
        }
        assert [*said["notDestroyed"]] == ["#bad"]
        assert [email["id"] for email in await get(client)] == [ids["k"]]

    run_with_jmap(test)


def test_an_email_that_is_named_in_two_ways_has_both_changes() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        answer = await client.request(
            [
                "Email/set",
                {
                    "accountId": client.account_id,
                    "update": {"#k": {"keywords/a": True}, email: {"keywords/b": True}},
                },
                "0",
            ],
            createdIds={"k": email},
        )
        ((_, said, _),) = answer["methodResponses"]
        assert said["updated"] == {email: None}
        assert (await get(client, email))[0]["keywords"] == {"a": True, "b": True}

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_pitfall_28_a_draft_takes_the_place_of_the_one_before_in_one_step() -> None:
    async def test(client: JmapClient) -> None:
        old = await created(client)
        before = await state(client)
        save = {"create": {"k": draft(client, "Hello again")}, "destroy": [old], "ifInState": before}
        said = await called(client, "Email/set", **save)
        new = said["created"]["k"]["id"]
        assert said["destroyed"] == [old]
        assert [email["id"] for email in await get(client)] == [new]
        # The answer was lost, and another window has the state of before: it makes no second draft
        assert (await failed(client, "Email/set", **save))["type"] == "stateMismatch"
        assert [email["id"] for email in await get(client)] == [new]

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_the_state_is_compared_in_the_transaction_itself() -> None:
    """Somebody marks the email while a draft is being composed: nothing is overwritten unseen."""

    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        before = await state(client)
        database = client.provider.world.database
        write = database.write

        async def late(verb: Any, *arguments: Any, **keywords: Any) -> Any:
            await write(mark, client)
            return await write(verb, *arguments, **keywords)

        database.write = late  # type: ignore[method-assign]
        said = await failed(
            client,
            "Email/set",
            ifInState=before,
            create={"k": draft(client)},
            update={email: {"keywords": {}}},
            destroy=[],
        )
        database.write = write  # type: ignore[method-assign]
        assert said["type"] == "stateMismatch"
        assert [(one["id"], one["keywords"]) for one in await get(client)] == [(email, {"$flagged": True})]

    def mark(tx: Transaction, client: JmapClient) -> None:
        account = client.account.id
        inbox = mailboxes.by_name(tx, account, "INBOX").id
        store_flags.alter(tx, account, inbox, EVERYTHING, mode=Mode.ADD, flags=flags.FLAGGED)

    run_with_jmap(test)


def test_sessions_of_imap_are_told() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        account = client.account.id
        announced: list[Topic] = []
        client.provider.world.database.on_commit = announced.extend
        await called(client, "Email/set", update={email: {"keywords/$seen": True}})
        assert announced == [account_changed(account)]
        read = client.provider.world.database.read_now
        head = read(mailbox_cache.head_by_name, account, "INBOX")
        await called(client, "Email/set", update={email: {"mailboxIds/F2": True, "mailboxIds/F1": None}})
        after = read(mailbox_cache.head_by_name, account, "INBOX")
        assert after.modseq > head.modseq
        assert client.provider.messages(0) == 0

    run_with_jmap(test)


# --- much at once


def test_many_creations_are_several_transactions() -> None:
    async def test(client: JmapClient) -> None:
        create = {f"k{number}": draft(client, str(number)) for number in range(2 * storing.MAX_CREATIONS + 5)}
        before = await state(client)
        said = await called(client, "Email/set", create=create, update={"#k0": {"keywords": {}}})
        assert len(said["created"]) == len(create)
        assert said["oldState"] == before
        assert said["newState"] == await state(client)
        assert said["updated"] == {said["created"]["k0"]["id"]: None}
        assert client.provider.world.memory.used_octets == 0

    run_with_jmap(test)


def interrupted(client: JmapClient, interruption: Any) -> None:
    """Something happens before the second transaction from now on."""
    database = client.provider.world.database
    write, calls = database.write_in_thread, []

    async def counted(verb: Any, *arguments: Any, **keywords: Any) -> Any:
        calls.append(verb)
        if len(calls) == 2:
            await interruption()
        return await write(verb, *arguments, **keywords)

    database.write_in_thread = counted  # type: ignore[method-assign]


MANY = storing.MAX_CREATIONS + 30


def test_what_others_change_between_two_transactions_is_not_missed() -> None:
    async def test(client: JmapClient) -> None:
        create = {f"k{number}": draft(client, str(number)) for number in range(MANY)}

        async def deliver() -> None:
            await client.provider.deliver(0, PLAIN)

        interrupted(client, deliver)
        said = await called(client, "Email/set", create=create)
        assert len(said["created"]) == MANY
        assert said["oldState"] is None
        assert said["newState"] == await state(client)

    run_with_jmap(test)


@pytest.mark.rfc("8620 §3.6.2", "MUST")
def test_others_change_something_between_two_transactions_although_nobody_should() -> None:
    async def test(client: JmapClient) -> None:
        create = {f"k{number}": draft(client, str(number)) for number in range(MANY)}

        async def deliver() -> None:
            await client.provider.deliver(0, PLAIN)

        interrupted(client, deliver)
        said = await failed(client, "Email/set", create=create, ifInState=await state(client))
        assert said["type"] == "serverPartialFail"
        assert len(await get(client)) == storing.MAX_CREATIONS + 1
        assert not client.provider.telemetry.failures

    run_with_jmap(test)


@pytest.mark.rfc("8620 §3.6.2", "MUST")
@pytest.mark.parametrize(("number", "kind"), [(30, "serverUnavailable"), (MANY, "serverPartialFail")])
def test_the_database_fails_in_the_middle(monkeypatch: pytest.MonkeyPatch, number: int, kind: str) -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        create = {f"k{place}": draft(client, str(place)) for place in range(number)}

        async def fail() -> None:
            raise DatabaseUnavailable("no disk")

        if number < MANY:
            monkeypatch.setattr(client.provider.world.database, "write_in_thread", lambda *_, **__: fail())
        else:
            interrupted(client, fail)
        said = await failed(client, "Email/set", create=create, update={email: {"keywords/a": True}})
        assert said["type"] == kind
        done = 0 if number < MANY else storing.MAX_CREATIONS
        found = await get(client)
        assert len(found) == 1 + done, "a transaction is done wholly, or not at all"
        assert (await get(client, email))[0]["keywords"] == {}
        assert client.provider.world.memory.used_octets == 0

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
@pytest.mark.parametrize("patch", [{f"keywords/k{number}": None for number in range(100)}, None])
def test_others_are_served_while_long_updates_are_read(patch: dict[str, Any] | None) -> None:
    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(20)]
        turns = 0

        async def give_way() -> None:
            nonlocal turns
            turns += 1

        keywords = {"keywords": {f"k{number}": True for number in range(100)}}
        update = dict.fromkeys(emails, patch or keywords)
        call = ["Email/set", {"accountId": client.account_id, "update": update}, "0"]
        octets = json.dumps({"using": ALL, "methodCalls": [call]}).encode()
        answer = await client.service.call(client.account, octets, BASE_URL, give_way=give_way)
        ((_, said, _),) = json.loads(answer.octets)["methodResponses"]
        assert {*said["updated"]} == {*emails}
        assert turns > len(emails)

    run_with_jmap(test)


def test_more_than_may_be_set_at_once() -> None:
    async def test(client: JmapClient) -> None:
        said = await failed(
            client, "Email/set", create={"k": draft(client)}, update={"M1": {}}, destroy=["M2"]
        )
        assert said["type"] == "requestTooLarge"

    run_with_jmap(test, limits=Limits(max_objects_in_set=2))
