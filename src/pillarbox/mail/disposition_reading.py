"""Reading a message disposition notification that somebody has sent (RFC 8098, RFC 9007 §3.3).

Reading is bounded and never fails: what does not say clearly what became of a message is no notification. Programs
write its fields in many ways: comments, letter case, and a missing mode are forgiven.
"""

from collections.abc import Iterator
from typing import Final, Literal, TypeVar

from msgspec import Struct

from pillarbox.mail import encoded_word, parameter, part_parser, text, transfer
from pillarbox.mail.disposition_notification import KNOWN_FIELDS, MAX_ERRORS, Disposition
from pillarbox.mail.header import Header, unfold
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import Limits
from pillarbox.mail.threading import message_ids

MAX_OCTETS: Final = 1024 * 1024
"""Of a longer message, so much is read: what is for programs stands before the message that is returned."""
MAX_FIELDS_OCTETS: Final = 64 * 1024
"""Of the part for programs."""
MAX_FIELD_OCTETS: Final = 2_000
MAX_TEXT_CHARACTERS: Final = 64 * 1024
_LIMITS: Final = Limits(depth=5, parts=20, header_octets=256 * 1024)

_DISPOSITION: Final = ("message/disposition-notification", "message/global-disposition-notification")

T = TypeVar("T", bound=str)
ActionMode = Literal["manual-action", "automatic-action"]
SendingMode = Literal["mdn-sent-manually", "mdn-sent-automatically"]
Type = Literal["deleted", "dispatched", "displayed", "processed"]
_ACTIONS: Final[tuple[ActionMode, ...]] = ("manual-action", "automatic-action")
_SENDINGS: Final[tuple[SendingMode, ...]] = ("mdn-sent-manually", "mdn-sent-automatically")
_TYPES: Final[tuple[Type, ...]] = ("deleted", "dispatched", "displayed", "processed")


class ReceivedNotification(Struct, frozen=True):
    """What a notification says; texts are decoded."""

    subject: str | None
    text: str | None
    """Its part for people."""
    has_original: bool
    """Whether the message itself came back, or its header."""
    disposition: Disposition
    reporting_ua: str | None
    mdn_gateway: str | None
    original_recipient: str | None
    """With its type, `rfc822; ann@one.example`, and so is the final one."""
    final_recipient: str | None
    original_message_id: str | None
    """Without brackets."""
    errors: tuple[str, ...]
    extension_fields: dict[str, str]
    """By name as written, the first of each name."""


def read(message: bytes) -> ReceivedNotification | None:
    """The notification that a message is, or `None`."""
    octets = message[:MAX_OCTETS]
    root = part_parser.parse(octets, _LIMITS)
    if root.content_type != "multipart/report" or len(root.children) < 2:
        return None
    about = root.children[1]
    if about.content_type not in _DISPOSITION:
        return None
    fields = _fields(octets, about)
    disposition = _disposition(fields)
    if disposition is None:
        return None
    ids = message_ids(fields.first("Original-Message-ID") or b"")
    return ReceivedNotification(
        subject=_subject(root.header),
        text=_text(octets, root.children[0]),
        has_original=len(root.children) > 2,
        disposition=disposition,
        reporting_ua=_field(fields, "Reporting-UA"),
        mdn_gateway=_field(fields, "MDN-Gateway"),
        original_recipient=_recipient(fields, "Original-Recipient"),
        final_recipient=_recipient(fields, "Final-Recipient"),
        original_message_id=ids[0] if ids else None,
        errors=tuple([_decoded(value) for value in fields.all("Error")[:MAX_ERRORS]]),
        extension_fields=dict(_extensions(fields)),
    )


def _fields(octets: bytes, part: Part) -> Header:
    """The fields for programs: the first group of them, since there is only one (RFC 8098 §3.1)."""
    body = octets[part.body_start : min(part.end, part.body_start + MAX_FIELDS_OCTETS)]
    decoded = transfer.decode(body, part.encoding).replace(b"\r\n", b"\n").strip(b"\n")
    group = decoded.partition(b"\n\n")[0]
    return Header.parse(group.replace(b"\n", b"\r\n") + b"\r\n\r\n")[0]


def _disposition(fields: Header) -> Disposition | None:
    """RFC 8098 §3.2.6: action "/" sending ";" type ["/" modifiers], in any letter case, with comments."""
    value = fields.first("Disposition")
    if value is None:
        return None
    written = b"".join(parameter.strip_comments(unfold(value[:MAX_FIELD_OCTETS])).split())
    modes, _, kind = written.decode("latin-1").lower().partition(";")
    action, _, sending = modes.partition("/")
    found_type = _among(kind.partition("/")[0], _TYPES)
    # Where one is missing, a person did what is not said to be automatic
    found_action = _among(action or "manual-action", _ACTIONS)
    automatic = found_action == "automatic-action"
    found_sending = _among(sending or _SENDINGS[automatic], _SENDINGS)
    if found_type is None or found_action is None or found_sending is None:
        return None
    return Disposition(action_mode=found_action, sending_mode=found_sending, type=found_type)


def _among(word: str, words: tuple[T, ...]) -> T | None:
    return next((each for each in words if each == word), None)


def _extensions(fields: Header) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for each in fields.fields:
        if each.name and each.key not in KNOWN_FIELDS and each.key not in seen:
            seen.add(each.key)
            yield each.name.decode("latin-1"), _decoded(each.body)
        if len(seen) >= MAX_ERRORS:
            return


def _subject(header: Header) -> str | None:
    value = header.first("Subject")
    return None if value is None else _decoded(value)


def _text(octets: bytes, part: Part) -> str | None:
    if part.content_type == "text/plain":
        found = "".join(text.part_pieces(octets, part, 4 * MAX_TEXT_CHARACTERS)).replace("\r\n", "\n")
    else:  # HTML, or both: its words
        found = "".join(
            word
            for each in text.shown_parts(part)[:1]
            for word in text.plain_pieces(octets, each, MAX_OCTETS)
        )
    return found[:MAX_TEXT_CHARACTERS].replace("\0", "") or None


def _recipient(fields: Header, name: str) -> str | None:
    """One blank behind the semicolon, whatever stands there."""
    value = _field(fields, name)
    if value is None:
        return None
    kind, separator, address = value.partition(";")
    return f"{kind.strip().lower()}; {address.strip()}" if separator else value


def _field(fields: Header, name: str) -> str | None:
    value = fields.first(name)
    return None if value is None else _decoded(value) or None


def _decoded(value: bytes) -> str:
    return encoded_word.decode_text(unfold(value[:MAX_FIELD_OCTETS])).strip()
