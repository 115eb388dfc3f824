"""Email/query and Email/queryChanges: filters, sort orders, pages, threads, changes."""

import random
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.server.jmap.emails.filters import MAX_TERMS
from pillarbox.server.jmap.emails.lists import MAX_IN_LOOP
from pillarbox.store import flags, mailboxes, placements
from pillarbox.store.append import Appended, append
from pillarbox.store.flags import Mode
from pillarbox.store.listing import making
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.emails import box_number, called, delivered
from tests.kit.stored_mail import NOW_MS, message, octets

ATTACHED = "--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\nx\r\n--b--\r\n"


async def inbox(client: JmapClient, name: str = "INBOX") -> MailboxId:
    found = await client.provider.world.database.read(mailboxes.by_name, client.account.id, name)
    return found.id


async def put(
    client: JmapClient, text: bytes = octets(), *, to: str = "INBOX", at: int = 0, flags: str = ""
) -> Appended:
    box = await inbox(client, to)
    return await client.provider.world.database.write(
        append,
        client.account.id,
        box,
        message(text),
        flags=flags,
        received_at_ms=NOW_MS + at * 1000,
        now_ms=NOW_MS,
    )


def names(several: Sequence[Appended]) -> list[str]:
    return [object_id.of_email(one.email_id) for one in several]


async def found(client: JmapClient, filter: Any = None, **more: Any) -> list[str]:  # noqa: A002
    name, said = await client.call("Email/query", filter=filter, **more)
    assert name == "Email/query", said
    ids: list[str] = said["ids"]
    return ids


@pytest.mark.rfc("8621 §4.4.1", "MUST")
def test_filters() -> None:
    async def test(client: JmapClient) -> None:
        first = await put(
            client,
            octets(
                "apple pie",
                subject="Lunch",
                to="Bob <bob@two.example>",
                cc="c@x",
                bcc="d@x",
                message_id="<1@x>",
            ),
            at=0,
            flags="\\Seen",
        )
        second = await put(
            client,
            octets(
                "banana", subject="Re: Lunch", message_id="<2@x>", references="<1@x>", x_mood="dark chocolate"
            ),
            at=10,
            flags="\\Flagged",
        )
        third = await put(
            client, octets(ATTACHED, content_type="multipart/mixed; boundary=b"), at=20, to="Sent"
        )
        a, b, c = names([first, second, third])
        box, sent = (
            object_id.of_mailbox(await inbox(client)),
            object_id.of_mailbox(await inbox(client, "Sent")),
        )
        moment = "2023-11-14T22:13:30Z"
        for wanted, expected in (
            (None, [c, b, a]),
            ({}, [c, b, a]),
            ({"inMailbox": box}, [b, a]),
            ({"inMailbox": "F9999"}, []),
            ({"inMailbox": "nonsense"}, []),
            ({"inMailboxOtherThan": [box]}, [c]),
            ({"inMailboxOtherThan": [box, sent]}, []),
            ({"inMailboxOtherThan": []}, [c, b, a]),
            ({"before": moment}, [a]),
            ({"after": moment}, [c, b]),
            ({"minSize": 1}, [c, b, a]),
            ({"maxSize": 1}, []),
            ({"hasKeyword": "$seen"}, [a]),
            ({"hasKeyword": "$SEEN"}, [a]),
            ({"notKeyword": "$seen"}, [c, b]),
            ({"someInThreadHaveKeyword": "$flagged"}, [b, a]),
            ({"allInThreadHaveKeyword": "$flagged"}, []),
            ({"noneInThreadHaveKeyword": "$flagged"}, [c]),
            ({"hasAttachment": True}, [c]),
            ({"hasAttachment": False}, [b, a]),
            ({"text": "banana"}, [b]),
            ({"text": "Lunch"}, [b, a]),
            ({"text": ""}, [c, b, a]),
            ({"subject": "lunch re"}, [b]),
            ({"subject": '"re: lunch"'}, [b]),
            ({"from": "anna"}, [c, b, a]),
            ({"to": "bob"}, [a]),
            ({"cc": "c@x"}, [a]),
            ({"bcc": "d@x"}, [a]),
            ({"body": "pie apple"}, [a]),
            ({"body": '"pie apple"'}, []),
            ({"header": ["X-Mood"]}, [b]),
            ({"header": ["x-mood", "CHOCO"]}, [b]),
            ({"header": ["x-mood", "white"]}, []),
            ({"hasKeyword": "$seen", "inMailbox": sent}, []),
            ({"operator": "OR", "conditions": [{"body": "pie"}, {"inMailbox": sent}]}, [c, a]),
            ({"operator": "NOT", "conditions": [{"body": "pie"}, {"inMailbox": sent}]}, [b]),
            ({"operator": "AND", "conditions": [{"body": "a"}, {"inMailbox": box}]}, [b, a]),
            ({"operator": "OR", "conditions": []}, []),
            ({"operator": "AND", "conditions": []}, [c, b, a]),
            ({"operator": "NOT", "conditions": []}, [c, b, a]),
        ):
            assert await found(client, wanted) == expected, wanted

    run_with_jmap(test)


@pytest.mark.rfc("8621 §4.4.2", "MUST")
def test_sort_orders() -> None:
    async def test(client: JmapClient) -> None:
        texts = (
            octets("xxx", subject="b", date="Wed, 1 Nov 2023 10:00:00 +0000"),
            octets("x", subject="Re: a", **{"from": "Aaron <z@x>"}),
            octets("xx", subject="c", to="Abe <a@x>"),
        )
        put_in = [
            await put(client, texts[0], at=5),
            await put(client, texts[1], at=1, flags="\\Flagged"),
            await put(client, texts[2], at=3),
        ]
        a, b, c = names(put_in)
        for sort, expected in (
            ([{"property": "receivedAt"}], [b, c, a]),
            ([{"property": "receivedAt", "isAscending": False}], [a, c, b]),
            ([], [a, c, b]),
            (None, [a, c, b]),
            ([{"property": "subject", "collation": "i;unicode-casemap"}], [b, a, c]),
            ([{"property": "from"}, {"property": "receivedAt"}], [b, c, a]),
            ([{"property": "to", "isAscending": False}, {"property": "receivedAt"}], [c, b, a]),
            ([{"property": "sentAt", "isAscending": False}, {"property": "receivedAt"}], [a, b, c]),
            (
                [
                    {"property": "hasKeyword", "keyword": "$flagged", "isAscending": False},
                    {"property": "receivedAt"},
                ],
                [b, c, a],
            ),
            (
                [{"property": "someInThreadHaveKeyword", "keyword": "$flagged"}, {"property": "receivedAt"}],
                [c, a, b],
            ),
            (
                [{"property": "allInThreadHaveKeyword", "keyword": "$flagged"}, {"property": "receivedAt"}],
                [c, a, b],
            ),
        ):
            assert await found(client, None, sort=sort) == expected, sort
        by_size = sorted(zip(map(len, texts), (a, b, c), strict=True))
        assert await found(client, None, sort=[{"property": "size"}]) == [name for _, name in by_size]
        for sort, error in (
            ([{"property": "colour"}], "unsupportedSort"),
            ([{"property": "hasKeyword"}], "invalidArguments"),
            ([{"property": "subject", "collation": "i;nonsense"}], "unsupportedSort"),
        ):
            name, said = await client.call("Email/query", sort=sort)
            assert (name, said["type"]) == ("error", error)

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.5", "MUST")
@pytest.mark.parametrize("collapse", [False, True])
def test_pages(collapse: bool) -> None:
    """Pitfall: the anchor's sign, positions from the end, an offset beyond the result, a limit of none."""

    async def test(client: JmapClient) -> None:
        several = names([await put(client, octets(subject=str(number)), at=number) for number in range(6)])[
            ::-1
        ]
        more: dict[str, Any] = {"collapseThreads": collapse}
        for arguments, position, expected in (
            ({"position": 2}, 2, several[2:]),
            ({"position": -2}, 4, several[4:]),
            ({"position": -9}, 0, several),
            ({"position": 9}, 9, []),
            ({"limit": 0}, 0, []),
            ({"limit": 2, "position": 1}, 1, several[1:3]),
            ({"anchor": several[2], "anchorOffset": -9}, 0, several),
            ({"anchor": several[2], "anchorOffset": -1}, 1, several[1:]),
            ({"anchor": several[2], "anchorOffset": 0}, 2, several[2:]),
            ({"anchor": several[2], "anchorOffset": 1, "limit": 1}, 3, several[3:4]),
            ({"anchor": several[2], "anchorOffset": 9}, 11, []),
        ):
            name, said = await client.call("Email/query", **arguments, **more)
            assert (name, said["position"], said["ids"]) == ("Email/query", position, expected), arguments
            assert said["canCalculateChanges"] is True
            assert "total" not in said
        _, said = await client.call("Email/query", calculateTotal=True, limit=1, **more)
        assert (said["total"], said["ids"]) == (6, several[:1])
        wrong: tuple[tuple[dict[str, Any], str], ...] = (
            ({"anchor": "M999"}, "anchorNotFound"),
            ({"anchor": "nonsense"}, "anchorNotFound"),
            ({"limit": -1}, "invalidArguments"),
        )
        for arguments, error in wrong:
            name, said = await client.call("Email/query", **arguments, **more)
            assert (name, said["type"]) == ("error", error)

    run_with_jmap(test)


@pytest.mark.rfc("8621 §4.4.3", "MUST")
def test_of_each_thread_the_first_email() -> None:
    async def test(client: JmapClient) -> None:
        texts = [
            octets(subject="one", message_id="<1@x>"),
            octets(subject="two", message_id="<2@x>"),
            octets(subject="Re: one", message_id="<3@x>", references="<1@x>"),
        ]
        a, b, c = names([await put(client, text, at=number) for number, text in enumerate(texts)])
        assert await found(client, None, collapseThreads=True) == [c, b]
        oldest = [{"property": "receivedAt"}]
        assert await found(client, None, collapseThreads=True, sort=oldest) == [a, b]
        _, said = await client.call("Email/query", collapseThreads=True, calculateTotal=True, limit=1)
        assert (said["ids"], said["total"]) == ([c], 2)
        assert await found(client, {"subject": "one"}, collapseThreads=True, sort=oldest) == [a]

    run_with_jmap(test)


def test_a_filter_has_so_many_words() -> None:
    async def test(client: JmapClient) -> None:
        words = " ".join(f"w{number}" for number in range(MAX_TERMS + 1))
        name, said = await client.call("Email/query", filter={"text": words})
        assert (name, said["type"]) == ("error", "unsupportedFilter")

    run_with_jmap(test)


FILTERS: list[Any] = [
    None,
    {"hasKeyword": "$seen"},
    {"notKeyword": "$flagged"},
    {"inMailbox": "F1"},
    {"inMailboxOtherThan": ["F1"]},
    {"someInThreadHaveKeyword": "$flagged"},
    {"allInThreadHaveKeyword": "$seen"},
    {"noneInThreadHaveKeyword": "$seen"},
    {"text": "Re"},
    {"operator": "OR", "conditions": [{"text": "two"}, {"hasKeyword": "$seen"}]},
]
SORTS: list[Any] = [
    None,
    [{"property": "receivedAt"}],
    [{"property": "hasKeyword", "keyword": "$flagged", "isAscending": False}, {"property": "receivedAt"}],
    [{"property": "someInThreadHaveKeyword", "keyword": "$seen"}],
    [{"property": "subject"}, {"property": "receivedAt", "isAscending": False}],
]


@pytest.mark.rfc("8620 §5.6", "MUST")
@pytest.mark.parametrize("collapse", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_changes_bring_what_a_client_has_to_what_there_is(seed: int, collapse: bool) -> None:
    async def test(client: JmapClient) -> None:
        chance = random.Random(seed)
        database, account = client.provider.world.database, client.account.id
        boxes = [await inbox(client), await inbox(client, "Sent")]
        asked = [
            {"filter": wanted, "sort": chance.choice(SORTS), "collapseThreads": collapse}
            for wanted in FILTERS
        ]
        had: list[tuple[Any, str, list[str]]] = []
        for _ in range(40):
            uids = NumberSet.of([chance.randrange(1, 8)])
            box = chance.choice(boxes)
            match chance.randrange(6):
                case 0 | 1:
                    number, subject = chance.randrange(9), chance.choice(["one", "Re: one", "two"])
                    text = octets(subject=subject, message_id=f"<{number}@x>", references="<0@x>")
                    flag = chance.choice(["", "\\Seen", "\\Flagged", "\\Deleted"])
                    await put(
                        client, text, at=chance.randrange(3), flags=flag, to=chance.choice(["INBOX", "Sent"])
                    )
                case 2:
                    flag = chance.choice(["\\Seen", "\\Flagged", "\\Deleted"])
                    mode = chance.choice([Mode.ADD, Mode.REMOVE])
                    await database.write(flags.alter, account, box, uids, mode=mode, flags=flag)
                case 3:
                    await database.write(placements.expunge, account, box, uids, deleted_only=False)
                case 4:
                    await database.write(placements.copy, account, boxes[0], uids, to=boxes[1], now_ms=NOW_MS)
                case _:
                    await database.write(placements.move, account, boxes[1], uids, to=boxes[0], now_ms=NOW_MS)
            for arguments in asked:
                _, said = await client.call("Email/query", **arguments, calculateTotal=True)
                assert said["total"] == len(said["ids"])
                had.append((arguments, said["queryState"], said["ids"]))
            for arguments, state, ids in chance.sample(had, min(10, len(had))):
                name, told = await client.call("Email/queryChanges", **arguments, sinceQueryState=state)
                assert name == "Email/queryChanges", told
                now = [one for one in ids if one not in told["removed"]]
                for item in told["added"]:
                    now.insert(item["index"], item["id"])
                _, said = await client.call("Email/query", **arguments)
                assert now == said["ids"], (arguments, told)
                assert told["newQueryState"] == said["queryState"]
                assert told["oldQueryState"] == state

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.6", "MUST")
def test_changes_that_are_too_many_or_unknown() -> None:
    async def test(client: JmapClient) -> None:
        _, before = await client.call("Email/query")
        several = names([await put(client, at=number) for number in range(3)])
        since = {"sinceQueryState": before["queryState"]}
        name, said = await client.call("Email/queryChanges", **since, maxChanges=2)
        assert (name, said["type"]) == ("error", "tooManyChanges")
        _, said = await client.call("Email/queryChanges", **since, maxChanges=3, calculateTotal=True)
        assert (said["total"], [item["id"] for item in said["added"]]) == (3, several[::-1])
        # Nothing about what lies behind the last one that the client has, where the list's order never changes
        large: dict[str, Any] = {"filter": {"minSize": 1}, **since}
        _, said = await client.call("Email/queryChanges", **large, upToId=several[1])
        assert [item["id"] for item in said["added"]] == several[:0:-1]
        box = await inbox(client)
        await client.provider.world.database.write(
            flags.alter, client.account.id, box, EVERYTHING, mode=Mode.ADD, flags="\\Seen"
        )
        _, now = await client.call("Email/query", filter={"minSize": 1})
        _, said = await client.call(
            "Email/queryChanges", filter={"minSize": 1}, sinceQueryState=now["queryState"]
        )
        assert (said["removed"], said["added"]) == ([], [])
        for state in ("nonsense", "999999", "0", ""):
            name, said = await client.call("Email/queryChanges", sinceQueryState=state)
            assert (name, said["type"]) == ("error", "cannotCalculateChanges"), state

    run_with_jmap(test)


@pytest.mark.parametrize("sort", ["receivedAt", "hasKeyword"])
@pytest.mark.rfc("8620 §5.6", "MUST")
def test_what_was_gone_in_between_is_not_in_a_list_twice(sort: str) -> None:
    async def test(client: JmapClient) -> None:
        emails = [await delivered(client) for _ in range(3)]
        asked = {"sort": [{"property": sort, **({"keyword": "$seen"} if sort == "hasKeyword" else {})}]}
        before = await called(client, "Email/query", **asked)
        second = NumberSet(((2, 2),))
        for mode in (Mode.ADD, Mode.REMOVE):
            write, inbox = client.provider.world.database.write, box_number(client)
            await write(flags.alter, client.account.id, inbox, second, mode=mode, flags="\\Deleted")
        token = (await called(client, "Email/set", undoable=True, destroy=emails[:1]))["undoToken"]
        await called(client, "Email/undo", undoToken=token)
        changed = await called(client, "Email/queryChanges", sinceQueryState=before["queryState"], **asked)
        has = [email for email in before["ids"] if email not in changed["removed"]]
        for item in changed["added"]:
            has.insert(item["index"], item["id"])
        assert has == (await called(client, "Email/query", **asked))["ids"]
        assert sorted(has) == sorted(emails)

    run_with_jmap(test)


@pytest.mark.replaces_functions
def test_a_list_with_very_many_conditions_is_made_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    made_in: list[bool] = []
    make = making.make

    def noted(*arguments: Any, **keywords: Any) -> Any:
        made_in.append(threading.current_thread() is threading.main_thread())
        return make(*arguments, **keywords)

    monkeypatch.setattr(making, "make", noted)

    async def test(client: JmapClient) -> None:
        emails = [await put(client) for _ in range(MAX_IN_LOOP // 200 + 1)]
        for number in (1, 200):
            conditions = [{"hasKeyword": f"k{one}"} for one in range(number)]
            assert not await found(client, {"operator": "OR", "conditions": conditions})
        assert len(await found(client, {"operator": "NOT", "conditions": conditions})) == len(emails)
        assert made_in == [True, False, False]

    run_with_jmap(test)
