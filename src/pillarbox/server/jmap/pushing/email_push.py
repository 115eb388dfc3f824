"""The emails that have come, as they are pushed: EmailPush objects (draft-ietf-jmap-emailpush-03 §3).

Properties are added in the order in which the client has named them, as long as the message has room; several emails
share a message, as far as they fit into one.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

import msgspec
from msgspec import Struct

from pillarbox.mail import flags, object_id
from pillarbox.mail.identifiers import AccountId, EmailId, ModSeq
from pillarbox.protocol.jmap.email.message import BodyArguments, Source
from pillarbox.protocol.jmap.email.plan import Plan
from pillarbox.server.jmap.context import GiveWay
from pillarbox.server.jmap.emails.get import row_of, wanted_of
from pillarbox.server.jmap.emails.reading import EmailReader
from pillarbox.server.jmap.pushing.email_config import EmailPushConfig
from pillarbox.store import emails
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.listing import evaluation, filters, texts
from pillarbox.store.listing import filters as f
from pillarbox.store.listing.account import ListedAccount
from pillarbox.store.listing.filters import Filter
from pillarbox.store.search.text import go_on
from pillarbox.world.blobs import Blobs
from pillarbox.world.database import Transaction
from pillarbox.world.world import World

MAX_EMAILS: Final = 20
"""Of those that have come since the last push, the newest are told of: with more, a person reads no notifications."""
MAX_IN_THREADS: Final = 2_000
"""Messages of the threads of these emails, where a filter is about them; with more, of threads only these count."""
MAX_RENDERED_OCTETS: Final = 256 * 1024
"""Of a message that is read for its properties; of a longer one, those that need its octets are left out."""
_NOT_DRAFTS: Final = f.Not(f.HasFlag(flags.DRAFT))
"""What somebody writes is not delivered to them, though it is stored."""


class Reading(Struct, frozen=True):
    """Who reads emails."""

    world: World
    give_way: GiveWay


def arrived(
    tx: Transaction, blobs: Blobs, account: AccountId, after: int, last: int, wanted: Filter, *, now_ms: int
) -> list[EmailId]:
    """Those of the newest emails that match, the oldest first. In a thread: it may look for text in them.

    Of ids, those after the first and up to the other.
    """
    start = EmailId(max(after, last - MAX_EMAILS))
    _, new = emails.between(tx, account, start, number=MAX_EMAILS)
    new = [one for one in new if one.id <= last]
    if not new:
        return []
    wanted = f.All((_NOT_DRAFTS, wanted))
    listed = ListedAccount(ModSeq(0))
    listed.add(sorted([*new, *_beside(tx, account, new, wanted)], key=lambda one: one.id), {})
    listed.ordered()
    found = {
        text: texts.matches(
            tx, blobs, account, text.query, [one.id for one in new], now_ms=now_ms, pause=go_on
        )
        for text in filters.texts(wanted)
    }
    places = evaluation.matching(listed, wanted, pause=go_on, texts=found)
    ids = {one.id for one in new}
    return [EmailId(listed.ids[place]) for place in places if listed.ids[place] in ids]


def _beside(
    tx: Transaction, account: AccountId, new: Sequence[emails.Email], wanted: Filter
) -> list[emails.Email]:
    """The other emails of their threads, where the filter is about threads."""
    if not filters.of_threads(wanted):
        return []
    try:
        threads = emails.of_threads(tx, account, {one.thread for one in new}, most=MAX_IN_THREADS)
    except TooMuchToRead:
        return []
    ids = {one.id for one in new}
    return [one for thread in threads.values() for one in thread if one.id not in ids]


class EmailMessage(Struct, frozen=True):
    """An EmailPush object."""

    octets: bytes
    """JSON."""
    last: EmailId
    """The last email that it, and those before it, tell of."""


async def messages(
    reading: Reading, account: AccountId, ids: Sequence[EmailId], config: EmailPushConfig, *, max_octets: int
) -> list[EmailMessage]:
    """What is pushed of these emails, as messages of at most so many octets each. Raises `MemoryScarce`, and as
    `EmailReader` does."""
    plan = config.plan()
    reader = EmailReader(reading, account, wanted_of(plan))
    rendered = await _rendered(reader, ids, plan)
    long = [one for one in ids if rendered.get(one) == {}]
    if long:
        shorter = Plan.of_get(_without_body(config.properties), BodyArguments())
        rendered.update(await _rendered(EmailReader(reading, account, wanted_of(shorter)), long, shorter))
    head = _head(account, reader.state)
    room = max_octets - len(head) - len(_TAIL)
    fitting = [(one, _fitting(rendered[one], config.properties, room)) for one in ids if one in rendered]
    return [
        EmailMessage(head + b",".join([octets for _, octets in group]) + _TAIL, group[-1][0])
        for group in _grouped(fitting, room)
    ]


async def _rendered(
    reader: EmailReader, ids: Sequence[EmailId], plan: Plan
) -> dict[EmailId, dict[str, msgspec.Raw]]:
    """Those that are there, with their properties; of those that are too long to be read for that, none."""
    rendered: dict[EmailId, dict[str, msgspec.Raw]] = {}
    async for found in reader.emails(ids):
        octets = b"{}"
        if not plan.source:
            octets = plan.render(row_of(found, plan))
        elif plan.source is Source.HEADER or found.email.size <= MAX_RENDERED_OCTETS:
            octets = await reader.work(found, partial(plan.render, row_of(found, plan)))
        rendered[found.email.id] = msgspec.json.decode(octets, type=dict[str, msgspec.Raw])
    return rendered


def _without_body(properties: Iterable[str]) -> list[str]:
    return [one for one in properties if Plan.of_get((one,), BodyArguments()).source is not Source.BODY]


_TAIL: Final = b"]}"


def _head(account: AccountId, state: str) -> bytes:
    told = {"@type": "EmailPush", "accountId": object_id.of_account(account), "state": state}
    return msgspec.json.encode(told)[:-1] + b',"emails":['


def _fitting(email: dict[str, msgspec.Raw], properties: Iterable[str], room: int) -> bytes:
    """The Email with those of its properties that there is room for, in the order in which they were named."""
    parts: list[bytes] = []
    room -= len(b"{}")
    for name in dict.fromkeys(properties):
        if name not in email:
            continue
        part = msgspec.json.encode(name) + b":" + bytes(email[name])
        if len(part) + bool(parts) <= room:
            room -= len(part) + bool(parts)
            parts.append(part)
    return b"{%b}" % b",".join(parts)


def _grouped(emails_: Iterable[tuple[EmailId, bytes]], room: int) -> list[list[tuple[EmailId, bytes]]]:
    groups: list[list[tuple[EmailId, bytes]]] = []
    left = -1
    for email, octets in emails_:
        if len(octets) + 1 > left:
            groups.append([])
            left = room + 1
        groups[-1].append((email, octets))
        left -= len(octets) + 1
    return groups
