"""The parts of a new Email: an EmailBodyPart is checked, and becomes a part of a message (RFC 8621 §4.1.4, §4.6)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pillarbox.mail.composing.entity import OPAQUE, Entity, Leaf, Multipart, Source
from pillarbox.mail.composing.parameters import Parameter, is_token
from pillarbox.protocol.jmap.email.composing_header import Fields
from pillarbox.protocol.jmap.email.composing_part_fields import PartFields
from pillarbox.protocol.jmap.email.composing_refusal import Faults, Members, TooLarge


class DraftPart(msgspec.Struct, frozen=True, eq=False):
    """A part whose blob has not been looked up yet."""

    media_type: str
    parameters: tuple[Parameter, ...]
    fields: tuple[tuple[str, bytes], ...]
    """Its other fields, by lower-case name."""
    text: str | None = None
    """Of a part with a partId."""
    blob_id: str | None = None
    parts: tuple["DraftPart", ...] = ()

    def blob_ids(self) -> dict[str, None]:
        """Of this part and those in it, in order."""
        found = {} if self.blob_id is None else {self.blob_id: None}
        for part in self.parts:
            found |= part.blob_ids()
        return found

    def octets(self, blobs: Mapping[str, Source]) -> int:
        """Octets of all its blobs, each as often as it occurs."""
        own = 0 if self.blob_id is None else blobs[self.blob_id].size
        return own + sum(part.octets(blobs) for part in self.parts)

    def entity(self, blobs: Mapping[str, Source]) -> Entity:
        """With its blobs, all of which are there."""
        fields = b"".join([octets for _, octets in self.fields])
        if self.parts:
            parts = tuple(part.entity(blobs) for part in self.parts)
            return Multipart(self.media_type, self.parameters, fields, parts)
        content = blobs[self.blob_id] if self.blob_id is not None else self.text or ""
        return Leaf(self.media_type, self.parameters, fields, content)


def joined(subtype: str, *parts: DraftPart) -> DraftPart:
    """A multipart of these."""
    # RFC 2387 §3.1: the type of the root is among the parameters
    parameters = (("type", parts[0].media_type),) if subtype == "related" else ()
    return DraftPart(f"multipart/{subtype}", parameters, (), parts=parts)


def empty() -> DraftPart:
    """The body of an Email without one."""
    return DraftPart("text/plain", (("charset", "utf-8"),), (), text="")


class PartReader:
    """Reads the parts of one Email."""

    __slots__ = ("_depth", "_faults", "_parts_left", "_values")

    def __init__(self, body_values: Mapping[str, str], faults: Faults, parts: int, depth: int) -> None:
        """`body_values`: texts by partId. `parts`, `depth`: the largest tree; raises `TooLarge` beyond it."""
        self._values = body_values
        self._faults = faults
        self._parts_left = parts
        self._depth = depth

    def part(
        self,
        value: Any,
        path: str,
        *,
        claimed: dict[str, str] | None = None,
        default: str | None = None,
        disposition: str | None = None,
        level: int = 1,
    ) -> DraftPart | None:
        """A part, or None if it has faults.

        `claimed`: the message's fields (`Fields`), where the part is its root. `default`: the only type that it may
        have. `disposition`: where it says nothing of it.
        """
        self._parts_left -= 1
        if self._parts_left < 0 or level > self._depth:
            raise TooLarge("too many parts, or they are nested too deeply")
        if not isinstance(value, dict):
            self._faults.add(path, "must be an EmailBodyPart")
            return None
        members = Members(value, path, self._faults)
        members.none_of(("headers",), "a header field is set by a property of its own")
        own = PartFields(members, Fields(self._faults, claimed))
        if own.media_type is not None and own.media_type.startswith("multipart/"):
            found = self._multipart(own, own.media_type, members, level)
        else:
            found = self._leaf(own, members, default, disposition)
        members.finish()
        return found

    def _multipart(self, own: PartFields, media_type: str, members: Members, level: int) -> DraftPart | None:
        members.none_of(("partId", "blobId", "size", "charset"), "a multipart has none")
        parameters, fields = own.finish(None, None)
        given = members.take("subParts")
        if not isinstance(given, list) or not given:
            members.wrong("subParts", "a multipart has a list of parts, one at least")
            return None
        path = members.path("subParts")
        parts = [self.part(each, f"{path}/{n}", level=level + 1) for n, each in enumerate(given)]
        # Where a part is missing here there are faults, so nothing is made of the others
        return DraftPart(media_type, parameters, fields, parts=tuple([part for part in parts if part]))

    def _leaf(
        self, own: PartFields, members: Members, default: str | None, disposition: str | None
    ) -> DraftPart:
        members.none_of(("subParts",), "only a multipart has parts")
        part_id, blob_id = self._content(members)
        charset = members.text("charset")
        if charset is not None:
            own.claim_charset()
            if part_id is not None or not is_token(charset):
                members.wrong("charset", "must be omitted, or name that of the blob")
                charset = None
        media_type = own.media_type or default or (OPAQUE if part_id is None else "text/plain")
        if part_id is not None and not media_type.startswith("text/"):
            members.wrong(own.type_name, "a part with a partId is text")
        if default and media_type != default:
            members.wrong(own.type_name, f"must be {default}")
        parameters, fields = own.finish("utf-8" if part_id is not None else charset, disposition)
        text = None if part_id is None else self._values.get(part_id)
        return DraftPart(media_type, parameters, fields, text=text, blob_id=blob_id)

    def _content(self, members: Members) -> tuple[str | None, str | None]:
        """The partId and the blobId: one of them, if there are no faults."""
        part_id, blob_id = members.text("partId"), members.text("blobId")
        size = members.take("size")
        if part_id is not None and blob_id is not None:
            members.wrong("partId", "either partId or blobId")
            members.wrong("blobId", "either partId or blobId")
        elif part_id is None and blob_id is None:
            members.wrong("partId", "a part has either partId or blobId")
        if part_id is not None and part_id not in self._values:
            members.wrong("partId", "not in bodyValues")
        if size is not None and (part_id is not None or type(size) is not int or size < 0):
            members.wrong("size", "must be omitted, or be that of the blob")
        return part_id, blob_id
