"""Message-IDs as they are written (RFC 5322 §3.6.4), for who copies them into a reply.

What `threading` compares is another form of them: there two spellings are one id, and what has no "@" is none.
"""

import re
from typing import Final

MAX_VALUE_OCTETS: Final = 256 * 1024
"""Octets of a field that are read."""

# A comment may hold what looks like an id; no alternative looks at an octet twice
_COMMENT_OR_ID: Final = re.compile(rb"\\.|\((?:[^()\\]++|\\.)*\)|<([^<>]*+)>", re.DOTALL)
_BLANK: Final = re.compile(rb"[\x00-\x20]+")
_WORD: Final = re.compile(rb"[^\x00-\x20<>,;()]+")


def message_ids(value: bytes) -> list[str] | None:
    """The ids of Message-ID, In-Reply-To or References, without brackets, in order; None where there is none.

    An id is whatever stands in angle brackets; white space, where senders fold inside of it, is no part of it. Words
    between ids are ignored (RFC 5322 §4.5.4). Where nothing is in brackets, words with "@" are ids.
    """
    value = value[:MAX_VALUE_OCTETS]
    if b"<" in value:
        found = [_BLANK.sub(b"", inside) for inside in _COMMENT_OR_ID.findall(value)]
    else:
        found = [word for word in _WORD.findall(value) if b"@" in word]
    return [each.decode("utf-8", "replace") for each in found if each] or None
