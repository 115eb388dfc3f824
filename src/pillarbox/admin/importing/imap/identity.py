"""By what a message is recognized when the other server gives new UIDs to all messages of a mailbox.

Its Message-ID and Date with its size: a server tells these without sending the message. A message without a Message-ID
is recognized by all its octets.
"""

from hashlib import blake2b

from pillarbox.mail.header import Header

FINGERPRINT_OCTETS = 16


def fingerprint(octets: bytes) -> bytes:
    """Of a whole message."""
    header, _ = Header.parse(octets)
    return _of_fields(header, len(octets)) or blake2b(octets, digest_size=FINGERPRINT_OCTETS).digest()


def fingerprint_of_header(fields: bytes, size: int) -> bytes | None:
    """From some fields of a message and its size; `None` where they don't suffice."""
    header, _ = Header.parse(fields)
    return _of_fields(header, size)


def _of_fields(header: Header, size: int) -> bytes | None:
    message_id = header.first("Message-ID")
    if not message_id or not message_id.strip():
        return None
    date = header.first("Date") or b""
    parts = (b"%d" % size, b" ".join(message_id.split()), b" ".join(date.split()))
    return blake2b(b"\0".join(parts), digest_size=FINGERPRINT_OCTETS).digest()
