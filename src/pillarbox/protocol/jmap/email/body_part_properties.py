"""Properties of EmailBodyPart (RFC 8621 §4.1.4)."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from pillarbox.mail import bodystructure, message_id, parameter
from pillarbox.mail.address_field import MAX_VALUE_OCTETS
from pillarbox.protocol.jmap.email import body_part, fields
from pillarbox.protocol.jmap.email.body_part import BodyPart, Interlude, go_on
from pillarbox.protocol.jmap.email.header_property import PREFIX, HeaderProperty
from pillarbox.protocol.jmap.errors import invalid_arguments
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS
from pillarbox.protocol.jmap.types.email import BODY_PART, EmailHeader


class PartReader:
    """Reads the properties of the parts of one message, each part once."""

    __slots__ = ("_blob_id", "_headers", "_interlude", "_octets", "_plain", "_read")

    def __init__(
        self, octets: bytes, blob_id: str, properties: Iterable[str], interlude: Interlude = go_on
    ) -> None:
        """`octets`, `blob_id`: of the message. `properties`: as `check` allows them."""
        wanted = tuple(properties)
        self._octets, self._blob_id, self._interlude = octets, blob_id, interlude
        self._plain = tuple(name for name in wanted if not name.startswith(PREFIX))
        self._headers = {name: HeaderProperty.parse(name) for name in wanted if name.startswith(PREFIX)}
        self._read: dict[str, dict[str, Any]] = {}

    def leaves(self, parts: Iterable[BodyPart]) -> list[dict[str, Any]]:
        """Parts of a list, none of which is a multipart."""
        return [self._leaf(part) for part in parts]

    def structure(self, part: BodyPart) -> dict[str, Any]:
        """A part with all that is in it. The parts of a multipart are there although nobody asks: they are the
        structure."""
        if part.number is not None:
            return self._leaf(part)
        return {**self._values(part), "subParts": [self.structure(child) for child in part.subparts]}

    def _leaf(self, part: BodyPart) -> dict[str, Any]:
        assert part.number is not None
        found = self._read.get(part.number)
        if found is None:
            found = self._read[part.number] = self._values(part)
        return found

    def _values(self, part: BodyPart) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name in self._plain:
            if name == "size":
                values[name] = body_part.size(self._octets, part.part, self._interlude)
            elif name == "blobId":
                values[name] = part.number and body_part.blob_id(self._blob_id, part.number)
            else:
                values[name] = _READERS[name](part)
        if self._headers:
            found = fields.HeaderFields(part.part.header)
            for name, wanted in self._headers.items():
                values[name] = fields.value(found, wanted)
        self._interlude()
        return values


def check(properties: Iterable[str] | None) -> tuple[str, ...]:
    """The names of `bodyProperties`, each once, or the default. Raises invalidArguments."""
    if properties is None:
        return BODY_PART.by_default
    names = tuple(dict.fromkeys(properties))
    if len(names) > DEFAULT_LIMITS.max_properties:
        raise invalid_arguments(f"More than {DEFAULT_LIMITS.max_properties} bodyProperties")
    for name in names:
        if name.startswith(PREFIX):
            HeaderProperty.parse(name)
        elif name not in BODY_PART.properties:
            raise invalid_arguments(f"EmailBodyPart has no property '{name[:100]}'")
    return names


def _charset(part: BodyPart) -> str | None:
    mime = part.part.mime
    if mime.charset is not None:
        return mime.charset
    return "us-ascii" if mime.media_type == "text" or "content-type" not in mime.header else None


def _cid(part: BodyPart) -> str | None:
    value = part.part.content_id
    if not value:
        return None
    # Without brackets it is taken as it stands
    ids = message_id.message_ids(value)
    return ids[0] if ids else value[:MAX_VALUE_OCTETS].decode("utf-8", "replace")


def _language(part: BodyPart) -> list[str] | None:
    tags = [tag.decode("utf-8", "replace") for tag in part.part.language[: bodystructure.MAX_LANGUAGES]]
    return tags or None


def _location(part: BodyPart) -> str | None:
    value = part.part.header.first("content-location")
    if not value:
        return None
    # RFC 2557 §4.4.1: a long URI is folded; that white space is not part of it
    uri = b"".join(parameter.strip_comments(value[:MAX_VALUE_OCTETS]).split()).strip(b'"')
    return uri.decode("utf-8", "replace") or None


def _headers(part: BodyPart) -> list[EmailHeader]:
    return fields.email_headers(part.part.header)


_READERS: Final[dict[str, Callable[[BodyPart], Any]]] = {
    "partId": lambda part: part.number,
    "headers": _headers,
    "name": lambda part: part.part.filename,
    "type": lambda part: part.type,
    "charset": _charset,
    "disposition": lambda part: part.disposition,
    "cid": _cid,
    "language": _language,
    "location": _location,
    "subParts": lambda _: None,  # those of a multipart are put in by `structure`
}
"""All properties but `size` and `blobId`."""
