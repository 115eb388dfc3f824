"""Header fields go on top of a message here, and nowhere else (RFC 5321 §4.4).

A line that begins with white space continues the line above it (RFC 5322 §2.2.3). If it is the first of a message,
whatever is put above it would be continued by its writer's words: a From by another address, a Received by another
host. So a message that does not begin with a header gets an empty line above it and is text, as its first line is no
field; Postfix does the same.
"""

import re
from typing import Final

from pillarbox.mail.header import Header

_BEGINS_FIELD: Final = re.compile(rb"[!-9;-~\x80-\xff]+[ \t]*:").match


def prepend(fields: bytes, message: bytes) -> bytes:
    """The message below these complete fields, or none; its own header stays a header, and its text text."""
    assert fields[-1:] in (b"\n", b"")
    assert not fields[:1].isspace()
    return fields + (message if _BEGINS_FIELD(message) else separated(message))


def separated(message: bytes) -> bytes:
    """The message, with an empty line on top if it begins neither with a header nor with an empty line.

    A first line that begins with white space or a control character begins no header, whatever follows it.
    """
    if _BEGINS_FIELD(message) or message.startswith((b"\r\n", b"\n")):
        return message
    # a line in front of the first field, as mbox has one, begins a header but cannot continue anything
    header = message[:1] > b" " and Header.parse(message)[1] > 0
    return message if header else b"\r\n" + message
