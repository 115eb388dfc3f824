"""Queries and changes of JMAP: the longest filters, in accounts with very many emails and mailboxes."""

from collections.abc import Callable
from typing import Any, Final

from tests.blocking.case import Case
from tests.blocking.jmap_client import Call, Client
from tests.blocking.target import Target

EMAILS: Final = 20_000
FEWER: Final = 5_000
MAILBOXES: Final = 4_000
CONDITIONS: Final = 250
"""Of a filter; with the operators around them as many as there may be, or nearly."""
_SHORT: Final = b"Message-ID: <%d@a>\r\nSubject: x\r\n\r\nlorem ipsum\r\n"
_WORDS: Final = "word " * 1638
"""8 KiB."""


def _filled(client: Client, emails: int = EMAILS) -> None:
    (mailbox,) = client.mailboxes()
    for number in (1, 2):  # two threads
        client.put(_SHORT % number, mailbox, emails // 2)


def _any_of(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"operator": "OR", "conditions": [*conditions]}


def _nots(condition: dict[str, Any], depth: int = 15) -> dict[str, Any]:
    for _ in range(depth):
        condition = {"operator": "NOT", "conditions": [condition]}
    return condition


def _queries(**arguments: Any) -> list[Call]:
    """As many as a request may have, each for another list."""
    wanted = arguments.pop("filter")
    return [
        (
            "Email/query",
            {"filter": {"operator": "AND", "conditions": [wanted, {"minSize": number}]}, **arguments},
        )
        for number in range(64)
    ]


def _asked(*several: Callable[[Client], list[Call]], emails: int = EMAILS) -> Callable[[Target], str]:
    """These requests, one kind after another."""

    def attack(target: Target) -> str:
        client = Client(target)
        _filled(client, emails)
        return client.flood(*[client.body(calls(client)) for calls in several])

    return attack


def _texts(_: Client) -> list[Call]:
    texts = [{"body": f"a{number} {_WORDS}"} for number in range(60)]
    return [("Email/query", {"filter": _any_of(*texts, *texts)})] * 10


def _phrases(_: Client) -> list[Call]:
    return [
        ("Email/query", {"filter": _any_of(*[{"text": f"'{number} {_WORDS}'"} for number in range(60)])})
    ] * 4


def _short_texts(_: Client) -> list[Call]:
    return _queries(filter=_any_of(*[{"text": f"a{number}"} for number in range(64)]))[:4]


def _headers(_: Client) -> list[Call]:
    return _queries(filter=_any_of(*[{"header": [f"X-{number}", "a"]} for number in range(CONDITIONS)]))[:1]


def _in_memory(_: Client) -> list[Call]:
    keywords = [{"hasKeyword": f"k{number}"} for number in range(CONDITIONS)]
    return _queries(filter=_any_of(*keywords), collapseThreads=True, calculateTotal=True)


def _threads(_: Client) -> list[Call]:
    keywords = [{"someInThreadHaveKeyword": f"k{number}"} for number in range(240)]
    return _queries(filter=_nots(_any_of(*keywords), 11), collapseThreads=True)[:16]


def _sorts(_: Client) -> list[Call]:
    comparators = [
        {"property": "someInThreadHaveKeyword", "keyword": f"k{number}"} for number in range(14)
    ] + [{"property": "subject"}, {"property": "from"}]
    return _queries(filter={"maxSize": 100_000}, sort=comparators)[:16]


def _anchors(client: Client) -> list[Call]:
    anchor = client.ids("Email/query", limit=1, position=EMAILS - 1)[0]
    return _queries(filter={"maxSize": 100_000}, anchor=anchor, anchorOffset=-5_000)


def _sets(client: Client) -> list[Call]:
    wanted = [{"inMailboxOtherThan": [f"Fz{number}" for number in range(990)]}] * 40
    return [("Email/query", {"filter": _any_of(*wanted)})]


def changes(target: Target) -> str:
    """Changes since the beginning, of emails, threads, mailboxes and queries, after very many."""
    client = Client(target)
    states = {
        kind: client.answer(f"{kind}/get", {"ids": []})["state"] for kind in ("Email", "Thread", "Mailbox")
    }
    _filled(client)
    with target.imap() as wire:
        box = b'"box %d"' % (len(client.ids("Mailbox/query")) - 1)
        wire.exchange(b"a SELECT " + box + b"\r\n", rb"^a [^\r\n]*\r\n")
        wire.exchange(b"a STORE 1:5000 +FLAGS.SILENT (word)\r\n", rb"^a [^\r\n]*\r\n")
    since = [
        *[(f"{kind}/changes", {"sinceState": state}) for kind, state in states.items()],
        *[
            ("Email/queryChanges", {"sinceQueryState": states["Email"], "collapseThreads": collapse})
            for collapse in (True, False)
        ],
    ]
    return client.flood(client.body(since * 12))


def mailboxes(target: Target) -> str:
    """Queries of very many mailboxes, as trees, with the longest filters."""
    client = Client(target)
    client.mailboxes(MAILBOXES)
    names = _any_of(*[{"name": f"{number} {_WORDS}"[:125]} for number in range(CONDITIONS)])
    roles = _nots(_any_of(*[{"hasAnyRole": True}] * 240), 11)
    sorts = [{"property": "name"}, {"property": "sortOrder"}] * 8
    trees = {"sortAsTree": True, "filterAsTree": True, "sort": sorts}
    state = client.answer("Mailbox/get", {"ids": []})["state"]
    return client.flood(
        client.body([("Mailbox/query", {**trees, "filter": names})] * 4),
        client.body([("Mailbox/query", {**trees, "filter": roles})] * 64),
        client.body([("Mailbox/queryChanges", {**trees, "sinceQueryState": state})] * 64),
        client.body([("Mailbox/get", {"ids": None}), ("Mailbox/get", {"ids": ["F1"] * 500})] * 32),
    )


def threads(target: Target) -> str:
    """Threads with very many emails, and references to all of them."""
    client = Client(target)
    _filled(client)
    found = client.answer(
        "Email/get", {"ids": client.ids("Email/query", limit=1), "properties": ["threadId"]}
    )
    thread = found["list"][0]["threadId"]
    emails = {"#ids": {"resultOf": "0", "name": "Thread/get", "path": "/list/*/emailIds"}}
    query = ("Email/query", {"limit": 5_000})
    listed = {"#ids": {"resultOf": "0", "name": "Email/query", "path": "/ids"}}
    return client.flood(
        client.body([("Thread/get", {"ids": [thread]})] * 64),
        client.body([("Thread/get", {"ids": [thread]}), *[("Email/get", emails)] * 63]),
        client.body([query, *[("Email/get", listed), ("Thread/get", listed)] * 31]),
    )


_KEPT: Final = "lists are made once; in threads beyond 10,000 comparisons"
CASES: Final = (
    Case("Email/query with texts of 8 KiB, in words and in phrases", "32 Ki characters; 64 words",
         _asked(_texts, _phrases, emails=0)),
    Case(f"Email/query for 64 texts, of {FEWER:,} emails", "64 words; one for each account",
         _asked(_short_texts, emails=FEWER)),
    Case(f"Email/query for 250 header fields, of {FEWER:,} emails", "256 conditions", _asked(_headers, emails=FEWER)),
    Case("Email/query for 250 keywords, of 10,000 emails, in 64 lists", "in threads beyond 10,000 comparisons",
         _asked(_in_memory, emails=10_000)),
    Case(f"Email/query for keywords in threads of {EMAILS:,} emails, NOT of NOT", _KEPT, _asked(_threads)),
    Case(f"Email/query of {EMAILS:,} emails by 16 properties", _KEPT, _asked(_sorts)),
    Case(f"Email/query of {EMAILS:,} emails around an anchor, and not in 40,000 mailboxes", _KEPT,
         _asked(_anchors, _sets)),
    Case(f"/changes and /queryChanges after {EMAILS:,} changes", "in threads beyond 2,000", changes),
    Case(f"Mailbox/query of {MAILBOXES:,} mailboxes", "2,000 conditions at once", mailboxes),
    Case("Thread/get of 10,000 emails", "in a thread", threads),
)  # fmt: skip
