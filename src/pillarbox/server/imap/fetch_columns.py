"""The items of a FETCH as columns: which are read from the store, and how each is written.

ENVELOPE, BODY, BODYSTRUCTURE and the usual header fields are stored as octets for the wire, so a listing is a
join. What needs the message's own octets (`octets_items`) is added by `fetch_octets`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, assert_never

from pillarbox.mail import bodystructure, date, object_id
from pillarbox.mail.summary import CACHED_FIELDS
from pillarbox.protocol.imap import fetch_responses, strings
from pillarbox.protocol.imap.fetch_items import (
    Attribute,
    BinarySection,
    BinarySize,
    BodySection,
    FetchItem,
    Preview,
    SectionText,
    marks_seen,
)
from pillarbox.protocol.imap.fetch_responses import Column
from pillarbox.server.imap.sections import cut, select_cached_fields
from pillarbox.store.fetch import Column as Stored

OctetsItem = BodySection | BinarySection | BinarySize

MAX_CACHED_ITEMS: Final = 12
"""Plans with more items are not cached."""

_OCTETS = (BodySection, BinarySection, BinarySize)
_IN_MEMORY = frozenset({Attribute.FLAGS, Attribute.MODSEQ})


@dataclass(slots=True)
class Batch:
    """Some messages, column by column; all columns have the same length and order."""

    numbers: Sequence[int]
    uids: Sequence[int]
    flags: Sequence[str]
    modseqs: Sequence[int]
    stored: Mapping[Stored, Sequence[Any]]
    computed: Mapping[OctetsItem, Sequence[bytes]]
    """Values computed from the messages' octets; of items that are `whole`, just the octets."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read for a FETCH, and the columns to make of it."""

    items: tuple[FetchItem, ...]
    stored: tuple[Stored, ...]
    stored_in_full: tuple[Stored, ...]
    """With the octets, where a value is computed from them."""
    octets_items: tuple[OctetsItem, ...]
    in_memory: bool
    """Whether flags or MODSEQs are asked for."""
    marks_seen: bool
    """Whether answering sets \\Seen."""
    makers: tuple[Callable[[Batch], Column], ...]

    @classmethod
    def of(cls, items: Sequence[FetchItem], *, utf8: bool, rev2: bool) -> "Plan":
        """The plan for these items, in their order."""
        # Clients ask for the same few sets of items over and over; only small ones are cached
        return (
            _cached_plan(tuple(items), utf8, rev2)
            if len(items) <= MAX_CACHED_ITEMS
            else cls.uncached(items, utf8, rev2)
        )

    @classmethod
    def uncached(cls, items: Sequence[FetchItem], utf8: bool, rev2: bool) -> "Plan":
        """`of`, without the cache."""
        octets_items = tuple(item for item in items if isinstance(item, _OCTETS) and needs_octets(item))
        stored = {column for item in items if (column := _stored(item))}
        if octets_items:
            stored |= {Stored.BLOB, Stored.HEADER_SIZE, Stored.SIZE}
        columns = tuple(sorted(stored, key=lambda column: column.value))
        return cls(
            tuple(items),
            columns,
            (*columns, Stored.OCTETS, Stored.LOCATION) if octets_items else columns,
            octets_items,
            not _IN_MEMORY.isdisjoint(item for item in items if isinstance(item, Attribute)),
            any(map(marks_seen, items)),
            tuple(_maker(item, utf8=utf8, rev2=rev2) for item in items),
        )

    def columns(self, batch: Batch) -> list[Column]:
        """The response's columns for these messages."""
        return [maker(batch) for maker in self.makers]


@lru_cache(maxsize=128)
def _cached_plan(items: tuple[FetchItem, ...], utf8: bool, rev2: bool) -> Plan:
    return Plan.uncached(items, utf8, rev2)


def needs_octets(item: OctetsItem) -> bool:
    """Whether this needs the message itself."""
    return not (isinstance(item, BodySection) and _from_cached_fields(item))


def whole(item: OctetsItem) -> bool:
    """Whether its value is the whole message, unchanged, as a literal."""
    return (
        isinstance(item, BodySection)
        and not item.part
        and item.text is SectionText.ALL
        and item.partial is None
    )


def _from_cached_fields(section: BodySection) -> bool:
    """Whether these header fields were all cached at delivery."""
    return (
        not section.part
        and section.text is SectionText.HEADER_FIELDS
        and CACHED_FIELDS.issuperset(section.fields)
    )


def _stored(item: FetchItem) -> Stored | None:
    match item:
        case Attribute():
            return _STORED.get(item)
        case Preview():
            return Stored.PREVIEW
        case BodySection():
            return Stored.CACHED_FIELDS if _from_cached_fields(item) else None
        case BinarySection() | BinarySize():
            return None


_STORED = {
    Attribute.INTERNALDATE: Stored.RECEIVED_AT_S,
    Attribute.SAVEDATE: Stored.SAVED_AT_S,
    Attribute.SIZE: Stored.SIZE,
    Attribute.ENVELOPE: Stored.ENVELOPE,
    Attribute.BODY: Stored.BODY,
    Attribute.BODYSTRUCTURE: Stored.BODYSTRUCTURE,
    Attribute.EMAILID: Stored.EMAIL,
    Attribute.THREADID: Stored.THREAD,
}


def _maker(item: FetchItem, *, utf8: bool, rev2: bool) -> Callable[[Batch], Column]:
    match item:
        case Attribute():
            return _attribute_maker(item, rev2=rev2)
        case Preview():
            return lambda batch: fetch_responses.octets(
                item.label,
                [strings.string(text.encode(), utf8=utf8) for text in batch.stored[Stored.PREVIEW]],
            )
        case BodySection() if _from_cached_fields(item):
            return _cached_fields_maker(item)
        case BodySection() if whole(item):
            return _whole_maker(item)
        case BodySection() | BinarySection() | BinarySize():
            return lambda batch: fetch_responses.octets(item.label, batch.computed[item])
        case _:
            assert_never(item)


def _whole_maker(section: BodySection) -> Callable[[Batch], Column]:
    def make(batch: Batch) -> Column:
        values = batch.computed[section]
        if b"" in values:  # a message of no octets, as an import may bring one
            return fetch_responses.octets(section.label, list(map(strings.section, values)))
        return fetch_responses.literals(section.label, strings.all_without_nul(values))

    return make


def _attribute_maker(attribute: Attribute, *, rev2: bool) -> Callable[[Batch], Column]:
    label = attribute.label
    match attribute:
        case Attribute.UID:
            return lambda batch: fetch_responses.numbers(label, batch.uids)
        case Attribute.FLAGS:
            return lambda batch: fetch_responses.flags(batch.flags)
        case Attribute.MODSEQ:
            return lambda batch: fetch_responses.modseqs(batch.modseqs)
        case Attribute.INTERNALDATE | Attribute.SAVEDATE:
            return lambda batch: fetch_responses.octets(
                label, date.imap_date_times(batch.stored[_STORED[attribute]])
            )
        case Attribute.SIZE:
            return lambda batch: fetch_responses.numbers(label, batch.stored[Stored.SIZE])
        case Attribute.ENVELOPE:
            return lambda batch: fetch_responses.octets(label, batch.stored[Stored.ENVELOPE])
        case Attribute.BODY | Attribute.BODYSTRUCTURE:
            return lambda batch: fetch_responses.octets(
                label, bodystructure.of_revision(batch.stored[_STORED[attribute]], rev2=rev2)
            )
        case Attribute.EMAILID:
            return lambda batch: fetch_responses.listed(
                label, [object_id.of_email(email).encode() for email in batch.stored[Stored.EMAIL]]
            )
        case Attribute.THREADID:
            return lambda batch: fetch_responses.listed(
                label, [object_id.of_thread(thread).encode() for thread in batch.stored[Stored.THREAD]]
            )
        case _:
            assert_never(attribute)


def _cached_fields_maker(section: BodySection) -> Callable[[Batch], Column]:
    names, partial = frozenset(section.fields), section.partial

    def make(batch: Batch) -> Column:
        found = select_cached_fields(batch.stored[Stored.CACHED_FIELDS], names)
        if partial is None:
            return fetch_responses.literals(section.label, found)
        return fetch_responses.octets(
            section.label, [strings.section(cut(fields, partial)) for fields in found]
        )

    return make
