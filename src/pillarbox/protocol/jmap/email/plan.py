"""Which properties of emails are wanted, what it takes to make them, and the making (RFC 8621 §4.2, §4.9).

    plan = Plan.of_get(["from", "subject", "preview"], BodyArguments())
    plan.source          # Source.ROW: no octets are needed
    plan.known           # what must be read of each row
    plan.render(row)     # b'{"id":"M7","from":[...],"subject":"...","preview":"..."}'

What a listing shows is made of rows alone, in some microseconds. What needs the message is given its octets, or those
of its header alone: `Source` says which. An email is returned as JSON.

What it costs: a listing of usual mail 10 microseconds an email, and all properties of a usual message 100. In general,
fields cost what `header_forms` says; with `Source.BODY`, finding the parts costs 2 ms a megabyte, `size` 4 ms a
megabyte of parts that are encoded, a thousand parts with all their properties 20 ms, and `bodyValues` what
`body_values` says. So a message beyond `AT_ONCE_OCTETS`, or a row whose `lines` are longer, belongs into a thread.
Calls into C take about a millisecond at most, unless the header has megabytes, and `interlude` is called in between.
"""

from collections.abc import Callable, Container, Iterable
from typing import Final, Self

import msgspec
from msgspec import Struct

from pillarbox.mail.summary import CACHED_FIELDS
from pillarbox.protocol.jmap.email import body_part_properties, fields
from pillarbox.protocol.jmap.email.body_part import Interlude, go_on
from pillarbox.protocol.jmap.email.body_values import MAX_VALUE_OCTETS, Room
from pillarbox.protocol.jmap.email.email_row import METADATA, OF_EXTENSIONS, EmailRow, Known
from pillarbox.protocol.jmap.email.header_forms import Form
from pillarbox.protocol.jmap.email.header_property import CONVENIENCE, PREFIX, HeaderProperty
from pillarbox.protocol.jmap.email.message import BODY_PROPERTIES, BodyArguments, Message, Source
from pillarbox.protocol.jmap.errors import invalid_arguments
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS
from pillarbox.protocol.jmap.types.email import (
    EMAIL,
    PARSE_PROPERTIES,
    EmailGetArguments,
    EmailParseArguments,
)

AT_ONCE_OCTETS: Final = 8 * 1024
"""A message, header or row up to so long is rendered in well below a millisecond, if it is usual mail; one that is made
to cost much, of hundreds of parts or of nothing but brackets, in ten."""


class _Wanted(Struct, frozen=True):
    """One property and how it is made: of the row, of a header field, or of the message."""

    before: bytes
    """Its name, quoted, and the colon."""
    source: Source
    known: Known | None = None
    of_row: Callable[[EmailRow], bytes] | None = None
    header: HeaderProperty | None = None
    of_message: Callable[[Message], bytes] | None = None


class Plan(Struct, frozen=True):
    """The wanted properties of emails."""

    source: Source
    known: frozenset[Known]
    """What rows must have, besides blob id, size and id; none for Email/parse."""
    body: BodyArguments
    wanted: tuple[_Wanted, ...]

    @classmethod
    def of_get(
        cls, properties: Iterable[str] | None, body: BodyArguments, using: Container[str] = ()
    ) -> Self:
        """For Email/get; `id` is always returned (RFC 8620 §5.1). `using`: the capabilities whose properties there are.

        Raises invalidArguments.
        """
        names = EMAIL.by_default if properties is None else ("id", *properties)
        return cls._of(names, body, using, is_stored=True)

    @classmethod
    def of_parse(cls, properties: Iterable[str] | None, body: BodyArguments) -> Self:
        """For Email/parse, which has all octets. Raises invalidArguments."""
        return cls._of(PARSE_PROPERTIES if properties is None else properties, body, (), is_stored=False)

    @classmethod
    def _of(
        cls, properties: Iterable[str], body: BodyArguments, using: Container[str], *, is_stored: bool
    ) -> Self:
        names = tuple(dict.fromkeys(properties))
        if len(names) > DEFAULT_LIMITS.max_properties:
            raise invalid_arguments(f"More than {DEFAULT_LIMITS.max_properties} properties")
        wanted = tuple([_wanted(name, body, using) for name in names])
        if not is_stored:
            return cls(Source.BODY, frozenset(), body, wanted)
        source = max([one.source for one in wanted])
        known = frozenset([one.known for one in wanted if one.known])
        # With the header at hand the lines of the row are not needed
        return cls(source, known - {Known.LINES} if source else known, body, wanted)

    def render(
        self,
        row: EmailRow,
        octets: bytes = b"",
        room: Room | None = None,
        interlude: Interlude = go_on,
    ) -> bytes:
        """The Email as JSON. `octets`: as `source` says. `room`: what `bodyValues` may have, of several emails."""
        message = Message(row, octets, self.body, room or Room(), interlude, self.source)
        values = list[bytes]()
        for one in self.wanted:
            if one.header is not None:
                value = fields.json_value(message.fields, one.header)
            elif one.of_row is not None:
                value = one.of_row(row)
            else:
                assert one.of_message is not None
                value = one.of_message(message)
            values.append(one.before + value)
        return b"{%b}" % b",".join(values)


def _wanted(name: str, body: BodyArguments, using: Container[str]) -> _Wanted:
    before = msgspec.json.encode(name) + b":"
    if metadata := METADATA.get(name):
        known, of_row = metadata
        return _Wanted(before, Source.ROW, known, of_row=of_row)
    header = HeaderProperty.parse(name) if name.startswith(PREFIX) else CONVENIENCE.get(name)
    if header is not None:
        # The lines of a row have CRLF where the message may have LF alone, which the Raw form shows
        is_known = header.key in CACHED_FIELDS and header.form is not Form.RAW
        return _Wanted(before, Source.ROW if is_known else Source.HEADER, Known.LINES, header=header)
    of_message = BODY_PROPERTIES.get(name)
    if of_message is None:
        if (extension := OF_EXTENSIONS.get(name)) and extension[0] in using:
            return _Wanted(before, Source.ROW, extension[1], of_row=extension[2])
        raise invalid_arguments(f"Email has no property '{name[:100]}'")
    match name:
        case "preview":
            return _Wanted(before, Source.ROW, Known.PREVIEW, of_message=of_message)
        case "hasAttachment":
            return _Wanted(before, Source.ROW, Known.HAS_ATTACHMENT, of_message=of_message)
        case "headers":
            return _Wanted(before, Source.HEADER, of_message=of_message)
        case "bodyValues" if not body.has_values:
            return _Wanted(before, Source.ROW, of_message=of_message)
    return _Wanted(before, Source.BODY, of_message=of_message)


def body_arguments(arguments: EmailGetArguments | EmailParseArguments) -> BodyArguments:
    """What a call of Email/get or Email/parse wants of parts and texts (§4.2). Raises invalidArguments."""
    most = arguments.max_body_value_bytes or MAX_VALUE_OCTETS
    return BodyArguments(
        body_part_properties.check(arguments.body_properties),
        arguments.fetch_text_body_values,
        arguments.fetch_html_body_values,
        arguments.fetch_all_body_values,
        min(most, MAX_VALUE_OCTETS),
    )
