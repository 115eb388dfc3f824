"""Email and EmailBodyPart: RFC 8621 §4.

Properties `header:...` are not in the tables: whoever reads or writes an Email passes a function that knows them
(`also` of `TypeTable`). Of a new Email the tables say which properties there are and their types; how they make a
message is the business of `protocol.jmap.email`.
"""

from typing import Annotated, Any, Final

from msgspec import Meta, Struct, field

from pillarbox.protocol.jmap.arguments import Arguments, GetArguments, QueryArguments, QueryChangesArguments
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.property_table import Property, TypeTable
from pillarbox.protocol.jmap.scalars import (
    DATE,
    UTC_DATE,
    UTC_DATE_OR_NULL,
    Id,
    Kind,
    Reference,
    State,
    Text,
    UnsignedInt,
    set_of,
)

Keyword = Annotated[str, Meta(pattern=r"\A[\x21\x23\x24\x26\x27+-\x5b\x5e-z|}~]{1,255}\Z")]
"""§4.1.1: no controls or blanks, none of ( ) { ] % * " and backslash."""


class EmailAddress(Struct, frozen=True, forbid_unknown_fields=True):
    """§4.1.2.3."""

    email: Text
    name: Text | None = None


class EmailHeader(Struct, frozen=True, forbid_unknown_fields=True):
    """§4.1.3: a field as it stands in the message."""

    name: Text
    value: Text


class EmailBodyValue(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """§4.1.4: the text of a part. The two marks must be false in a new Email (§4.6)."""

    value: str
    is_encoding_problem: bool = False
    is_truncated: bool = False


_Addresses = list[EmailAddress] | None
_MessageIds = list[Text] | None
_Parts = list[dict[str, Any]] | None
_DATE_OR_NULL: Final = Kind(DATE.type | None, DATE.valid)


def _given(name: str, holds: Any, *, by_default: bool = True) -> Property:
    """A property that a new message may have, and that never changes."""
    return Property(name=name, holds=holds, default=None, immutable=True, by_default=by_default)


def _read(name: str, holds: Any, *, by_default: bool = True) -> Property:
    """A property that the message itself decides."""
    return Property(name=name, holds=holds, server_set=True, immutable=True, by_default=by_default)


EMAIL: Final = TypeTable(
    "Email",
    # --- §4.1.1
    _read("id", Id),
    _read("blobId", Id),
    _read("threadId", Id),
    Property(name="mailboxIds", holds=set_of(Id), refers=True),
    Property(name="keywords", holds=set_of(Keyword), default={}),
    _read("size", UnsignedInt),
    Property(name="receivedAt", holds=UTC_DATE, default=None, immutable=True),
    # --- §4.1.3
    # "MUST NOT be given" in a new Email (§4.6): each field is a property of its own there
    _read("headers", list[EmailHeader], by_default=False),
    _given("messageId", _MessageIds),
    _given("inReplyTo", _MessageIds),
    _given("references", _MessageIds),
    _given("sender", _Addresses),
    _given("from", _Addresses),
    _given("to", _Addresses),
    _given("cc", _Addresses),
    _given("bcc", _Addresses),
    _given("replyTo", _Addresses),
    _given("subject", Text | None),
    _given("sentAt", _DATE_OR_NULL),
    _read("hasAttachment", bool),
    _read("preview", str),
    # --- §4.1.4
    _given("bodyStructure", dict[str, Any] | None, by_default=False),
    _given("bodyValues", dict[str, EmailBodyValue] | None),
    _given("textBody", _Parts),
    _given("htmlBody", _Parts),
    _given("attachments", _Parts),
)
"""The default of /get is that of §4.2: all but `headers` and `bodyStructure`."""

BODY_PART: Final = TypeTable(
    "EmailBodyPart",
    Property(name="partId", holds=Text | None, default=None),
    Property(name="blobId", holds=Reference | None, default=None),
    Property(name="size", holds=UnsignedInt, default=None),
    Property(name="headers", holds=list[EmailHeader], server_set=True, by_default=False),
    Property(name="name", holds=Text | None, default=None),
    Property(name="type", holds=Text | None, default=None),
    Property(name="charset", holds=Text | None, default=None),
    Property(name="disposition", holds=Text | None, default=None),
    Property(name="cid", holds=Text | None, default=None),
    Property(name="language", holds=list[Text] | None, default=None),
    Property(name="location", holds=Text | None, default=None),
    Property(name="subParts", holds=_Parts, default=None, by_default=False),
)
"""The default of `bodyProperties` is that of §4.2: all but `headers` and `subParts`."""


class EmailGetArguments(GetArguments, frozen=True, kw_only=True):
    """Email/get (§4.2)."""

    body_properties: list[str] | None = None
    fetch_text_body_values: bool = False
    fetch_html_body_values: bool = field(default=False, name="fetchHTMLBodyValues")
    fetch_all_body_values: bool = False
    max_body_value_bytes: UnsignedInt = 0


PARSE_PROPERTIES: Final = EMAIL.by_default[EMAIL.by_default.index("messageId") :]
"""The default of `properties` of Email/parse (§4.9)."""


class EmailQueryArguments(QueryArguments, frozen=True, kw_only=True):
    """Email/query (§4.4)."""

    collapse_threads: bool = False


class EmailQueryChangesArguments(QueryChangesArguments, frozen=True, kw_only=True):
    """Email/queryChanges (§4.5)."""

    collapse_threads: bool = False


EMAIL_IMPORT: Final = TypeTable(
    "EmailImport",
    Property(name="blobId", holds=Text),
    Property(name="mailboxIds", holds=set_of(Id), refers=True),
    Property(name="keywords", holds=set_of(Keyword), default={}),
    Property(name="receivedAt", holds=UTC_DATE_OR_NULL, default=None),
)
"""One message of Email/import (§4.8)."""

EMAIL_COPY: Final = TypeTable(
    "Email",
    Property(name="id", holds=Reference),
    Property(name="mailboxIds", holds=set_of(Id), refers=True),
    Property(name="keywords", holds=set_of(Keyword), default={}),
    Property(name="receivedAt", holds=UTC_DATE_OR_NULL, default=None),
)
"""One copy of Email/copy (§4.7): what is not given is that of the original, but for mailboxes, which belong to one
account."""


class EmailImportArguments(Arguments, frozen=True, kw_only=True):
    """Email/import (§4.8). Each message is checked by itself, by `EMAIL_IMPORT`: one that is not right has an error."""

    if_in_state: State | None = None
    emails: dict[Id, dict[str, Any]]


class EmailParseArguments(Arguments, frozen=True, kw_only=True):
    """Email/parse (§4.9)."""

    blob_ids: list[Text]
    properties: list[str] | None = None
    body_properties: list[str] | None = None
    fetch_text_body_values: bool = False
    fetch_html_body_values: bool = field(default=False, name="fetchHTMLBodyValues")
    fetch_all_body_values: bool = False
    max_body_value_bytes: UnsignedInt = 0


CONDITIONS: Final[dict[str, Any]] = {
    "inMailbox": Reference,
    "inMailboxOtherThan": list[Reference],
    "before": UTC_DATE,
    "after": UTC_DATE,
    "minSize": UnsignedInt,
    "maxSize": UnsignedInt,
    "allInThreadHaveKeyword": Keyword,
    "someInThreadHaveKeyword": Keyword,
    "noneInThreadHaveKeyword": Keyword,
    "hasKeyword": Keyword,
    "notKeyword": Keyword,
    "hasAttachment": bool,
    "text": Text,
    "from": Text,
    "to": Text,
    "cc": Text,
    "bcc": Text,
    "subject": Text,
    "body": Text,
    "header": Annotated[list[Text], Meta(min_length=1, max_length=2)],
}
"""§4.4.1."""

SMIME_CONDITIONS: Final[dict[str, Any]] = {
    **CONDITIONS,
    "hasSmime": bool,
    "hasVerifiedSmime": bool,
    "hasVerifiedSmimeAtDelivery": bool,
}
"""With those of RFC 9219 §4.2."""

_OF_KEYWORD: Final = {"keyword": Keyword}

SORTS: Final[dict[str, dict[str, Any]]] = {
    "receivedAt": {},
    "size": {},
    "from": {},
    "to": {},
    "subject": {},
    "sentAt": {},
    "hasKeyword": _OF_KEYWORD,
    "allInThreadHaveKeyword": _OF_KEYWORD,
    "someInThreadHaveKeyword": _OF_KEYWORD,
}
"""§4.4.2; the capability object lists them (`emailQuerySortOptions`)."""

SNOOZE_SORTS: Final[dict[str, dict[str, Any]]] = {"snoozedUntil": {}}
"""What the own extension `urn:pillarbox:jmap:snooze` adds."""


def blob_not_found(not_found: list[str]) -> SetError:
    """Blobs that a new Email names are not there (§4.6)."""
    return SetError("blobNotFound", None, {"notFound": not_found})


def too_many_keywords(description: str) -> SetError:
    """§4.6."""
    return SetError("tooManyKeywords", description)


def too_many_mailboxes(description: str) -> SetError:
    """§4.6."""
    return SetError("tooManyMailboxes", description)


def invalid_email(description: str, properties: list[str] | None = None) -> SetError:
    """The blob to import, or the message to send, is not valid (§4.8, §7.5)."""
    return SetError("invalidEmail", description, {} if properties is None else {"properties": properties})
