"""The property `snoozed` of an Email: an own extension, of the capability `urn:pillarbox:jmap:snooze`.

{"until": "2026-12-24T07:00:00Z", "moveToMailboxId": null, "setKeywords": {"$flagged": true}}
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from pillarbox.mail import flags, object_id
from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.snooze import Snooze
from pillarbox.protocol.jmap.email.keywords import InvalidKeyword, flag_of, keywords
from pillarbox.protocol.jmap.scalars import UTC_DATE, Id, UtcDate, fits, milliseconds, utc_date

NAME: Final = "snoozed"
MAX_KEYWORDS: Final = 2 * flags.MAX_KEYWORDS
"""Keywords that are set and removed."""
_Keyword = Annotated[str, Meta(max_length=flags.MAX_KEYWORD_OCTETS)]


class NotSnoozed(ValueError):
    """The value is none of this property; the text says why."""


class _Value(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    until: UtcDate
    move_to_mailbox_id: Id | None = None
    set_keywords: dict[_Keyword, bool] | None = None


def read(value: Any) -> Snooze:
    """The value of a client, in whole seconds. Raises `NotSnoozed`."""
    match value:  # it is read in a transaction, so no more of it than may be
        case {"setKeywords": dict(several)} if len(several) > MAX_KEYWORDS:
            raise NotSnoozed("too many keywords")
    try:
        found = msgspec.convert(value, _Value)
    except msgspec.ValidationError as error:
        raise NotSnoozed(str(error)) from None
    until_ms = milliseconds(found.until) if fits(found.until, UTC_DATE) else None
    if until_ms is None:
        raise NotSnoozed("there is no such day or time")
    mailbox: MailboxId | None = None
    if found.move_to_mailbox_id is not None:
        mailbox = object_id.mailbox(found.move_to_mailbox_id)
        if mailbox is None:
            raise NotSnoozed("there is no such mailbox")
    asked = found.set_keywords or {}
    gained, lost = (
        _flags([keyword for keyword, is_set in asked.items() if is_set is wanted]) for wanted in (True, False)
    )
    if flags.remove(gained, lost) != gained:
        raise NotSnoozed("a keyword is to be set and not to be set")
    return Snooze(until_ms // 1000 * 1000, mailbox, gained, lost)


def _flags(words: list[str]) -> str:
    try:
        return flags.canonical(map(flag_of, words))
    except (InvalidKeyword, flags.TooManyFlags) as error:
        raise NotSnoozed(str(error)) from None


def record(snooze: Snooze) -> dict[str, Any]:
    """The value that clients are shown."""
    asked = dict.fromkeys(keywords(snooze.set_flags), True) | dict.fromkeys(
        keywords(snooze.unset_flags), False
    )
    return {
        "until": utc_date(snooze.until_ms),
        "moveToMailboxId": None if snooze.move_to is None else object_id.of_mailbox(snooze.move_to),
        "setKeywords": asked or None,
    }
