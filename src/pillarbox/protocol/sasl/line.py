"""SASL messages as the lines of SMTP, IMAP and POP3 carry them (RFC 4954 §4, 9051 §6.2.2, 5034 §4).

Base64, canonical (RFC 4648 §3.5, §4); `=` as an initial response means that it is empty, and a line
of `*` alone cancels the exchange.
"""

import base64
import binascii

MAX_LINE_OCTETS = 12_288
"""The longest base64 line, without its line end (RFC 4954 §4)."""
CANCEL = b"*"
"""What a client sends to cancel the exchange."""


class LineNotBase64(ValueError):
    """The line is not canonical base64, or over its limit (SMTP 501 5.5.2, IMAP BAD, POP3 -ERR)."""


def decode_response(line: bytes) -> bytes:
    """The octets of a response line, its line end already taken off. Raises `LineNotBase64`."""
    if len(line) > MAX_LINE_OCTETS:
        raise LineNotBase64(f"over {MAX_LINE_OCTETS} octets")
    try:
        octets = base64.b64decode(line, validate=True)
    except binascii.Error:
        raise LineNotBase64("not base64") from None
    if len(line) % 4 or base64.b64encode(octets) != line:
        # RFC 4954 §4: padding and pad bits must be canonical; a lax decoder accepts several forms of one text.
        raise LineNotBase64("not canonical base64")
    return octets


def decode_initial(argument: bytes) -> bytes:
    """The octets of an initial response: as `decode_response`, but `=` is the empty string."""
    return b"" if argument == b"=" else decode_response(argument)


def encode_challenge(octets: bytes) -> bytes:
    """A challenge as base64, without prefix and line end."""
    return base64.b64encode(octets)
