"""Properties that are header fields: `header:{name}`, with a form or all instances of the field (RFC 8621 §4.1.3)."""

import re
from typing import Final, Self

from msgspec import Struct

from pillarbox.protocol.jmap.email.header_forms import Form
from pillarbox.protocol.jmap.errors import invalid_arguments

MAX_NAME_CHARACTERS: Final = 998
"""The name of a field: it has to fit on a line (RFC 5322 §2.1.1)."""

PREFIX: Final = "header:"
_NAME: Final = re.compile(r"[!-9;-~]+")


class HeaderProperty(Struct, frozen=True):
    """One field, or all of its name, in one form."""

    key: bytes
    """The name of the field in lower case."""
    form: Form
    is_all: bool
    """The value is a list of all instances; else it is the last one, or null."""

    @classmethod
    def parse(cls, written: str) -> Self:
        """Read `header:Resent-To:asAddresses:all`. Raises invalidArguments (§4.2)."""
        name, *suffixes = written.removeprefix(PREFIX).split(":", 3)
        if not written.startswith(PREFIX) or not _NAME.fullmatch(name) or len(name) > MAX_NAME_CHARACTERS:
            raise invalid_arguments("not the name of a header field")
        is_all = suffixes[-1:] == ["all"]
        if is_all:
            suffixes.pop()
        form = _FORMS.get(suffixes[0]) if suffixes else Form.RAW
        if form is None or len(suffixes) > 1:
            raise invalid_arguments("only one of the parsed forms may follow the name, and then :all")
        if form not in forms(name):
            raise invalid_arguments(f"{name} has no form {form.value}")
        return cls(name.lower().encode(), form, is_all)


def forms(name: str) -> frozenset[Form]:
    """The forms in which a field may be read and written, by its name."""
    return _ALLOWED.get(name.lower(), _ANY)


_FORMS: Final = {form.value: form for form in Form}
_ANY: Final = frozenset(Form)
_RAW: Final = frozenset({Form.RAW})
_ADDRESSES: Final = ("from", "sender", "reply-to", "to", "cc", "bcc")
_LISTS: Final = ("help", "unsubscribe", "subscribe", "post", "owner", "archive")
_ALLOWED: Final[dict[str, frozenset[Form]]] = {
    **dict.fromkeys(("received", "return-path"), _RAW),
    **dict.fromkeys(("subject", "comments", "keywords"), _RAW | {Form.TEXT}),
    **dict.fromkeys(
        [f"{before}{name}" for before in ("", "resent-") for name in _ADDRESSES],
        _RAW | {Form.ADDRESSES, Form.GROUPED_ADDRESSES},
    ),
    **dict.fromkeys(
        ("message-id", "in-reply-to", "references", "resent-message-id"), _RAW | {Form.MESSAGE_IDS}
    ),
    **dict.fromkeys(("date", "resent-date"), _RAW | {Form.DATE}),
    **dict.fromkeys([f"list-{name}" for name in _LISTS], _RAW | {Form.URLS}),
}
"""The fields of RFC 5322 and RFC 2369; all others, List-Id among them, may have any form."""

CONVENIENCE: Final = {
    "messageId": HeaderProperty(b"message-id", Form.MESSAGE_IDS, False),
    "inReplyTo": HeaderProperty(b"in-reply-to", Form.MESSAGE_IDS, False),
    "references": HeaderProperty(b"references", Form.MESSAGE_IDS, False),
    "sender": HeaderProperty(b"sender", Form.ADDRESSES, False),
    "from": HeaderProperty(b"from", Form.ADDRESSES, False),
    "to": HeaderProperty(b"to", Form.ADDRESSES, False),
    "cc": HeaderProperty(b"cc", Form.ADDRESSES, False),
    "bcc": HeaderProperty(b"bcc", Form.ADDRESSES, False),
    "replyTo": HeaderProperty(b"reply-to", Form.ADDRESSES, False),
    "subject": HeaderProperty(b"subject", Form.TEXT, False),
    "sentAt": HeaderProperty(b"date", Form.DATE, False),
}
"""Properties of an Email that are another name of such a property."""
