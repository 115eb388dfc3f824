"""What a new blob is made of: texts, base64 and pieces of other blobs (RFC 9404 §4.1)."""

import binascii
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from pillarbox.protocol.jmap.errors import SetError, invalid_properties, too_large
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.types.blob import DataSource, UploadObject

SLICE: Final = 64 * 1024
"""Characters that are encoded or decoded at once; a multiple of 4."""


class InvalidData(Exception):
    """A text or base64 can't be made octets."""


def read(given: dict[str, Any], limits: Limits) -> UploadObject | SetError:
    """What a creation consists of, or why it can't be: no guess is made at what was meant."""
    data = given.get("data")
    if isinstance(data, list) and len(data) > limits.max_data_sources:
        return too_large(f"More than {limits.max_data_sources} sources of one blob")
    try:
        made_of = msgspec.convert(given, UploadObject)
    except msgspec.ValidationError as error:
        wrong = [name for name in given if name not in ("data", "type")]
        return invalid_properties(wrong or ["type" if "$.type" in str(error) else "data"], str(error))
    if not all(map(_is_one, made_of.data)):
        return invalid_properties(
            ["data"], "A source is not exactly one of a text, base64 and a range of a blob"
        )
    return made_of


def _is_one(source: DataSource) -> bool:
    of_a_blob = source.blob_id is not None
    kinds = (source.text is not None) + (source.base64 is not None) + of_a_blob
    return kinds == 1 and (of_a_blob or source.offset is source.length is None)


def least_octets(source: DataSource) -> int:
    """So many at least, of a source that is no blob."""
    return len(source.text or "") + len(source.base64 or "") // 4 * 3 - 2 * (source.base64 is not None)


def octets(source: DataSource) -> Iterator[bytes]:
    """In pieces, of a source that is no blob. Raises `InvalidData`."""
    try:
        text = source.text or ""
        for start in range(0, len(text), SLICE):
            yield text[start : start + SLICE].encode()
        base64 = (source.base64 or "").encode("ascii")
        for start in range(0, len(base64), SLICE):
            part = base64[start : start + SLICE]
            if part.endswith(b"=") and start + SLICE < len(base64):
                raise InvalidData("base64 goes on after its end")
            yield binascii.a2b_base64(part, strict_mode=True)
    except UnicodeEncodeError as error:
        raise InvalidData("a text has what is no character, or base64 what is not of it") from error
    except binascii.Error as error:
        raise InvalidData(f"base64: {error}") from error
