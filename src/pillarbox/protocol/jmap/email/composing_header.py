"""Header fields of a new Email: properties become octets (RFC 8621 §4.1.2, §4.1.3, §4.6).

`HeaderProperty.parse` reads a name such as `header:Resent-To:asAddresses:all`; `write` makes the fields of its value.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Self

from pillarbox.mail.composing import values, words
from pillarbox.mail.composing.addresses import Mailbox, MailboxGroup, address_list
from pillarbox.mail.composing.folding import NotWritable, field, is_field_name, raw_field
from pillarbox.protocol.jmap.email.composing_date import field_date
from pillarbox.protocol.jmap.email.composing_refusal import Faults
from pillarbox.protocol.jmap.email.header_property import forms

MAX_INSTANCES: Final = 100
"""Fields that one property with `:all` may make."""

RAW: Final = "asRaw"
"""The form of a property that names none."""


class HeaderProperty(NamedTuple):
    """A property that is a header field (RFC 8621 §4.1.3)."""

    name: str
    """Of the field, with its capitalization."""
    form: str
    """`asText`."""
    is_all: bool
    """Its value is a list of all such fields."""

    @classmethod
    def parse(cls, key: str) -> Self | None:
        """Of the name of a property; None if it does not follow the grammar or the form is not for this field."""
        prefix, _, rest = key.partition(":")
        parts = rest.split(":")
        is_all = len(parts) > 1 and parts[-1] == "all"
        if is_all:
            parts.pop()
        form = parts.pop() if len(parts) == 2 else RAW
        if prefix != "header" or len(parts) != 1 or not is_field_name(parts[0]):
            return None
        found = cls(parts[0], form, is_all)
        return found if form in {one.value for one in forms(found.key)} else None

    @property
    def key(self) -> str:
        """The field's name for comparisons."""
        return self.name.lower()


ONCE: Final = frozenset(
    {
        "bcc", "cc", "date", "from", "in-reply-to", "message-id", "references", "reply-to", "sender", "subject", "to",
        "mime-version", "content-type", "content-disposition", "content-id", "content-language", "content-location",
    }
)  # fmt: skip
"""Fields of which a message or part has one at most (RFC 5322 §3.6, RFC 2045): of two, readers take either."""

_ONE_ID: Final = frozenset({"message-id", "resent-message-id"})

CONVENIENCE: Final = {
    "messageId": HeaderProperty("Message-ID", "asMessageIds", False),
    "inReplyTo": HeaderProperty("In-Reply-To", "asMessageIds", False),
    "references": HeaderProperty("References", "asMessageIds", False),
    "sender": HeaderProperty("Sender", "asAddresses", False),
    "from": HeaderProperty("From", "asAddresses", False),
    "to": HeaderProperty("To", "asAddresses", False),
    "cc": HeaderProperty("Cc", "asAddresses", False),
    "bcc": HeaderProperty("Bcc", "asAddresses", False),
    "replyTo": HeaderProperty("Reply-To", "asAddresses", False),
    "subject": HeaderProperty("Subject", "asText", False),
    "sentAt": HeaderProperty("Date", "asDate", False),
}
"""Properties of an Email that are header fields (RFC 8621 §4.1.3)."""


def write(header: HeaderProperty, value: Any) -> bytes:
    """The fields, none where the value is null or an empty list. Raises `NotWritable`."""
    if value is None:
        return b""
    if not header.is_all:
        return _one(header, value)
    if not isinstance(value, list):
        raise NotWritable("must be a list")
    if len(value) > (1 if header.key in ONCE else MAX_INSTANCES):
        raise NotWritable("more of this field than a message may have")
    if any(each is None for each in value):
        raise NotWritable("null in a list")
    return b"".join([_one(header, each) for each in value])


def _one(header: HeaderProperty, value: Any) -> bytes:
    if header.form == RAW:
        return raw_field(header.name, _string(value))
    written = _WRITERS[header.form](value, len(header.name) + 2)
    if header.form == "asMessageIds" and header.key in _ONE_ID and len(written) > 1:
        raise NotWritable("more than one id")
    # A list without items has no field: none of these may be empty (RFC 5322 §3.6)
    return b"" if not written and isinstance(value, list) else field(header.name, written)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise NotWritable("must be a string")
    return value


def _strings(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise NotWritable("must be a list of strings")
    return value


def _text(value: Any, used: int) -> list[str]:
    return words.text(_string(value), used)


def _addresses(value: Any, _: int) -> list[str]:
    return address_list([MailboxGroup(None, _mailboxes(value))])


def _grouped(value: Any, _: int) -> list[str]:
    if not isinstance(value, list):
        raise NotWritable("must be a list of EmailAddressGroup")
    groups = []
    for each in value:
        name = _named(each, "addresses", "EmailAddressGroup")
        groups.append(MailboxGroup(name, _mailboxes(each["addresses"])))
    return address_list(groups)


def _mailboxes(value: Any) -> Sequence[Mailbox]:
    if not isinstance(value, list):
        raise NotWritable("must be a list of EmailAddress")
    return [Mailbox(_named(each, "email", "EmailAddress"), _string(each["email"])) for each in value]


def _named(value: Any, required: str, what: str) -> str | None:
    """The name of an EmailAddress or EmailAddressGroup, which has one other member."""
    if not isinstance(value, dict) or required not in value or not value.keys() <= {"name", required}:
        raise NotWritable(f"has something that is not an {what}")
    name = value.get("name")
    return None if name is None else _string(name)


def _message_ids(value: Any, _: int) -> list[str]:
    return values.message_ids(_strings(value))


def _urls(value: Any, _: int) -> list[str]:
    return values.urls(_strings(value))


def _date(value: Any, _: int) -> list[str]:
    return field_date(_string(value)).split(" ")


_WRITERS: Final[dict[str, Callable[[Any, int], list[str]]]] = {
    "asText": _text,
    "asAddresses": _addresses,
    "asGroupedAddresses": _grouped,
    "asMessageIds": _message_ids,
    "asDate": _date,
    "asURLs": _urls,
}
"""By form: the words of a field, of a value and the columns before it."""


class Fields:
    """Collects the fields of a message or of one of its parts, in order."""

    __slots__ = ("_faults", "claimed", "written")

    def __init__(self, faults: Faults, claimed: dict[str, str] | None = None) -> None:
        """`claimed`: of the message, for the part that is its root."""
        self._faults = faults
        self.claimed: dict[str, str] = {} if claimed is None else claimed
        """The path of the property that stands for a field, by the field's lower-case name."""
        self.written: dict[str, bytes] = {}
        """By lower-case name."""

    def claim(self, key: str, path: str) -> None:
        """A property stands for this field; two that do are faults both (RFC 8621 §4.6)."""
        other = self.claimed.setdefault(key, path)
        if other != path:
            for each in (other, path):
                self._faults.add(each, "another property stands for the same header field")

    def add(self, header: HeaderProperty, value: Any, path: str) -> None:
        """The field of a property; null stands for nothing."""
        if value is None:
            return
        self.claim(header.key, path)
        self.make(header.key, lambda: write(header, value), path)

    def make(self, key: str, make: Callable[[], bytes], path: str) -> None:
        """A field as it is made; what cannot be written is a fault of that property."""
        try:
            octets = make()
        except NotWritable as why:
            self._faults.add(path, str(why))
            return
        if octets:
            self._faults.spend(len(octets))
            self.written[key] = octets
