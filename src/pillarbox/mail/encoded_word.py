"""Header text: RFC 2047 encoded words, RFC 6532 raw UTF-8, and unlabelled 8-bit text of old mailers.

`decode` returns readable text of a field value and never raises. It follows RFC 2047 §6.2 (white space between two
encoded words is dropped) and is lenient: an encoded word may touch its neighbours, contain spaces, lack base64
padding, or hold only part of a character's octets (adjacent words in one charset are decoded together).
"""

import binascii
import re
from typing import Final

from pillarbox.mail import charset, transfer

# RFC 2047 §2, with the language of RFC 2231 §5. No class matches "?", so the scan is linear.
_WORD: Final = re.compile(rb"=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
_LF: Final = ord(b"\n")
_LINE_END: Final = re.compile(rb"\r?\n")


def decode(value: bytes | str) -> str:
    """Readable text of a field value."""
    octets = value.encode("utf-8", "replace") if isinstance(value, str) else value
    if _LF in octets:
        octets = _LINE_END.sub(b"", octets)
    if octets.find(b"=?") < 0:
        return octets.decode("ascii") if octets.isascii() else charset.guess(octets)
    text: list[str] = []
    label, pending, at = b"", b"", 0
    for found in _WORD.finditer(octets):
        between = octets[at : found.start()]
        named = found[1].lower()
        if pending and (named != label or between.strip(b" \t")):
            text.append(charset.decode(pending, label.decode("latin-1")))
            pending = b""
        if not at or between.strip(b" \t"):
            text.append(charset.decode(between))
        label = named
        pending += _word_octets(found[2], found[3])
        at = found.end()
    text.append(charset.decode(pending, label.decode("latin-1")))
    text.append(charset.decode(octets[at:]))
    return "".join(text)


def _word_octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"bB":
        return transfer.decode_base64(text)
    # RFC 2047 §4.2: "_" is a space, whatever the charset.
    return binascii.a2b_qp(text, header=True)
