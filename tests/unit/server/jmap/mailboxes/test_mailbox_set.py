"""Mailbox/set: what may be, what is refused and how, and what IMAP sees of it."""

from typing import Any

import pytest

from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.server.jmap.mailboxes import forest
from pillarbox.server.jmap.mailboxes import set as mailbox_set
from pillarbox.store import (
    account_counters,
    changes,
    flags,
    mailbox_arrangement,
    mailboxes,
    placements,
    states,
)
from pillarbox.store import mailbox as stored
from pillarbox.store.changes import ChangeKind
from pillarbox.store.flags import Mode
from pillarbox.store.mailbox import Role
from pillarbox.world.database import DatabaseUnavailable, Transaction
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.stored_mail import ANNA

COUNTS = ["totalEmails", "unreadEmails", "totalThreads", "unreadThreads"]


async def sets(client: JmapClient, **arguments: Any) -> dict[str, Any]:
    name, said = await client.call("Mailbox/set", **arguments)
    assert name == "Mailbox/set", said
    return said  # type: ignore[no-any-return]


async def make(client: JmapClient, **records: dict[str, Any]) -> dict[str, str]:
    """Create mailboxes; their ids."""
    said = await sets(client, create=records)
    assert said["notCreated"] is None, said
    return {key: record["id"] for key, record in said["created"].items()}


async def ids(client: JmapClient) -> dict[str, str]:
    """All ids by name."""
    _, said = await client.call("Mailbox/get", ids=None, properties=["name"])
    return {record["name"]: record["id"] for record in said["list"]}


async def listed(client: JmapClient) -> list[str]:
    """As IMAP's LIST has them, without those of every account."""
    listing = await client.provider.world.database.read(mailboxes.listing, client.account.id)
    return [mailbox.name for mailbox in listing if mailbox.name not in stored.DEFAULT_MAILBOXES]


async def subscribed(client: JmapClient) -> set[str]:
    names = await client.provider.world.database.read(mailboxes.subscriptions, client.account.id)
    return {*names} - {*stored.DEFAULT_MAILBOXES}


async def write(client: JmapClient, verb: Any) -> Any:
    return await client.provider.world.database.write(verb)


def at(tx: Transaction, name: str) -> Any:
    return mailboxes.by_name(tx, ANNA, name).id


def error(kind: str, *properties: str) -> dict[str, Any]:
    return {"type": kind, **({"properties": list(properties)} if properties else {})}


def plain(refused: dict[str, Any]) -> dict[str, Any]:
    """Errors without their descriptions."""
    return {
        key: {name: value for name, value in one.items() if name in ("type", "properties")}
        for key, one in refused.items()
    }


# --- create


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_children_may_stand_before_their_parents() -> None:
    async def test(client: JmapClient) -> None:
        made = await make(
            client,
            c={"name": "c", "parentId": "#b"},
            b={"name": "b", "parentId": "#a"},
            a={"name": "a"},
        )
        assert await listed(client) == ["a", "a/b", "a/b/c"]
        _, said = await client.call("Mailbox/get", ids=[made["c"]], properties=["parentId", "isSubscribed"])
        assert said["list"] == [{"id": made["c"], "parentId": made["b"], "isSubscribed": True}]
        assert await subscribed(client) == {"a", "a/b", "a/b/c"}

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_parents_that_will_never_be() -> None:
    """Each other's, its own, unknown, of another type, and one that is refused itself."""

    async def test(client: JmapClient) -> None:
        said = await sets(
            client,
            create={
                "x": {"name": "x", "parentId": "#y"},
                "y": {"name": "y", "parentId": "#x"},
                "own": {"name": "own", "parentId": "#own"},
                "none": {"name": "none", "parentId": "#nobody"},
                "gone": {"name": "gone", "parentId": "F99"},
                "mail": {"name": "mail", "parentId": "M1"},
                "bad": {"name": "a/b"},
                "below": {"name": "below", "parentId": "#bad"},
                "fine": {"name": "fine"},
            },
        )
        wrong_parent = error("invalidProperties", "parentId")
        assert plain(said["notCreated"]) == {
            **dict.fromkeys(("x", "y", "own", "none", "gone", "mail", "below"), wrong_parent),
            "bad": error("invalidProperties", "name"),
        }
        assert await listed(client) == ["fine"]

    run_with_jmap(test)


@pytest.mark.rfc("8621 §2", "MUST")
@pytest.mark.parametrize(
    "name",
    ["a/b", "/", "a/", "", "x" * 256, "ä" * 128, "a\nb", "a\u0000b", "\u202ea", "a\u2028", 5, None],
)
def test_names_that_no_mailbox_can_have(name: Any) -> None:
    async def test(client: JmapClient) -> None:
        made = await make(client, a={"name": "a"})
        for arguments, key in (
            ({"create": {"n": {"name": name}}}, "notCreated"),
            ({"update": {made["a"]: {"name": name}}}, "notUpdated"),
        ):
            said = await sets(client, **arguments)
            assert [*plain(said[key]).values()] == [error("invalidProperties", "name")]
        assert await listed(client) == ["a"]

    run_with_jmap(test)


@pytest.mark.rfc("8621 §2", "MUST")
@pytest.mark.parametrize(
    ("there", "name"),
    [("Entw\u00fcrfe", "Entwu\u0308rfe"), ("INBOX", "inbox"), ("INBOX", "Inbox"), ("a", "a")],
)
def test_siblings_have_different_names(there: str, name: str) -> None:
    async def test(client: JmapClient) -> None:
        if there != "INBOX":
            await make(client, t={"name": there})
        made = await make(client, other={"name": "other"})
        existing = (await ids(client))[there]
        said = await sets(client, create={"n": {"name": name}}, update={made["other"]: {"name": name}})
        for refused in (said["notCreated"]["n"], said["notUpdated"][made["other"]]):
            assert refused["properties"] == ["name"]
            assert refused["existingId"] == existing

    run_with_jmap(test)


def test_case_matters_but_for_the_inbox() -> None:
    async def test(client: JmapClient) -> None:
        await make(client, a={"name": "a"}, b={"name": "A"}, c={"name": "Inbox", "parentId": "#a"})
        assert await listed(client) == ["A", "a", "a/Inbox"]

    run_with_jmap(test)


def test_a_name_is_normalized_and_the_client_is_told() -> None:
    async def test(client: JmapClient) -> None:
        said = await sets(client, create={"n": {"name": "a\u0308"}, "m": {"name": "m"}})
        assert said["created"]["n"]["name"] == "\u00e4"
        assert "name" not in said["created"]["m"]
        other = said["created"]["m"]["id"]
        said = await sets(client, update={other: {"name": "o\u0308"}})
        assert said["updated"] == {other: {"name": "\u00f6"}}

    run_with_jmap(test)


def test_a_new_mailbox_is_told_with_all_that_was_not_sent() -> None:
    async def test(client: JmapClient) -> None:
        said = await sets(
            client,
            create={
                "full": {
                    "name": "full",
                    "parentId": None,
                    "role": "important",
                    "sortOrder": 3,
                    "isSubscribed": False,
                },
                "bare": {"name": "bare"},
            },
        )
        assert said["created"]["full"].keys() == {"id", "myRights", *COUNTS}
        assert said["created"]["bare"]["sortOrder"] == 10
        assert await subscribed(client) == {"bare"}

    run_with_jmap(test)


def test_names_that_were_subscribed_before() -> None:
    """IMAP's subscriptions outlive their mailboxes; a new mailbox has the one that its record says."""

    async def test(client: JmapClient) -> None:
        for name in ("a", "b"):
            await write(client, lambda tx, name=name: mailboxes.subscribe(tx, ANNA, name))
        await make(client, a={"name": "a", "isSubscribed": False})
        assert await subscribed(client) == {"b"}

    run_with_jmap(test)


def test_as_many_mailboxes_as_there_may_be() -> None:
    async def test(client: JmapClient) -> None:
        await write(client, lambda tx: [mailboxes.create(tx, ANNA, f"n{n}", now_ms=0) for n in range(4993)])
        said = await sets(client, create={"a": {"name": "a"}, "b": {"name": "b"}})
        assert [*said["created"]] == ["a"]
        assert plain(said["notCreated"]) == {"b": error("overQuota")}
        said = await sets(client, destroy=[said["created"]["a"]["id"]], create={"b": {"name": "b"}})
        assert said["notCreated"] is None

    run_with_jmap(test)


def test_as_many_subscriptions_as_there_may_be() -> None:
    async def test(client: JmapClient) -> None:
        names = {f"n{n}": True for n in range(4993)}
        await write(client, lambda tx: mailbox_arrangement.set_subscriptions(tx, ANNA, names))
        said = await sets(client, create={"a": {"name": "a"}, "b": {"name": "b"}})
        assert plain(said["notCreated"]) == {"b": error("overQuota")}
        said = await sets(client, create={"b": {"name": "b", "isSubscribed": False}})
        assert said["notCreated"] is None

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_all_that_is_wrong_is_named() -> None:
    async def test(client: JmapClient) -> None:
        record = {
            "id": "F1",
            "name": "a/b",
            "parentId": "#no",
            "role": "king",
            "sortOrder": -1,
            "totalEmails": 0,
            "colour": "red",
        }
        said = await sets(client, create={"n": record})
        assert {*said["notCreated"]["n"]["properties"]} == {*record}

    run_with_jmap(test)


# --- update


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_two_mailboxes_change_their_names() -> None:
    async def test(client: JmapClient) -> None:
        made = await make(client, a={"name": "a"}, b={"name": "b"}, c={"name": "c", "parentId": "#a"})
        said = await sets(client, update={made["a"]: {"name": "b"}, made["b"]: {"name": "a"}})
        assert said["updated"] == {made["a"]: None, made["b"]: None}
        found = await ids(client)
        assert (found["a"], found["b"]) == (made["b"], made["a"])
        assert await listed(client) == ["a", "b", "b/c"]
        assert await subscribed(client) == {"a", "b", "b/c"}

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_a_name_goes_from_one_that_is_destroyed_to_a_new_one() -> None:
    async def test(client: JmapClient) -> None:
        made = await make(client, a={"name": "a"}, b={"name": "b"})
        said = await sets(
            client,
            create={"n": {"name": "b"}},
            update={made["b"]: {"name": "a"}},
            destroy=[made["a"]],
        )
        assert [said[key] for key in ("notCreated", "notUpdated", "notDestroyed")] == [None] * 3
        found = await ids(client)
        assert (found["a"], found["b"]) == (made["b"], said["created"]["n"]["id"])

    run_with_jmap(test)


def test_a_role_goes_from_one_to_another() -> None:
    async def test(client: JmapClient) -> None:
        found = await ids(client)
        made = await make(client, n={"name": "n"})
        said = await sets(client, update={made["n"]: {"role": "trash"}})
        refused = said["notUpdated"][made["n"]]
        assert (refused["properties"], refused["existingId"]) == (["role"], found["Trash"])
        said = await sets(client, update={made["n"]: {"role": "trash"}, found["Trash"]: {"role": None}})
        # Where a mailbox is in the order depends on its role
        assert said["updated"] == {made["n"]: {"sortOrder": 6}, found["Trash"]: {"sortOrder": 10}}
        said = await sets(client, update={found["Sent"]: {"role": "junk"}, found["Junk"]: {"role": "sent"}})
        assert said["notUpdated"] is None
        holder = await client.provider.world.database.read(mailboxes.by_role, client.account.id, Role.TRASH)
        assert holder is not None
        assert holder.name == "n"

    run_with_jmap(test)


@pytest.mark.parametrize("role", ["inbox", "Trash", "\\Trash", "king", 1])
def test_roles_that_are_not_given(role: Any) -> None:
    async def test(client: JmapClient) -> None:
        made = await make(client, n={"name": "n"})
        said = await sets(
            client, create={"m": {"name": "m", "role": role}}, update={made["n"]: {"role": role}}
        )
        assert plain(said["notCreated"] | said["notUpdated"]) == dict.fromkeys(
            ("m", made["n"]), error("invalidProperties", "role")
        )

    run_with_jmap(test)


@pytest.mark.rfc("8621 §2", "MUST")
def test_no_mailbox_gets_below_itself() -> None:
    async def test(client: JmapClient) -> None:
        made = await make(client, a={"name": "a"}, b={"name": "b", "parentId": "#a"})
        for patch in ({"parentId": made["a"]}, {"parentId": made["b"]}):
            said = await sets(client, update={made["a"]: patch})
            assert plain(said["notUpdated"]) == {made["a"]: error("invalidProperties", "parentId")}
        # The other way round they are a tree as well
        said = await sets(client, update={made["a"]: {"parentId": made["b"]}, made["b"]: {"parentId": None}})
        assert said["notUpdated"] is None
        assert await listed(client) == ["b", "b/a"]
        # Below a new one that is below it
        said = await sets(
            client,
            create={"n": {"name": "n", "parentId": made["a"]}},
            update={made["b"]: {"parentId": "#n"}},
        )
        assert plain(said["notUpdated"]) == {made["b"]: error("invalidProperties", "parentId")}

    run_with_jmap(test)


def test_a_tree_moves_with_its_subscriptions() -> None:
    async def test(client: JmapClient) -> None:
        made = await make(
            client,
            a={"name": "a"},
            b={"name": "b", "parentId": "#a", "isSubscribed": False},
            c={"name": "c", "parentId": "#b"},
            z={"name": "z"},
        )
        said = await sets(client, update={made["b"]: {"parentId": made["z"]}})
        assert said["updated"] == {made["b"]: None}
        assert await listed(client) == ["a", "z", "z/b", "z/b/c"]
        assert await subscribed(client) == {"a", "z", "z/b/c"}
        said = await sets(client, create={"n": {"name": "n"}}, update={made["b"]: {"parentId": "#n"}})
        assert await listed(client) == ["a", "n", "n/b", "n/b/c", "z"]

    run_with_jmap(test)


def test_as_deep_and_as_long_as_names_may_be() -> None:
    async def test(client: JmapClient) -> None:
        deep = {f"d{n}": {"name": "d", "parentId": f"#d{n - 1}" if n else None} for n in range(33)}
        said = await sets(client, create=deep)
        assert plain(said["notCreated"]) == {"d32": error("invalidProperties", "parentId")}
        made = await make(client, a={"name": "a"}, b={"name": "b", "parentId": "#a"})
        said = await sets(client, update={made["a"]: {"parentId": said["created"]["d30"]["id"]}})
        assert plain(said["notUpdated"]) == {made["a"]: error("invalidProperties", "parentId")}
        said = await sets(
            client,
            create={f"l{n}": {"name": "l" * 255, "parentId": f"#l{n - 1}" if n else None} for n in range(4)},
        )
        assert plain(said["notCreated"]) == {"l3": error("invalidProperties", "name")}

    run_with_jmap(test)


def test_the_inbox_stays() -> None:
    async def test(client: JmapClient) -> None:
        made = await make(client, a={"name": "a"})
        for patch in ({"name": "x"}, {"parentId": made["a"]}, {"role": None}, {"role": "junk"}):
            said = await sets(client, update={"F1": patch})
            assert plain(said["notUpdated"]) in (
                {"F1": error("forbidden")},
                {"F1": error("invalidProperties", "role")},
            )
        said = await sets(client, destroy=["F1"], onDestroyRemoveEmails=True)
        assert plain(said["notDestroyed"]) == {"F1": error("forbidden")}
        said = await sets(client, update={"F1": {"name": "Inbox", "sortOrder": 7, "isSubscribed": False}})
        assert said["updated"] == {"F1": {"name": "INBOX"}}

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_what_get_returned_is_a_patch() -> None:
    async def test(client: JmapClient) -> None:
        await client.provider.deliver(0, b"Subject: x\r\n\r\n")
        await make(client, a={"name": "a"}, b={"name": "b", "parentId": "#a"})
        _, said = await client.call("Mailbox/get", ids=None)
        records = {record["id"]: record for record in said["list"]}
        answer = await sets(client, update=records, ifInState=said["state"])
        assert answer["updated"] == dict.fromkeys(records)
        assert answer["newState"] == said["state"]
        other = {"F1": {**records["F1"], "totalEmails": 7, "myRights": {}}}
        answer = await sets(client, update=other)
        assert plain(answer["notUpdated"]) == {"F1": error("invalidProperties", "myRights", "totalEmails")}

    run_with_jmap(test)


def test_patches_that_are_none() -> None:
    async def test(client: JmapClient) -> None:
        made = await make(client, a={"name": "a"})
        said = await sets(
            client,
            update={
                made["a"]: {"name/x": 1},
                "F99": {"name": "x"},
                "#nobody": {"name": "x"},
            },
        )
        assert plain(said["notUpdated"]) == {
            made["a"]: error("invalidPatch"),
            "F99": error("notFound"),
            "#nobody": error("notFound"),
        }
        said = await sets(client, update={made["a"]: {"name": "x"}}, destroy=[made["a"]])
        assert plain(said["notUpdated"]) == {made["a"]: error("willDestroy")}
        assert said["destroyed"] == [made["a"]]

    run_with_jmap(test)


def test_null_is_what_we_choose() -> None:
    async def test(client: JmapClient) -> None:
        made = await make(client, a={"name": "a", "sortOrder": 0, "isSubscribed": False})
        said = await sets(client, update={made["a"]: {"sortOrder": None, "isSubscribed": None}})
        assert said["updated"] == {made["a"]: {"sortOrder": 10, "isSubscribed": True}}

    run_with_jmap(test)


def test_where_not_all_can_be_done_what_can_be_is() -> None:
    async def test(client: JmapClient) -> None:
        made = await make(client, a={"name": "a"}, b={"name": "b"}, c={"name": "c"})
        said = await sets(
            client, update={made["a"]: {"name": "b"}, made["b"]: {"name": "x"}, made["c"]: {"name": "y"}}
        )
        assert said["notUpdated"] is None, "all together it can"
        said = await sets(
            client, update={made["a"]: {"name": "x"}, made["b"]: {"name": "z"}, made["c"]: {"name": "z"}}
        )
        assert [*said["updated"]] == [made["b"]]
        assert {*said["notUpdated"]} == {made["a"], made["c"]}

    run_with_jmap(test)


def test_the_mailbox_in_the_way_is_named() -> None:
    async def test(client: JmapClient) -> None:
        made = await make(client, a={"name": "a"}, b={"name": "b"})
        for one, other, name in (("a", "b", "b"), ("b", "a", "a")):
            said = await sets(client, update={made[one]: {"name": name}})
            assert said["notUpdated"][made[one]]["existingId"] == made[other]

    run_with_jmap(test)


def test_children_go_before_their_parents_also_one_by_one() -> None:
    async def test(client: JmapClient) -> None:
        made = await make(
            client,
            p={"name": "p"},
            c={"name": "c", "parentId": "#p"},
            q={"name": "q"},
            stays={"name": "stays", "parentId": "#q"},
        )
        said = await sets(client, destroy=[made["q"], made["p"], made["c"]])
        assert {*said["destroyed"]} == {made["p"], made["c"]}
        assert plain(said["notDestroyed"]) == {made["q"]: error("mailboxHasChild")}

    run_with_jmap(test)


def test_a_child_keeps_one_from_being_destroyed_and_nothing_else() -> None:
    async def test(client: JmapClient) -> None:
        made = await make(
            client, a={"name": "a"}, b={"name": "b"}, p={"name": "p"}, c={"name": "c", "parentId": "#p"}
        )
        said = await sets(
            client,
            update={made["a"]: {"name": "b"}, made["b"]: {"name": "a"}},
            destroy=[made["p"]],
        )
        assert {*said["updated"]} == {made["a"], made["b"]}
        assert plain(said["notDestroyed"]) == {made["p"]: error("mailboxHasChild")}

    run_with_jmap(test)


# --- destroy


@pytest.mark.rfc("8621 §2.5", "MUST")
def test_a_mailbox_with_a_child_stays_with_its_mail() -> None:
    async def test(client: JmapClient) -> None:
        made = await make(client, p={"name": "p"}, c={"name": "c", "parentId": "#p"})
        await client.provider.deliver(0, b"Subject: x\r\n\r\n", mailbox="p")
        for emails_too in (False, True):
            said = await sets(client, destroy=[made["p"]], onDestroyRemoveEmails=emails_too)
            kind = "mailboxHasChild" if emails_too else "mailboxHasEmail"
            assert plain(said["notDestroyed"]) == {made["p"]: error(kind)}
        assert client.provider.messages(0, mailbox="p") == 1
        # Both at once, or the child moved away
        said = await sets(client, destroy=[made["p"], made["c"]], onDestroyRemoveEmails=True)
        assert {*said["destroyed"]} == {made["p"], made["c"]}
        made = await make(client, p={"name": "p"}, c={"name": "c", "parentId": "#p"})
        said = await sets(client, destroy=[made["p"]], update={made["c"]: {"parentId": None}})
        assert said["destroyed"] == [made["p"]]
        assert await subscribed(client) == {"c"}

    run_with_jmap(test)


@pytest.mark.rfc("8621 §2.5", "MUST")
def test_emails_that_are_elsewhere_stay() -> None:
    async def test(client: JmapClient) -> None:
        made = await make(client, a={"name": "a"}, b={"name": "b"})
        for number in range(2):
            await client.provider.deliver(0, b"Subject: %d\r\n\r\n" % number, mailbox="a")
        await write(
            client,
            lambda tx: placements.copy(tx, ANNA, at(tx, "a"), NumberSet(((1, 1),)), to=at(tx, "b"), now_ms=0),
        )
        before = await client.provider.world.database.read(states.read, client.account.id)
        said = await sets(client, destroy=[made["a"]], onDestroyRemoveEmails=True)
        assert said["destroyed"] == [made["a"]]
        after = await client.provider.world.database.read(states.read, client.account.id)
        assert after.email > before.email
        usage = await client.provider.world.database.read(account_counters.usage, client.account.id)
        assert usage.messages == 1
        assert client.provider.messages(0, mailbox="b") == 1

    run_with_jmap(test)


def test_what_is_marked_deleted_keeps_no_mailbox() -> None:
    """Clients of JMAP do not see it: such a mailbox is empty for them."""

    async def test(client: JmapClient) -> None:
        made = await make(client, a={"name": "a"})
        await client.provider.deliver(0, b"Subject: x\r\n\r\n", mailbox="a")
        await write(
            client,
            lambda tx: flags.alter(tx, ANNA, at(tx, "a"), EVERYTHING, mode=Mode.ADD, flags="\\Deleted"),
        )
        said = await sets(client, destroy=[made["a"], "F99", made["a"]])
        assert said["destroyed"] == [made["a"]]
        assert plain(said["notDestroyed"]) == {"F99": error("notFound")}

    run_with_jmap(test)


@pytest.mark.parametrize("messages", [600, 2_500])
def test_large_mailboxes_are_destroyed_in_parts(messages: int) -> None:
    async def test(client: JmapClient) -> None:
        made = await make(client, a={"name": "a"})
        await client.provider.deliver(0, b"Subject: x\r\n\r\n", mailbox="a")

        def fill(tx: Transaction) -> None:
            while mailboxes.by_name(tx, client.account.id, "a").messages < messages:
                placements.copy(tx, client.account.id, at(tx, "a"), EVERYTHING, to=at(tx, "a"), now_ms=0)

        await write(client, fill)
        _, got = await client.call("Mailbox/get", ids=[])
        said = await sets(client, destroy=[made["a"]], onDestroyRemoveEmails=True, ifInState=got["state"])
        assert (said["oldState"], said["destroyed"]) == (got["state"], [made["a"]])
        assert await listed(client) == []

    run_with_jmap(test)


@pytest.mark.replaces_functions
def test_what_fails_after_mail_is_gone_has_failed_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(client: JmapClient) -> None:
        made = await make(client, a={"name": "a"})
        await client.provider.deliver(0, b"Subject: x\r\n\r\n", mailbox="a")

        def fill(tx: Transaction) -> None:
            while mailboxes.by_name(tx, client.account.id, "a").messages < 2_100:
                placements.copy(tx, client.account.id, at(tx, "a"), EVERYTHING, to=at(tx, "a"), now_ms=0)

        def fails(*_: Any, **__: Any) -> None:
            raise DatabaseUnavailable("full")

        await write(client, fill)
        monkeypatch.setattr(placements, "expunge", fails)
        name, said = await client.call("Mailbox/set", destroy=[made["a"]], onDestroyRemoveEmails=True)
        assert (name, said["type"]) == ("error", "serverPartialFail")

    run_with_jmap(test)


# --- the call


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_a_state_that_is_past() -> None:
    async def test(client: JmapClient) -> None:
        _, got = await client.call("Mailbox/get", ids=[])
        await client.provider.deliver(0, b"Subject: x\r\n\r\n")
        name, said = await client.call("Mailbox/set", ifInState=got["state"], create={"a": {"name": "a"}})
        assert (name, said["type"]) == ("error", "stateMismatch")
        assert await listed(client) == []

    run_with_jmap(test)


def test_later_calls_know_what_was_created() -> None:
    async def test(client: JmapClient) -> None:
        account = {"accountId": client.account_id}
        said = await client.request(
            ["Mailbox/set", {**account, "create": {"a": {"name": "a"}}}, "0"],
            ["Mailbox/set", {**account, "create": {"b": {"name": "b", "parentId": "#a"}}}, "1"],
            ["Mailbox/set", {**account, "update": {"#b": {"name": "c"}}}, "2"],
            ["Mailbox/set", {**account, "destroy": ["#b"]}, "3"],
            ["Mailbox/get", {**account, "ids": ["#a", "#b"], "properties": ["name"]}, "4"],
            createdIds={},
        )
        a, b = said["createdIds"]["a"], said["createdIds"]["b"]
        answers = [response[1] for response in said["methodResponses"]]
        assert answers[2]["updated"] == {b: None}
        assert answers[3]["destroyed"] == [b]
        assert (answers[4]["list"], answers[4]["notFound"]) == ([{"id": a, "name": "a"}], [b])

    run_with_jmap(test)


def test_many_at_once() -> None:
    async def test(client: JmapClient) -> None:
        await make(client, **{f"n{n}": {"name": f"n{n}"} for n in range(60)})
        assert len(await listed(client)) == 60
        name, said = await client.call("Mailbox/set", create={f"m{n}": {"name": f"m{n}"} for n in range(61)})
        assert (name, said["type"]) == ("error", "requestTooLarge")

    run_with_jmap(test, limits=Limits(max_objects_in_set=60))


def test_what_would_take_too_long_is_not_begun() -> None:
    """Only where something can't be done, all is tried one by one; and each time all mailboxes are looked at."""

    async def test(client: JmapClient) -> None:
        await write(client, lambda tx: [mailboxes.create(tx, ANNA, f"n{n}", now_ms=0) for n in range(3000)])
        records = {f"c{n}": {"name": f"c{n}"} for n in range(100)}
        name, said = await client.call("Mailbox/set", create={**records, "twice": {"name": "c1"}})
        assert (name, said["type"]) == ("error", "requestTooLarge")
        assert len(await listed(client)) == 3000
        said = await sets(client, create=records)
        assert len(said["created"]) == 100

    assert forest.MAX_LOOKED_AT < 3000 * 100
    run_with_jmap(test)


# --- what IMAP sees


def test_each_change_is_in_the_log_that_imap_reads() -> None:
    async def test(client: JmapClient) -> None:
        read = client.provider.world.database.read

        async def logged(since: Any) -> set[ChangeKind]:
            return {change.kind for change in await read(changes.log, client.account.id, since)}

        async def now() -> Any:
            return (await read(states.read, client.account.id)).mailbox.modseq

        before = await now()
        made = await make(client, a={"name": "a"}, b={"name": "b"})
        assert await logged(before) == {ChangeKind.MAILBOX_CREATED, ChangeKind.SUBSCRIBED}
        for patch, kinds in (
            ({"name": "x"}, {ChangeKind.MAILBOX_RENAMED, ChangeKind.SUBSCRIBED}),
            ({"role": "important"}, {ChangeKind.MAILBOX_ROLE}),
            ({"sortOrder": 5}, {ChangeKind.MAILBOX_RENAMED}),
            ({"isSubscribed": False}, {ChangeKind.SUBSCRIBED}),
            ({"isSubscribed": False}, set()),
        ):
            before = await now()
            await sets(client, update={made["a"]: patch})
            assert await logged(before) == kinds
        before = await now()
        await sets(client, destroy=[made["a"]])
        assert await logged(before) == {ChangeKind.MAILBOX_DELETED}

    run_with_jmap(test)


def test_levels_that_imap_has_without_a_mailbox() -> None:
    async def test(client: JmapClient) -> None:
        await write(client, lambda tx: mailboxes.create(tx, ANNA, "Work/2026", now_ms=0))
        await write(client, lambda tx: mailboxes.delete(tx, ANNA, at(tx, "Work")))
        orphan = (await ids(client))["Work/2026"]
        # It can be sent back, moved, and have children; and what comes where the level is gets it
        made = await make(client, c={"name": "c", "parentId": orphan}, p={"name": "p"})
        await sets(client, update={orphan: {"name": "Work/2026", "parentId": made["p"]}})
        assert await listed(client) == ["p", "p/Work/2026", "p/Work/2026/c"]
        said = await sets(client, create={"w": {"name": "Work", "parentId": made["p"]}})
        _, got = await client.call("Mailbox/get", ids=[orphan], properties=["name", "parentId"])
        assert got["list"] == [{"id": orphan, "name": "2026", "parentId": said["created"]["w"]["id"]}]
        # A name that is in use, though no sibling has it
        await write(client, lambda tx: mailboxes.delete(tx, ANNA, at(tx, "p/Work")))
        said = await sets(
            client,
            create={"w": {"name": "Work", "parentId": made["p"]}, "y": {"name": "2026", "parentId": "#w"}},
        )
        assert said["notCreated"]["y"]["existingId"] == orphan

    run_with_jmap(test)


def test_a_slice_is_more_than_what_runs_in_the_loop() -> None:
    assert mailbox_set.MANY_MESSAGES < mailbox_set.SLICE_MESSAGES
