"""Name and password, or a token, in an Authorization field (RFC 9110 §11.6.2, RFC 7617, RFC 6750)."""

import binascii
import string
from typing import Final

MAX_CREDENTIALS_OCTETS: Final = 4096
"""Of the field; longer ones are not looked at."""
CHALLENGE: Final = b'Basic realm="Pillarbox", charset="UTF-8"'
"""RFC 7617 §2.1: names and passwords are sent in UTF-8."""

CHALLENGE_OF_TOKENS: Final = b'Bearer realm="Pillarbox"'
"""RFC 6750 §3. Alone for requests of a page in a browser, which would ask for name and password itself, over the page,
and send them with whatever other pages ask for (RFC 9110 §11.6.1 demands a challenge)."""

INVALID_TOKEN: Final = CHALLENGE_OF_TOKENS + b', error="invalid_token"'
"""RFC 6750 §3.1."""
INSUFFICIENT_SCOPE: Final = CHALLENGE_OF_TOKENS + b', error="insufficient_scope"'
"""RFC 6750 §3.1: the token is right, and not for this; with a status of 403."""
_TOKEN_OCTETS: Final = (string.ascii_letters + string.digits + "-._~+/").encode()


def basic(field: bytes) -> tuple[str, str] | None:
    """Name and password, or `None` where the field has another scheme or is not valid."""
    scheme, _, encoded = field.partition(b" ")
    if scheme.lower() != b"basic" or len(field) > MAX_CREDENTIALS_OCTETS:
        return None
    try:
        # RFC 7617 §2: the first colon ends the name
        name, colon, password = (
            binascii.a2b_base64(encoded.strip(b" "), strict_mode=True).decode("utf-8").partition(":")
        )
    except ValueError:  # binascii.Error and UnicodeDecodeError are
        return None
    return (name, password) if colon else None


def bearer(field: bytes) -> str | None:
    """The token (RFC 6750 §2.1), or `None` where the field has another scheme or is not valid."""
    scheme, _, token = field.partition(b" ")
    if scheme.lower() != b"bearer" or len(field) > MAX_CREDENTIALS_OCTETS:
        return None
    token = token.strip(b" ")
    bare = token.rstrip(b"=")
    return token.decode("ascii") if bare and not bare.translate(None, _TOKEN_OCTETS) else None
