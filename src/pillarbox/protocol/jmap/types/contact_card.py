"""ContactCard: RFC 9610 §3. A Card of JSContact (RFC 9553), with properties of JMAP."""

from collections.abc import Mapping
from typing import Any, Final

from pillarbox.protocol.jmap.arguments import Arguments
from pillarbox.protocol.jmap.errors import SetError, invalid_arguments, invalid_properties
from pillarbox.protocol.jmap.ids import MARK
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.scalars import UTC_DATE, Id, Reference, Text, fits, set_of

NAME: Final = "ContactCard"
ID: Final = "id"
BOOKS: Final = "addressBookIds"
MEDIA: Final = "media"
REFERENCES: Final = (BOOKS,)
"""Properties that hold ids of other records."""
BOOKS_KIND: Final = set_of(Id)

_PROPERTIES: Final = frozenset(
    (
        ID, BOOKS, "@type", "version", "created", "kind", "language", "members", "prodId", "relatedTo", "uid",
        "updated", "name", "nicknames", "organizations", "speakToAs", "titles", "emails", "onlineServices", "phones",
        "preferredLanguages", "calendars", "schedulingAddresses", "addresses", "cryptoKeys", "directories", "links",
        MEDIA, "localizations", "anniversaries", "keywords", "notes", "personalInfo",
    )
)  # fmt: skip
"""Of a Card (RFC 9553 §2), and those of JMAP. Names with a colon are those of vendors, and may be any (§1.8.1)."""
_VCARD_PROPERTIES: Final = frozenset(("vCardName", "vCardParams", "vCardProps"))
"""What is kept of a vCard that has no other form (RFC 9555 §3)."""


def requested(properties: list[str] | None, limits: Limits) -> tuple[str, ...] | None:
    """The properties to return, each once and the id first; None for all. Raises invalidArguments."""
    if properties is None:
        return None
    named = tuple(dict.fromkeys((ID, *properties)))
    if len(named) > limits.max_properties:
        raise invalid_arguments(f"More than {limits.max_properties} properties")
    for name in named:
        if name not in _PROPERTIES and name not in _VCARD_PROPERTIES and ":" not in name:
            raise invalid_arguments(f"{NAME} has no property '{name[:100]}'")
    return named


def books_of(card: Mapping[str, Any]) -> list[str] | SetError:
    """The ids of the address books of a card that a client has sent: it must be in one (§3)."""
    value = card.get(BOOKS)
    if not isinstance(value, dict) or not value or not fits(value, BOOKS_KIND):
        return invalid_properties([BOOKS], "A card is in one address book at least, and each value is true")
    return list(value)


def wrong(pointers: list[str], *others: str) -> SetError:
    """What is not as RFC 9553 has it: pointers into the card, without their first slash."""
    named = [pointer for pointer in (*others, *pointers) if pointer]
    if not named:
        return SetError("tooLarge", "The card has too many octets or entries, or is too deep")
    return invalid_properties(named, "Not as a Card has it (RFC 9553): " + ", ".join(named))


def is_reference(text: str) -> bool:
    """Whether it names a creation."""
    return text.startswith(MARK)


# --- /query

TEXTS: Final = (
    "text", "name", "name/given", "name/surname", "name/surname2", "nickname", "organization", "email", "phone",
    "onlineService", "address", "note",
)  # fmt: skip
"""Conditions that look for words."""
CONDITIONS: Final = {
    "inAddressBook": Reference,
    "uid": Text,
    "hasMember": Text,
    "kind": Text,
    "createdBefore": UTC_DATE,
    "createdAfter": UTC_DATE,
    "updatedBefore": UTC_DATE,
    "updatedAfter": UTC_DATE,
    **dict.fromkeys(TEXTS, Text),
}
"""§3.3.1."""
SORTS: Final[dict[str, dict[str, object]]] = {
    "created": {},
    "updated": {},
    "name/given": {},
    "name/surname": {},
    "name/surname2": {},
}
"""§3.3.2."""


# --- vCards (urn:pillarbox:jmap:vcard)

MEDIA_TYPE: Final = "text/vcard"


class ContactCardParseArguments(Arguments, frozen=True, kw_only=True):
    """ContactCard/parse."""

    blob_ids: list[Reference]
    properties: list[str] | None = None


class ContactCardExportArguments(Arguments, frozen=True, kw_only=True):
    """ContactCard/export."""

    ids: list[Reference] | None = None
