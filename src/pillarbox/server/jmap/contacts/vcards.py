"""ContactCard/parse and ContactCard/export: vCards as cards, and cards as a file of vCards.

An extension of our own, `urn:pillarbox:jmap:vcard`. To import a file, a client uploads it, has it parsed, and creates
those of its cards that its user wants. To export cards, it has the server make an upload of them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from typing import Any, Final, TypeAlias, TypeVar, cast

import msgspec

from pillarbox.cards.conversion import reading, writing
from pillarbox.cards.vcard.card import BadCard, VCard
from pillarbox.cards.vcard.limits import Limits
from pillarbox.cards.vcard.reading import pieces as read_pieces
from pillarbox.cards.vcard.writing import write
from pillarbox.contacts import cards
from pillarbox.contacts.cards import Card
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, CardId
from pillarbox.protocol.jmap import arguments, errors
from pillarbox.protocol.jmap.blobs import blob_id
from pillarbox.protocol.jmap.types import contact_card
from pillarbox.protocol.jmap.types.contact_card import (
    MEDIA,
    MEDIA_TYPE,
    ContactCardExportArguments,
    ContactCardParseArguments,
)
from pillarbox.server.jmap import uploading
from pillarbox.server.jmap.blob_finder import BlobFinder, TooMuchToRead
from pillarbox.server.jmap.contacts.media import with_data
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.emails.get import Listing
from pillarbox.server.jmap.uploading import UploadTooLarge

T = TypeVar("T")
Run: TypeAlias = Callable[..., Awaitable[Any]]
"""Has a function run, in the loop or in a thread."""

MAX_PROBLEMS: Final = 100
"""That are told of one file."""
_LIMITS: Final = Limits()
_PIECE: Final = 64 * 1024
_AT_ONCE: Final = 8 * 1024
"""Octets of a card that is written in the loop; a longer one is in a thread."""
_LONG: Final = 64 * 1024
"""Octets of a file that is read in a thread: a line of it may take some hundredths of a second."""
_END: Final = object()
_TOO_MUCH: Final = "Parse fewer files at once"


async def parse(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """ContactCard/parse: the cards of files that were uploaded, or came attached to messages."""
    call = arguments.read(ContactCardParseArguments, given)
    properties = contact_card.requested(call.properties, context.limits)
    wanted = arguments.wanted(call.blob_ids, context.created, context.limits)
    finder, parser = BlobFinder(context, context.account_id(given)), _Parser(context, properties)
    not_found: list[str] = []
    for text in wanted:
        await context.give_way()
        try:
            found = await finder.find(text)
        except TooMuchToRead:
            raise errors.request_too_large(_TOO_MUCH) from None
        if found is None:
            not_found.append(text)
            continue
        with found:
            if found.size > _LIMITS.max_octets:
                parser.refuse(text, BadCard(1, f"The file has more than {_LIMITS.max_octets} octets"))
                continue
            parser.count(found.size)
            with await context.world.memory.accounts.whole.reserve(found.size):
                await parser.add(text, await found.whole(found.size))
    return {
        "accountId": call.account_id,
        "parsed": parser.parsed or None,
        "notParsable": parser.not_parsable or None,
        "notFound": not_found or None,
        "problems": parser.problems or None,
    }


class _Parser:
    """Reads the files of one call."""

    def __init__(self, context: Context, properties: Sequence[str] | None) -> None:
        self._context, self._properties = context, properties
        self._listing = Listing(context)
        self._left_octets = context.limits.max_parsed_octets
        self.parsed: dict[str, list[msgspec.Raw]] = {}
        self.not_parsable: list[str] = []
        """Files of which not one card can be read."""
        self.problems: dict[str, list[dict[str, Any]]] = {}
        """What can't be read of a file, and where."""

    def count(self, octets: int) -> None:
        """So much more is read. Raises requestTooLarge."""
        self._left_octets -= octets
        if self._left_octets < 0:
            raise errors.request_too_large(_TOO_MUCH)

    def refuse(self, blob: str, bad: BadCard) -> None:
        """Nothing of a file can be read."""
        self.not_parsable.append(blob)
        self.problems[blob] = [_problem(bad)]

    async def add(self, blob: str, octets: bytes) -> None:
        """Read a file. Raises requestTooLarge."""
        found: list[msgspec.Raw] = []
        problems: list[dict[str, Any]] = []
        run = self._context.world.aside.run if len(octets) > _LONG else _at_once
        running = read_pieces(octets, _LIMITS)
        while (read := await run(next, running, _END)) is not _END:
            if isinstance(read, VCard):
                found.append(await self._listing.take(await self._converted(read, run)))
            elif isinstance(read, BadCard) and len(problems) < MAX_PROBLEMS:
                problems.append(_problem(read))
            await self._context.give_way()
        if found:
            self.parsed[blob] = found
        else:
            self.not_parsable.append(blob)
        if problems:
            self.problems[blob] = problems

    async def _converted(self, vcard: VCard, run: Run) -> bytes:
        card = await _in_steps(self._context, reading.steps(vcard), run)
        if self._properties is not None:
            card = {name: card[name] for name in self._properties if name in card}
        return msgspec.json.encode(card)


async def _at_once(work: Callable[..., Any], *arguments: Any) -> Any:
    """In the loop."""
    return work(*arguments)


async def _in_steps(context: Context, running: Generator[None, None, T], run: Run = _at_once) -> T:
    """What a generator returns; others are served between its steps."""
    while (returned := await run(_advance, running)) is None:
        await context.give_way()
    return cast("T", returned[0])


def _advance(running: Generator[None, None, T]) -> tuple[T] | None:
    """What it returns, once it has ended: no future can raise StopIteration."""
    try:
        next(running)
    except StopIteration as finished:
        return (finished.value,)
    return None


def _problem(bad: BadCard) -> dict[str, Any]:
    return {"line": bad.line, "description": bad.reason}


async def export(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """ContactCard/export: an upload with the vCards of these cards, or of all."""
    call = arguments.read(ContactCardExportArguments, given)
    account = context.account_id(given)
    exporter = _Exporter(context, account)
    if call.ids is not None:
        exporter.choose(arguments.wanted(call.ids, context.created, context.limits))
    most = context.limits.max_size_upload
    try:
        made = await uploading.keep(context.world, account, MEDIA_TYPE, exporter.pieces(), most)
    except UploadTooLarge:
        raise errors.request_too_large(f"The file would have more than {most} octets") from None
    return {
        "accountId": call.account_id,
        "blobId": blob_id.of_upload(made.digest),
        "type": made.type,
        "size": made.size,
        "notFound": exporter.not_found,
    }


class _Exporter:
    """The vCards of one call."""

    def __init__(self, context: Context, account: AccountId) -> None:
        self._context, self._account = context, account
        self._chosen: list[CardId] | None = None
        self.not_found: list[str] = []

    def choose(self, names: Sequence[str]) -> None:
        """These, and not all."""
        self._chosen = []
        for name in names:
            card = object_id.card(name)
            if card is None:
                self.not_found.append(name)
            else:
                self._chosen.append(card)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The file, in pieces of 64 KiB at most."""
        async for card in self._cards():
            octets = await self._written(card)
            for at in range(0, len(octets), _PIECE):
                yield octets[at : at + _PIECE]
            await self._context.give_way()

    async def _cards(self) -> AsyncIterator[Card]:
        database = self._context.world.database
        chosen, after = self._chosen, None
        while True:
            left: Sequence[CardId]
            if chosen is None:
                left = await database.read(cards.some_ids, self._account, cards.READ_TOGETHER, after=after)
            else:
                left, chosen = chosen, []
            if not left:
                return
            after = left[-1]
            while left:
                asked = left
                some, left = await database.read(cards.get, self._account, asked)
                if self._chosen is not None:
                    there = {card.id for card in some}
                    read = asked[: len(asked) - len(left)]
                    self.not_found += [object_id.of_card(card) for card in read if card not in there]
                for card in some:
                    yield card

    async def _written(self, card: Card) -> bytes:
        content = await with_data(self._context, self._account, cards.decoded(card))
        vcard = await _in_steps(self._context, writing.steps(content))
        if len(card.content) <= _AT_ONCE and MEDIA not in content:
            return write((vcard,))
        return await self._context.world.aside.run(write, (vcard,))
