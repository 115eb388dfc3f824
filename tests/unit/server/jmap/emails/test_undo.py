"""Email/set with `undoable`, and Email/undo: `urn:pillarbox:jmap:undo`."""

from contextlib import suppress
from typing import Any

import pytest

from pillarbox.directory import quota
from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import EmailId
from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.jmap.capabilities import CORE, MAIL, UNDO
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.server.chores.table import CHORES
from pillarbox.server.jmap.emails import undo as undo_methods
from pillarbox.server.jmap.emails.work import Work, carry_out
from pillarbox.store import account_counters, flags, mailbox_cache, mailboxes, undo_tokens
from pillarbox.store.email_set import EmailChange
from pillarbox.store.flags import Mode
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import DatabaseUnavailable, RowRefused, Transaction
from tests.kit.database import RecordingTransaction
from tests.kit.every_verb import no_rest
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.emails import (
    PLAIN,
    box,
    box_number,
    called,
    created,
    delivered,
    draft,
    failed,
    get,
    state,
)

REPLY = PLAIN.replace(b"Message-ID: <1@", b"In-Reply-To: <1@two.example>\r\nMessage-ID: <2@")


async def undoable(client: JmapClient, **arguments: Any) -> str:
    """The token of an Email/set."""
    said = await called(client, "Email/set", undoable=True, **arguments)
    assert [said[name] for name in ("notCreated", "notUpdated", "notDestroyed")] == [None] * 3
    token: str = said["undoToken"]
    return token


async def undo(client: JmapClient, token: str, **arguments: Any) -> Any:
    """The response of Email/undo."""
    return await called(client, "Email/undo", undoToken=token, **arguments)


async def whole(client: JmapClient) -> Any:
    """All emails, with all that never changes as well."""
    names = ["threadId", "blobId", "size", "receivedAt", "sentAt", "mailboxIds", "keywords", "preview"]
    return {email["id"]: email for email in await get(client, properties=names)}


def rows(client: JmapClient, sql: str) -> Any:
    return client.provider.world.database.read_now(lambda tx: tx.rows(sql))


async def chores(client: JmapClient) -> None:
    """All of them, until there is nothing to do."""
    for chore in CHORES:
        while await chore.run(client.provider.world, no_rest):
            pass


# --- what is undone, and done again


def test_nothing_of_it_shows_to_who_does_not_use_it() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        given = {"accountId": client.account_id, "destroy": [email], "undoable": True}
        calls = ["Email/set", given, "a"], ["Email/undo", {"accountId": client.account_id}, "b"]
        answer = await client.request(*calls, using=(CORE, MAIL))
        types = [(name, said["type"]) for name, said, _ in answer["methodResponses"]]
        assert types == [("error", "invalidArguments"), ("error", "unknownMethod")]
        plain = {name: value for name, value in given.items() if name != "undoable"}
        for using in ((CORE, MAIL), (CORE, MAIL, UNDO)):
            answer = await client.request(["Email/set", plain, "a"], using=using)
            assert "undoToken" not in answer["methodResponses"][0][1]
        assert rows(client, "SELECT * FROM undo_tokens") == []

    run_with_jmap(test)


def test_moves_and_flags_are_undone_and_done_again() -> None:
    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(3)]
        before = await whole(client)
        inbox, archive, sent = (box(client, name) for name in ("INBOX", "Archive", "Sent"))
        token = await undoable(
            client,
            update={
                emails[0]: {"mailboxIds": {archive: True}},
                emails[1]: {"keywords/$seen": True, "keywords/work": True},
                emails[2]: {f"mailboxIds/{sent}": True, "keywords": {"$flagged": True}},
            },
        )
        after, now = await whole(client), await state(client)
        said = await undo(client, token, ifInState=now)
        assert said["oldState"] == now
        assert said["newState"] == await state(client) != now
        assert said["undone"] == {
            emails[0]: {"mailboxIds": {inbox: True}},
            emails[1]: {"keywords": {}},
            emails[2]: {"mailboxIds": {inbox: True}, "keywords": {}},
        }
        assert said["notUndone"] is None
        assert await whole(client) == before
        again = await undo(client, said["undoToken"])
        assert await whole(client) == after
        assert again["undone"][emails[1]] == {"keywords": {"$seen": True, "work": True}}
        await undo(client, again["undoToken"])
        assert await whole(client) == before

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.2", "MUST")
def test_a_destroyed_email_comes_back_as_it_was() -> None:
    async def test(client: JmapClient) -> None:
        first = await delivered(client)
        reply = await delivered(
            client, PLAIN.replace(b"Message-ID: <1@", b"In-Reply-To: <1@two.example>\r\nMessage-ID: <2@")
        )
        where = {box(client, name): True for name in ("INBOX", "Archive")}
        keywords = {"$seen": True, "work": True}
        await called(
            client,
            "Email/set",
            update={reply: {"mailboxIds": where, "keywords": keywords}},
        )
        before, counts = await whole(client), await called(client, "Mailbox/get")
        assert before[first]["threadId"] == before[reply]["threadId"]
        with_it, threads = await state(client), await called(client, "Thread/get", ids=[])
        used = client.provider.world.database.read_now(account_counters.usage, client.account.id)

        token = await undoable(client, destroy=[reply])
        without = await state(client)
        await chores(client)
        assert (await called(client, "Email/get", ids=[reply]))["notFound"] == [reply]
        assert (await called(client, "Email/query"))["ids"] == [first]
        assert (await called(client, "Email/query", filter={"text": "are you"}))["ids"] == [first]
        assert (await called(client, "Thread/get", ids=[before[first]["threadId"]]))["list"][0][
            "emailIds"
        ] == [first]
        changed = await called(client, "Email/changes", sinceState=with_it)
        assert changed["destroyed"] == [reply]
        less = client.provider.world.database.read_now(account_counters.usage, client.account.id)
        assert used.octets - less.octets == before[reply]["size"], "what is held counts towards no quota"

        said = await undo(client, token)
        assert said["undone"] == {reply: {"mailboxIds": where, "keywords": keywords}}
        assert await whole(client) == before
        now = await called(client, "Mailbox/get")
        assert now["list"] == counts["list"]
        assert client.provider.world.database.read_now(account_counters.usage, client.account.id) == used
        for since in (with_it, without):
            changed = await called(client, "Email/changes", sinceState=since)
            assert (changed["created"], changed["updated"], changed["destroyed"]) == ([reply], [], [])
        changed = await called(client, "Thread/changes", sinceState=threads["state"])
        assert before[first]["threadId"] in changed["created"] + changed["updated"]
        assert {*(await called(client, "Email/query", filter={"text": "are you"}))["ids"]} == {first, reply}
        (found,) = await get(client, reply, fetchTextBodyValues=True)
        assert [text["value"] for text in found["bodyValues"].values()] == ["How are you?\n"]

        await undo(client, said["undoToken"])
        await chores(client)
        assert [*await whole(client)] == [first]

    run_with_jmap(test)


def test_imap_sees_a_new_message() -> None:
    async def test(client: JmapClient) -> None:
        email, other = await delivered(client), await delivered(client)
        database, inbox = client.provider.world.database, box_number(client)
        await undo(client, await undoable(client, destroy=[email]))
        cached = database.read_now(mailbox_cache.load, client.account.id, inbox)
        assert [*cached.uids] == [2, 3]
        ids = rows(client, "SELECT email FROM placements ORDER BY uid")
        assert [f"M{number}" for (number,) in ids] == [other, email]

    run_with_jmap(test)


def test_a_creation_is_undone_and_is_not_lost() -> None:
    async def test(client: JmapClient) -> None:
        old = await created(client, subject="old")
        before = await whole(client)
        said = await called(
            client, "Email/set", undoable=True, create={"k": draft(client, subject="new")}, destroy=[old],
            update={"#k": {"keywords/work": True}},
        )  # fmt: skip
        new, after = said["created"]["k"]["id"], await whole(client)
        said = await undo(client, said["undoToken"])
        assert said["undone"][new] is None
        assert {*said["undone"]} == {new, old}
        assert await whole(client) == before
        await chores(client)
        await undo(client, said["undoToken"])
        assert await whole(client) == after

    run_with_jmap(test)


def test_what_a_call_of_several_transactions_creates_and_changes_is_one_thing() -> None:
    async def test(client: JmapClient) -> None:
        create = {f"k{number}": draft(client) for number in range(60)}
        said = await called(
            client, "Email/set", undoable=True, create=create, destroy=["#k1"],
            update={"#k0": {"keywords": {"work": True}}, "#k59": {"keywords": {"work": True}}},
        )  # fmt: skip
        ids = [one["id"] for one in said["created"].values()]
        after = await whole(client)
        assert {*after} == {*ids} - {ids[1]}
        undone = await undo(client, said["undoToken"])
        assert undone["undone"] == dict.fromkeys(after)
        assert undone["notUndone"] is None
        assert await whole(client) == {}
        await undo(client, undone["undoToken"])
        assert await whole(client) == after

    run_with_jmap(test)


def test_there_is_no_token_where_nothing_has_changed() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        where = {"mailboxIds": {box(client): True}}
        said = await called(
            client, "Email/set", undoable=True, create={"k": {}}, update={email: where, "M9": where}, destroy=["M8"]
        )  # fmt: skip
        assert said["undoToken"] is None
        assert rows(client, "SELECT * FROM undo_tokens") == []

    run_with_jmap(test)


# --- what others have changed since


def test_what_others_have_changed_stays() -> None:
    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(6)]
        moved, flagged, both, gone, same, hidden = emails
        inbox, archive, sent = (box(client, name) for name in ("INBOX", "Archive", "Sent"))
        change = {"mailboxIds": {archive: True}, "keywords": {"$seen": True}}
        token = await undoable(client, update=dict.fromkeys(emails, change))
        others = {
            moved: {f"mailboxIds/{sent}": True},
            flagged: {"keywords/$flagged": True},
            both: {"mailboxIds": {sent: True}, "keywords": {}},
            same: {"mailboxIds": {inbox: True}, "keywords": {}},
        }
        await called(client, "Email/set", update=others, destroy=[gone])
        number, uid = (await _places(client))[hidden]
        await client.provider.world.database.write(
            flags.alter,
            client.account.id,
            number,
            NumberSet(((uid, uid),)),
            mode=Mode.ADD,
            flags=flag_text.DELETED,
        )
        said = await undo(client, token)
        assert said["undone"] == {
            moved: {"keywords": {}},
            flagged: {"mailboxIds": {inbox: True}},
            both: {"keywords": {}},
            same: {"mailboxIds": {inbox: True}, "keywords": {}},
        }
        refused = {
            email: (error["type"], error.get("properties")) for email, error in said["notUndone"].items()
        }
        assert refused == {
            moved: ("undoConflict", ["mailboxIds"]),
            flagged: ("undoConflict", ["keywords"]),
            both: ("undoConflict", ["mailboxIds"]),
            gone: ("notFound", None),
            hidden: ("notFound", None),
        }
        now = await whole(client)
        assert now[moved]["mailboxIds"] == {archive: True, sent: True}
        assert now[flagged]["keywords"] == {"$seen": True, "$flagged": True}
        assert now[both]["mailboxIds"] == {sent: True}
        assert (await failed(client, "Email/undo", undoToken=token))["type"] == "undoTokenNotFound"

    run_with_jmap(test)


async def _places(client: JmapClient) -> dict[str, tuple[Any, int]]:
    return {
        f"M{email}": (box, uid)
        for email, box, uid in rows(client, "SELECT email, mailbox, uid FROM placements")
    }


def test_a_creation_that_others_have_changed_is_not_undone() -> None:
    async def test(client: JmapClient) -> None:
        said = await called(
            client, "Email/set", undoable=True, create={name: draft(client) for name in "abc"}
        )
        first, second, third = (said["created"][name]["id"] for name in "abc")
        await called(client, "Email/set", update={first: {"keywords/work": True}}, destroy=[third])
        undone = await undo(client, said["undoToken"])
        assert undone["undone"] == {second: None, third: None}
        assert undone["notUndone"][first]["type"] == "undoConflict"
        assert undone["notUndone"][first]["properties"] == ["keywords"]
        assert [*await whole(client)] == [first]

    run_with_jmap(test)


@pytest.mark.parametrize("is_destroyed", [True, False])
def test_where_a_mailbox_is_gone_it_is_the_others_or_the_inbox(is_destroyed: bool) -> None:
    async def test(client: JmapClient) -> None:
        made = await called(client, "Mailbox/set", create={name: {"name": name} for name in "ab"})
        first, second = (made["created"][name]["id"] for name in "ab")
        email, other = await delivered(client), await delivered(client)
        where = {first: True, second: True}
        await called(
            client, "Email/set", update={email: {"mailboxIds": where}, other: {"mailboxIds": {first: True}}}
        )
        moved = {one: {"mailboxIds": {box(client, "Trash"): True}} for one in (email, other)}
        token = await undoable(client, **({"destroy": [email, other]} if is_destroyed else {"update": moved}))
        said = await called(client, "Mailbox/set", destroy=[first])
        assert said["destroyed"] == [first]
        said = await undo(client, token)
        assert said["undone"][email]["mailboxIds"] == {second: True}
        assert said["undone"][other]["mailboxIds"] == {box(client): True}
        assert {name: email["mailboxIds"] for name, email in (await whole(client)).items()} == {
            email: {second: True}, other: {box(client): True},
        }  # fmt: skip

    run_with_jmap(test)


# --- errors


def test_tokens_that_are_none() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        token = await undoable(client, update={email: {"keywords/$seen": True}})
        for other in ("", "U", "Uzz", "U" + "0" * 32, token.upper(), token + " ", token[1:], token[:-2], "Ü"):
            assert (await failed(client, "Email/undo", undoToken=other))["type"] == "undoTokenNotFound"
        for arguments in (
            {},
            {"undoToken": 5},
            {"undoToken": token, "more": 1},
            {"undoToken": token, "ifInState": 1},
        ):
            assert (await failed(client, "Email/undo", **arguments))["type"] == "invalidArguments"
        wrong = await failed(client, "Email/set", undoable="yes")
        assert wrong["type"] == "invalidArguments"
        answer = await client.request(["Email/undo", {"accountId": "A77", "undoToken": token}, "a"])
        assert answer["methodResponses"][0][1]["type"] == "accountNotFound"
        said = await failed(client, "Email/undo", undoToken=token, ifInState="1")
        assert said["type"] == "stateMismatch"
        await undo(client, token)
        assert (await failed(client, "Email/undo", undoToken=token))["type"] == "undoTokenNotFound", "used"

    run_with_jmap(test)


def test_a_token_is_of_its_account() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        token = await undoable(client, destroy=[email])
        world = client.provider.world
        done = await world.database.write(
            undo_methods.undo_slice, client.provider.accounts[1], bytes.fromhex(token[1:]),
            undo_tokens.Undoable(token=bytes(16), kept_ms=1, most=1),
            after=(0, 0), expected=None, valid_at_ms=0, now_ms=0,
        )  # fmt: skip
        assert done is None
        assert (await undo(client, token))["undone"].keys() == {email}

    run_with_jmap(test)


def test_a_token_expires_and_what_it_held_goes() -> None:
    clock = VirtualClock()

    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        token = await undoable(client, destroy=[email])
        await clock.advance(9)
        await chores(client)
        assert rows(client, "SELECT id FROM emails") == [(int(email[1:]),)]
        assert rows(client, "SELECT * FROM orphans") == []
        await clock.advance(1)
        assert (await failed(client, "Email/undo", undoToken=token))["type"] == "undoTokenNotFound"
        await chores(client)
        for table in ("emails", "orphans", "undo_tokens", "undo_emails", "blobs"):
            assert rows(client, f"SELECT * FROM {table}") == [], table

    run_with_jmap(test, limits=Limits(undo_kept_s=10), clock=clock)


def test_the_oldest_tokens_go_first() -> None:
    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(4)]
        tokens = [await undoable(client, destroy=[email]) for email in emails]
        assert (await failed(client, "Email/undo", undoToken=tokens[0]))["type"] == "undoTokenNotFound"
        await chores(client)
        assert {email for (email,) in rows(client, "SELECT id FROM emails")} == {
            int(one[1:]) for one in emails[1:]
        }
        said = await undo(client, tokens[1])
        assert [*said["undone"]] == [emails[1]], "using one ends no other"
        for token in (*tokens[2:], said["undoToken"]):
            await undo(client, token)

    run_with_jmap(test, limits=Limits(max_undo_tokens=3))


def test_over_quota_it_waits_in_the_token() -> None:
    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(3)]
        before, database = await whole(client), client.provider.world.database
        token = await undoable(client, destroy=emails)
        size = before[emails[0]]["size"]
        await database.write(quota.set_account_quota, client.account.id, 2 * size + 10)
        said = await undo(client, token)
        assert len(said["undone"]) == 2
        ((left, error),) = said["notUndone"].items()
        assert error["type"] == "overQuota"
        await chores(client)
        assert (await undo(client, token))["notUndone"][left]["type"] == "overQuota"
        await database.write(quota.set_account_quota, client.account.id, 3 * size)
        assert [*(await undo(client, token))["undone"]] == [left]
        assert await whole(client) == before

    run_with_jmap(test)


def test_where_flags_are_too_many_it_waits_as_well() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        keywords = {"k" * 60: True}
        await called(client, "Email/set", update={email: {"keywords": keywords}})
        token = await undoable(client, destroy=[email])
        fill = "INSERT INTO flag_texts VALUES (?, ?, ?, 1)"
        row = (client.account.id, box_number(client), "x" * 256 * 1024)
        database = client.provider.world.database
        await database.write(lambda tx: tx.execute(fill, row))
        said = await undo(client, token)
        assert said["notUndone"][email]["type"] == "tooManyKeywords"
        await database.write(lambda tx: tx.execute("DELETE FROM flag_texts WHERE length(flags) > 1000"))
        assert (await undo(client, token))["undone"][email]["keywords"] == keywords

    run_with_jmap(test)


# --- much, and failures in between


def test_many_are_destroyed_and_come_back_in_slices() -> None:
    sizes: list[int] = []

    async def test(client: JmapClient) -> None:
        for _ in range(500):
            await delivered(client)
        before = await whole(client)
        token = await undoable(client, destroy=[*before])
        assert await whole(client) == {}
        slices = _Counted(client, sizes)
        said = await undo(client, token)
        slices.stop()
        assert said["undone"].keys() == before.keys()
        assert await whole(client) == before
        assert sizes == [100] * 5
        await undo(client, said["undoToken"])
        assert await whole(client) == {}

    run_with_jmap(test)


class _Counted:
    """How many emails each transaction of an undoing puts back; fails where it is told to."""

    def __init__(self, client: JmapClient, sizes: list[int], *, fails_at: int = -1) -> None:
        self._database = client.provider.world.database
        self._write = self._database.write_in_thread
        self._sizes, self._fails_at = sizes, fails_at
        self._database.write_in_thread = self  # type: ignore[method-assign]

    async def __call__(self, verb: Any, *arguments: Any, **keywords: Any) -> Any:
        if len(self._sizes) == self._fails_at:
            raise DatabaseUnavailable
        done = await self._write(verb, *arguments, **keywords)
        self._sizes.append(len(done.undone.emails))
        return done

    def stop(self) -> None:
        self._database.write_in_thread = self._write  # type: ignore[method-assign]


def test_after_a_failure_in_between_the_same_call_does_the_rest() -> None:
    async def test(client: JmapClient) -> None:
        for _ in range(150):
            await delivered(client)
        before = await whole(client)
        token = await undoable(client, destroy=[*before])
        failing = _Counted(client, [], fails_at=1)
        assert (await failed(client, "Email/undo", undoToken=token))["type"] == "serverPartialFail"
        failing.stop()
        assert len(await whole(client)) == 100
        await chores(client)
        said = await undo(client, token)
        assert len(said["undone"]) == 50
        assert await whole(client) == before
        failing = _Counted(client, [], fails_at=0)
        assert (await failed(client, "Email/undo", undoToken=said["undoToken"]))[
            "type"
        ] == "serverUnavailable"
        failing.stop()
        assert len((await undo(client, said["undoToken"]))["undone"]) == 50

    run_with_jmap(test)


def test_with_another_state_in_between() -> None:
    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(120)]
        update = {email: {"keywords": {"$seen": True}} for email in emails}
        for is_expecting in (False, True):
            token = await undoable(client, update=update)
            now = await state(client)
            database = client.provider.world.database
            write = database.write_in_thread

            async def meddling(verb: Any, *arguments: Any, **keywords: Any) -> Any:
                done = await write(verb, *arguments, **keywords)  # noqa: B023 - called before the next round
                await client.provider.deliver(0, PLAIN)
                return done

            database.write_in_thread = meddling  # type: ignore[method-assign]
            name, said = await client.call(
                "Email/undo", undoToken=token, ifInState=now if is_expecting else None
            )
            database.write_in_thread = write  # type: ignore[method-assign]
            if is_expecting:
                assert (name, said["type"]) == ("error", "serverPartialFail")
            else:
                assert said["oldState"] is None
                assert len(said["undone"]) == 120

    run_with_jmap(test)


def test_an_account_goes_with_its_tokens() -> None:
    async def test(client: JmapClient) -> None:
        await undoable(client, destroy=[await delivered(client)])
        await client.provider.world.database.write(mailboxes.delete_account, client.account.id)
        await chores(client)
        for table in ("emails", "orphans", "undo_tokens", "undo_emails", "blobs"):
            assert rows(client, f"SELECT * FROM {table}") == [], table

    run_with_jmap(test)


def test_no_more_is_held_than_the_account_may_have() -> None:
    async def test(client: JmapClient) -> None:
        first, second, third = [await delivered(client) for _ in range(3)]
        await client.provider.world.database.write(quota.set_account_quota, client.account.id, 2 * len(PLAIN))
        said = await called(client, "Email/set", undoable=True, destroy=[first, second, third])
        assert (len(said["destroyed"]), said["undoToken"]) == (3, None)
        await chores(client)
        assert rows(client, "SELECT id FROM emails") == []

    run_with_jmap(test)


def test_who_asks_for_no_token_pays_nothing() -> None:
    async def test(client: JmapClient) -> None:
        email, other = await delivered(client), await delivered(client)
        change = EmailChange(EmailId(int(other[1:])), keywords="\\Seen")
        work = Work((), (change,), (EmailId(int(email[1:])),))
        asked: list[str] = []

        def verb(tx: Transaction) -> None:
            recording = RecordingTransaction(tx)
            carry_out(recording, client.account.id, work, expected=None, now_ms=1)
            asked.extend(recording.statements)

        await client.provider.world.database.write(verb)
        assert asked
        assert not [sql for sql in asked if "undo_" in sql]

    run_with_jmap(test)


@pytest.mark.parametrize("value", ["'zz'", "x'ff'", "-1", "0.5", "NULL"])
@pytest.mark.parametrize(
    "column",
    [
        "undo_tokens.until_ms", "undo_tokens.octets", "undo_emails.kind", "undo_emails.mailboxes_before",
        "undo_emails.flags_before", "undo_emails.mailboxes_after", "undo_emails.flags_after", "undo_emails.thread",
        "undo_emails.size", "undo_emails.received_at_ms", "undo_emails.sent_at_ms", "undo_emails.sent_day",
        "undo_emails.snoozed_in", "undo_emails.until_ms", "undo_emails.move_to", "undo_emails.set_flags",
    ],
)  # fmt: skip
def test_a_value_that_nobody_wrote_is_no_mistake_of_ours(column: str, value: str) -> None:
    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(2)]
        update = {emails[0]: {"mailboxIds": {box(client, "Sent"): True}, "keywords": {"$seen": True}}}
        said = await called(
            client, "Email/set", undoable=True, update=update, destroy=emails[1:], create={"k": draft(client)}
        )
        table, _, name = column.partition(".")
        await client.provider.world.database.write(_put_value, table, name, value)
        for arguments in ({"undoToken": said["undoToken"]},) * 2:
            method, answer = await client.call("Email/undo", **arguments)
            known = {"serverUnavailable", "serverPartialFail", "undoTokenNotFound"}
            assert method == "Email/undo" or answer["type"] in known, answer
        await client.call("Email/set", undoable=True, destroy=[emails[0]])
        await client.call("Email/get")
        assert not client.provider.telemetry.failures

    run_with_jmap(test)


def _put_value(tx: Transaction, table: str, column: str, value: str) -> None:
    with suppress(RowRefused):
        tx.execute(f"UPDATE {table} SET {column} = {value}")
