"""The properties of a new Email become a message that can be stored (RFC 8621 §4.6).

Large properties and messages are read and written in a thread; all that a message takes meanwhile is reserved in the
memory budget.
"""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack, nullcontext
from typing import Any, Final

import msgspec
from msgspec import Struct

from pillarbox.delivery.summarizing import LONG_OCTETS, summary_of
from pillarbox.mail.composing.entity import ComposedMessage
from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.snooze import Snooze
from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.capabilities import CAPABILITIES, MAIL, Facts
from pillarbox.protocol.jmap.email import composing, snoozed
from pillarbox.protocol.jmap.email.composing import Draft, Limits, Made
from pillarbox.protocol.jmap.email.composing_body import DraftPart
from pillarbox.protocol.jmap.email.composing_refusal import Refusal
from pillarbox.protocol.jmap.email.email_row import EmailRow
from pillarbox.protocol.jmap.email.message import BodyArguments
from pillarbox.protocol.jmap.email.plan import Plan
from pillarbox.protocol.jmap.email.snoozed import NotSnoozed
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.patch import Change
from pillarbox.protocol.jmap.scalars import UTC_DATE_OR_NULL, fits, milliseconds
from pillarbox.protocol.jmap.types.email import EMAIL, too_many_keywords
from pillarbox.server.jmap.blob_finder import BlobFinder, TooMuchToRead
from pillarbox.server.jmap.blobs import FoundBlob
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.emails import snoozing
from pillarbox.server.jmap.emails.updates import TooManyKeywords, Wrong, keywords_of, mailboxes_of
from pillarbox.server.jmap.emails.work import Creation
from pillarbox.store.append import Appended, Arrival, Message
from pillarbox.world.blobs import BlobWriter, PreparedBlob
from pillarbox.world.entropy import nonce

SMALL: Final = 16 * 1024
"""Characters of properties up to which they are read, and made into a message, in the loop: about a millisecond."""
_VALUE_COST: Final = 64
"""Characters that are read in the time that a value takes."""
_ENCODED: Final = (78, 57)
"""Octets of base64, and of what they are made of."""


MUCH_AT_ONCE: Final = errors.rate_limit("Parts of fewer messages can be used at once")


class TooLong(Exception):
    """The message would have more octets than one may have."""


# --- where it is kept


class Kept(Struct, frozen=True):
    """What an Email says of where it is kept (§4.1.1)."""

    mailboxes: frozenset[MailboxId]
    flags: str
    received_at_ms: int | None


def kept(properties: Mapping[str, Any]) -> Kept | SetError:
    """Those properties, or why they can't be so. References are resolved already."""
    try:
        place = _kept(properties)
    except TooManyKeywords as error:
        return too_many_keywords(str(error))
    return errors.invalid_properties(place, _sentences(place)) if isinstance(place, dict) else place


def _kept(properties: Mapping[str, Any]) -> Kept | dict[str, str]:
    """Those properties; or each that is wrong, and why. Raises `TooManyKeywords`."""
    wrong: dict[str, str] = {}
    mailboxes, flags = frozenset[MailboxId](), ""
    try:
        mailboxes = mailboxes_of(properties.get("mailboxIds"))
    except Wrong:
        wrong["mailboxIds"] = "must have the id of at least one mailbox"
    try:
        given = properties.get("keywords")
        flags = "" if given is None else keywords_of(given)
    except TooManyKeywords:
        raise
    except Wrong as error:
        wrong["keywords"] = str(error)
    received_at = properties.get("receivedAt")
    if not fits(received_at, UTC_DATE_OR_NULL):
        wrong["receivedAt"] = "must be a UTCDate"
    if wrong:
        return wrong
    return Kept(mailboxes, flags, None if received_at is None else milliseconds(received_at))


# --- the message


async def creation(
    context: Context, finder: BlobFinder, key: str, given: Mapping[str, Any]
) -> Creation | SetError:
    """The email to create, or why it can't be. Raises `DatabaseUnavailable`, `MemoryScarce`, `BlobDamaged`."""
    properties = context.created.resolve(given, EMAIL.references)
    if isinstance(properties, SetError):
        return properties
    snooze, wrong = _snooze(context, properties)
    try:
        place = _kept(properties)
    except TooManyKeywords as error:
        return too_many_keywords(str(error))
    if wrong:
        place = {**(place if isinstance(place, dict) else {}), snoozed.NAME: wrong}
    limits, is_small = _limits(context), _is_small(properties)
    if is_small:
        draft = composing.read(properties, limits)
    else:
        draft = await context.world.aside.run(composing.read, properties, limits)
    if isinstance(draft, Refusal) or isinstance(place, dict):
        return _refused(place, draft)
    message = await _message(context, finder, draft, limits, is_small=is_small)
    if isinstance(message, SetError):
        return message
    now_ms = context.world.clock.now_ms()
    received_at_ms = now_ms if place.received_at_ms is None else place.received_at_ms
    arrival = Arrival(message, place.flags, received_at_ms)
    told = _Told(arrival, place, frozenset(given))
    return Creation(key, place.mailboxes, arrival, told=told, snooze=snooze)


def _snooze(context: Context, properties: dict[str, Any]) -> tuple[Snooze | None, str]:
    """Take `snoozed` out of the properties; or why it can't be so."""
    if not snoozing.is_known(context) or (value := properties.pop(snoozed.NAME, None)) is None:
        return None, ""
    try:
        return snoozed.read(snoozing.known(context, Change((snoozed.NAME,), value)).value), ""
    except NotSnoozed as error:
        return None, str(error)


def _refused(place: Kept | dict[str, str], draft: Draft | Refusal) -> SetError:
    """All that is wrong, in one error."""
    wrong = place if isinstance(place, dict) else {}
    if not isinstance(draft, Refusal):
        return errors.invalid_properties(wrong, _sentences(wrong))
    if draft.type != "invalidProperties":
        return SetError(draft.type, draft.description, draft.extra())
    description = f"{_sentences(wrong)} {draft.description}".strip()
    return errors.invalid_properties([*wrong, *draft.properties], description)


def _sentences(wrong: Mapping[str, str]) -> str:
    return " ".join(f"{name}: {why}." for name, why in wrong.items())


def _limits(context: Context) -> Limits:
    facts = Facts(limits=context.limits, message_octets=context.config.limits.message_octets)
    says = CAPABILITIES[MAIL].account
    assert says is not None
    return Limits(blob_octets=says(facts)["maxSizeAttachmentsPerEmail"])


def _is_small(properties: Mapping[str, Any]) -> bool:
    left, waiting = SMALL, list[Any]([properties])
    while waiting and left > 0:
        value = waiting.pop()
        left -= _VALUE_COST
        if isinstance(value, str):
            left -= len(value)
        elif isinstance(value, dict | list):
            left -= _VALUE_COST * len(value)
            if left > 0:  # so there are few
                waiting += [*value, *value.values()] if isinstance(value, dict) else value
    return left > 0


class _BlobSource:
    """A blob for the message that is composed of it: its octets are read once it is known that all fit in."""

    def __init__(self, blob: FoundBlob) -> None:
        self._blob = blob
        self._octets = b""

    @property
    def size(self) -> int:
        return self._blob.size

    def read(self, start: int, end: int) -> bytes:
        return self._octets[start:end]

    async def load(self) -> None:
        self._octets = await self._blob.whole(self.size)
        self._blob.close()


async def _message(
    context: Context, finder: BlobFinder, draft: Draft, limits: Limits, *, is_small: bool
) -> Message | SetError:
    world, most = context.world, context.config.limits.message_octets
    with ExitStack() as stack:
        sources: dict[str, _BlobSource] = {}
        for blob_id in draft.blob_ids:
            try:
                found = await finder.find(blob_id)
            except TooMuchToRead:
                return MUCH_AT_ONCE
            if found is not None:
                sources[blob_id] = _BlobSource(stack.enter_context(found))
        made = Made(_message_id(context), world.clock.now_ms(), nonce(world.entropy))
        composed = composing.compose(draft, sources, made, limits)
        if isinstance(composed, Refusal):
            return SetError(composed.type, composed.description, composed.extra())
        attached = draft.root.octets(sources)
        written = attached * _ENCODED[0] // _ENCODED[1]
        if written > most:
            return errors.too_large("The message would be too large", max_size=most)
        is_small = is_small and attached <= SMALL
        octets = written + 2 * _characters(draft.root) + sum(source.size for source in sources.values())
        with (
            nullcontext() if is_small else await world.memory.accounts.whole.reserve(max(octets, LONG_OCTETS))
        ):
            for source in sources.values():
                await source.load()
            try:
                blob, whole = await _written(context, composed, most, is_small=is_small)
            except TooLong:
                return errors.too_large("The message would be too large", max_size=most)
            return Message(blob, await summary_of(whole, world.aside))


def _characters(part: DraftPart) -> int:
    """Of all texts."""
    return len(part.text or "") + sum(map(_characters, part.parts))


def _message_id(context: Context) -> str:
    domain = context.account.address.rpartition("@")[2]
    return f"{nonce(context.world.entropy)}@{domain}"


async def _written(
    context: Context, composed: ComposedMessage, most: int, *, is_small: bool
) -> tuple[PreparedBlob, bytes]:
    """Raises `TooLong`, `DatabaseUnavailable`."""
    world = context.world
    writer = world.blobs.writer()
    try:
        if is_small:
            for piece in composed.pieces():
                await writer.add(piece)
        else:
            await world.aside.run(_write, writer, composed.pieces(), most)
        if writer.size > most:
            raise TooLong
        return await writer.finish()
    except BaseException:
        writer.abandon()
        raise


def _write(writer: BlobWriter, pieces: Iterable[bytes], most: int) -> None:
    """In a thread."""
    for piece in pieces:
        writer.write(piece)
        if writer.size > most:
            raise TooLong


# --- what the client is told

_DECIDED: Final = ("hasAttachment", "preview")
_OMITTED: Final = ("keywords", "receivedAt", "messageId", "sentAt")


class _Told:
    """What the client has not sent, and may want to know (RFC 8620 §5.3): what the rows of the email have."""

    def __init__(self, arrival: Arrival, place: Kept, given: frozenset[str]) -> None:
        self._arrival, self._place = arrival, place
        self._names = (*_DECIDED, *[name for name in _OMITTED if name not in given])

    def __call__(self, made: Appended) -> dict[str, Any]:
        summary = self._arrival.message.summary
        row = EmailRow(
            "",
            summary.size,
            made.email_id,
            made.thread_id,
            self._place.mailboxes,
            self._place.flags,
            self._arrival.received_at_ms,
            summary.cached_fields,
            summary.preview,
            summary.has_attachment,
        )
        told: dict[str, Any] = msgspec.json.decode(Plan.of_get(self._names, BodyArguments()).render(row))
        return told
