"""The ids of blobs: what they name, in letters that are the same in every process (RFC 8620 §1.2, §6).

`B` or `U` and the SHA-256 of the octets, in lower-case hexadecimal: a message, or an upload. A part of one of these
has a dash and its number besides, as `email.body_part` has it. So an id is never of digits only, and two never differ
in case alone; whoever knows the octets can tell it, and is found nothing by it in another's account.
"""

import re
from typing import Final

from msgspec import Struct

MAX_PART_NUMBER: Final = 180
"""Characters; an id has 255 at most."""
_FORM: Final = re.compile(r"([BU])([0-9a-f]{64})(?:-([1-9][0-9]{0,3}(?:_[1-9][0-9]{0,3})*))?")


class BlobId(Struct, frozen=True, gc=False):
    """An id, read."""

    is_upload: bool
    """Else of a message."""
    digest: bytes
    """Of the octets of the message or upload."""
    part: str | None
    """The number of a part of it, as IMAP writes it: in the id, `_` stands for its dots."""


def read(text: str) -> BlobId | None:
    """What an id names, whether or not there is such a blob; None for an id of another form."""
    if len(text) > 66 + MAX_PART_NUMBER:
        return None
    found = _FORM.fullmatch(text)
    return found and BlobId(found[1] == "U", bytes.fromhex(found[2]), found[3] and found[3].replace("_", "."))


def of_message(digest: bytes) -> str:
    """The id of a message."""
    return f"B{digest.hex()}"


def of_upload(digest: bytes) -> str:
    """The id of an upload."""
    return f"U{digest.hex()}"
