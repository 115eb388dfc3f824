"""Which fields our signatures cover (RFC 6376 §5.4, §8.15; RFC 8058 §4).

Those that readers see, and those that say what the body is, are named once more than they occur: whoever adds another
breaks the signature. So are those of mailing lists, where there are any. Names that a relay adds (Received,
Return-Path, Authentication-Results, signatures of others) are never among them, nor is Sender named where there is
none, which mailing lists add.
"""

from typing import Final

from pillarbox.trust.signatures.signed_header import SignedHeader

PROTECTED: Final = (
    b"from",
    b"reply-to",
    b"subject",
    b"date",
    b"to",
    b"cc",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
)
"""Named once more than they occur."""
OF_LISTS: Final = (
    b"list-id",
    b"list-help",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"list-subscribe",
    b"list-post",
    b"list-owner",
    b"list-archive",
)
"""Named once more than they occur, where they do: a mailing list gives them to mail that has none."""
WHERE_PRESENT: Final = (
    b"sender",
    b"message-id",
    b"in-reply-to",
    b"references",
    b"content-disposition",
    b"content-language",
    b"feedback-id",
    b"autocrypt",
    b"tls-report-domain",  # RFC 8460 §5.3
    b"tls-report-submitter",
)
"""Named as often as they occur."""
MAX_MENTIONS: Final = 500
"""A signature field that names more is not read by everybody."""


class Unsignable(ValueError):
    """The message cannot be signed so that others will believe it; the text says why."""


def names_to_sign(header: SignedHeader) -> tuple[bytes, ...]:
    """The names for `h=`. Raises `Unsignable`."""
    if header.cut:
        raise Unsignable("header has too many fields")
    if not header.count(b"from"):
        raise Unsignable("message without From")
    names = list[bytes]()
    for name in PROTECTED:
        names += [name] * (header.count(name) + 1)
    for name in OF_LISTS:
        if count := header.count(name):
            names += [name] * (count + 1)
    for name in WHERE_PRESENT:
        names += [name] * header.count(name)
    if len(names) > MAX_MENTIONS:
        raise Unsignable("header has too many fields of one name")
    return tuple(names)
