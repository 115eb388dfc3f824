"""Emails that go away and come back: the own extension `urn:pillarbox:jmap:snooze`."""

import json
from typing import Any

import pytest

from pillarbox.mail.number_set import EVERYTHING
from pillarbox.protocol.jmap.capabilities import CORE, MAIL, SNOOZE
from pillarbox.protocol.jmap.scalars import utc_date
from pillarbox.server.chores.table import bring_back_snoozed
from pillarbox.store import mailboxes, placements, snoozing
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.mailbox import Role
from pillarbox.store.snoozing import MAX_AWAY_S, PAST_S
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Transaction
from pillarbox.world.topic import account_changed
from tests.kit.every_verb import no_rest
from tests.kit.jmap.client import BASE_URL, JmapClient, run_with_jmap
from tests.kit.jmap.emails import box, box_number, called, delivered, draft, failed, get, state
from tests.kit.stored_mail import NOW_MS

HOUR_S = 3600


def at(seconds: float) -> str:
    return utc_date(NOW_MS + round(seconds * 1000))


def value(seconds: float = HOUR_S, **more: Any) -> dict[str, Any]:
    return {"until": at(seconds), "moveToMailboxId": None, "setKeywords": None, **more}


async def with_mailbox(client: JmapClient) -> None:
    """The mailbox for it, as a client makes it."""
    said = await called(client, "Mailbox/set", create={"k": {"name": "Snoozed", "role": "snoozed"}})
    assert said["notCreated"] is None


async def update(client: JmapClient, email: str, patch: dict[str, Any]) -> Any:
    """What `updated` has, or the error."""
    said = await called(client, "Email/set", update={email: patch})
    return (said["updated"] or said["notUpdated"])[email]


async def shown(client: JmapClient, email: str) -> tuple[Any, set[str], set[str]]:
    """`snoozed`, mailboxes and keywords."""
    (one,) = await get(client, email, properties=["snoozed", "mailboxIds", "keywords"])
    return one["snoozed"], {*one["mailboxIds"]}, {*one["keywords"]}


async def time_passes(client: JmapClient, seconds: float) -> None:
    clock = client.provider.world.clock
    assert isinstance(clock, VirtualClock)
    await clock.advance(seconds)
    while await bring_back_snoozed(client.provider.world, no_rest):
        pass


def run(test: Any) -> None:
    async def prepared(client: JmapClient) -> None:
        await with_mailbox(client)
        await test(client)
        assert not client.provider.telemetry.failures

    run_with_jmap(prepared, clock=VirtualClock(NOW_MS))


# --- away and back


def test_one_update_has_it_go_away_and_come_back() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client, flags="\\Seen")
        before, told = await state(client), list[int]()
        topic = account_changed(client.account.id)
        client.provider.world.signals.subscribe(topic, lambda: told.append(1))
        assert await update(client, email, {"snoozed": value()}) == {
            "mailboxIds": {box(client, "Snoozed"): True}
        }
        assert told
        assert await shown(client, email) == (value(), {box(client, "Snoozed")}, {"$seen"})
        said = await called(client, "Email/changes", sinceState=before)
        assert said["updated"] == [email]
        told.clear()
        await time_passes(client, HOUR_S - 1)
        assert not told
        await time_passes(client, 1)
        assert told
        assert await shown(client, email) == (None, {box(client)}, set())
        said = await called(client, "Email/changes", sinceState=said["newState"])
        assert said["updated"] == [email]

    run(test)


def test_what_is_left_out_is_told() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        until = at(HOUR_S)[:-1] + ".25Z"
        said = await update(client, email, {"snoozed": {"until": until}, "keywords/work": True})
        assert said == {"snoozed": value(), "mailboxIds": {box(client, "Snoozed"): True}}
        (one,) = await get(client, email, properties=["snoozed", "keywords"])
        assert (one["snoozed"], one["keywords"]) == (value(), {"work": True})

    run(test)


def test_where_and_how_it_comes_back() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client, flags="\\Flagged")
        archive = box(client, "Archive")
        wanted = value(moveToMailboxId=archive, setKeywords={"$seen": True, "work": True, "$flagged": False})
        await update(client, email, {"snoozed": wanted})
        assert (await shown(client, email))[0] == wanted
        await time_passes(client, HOUR_S)
        assert await shown(client, email) == (None, {archive}, {"$seen", "work"})

    run(test)


def test_the_client_may_say_where_it_is_meanwhile() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        there = {box(client, name): True for name in ("Snoozed", "Archive")}
        assert await update(client, email, {"snoozed": value(), "mailboxIds": there}) is None
        assert (await shown(client, email))[1] == {*there}
        await time_passes(client, HOUR_S)
        assert await shown(client, email) == (None, {box(client), box(client, "Archive")}, set())
        snoozed, inbox = box(client, "Snoozed"), box(client)
        patch = {"snoozed": value(2 * HOUR_S), f"mailboxIds/{snoozed}": True, f"mailboxIds/{inbox}": None}
        assert await update(client, email, patch) is None
        assert (await shown(client, email))[1] == {*there}

    run(test)


def test_patches_within_it() -> None:
    async def test(client: JmapClient) -> None:
        email, archive = await delivered(client), box(client, "Archive")
        patch: dict[str, Any]
        for patch in ({"snoozed/until": at(60)}, {"snoozed/setKeywords/$seen": True}):
            assert (await update(client, email, patch))["type"] == "invalidPatch", "there is nothing to patch"
        await update(client, email, {"snoozed": value(setKeywords={"work": True})})
        for patch, after in (
            ({"snoozed/until": at(60)}, value(60, setKeywords={"work": True})),
            ({"snoozed/setKeywords/$seen": False}, value(60, setKeywords={"$seen": False, "work": True})),
            ({"snoozed/setKeywords/work": None}, value(60, setKeywords={"$seen": False})),
            ({"snoozed/moveToMailboxId": archive}, value(60, moveToMailboxId=archive, setKeywords={"$seen": False})),
            ({"snoozed/setKeywords": None, "snoozed/moveToMailboxId": None}, value(60)),
            ({"snoozed": value(90)}, value(90)),
        ):  # fmt: skip
            before = await state(client)
            assert await update(client, email, patch) in (None, {"snoozed": after})
            assert (await shown(client, email))[:2] == (after, {box(client, "Snoozed")})
            assert await state(client) != before
            assert await update(client, email, {"snoozed": after}) is None, "as it is"
        for patch, kind in (
            ({"snoozed/until": None}, "invalidProperties"),
            ({"snoozed/colour": "red"}, "invalidProperties"),
            ({"snoozed/until/x": 1}, "invalidPatch"),
            ({"snoozed/until": at(60), "snoozed": None}, "invalidPatch"),
        ):
            assert (await update(client, email, patch))["type"] == kind
        await time_passes(client, 90)
        assert await shown(client, email) == (None, {box(client)}, set())

    run(test)


def test_null_has_it_come_back_at_once_as_it_is() -> None:
    async def test(client: JmapClient) -> None:
        email, archive = await delivered(client, flags="\\Seen"), box(client, "Archive")
        assert await update(client, email, {"snoozed": None}) is None, "it is not away"
        assert (await shown(client, email))[1] == {box(client)}
        await update(client, email, {"snoozed": value(moveToMailboxId=archive, setKeywords={"work": True})})
        assert await update(client, email, {"snoozed": None}) == {"mailboxIds": {archive: True}}
        assert await shown(client, email) == (None, {archive}, {"$seen"})
        await update(client, email, {"snoozed": value()})
        stays = {box(client, "Snoozed"): True}
        assert await update(client, email, {"snoozed": None, "mailboxIds": stays}) is None
        assert await shown(client, email) == (None, {*stays}, {"$seen"})
        await time_passes(client, HOUR_S)
        assert (await shown(client, email))[1] == {*stays}, "nobody waits for it"

    run(test)


def test_moving_it_away_ends_it() -> None:
    async def test(client: JmapClient) -> None:
        first, second = await delivered(client), await delivered(client)
        for email in (first, second):
            await update(client, email, {"snoozed": value()})
        await update(client, first, {"mailboxIds": {box(client, "Archive"): True}})

        account, source, to = client.account.id, box_number(client, "Snoozed"), box_number(client, "Archive")

        def move(tx: Transaction) -> None:
            placements.move(tx, account, source, EVERYTHING, to=to, now_ms=NOW_MS)

        await client.provider.world.database.write(move)
        for email in (first, second):
            assert (await shown(client, email))[:2] == (None, {box(client, "Archive")})
        await time_passes(client, HOUR_S)
        for email in (first, second):
            assert (await shown(client, email))[:2] == (None, {box(client, "Archive")})

    run(test)


def test_a_new_email_may_be_away_from_the_beginning() -> None:
    async def test(client: JmapClient) -> None:
        where = {box(client, "Snoozed"): True}
        given = draft(client, mailboxIds=where, snoozed={"until": at(HOUR_S)})
        said = await called(client, "Email/set", create={"k": given})
        assert said["created"]["k"]["snoozed"] == value()
        email = said["created"]["k"]["id"]
        assert (await shown(client, email))[0] == value()
        said = await called(client, "Email/set", create={"k": draft(client, snoozed=None)})
        assert "snoozed" not in said["created"]["k"]
        await time_passes(client, HOUR_S)
        assert (await shown(client, email))[:2] == (None, {box(client)})

    run(test)


def test_all_that_is_wrong_with_a_new_one_is_named() -> None:
    async def test(client: JmapClient) -> None:
        where = {box(client, "Snoozed"): True}
        for given, wrong in (
            (draft(client, snoozed=value()), {"snoozed"}),
            (draft(client, mailboxIds=where, snoozed=value(-PAST_S - 1)), {"snoozed"}),
            (draft(client, mailboxIds={}, snoozed={}, subject=7), {"mailboxIds", "snoozed", "subject"}),
        ):
            said = await called(client, "Email/set", create={"k": given})
            assert said["notCreated"]["k"]["type"] == "invalidProperties"
            assert {*said["notCreated"]["k"]["properties"]} == wrong

    run(test)


def test_an_email_and_mailboxes_of_the_same_request() -> None:
    async def test(client: JmapClient) -> None:
        account = {"accountId": client.account_id}
        answer = await client.request(
            ["Mailbox/set", {**account, "create": {"b": {"name": "Back"}}}, "a"],
            [
                "Email/set",
                {
                    **account,
                    "create": {"k": draft(client), "m": draft(client, mailboxIds={box(client, "Snoozed"): True},
                                                              snoozed=value(moveToMailboxId="#b"))},
                    "update": {"#k": {"snoozed": value(moveToMailboxId="#b")}},
                },
                "b",
            ],
        )  # fmt: skip
        said = answer["methodResponses"][1][1]
        assert said["notUpdated"] is said["notCreated"] is None
        for key in ("k", "m"):
            snoozed, _, _ = await shown(client, said["created"][key]["id"])
            assert snoozed["moveToMailboxId"] == box(client, "Back")
        patch = {"snoozed/moveToMailboxId": "#none"}
        assert (await update(client, said["created"]["k"]["id"], patch))["properties"] == ["snoozed"]

    run(test)


# --- what cannot be


@pytest.mark.parametrize(
    "snoozed",
    [
        7,
        {},
        {"until": "tomorrow"},
        value(-PAST_S - 1),
        value(MAX_AWAY_S + 1),
        value(moveToMailboxId="F99"),
        value(moveToMailboxId="#x"),
        value(setKeywords={"a b": True}),
        value(colour="red"),
    ],
)
def test_values_that_it_may_not_have(snoozed: Any) -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        before = await state(client)
        error = await update(client, email, {"snoozed": snoozed})
        assert (error["type"], error["properties"]) == ("invalidProperties", ["snoozed"])
        assert await shown(client, email) == (None, {box(client)}, set())
        assert await state(client) == before

    run(test)


def test_it_can_not_come_back_to_where_it_is_nor_be_elsewhere_meanwhile() -> None:
    async def test(client: JmapClient) -> None:
        email, archive, snoozed = await delivered(client), box(client, "Archive"), box(client, "Snoozed")
        for patch in (
            {"snoozed": value(moveToMailboxId=snoozed)},
            {"snoozed": value(), "mailboxIds": {archive: True}},
            {"snoozed": value(), f"mailboxIds/{archive}": True},
        ):
            assert (await update(client, email, patch))["properties"] == ["snoozed"]
        await update(client, email, {"snoozed": value()})
        patch = {"snoozed": value(), "mailboxIds": {archive: True}}
        assert (await update(client, email, patch))["properties"] == ["snoozed"]
        assert (await update(client, "M99", {"snoozed": value()}))["type"] == "notFound"
        assert (await update(client, email, {"snoozed": 7, "colour": 1, "subject": 3}))["properties"] == [
            "colour"
        ]

    run(test)


def test_a_time_that_has_just_passed_is_now() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client, flags="\\Seen")
        assert await update(client, email, {"snoozed": value(-PAST_S)}) is not None
        assert (await shown(client, email))[0] == value(-PAST_S)
        await time_passes(client, 0)
        assert await shown(client, email) == (None, {box(client)}, set())

    run(test)


def test_without_a_mailbox_for_it_there_is_no_snoozing() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        error = await update(client, email, {"snoozed": value()})
        assert (error["type"], error["properties"]) == ("invalidProperties", ["snoozed"])
        said = await called(client, "Email/set", create={"k": draft(client, snoozed=value())})
        assert said["notCreated"]["k"]["properties"] == ["snoozed"]
        await with_mailbox(client)
        assert await update(client, email, {"snoozed": value()}) is not None

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


def test_without_the_capability_there_is_nothing_of_it() -> None:
    async def test(client: JmapClient) -> None:
        email, account = await delivered(client), {"accountId": client.account_id}
        where = {box(client, "Snoozed"): True}
        given = draft(client, mailboxIds=where, snoozed=value())
        calls = [
            ["Email/get", {**account, "ids": [email], "properties": ["snoozed"]}, "a"],
            ["Email/query", {**account, "sort": [{"property": "snoozedUntil"}]}, "b"],
            ["Email/set", {**account, "update": {email: {"snoozed": value()}}, "create": {"k": given}}, "c"],
            ["Email/get", {**account, "ids": [email]}, "d"],
        ]
        plain = (await client.request(*calls, using=(CORE, MAIL)))["methodResponses"]
        assert [said.get("type") for _, said, _ in plain] == [
            "invalidArguments",
            "unsupportedSort",
            None,
            None,
        ]
        assert plain[2][1]["notUpdated"][email]["properties"] == ["snoozed"]
        assert plain[2][1]["notCreated"]["k"]["properties"] == ["snoozed"]
        extended = (await client.request(*calls, using=(CORE, MAIL, SNOOZE)))["methodResponses"]
        assert [said.get("type") for _, said, _ in extended] == [None] * 4
        assert extended[3][1]["list"][0].keys() == plain[3][1]["list"][0].keys(), (
            "the default is that of RFC 8621"
        )
        for method in ("import", "copy"):
            record = {"blobId": plain[3][1]["list"][0]["blobId"], "mailboxIds": where, "snoozed": value()}
            if method == "import":
                said = await called(client, "Email/import", emails={"k": record})
                assert said["notCreated"]["k"]["properties"] == ["snoozed"]
        assert (await failed(client, "Email/parse", blobIds=[], properties=["snoozed"]))[
            "type"
        ] == "invalidArguments"

    run(test)


def test_the_session_says_what_there_is() -> None:
    async def test(client: JmapClient) -> None:
        session = await client.service.session(client.account, BASE_URL)
        said = json.loads(session.octets)
        account = said["accounts"][client.account_id]["accountCapabilities"]
        assert said["capabilities"][SNOOZE] == {}
        assert account[SNOOZE] == {"maxSnooze": MAX_AWAY_S, "emailQuerySortOptions": ["snoozedUntil"]}
        assert "snoozedUntil" not in account[MAIL]["emailQuerySortOptions"]

    run(test)


# --- listing


async def listed(client: JmapClient, **arguments: Any) -> Any:
    sort = [{"property": "snoozedUntil", "isAscending": False}]
    return await called(client, "Email/query", sort=sort, **arguments)


def test_what_came_back_is_above_what_came_meanwhile() -> None:
    async def test(client: JmapClient) -> None:
        first = await delivered(client)
        await time_passes(client, 10)
        second = await delivered(client)
        await time_passes(client, 1)
        later = await delivered(client)
        assert (await listed(client))["ids"] == [later, second, first]
        await update(client, first, {"snoozed": value()})
        await update(client, later, {"snoozed": value(2 * HOUR_S)})
        assert (await listed(client))["ids"] == [later, first, second]
        await update(client, first, {"snoozed/until": at(3 * HOUR_S)})
        assert (await listed(client))["ids"] == [first, later, second], "by the new time"
        await update(client, first, {"snoozed/until": at(HOUR_S)})
        await time_passes(client, HOUR_S - 20)
        third = await delivered(client)
        inbox = {"inMailbox": box(client)}
        assert (await listed(client, filter=inbox))["ids"] == [third, second]
        await time_passes(client, 25)
        assert (await listed(client, filter=inbox))["ids"] == [first, third, second]
        await update(client, first, {"keywords/$seen": True})
        assert (await listed(client, filter=inbox))["ids"] == [first, third, second], "that stays so"
        ids = [later, first, third, second]
        assert (await listed(client))["ids"] == ids
        assert (await called(client, "Email/query"))["ids"][-1] == first
        await update(client, later, {"mailboxIds": {box(client, "Archive"): True}})
        assert (await listed(client))["ids"] == [first, third, later, second], "it is not away any more"

    run(test)


def test_pitfall_16_changes_of_a_list_that_is_ordered_by_it_lead_to_it() -> None:
    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(6)]
        sort = [{"property": "snoozedUntil", "isAscending": False}]
        for arguments in ({}, {"collapseThreads": True}, {"filter": {"inMailbox": box(client)}}):
            before = await called(client, "Email/query", sort=sort, **arguments)
            now = (client.provider.world.clock.now_ms() - NOW_MS) / 1000
            for number, patch in (
                (3, {"snoozed": value(now + 90)}), (1, {"snoozed": value(now + 200)}),
                (3, {"snoozed/until": at(now + 300)}), (1, {"snoozed": None}), (5, {"snoozed": value(now + 50)}),
                (None, {}), (3, {"keywords/$seen": True}), (2, {"snoozed": value(now + 400)}),
                (5, {"keywords/work": True}), (2, {"mailboxIds": {box(client, "Archive"): True}}),
            ):  # fmt: skip
                if number is None:
                    await time_passes(client, 60)
                else:
                    await update(client, emails[number], patch)
                said = await called(
                    client, "Email/queryChanges", sort=sort, sinceQueryState=before["queryState"], **arguments
                )
                after = await called(client, "Email/query", sort=sort, **arguments)
                assert applied(before["ids"], said) == after["ids"]
                before = after
            await update(client, emails[3], {"snoozed": None})

    run(test)


def applied(before: list[str], said: Any) -> list[str]:
    """RFC 8620 §5.6: what a client makes of the answer."""
    after = [key for key in before if key not in said["removed"]]
    for one in said["added"]:
        if one["id"] in after:
            after.remove(one["id"])
        after.insert(one["index"], one["id"])
    return after


# --- the chore


@pytest.mark.replaces_functions
def test_one_that_can_not_come_back_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(5)]
        for email in emails:
            await update(client, email, {"snoozed": value()})
        bring_back = snoozing.bring_back

        def damaged(tx: Transaction, email: Any, *, now_ms: int) -> bool:
            if f"M{email}" in emails[:3]:
                raise NoSuchMailbox
            return bring_back(tx, email, now_ms=now_ms)

        monkeypatch.setattr(snoozing, "bring_back", damaged)
        await time_passes(client, HOUR_S)
        there = [(await shown(client, email))[1] == {box(client)} for email in emails]
        assert there == [False, False, False, True, True]
        monkeypatch.undo()
        await time_passes(client, 0)
        assert [(await shown(client, email))[1] for email in emails] == [{box(client)}] * 5

    run(test)


def test_imap_sees_a_plain_mailbox_and_its_role_is_given_by_jmap_alone() -> None:
    assert Role.SNOOZED.attribute is None

    async def test(client: JmapClient) -> None:
        said = await called(client, "Mailbox/get", ids=[box(client, "Snoozed")], properties=["role"])
        assert said["list"][0]["role"] == "snoozed"
        found = client.provider.world.database.read_now(mailboxes.by_role, client.account.id, Role.SNOOZED)
        assert found is not None
        assert found.name == "Snoozed"

    run(test)


# --- undone


async def undoable(client: JmapClient, **arguments: Any) -> str:
    """The token of an Email/set."""
    token: str = (await called(client, "Email/set", undoable=True, **arguments))["undoToken"]
    return token


async def undo(client: JmapClient, token: str) -> Any:
    said = await called(client, "Email/undo", undoToken=token)
    assert said["notUndone"] is None
    return said


@pytest.mark.parametrize("how", ["moved", "destroyed", "brought back"])
def test_what_is_put_back_to_where_it_was_snoozed_comes_back_again(how: str) -> None:
    async def test(client: JmapClient) -> None:
        email, archive, snoozed = await delivered(client), box(client, "Archive"), box(client, "Snoozed")
        wanted = value(moveToMailboxId=archive, setKeywords={"work": True, "$flagged": False})
        await update(client, email, {"snoozed": wanted})
        calls: dict[str, dict[str, Any]] = {
            "moved": {"update": {email: {"mailboxIds": {box(client, "Trash"): True}}}},
            "destroyed": {"destroy": [email]},
            "brought back": {"update": {email: {"snoozed": None}}},
        }
        token = await undoable(client, **calls[how])
        said = await undo(client, token)
        assert await shown(client, email) == (wanted, {snoozed}, set())
        again = await undo(client, said["undoToken"])  # gone once more
        await undo(client, again["undoToken"])
        assert await shown(client, email) == (wanted, {snoozed}, set())
        await time_passes(client, HOUR_S)
        assert await shown(client, email) == (None, {archive}, {"work"})

    run(test)


def test_what_is_put_back_after_its_time_comes_back_at_once() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        await update(client, email, {"snoozed": value(60)})
        token = await undoable(client, destroy=[email])
        await time_passes(client, 120)
        await undo(client, token)
        await time_passes(client, 0)
        assert await shown(client, email) == (None, {box(client)}, set())

    run(test)


def test_a_snooze_that_was_undone_is_done_again() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        token = await undoable(client, update={email: {"snoozed": value()}})
        said = await undo(client, token)
        assert await shown(client, email) == (None, {box(client)}, set())
        await undo(client, said["undoToken"])
        assert await shown(client, email) == (value(), {box(client, "Snoozed")}, set())

    run(test)


def test_what_was_in_that_mailbox_without_a_time_stays_so() -> None:
    async def test(client: JmapClient) -> None:
        email, snoozed = await delivered(client), box(client, "Snoozed")
        await update(client, email, {"mailboxIds": {snoozed: True}})
        await undo(client, await undoable(client, destroy=[email]))
        assert await shown(client, email) == (None, {snoozed}, set())
        # Snoozed, and moved there by somebody else: not snoozed any more
        await update(client, email, {"snoozed": value(), "mailboxIds": {snoozed: True}})
        for mailbox in (box(client), snoozed):
            await update(client, email, {"mailboxIds": {mailbox: True}})
        await undo(client, await undoable(client, destroy=[email]))
        assert await shown(client, email) == (None, {snoozed}, set())

    run(test)


def test_where_that_mailbox_is_gone_it_is_put_back_without_a_time() -> None:
    async def test(client: JmapClient) -> None:
        email, snoozed = await delivered(client), box(client, "Snoozed")
        await update(client, email, {"snoozed": value()})
        token = await undoable(client, destroy=[email])
        await called(client, "Mailbox/set", destroy=[snoozed])
        await undo(client, token)
        assert await shown(client, email) == (None, {box(client)}, set())

    run(test)
