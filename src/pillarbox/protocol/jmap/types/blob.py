"""Blob: RFC 8620 §6.3, RFC 9404 §4. It has no state, and what is read of it are not only properties."""

from typing import Annotated, Any, Final

from msgspec import Meta, Struct, field

from pillarbox.protocol.jmap.arguments import Arguments, GetArguments, too_many_to_set
from pillarbox.protocol.jmap.errors import invalid_arguments
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.scalars import Id, Reference, UnsignedInt

REFERRING: Final = ("Mailbox", "Thread", "Email", "ContactCard")
"""Data types of which Blob/lookup finds records, in the order of the session object."""

TEXT: Final = "data:asText"
BASE64: Final = "data:asBase64"
DATA: Final = "data"
"""One of both: text, where it is UTF-8."""
SIZE: Final = "size"
DIGESTS: Final = {"sha-256": "sha256", "sha": "sha1"}
"""By their names in HTTP, in lower case: those of Python. The better is first."""
DIGEST_PREFIX: Final = "digest:"
PROPERTIES: Final = frozenset((TEXT, BASE64, DATA, SIZE, *(DIGEST_PREFIX + name for name in DIGESTS)))
"""What Blob/get may be asked for, besides the id."""


class BlobGetArguments(GetArguments, frozen=True, kw_only=True):
    """Blob/get (§4.2)."""

    offset: UnsignedInt | None = None
    length: UnsignedInt | None = None

    def asked(self) -> frozenset[str]:
        """The properties. Raises invalidArguments."""
        if self.properties is None:
            return frozenset((DATA, SIZE))
        asked = frozenset(self.properties) - {"id"}
        if not asked <= PROPERTIES:
            raise invalid_arguments(f"Blob has no property '{min(asked - PROPERTIES)[:100]}'")
        return asked

    def selected(self, size: int) -> tuple[int, int, bool]:
        """The range that is asked for of so many octets, and whether it lies beyond them in part or in whole."""
        start = min(self.offset or 0, size)
        end = size if self.length is None else min(start + self.length, size)
        return start, end, (self.offset or 0) + (self.length or 0) > size


class BlobUploadArguments(Arguments, frozen=True, kw_only=True):
    """Blob/upload (§4.1)."""

    create: dict[Id, dict[str, Any]]

    def check(self, limits: Limits) -> None:
        """Raises requestTooLarge."""
        if len(self.create) > limits.max_objects_in_set:
            raise too_many_to_set(limits)


class BlobLookupArguments(Arguments, frozen=True, kw_only=True):
    """Blob/lookup (§4.3)."""

    type_names: list[str]
    ids: list[Reference]


class BlobCopyArguments(Arguments, frozen=True, kw_only=True):
    """Blob/copy (RFC 8620 §6.3)."""

    from_account_id: Id
    blob_ids: list[Reference]


MediaType = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\A[ -~]+\Z")]


class DataSource(Struct, frozen=True, forbid_unknown_fields=True):
    """A DataSourceObject (§4.1); `sources.read` says whether it is a valid one."""

    text: str | None = field(default=None, name=TEXT)
    base64: str | None = field(default=None, name=BASE64)
    blob_id: Reference | None = field(default=None, name="blobId")
    offset: UnsignedInt | None = None
    length: UnsignedInt | None = None


class UploadObject(Struct, frozen=True, forbid_unknown_fields=True):
    """What a new blob is made of (§4.1)."""

    data: list[DataSource]
    type: MediaType | None = None
