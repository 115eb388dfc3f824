"""BODY and BODYSTRUCTURE: the part tree in IMAP (RFC 9051 §7.5.2, RFC 3501 §7.4.2).

Both are rendered in one walk, as the octets sent to clients. Always true: they match `body` of the formal syntax,
whatever the message holds; the section numbers that a client derives from them are those of `Part.find`. Where the
grammar requires what a broken message lacks, the minimum is rendered: a multipart without parts has one text part,
which is its body, so that clients can show it; an enclosed message that was not parsed has an empty envelope.

The whole has a limit, `MAX_RENDERED_OCTETS`: the part that would exceed it, and each one after that, whatever it is,
is rendered with its size alone, as application/octet-stream without parts. The part numbers stay the same, and all
that is in it can be fetched.

Types and encodings are in upper case, as in the examples of the RFCs; parameter names and values as received. RFC
2231 continuations are joined: `name*0` and `name*1` become `name`, and percent-encoded sections become one `name*`
that begins with its charset, as clients expect.
"""

import re
from collections.abc import Sequence, Set
from functools import lru_cache
from typing import Final, NamedTuple

from msgspec import Struct

from pillarbox.mail import envelope, parameter
from pillarbox.mail.address_field import MAX_VALUE_OCTETS
from pillarbox.mail.envelope import field_value
from pillarbox.mail.header import Header
from pillarbox.mail.imap_string import NIL, string
from pillarbox.mail.parameter import Pairs
from pillarbox.mail.part import MimeFields, Part

MAX_RENDERED_OCTETS: Final = 512 * 1024
"""BODYSTRUCTURE of one message, but for what each part has at least: its size, and less than 80 octets."""

MAX_LANGUAGES: Final = 64
"""Language tags rendered for one part."""

_PLAIN: Final = b'("TEXT" "PLAIN" ("charset" "us-ascii") NIL NIL "7BIT" %d %d'
_EMPTY_PART: Final = _PLAIN % (0, 0)
_OCTET_STREAM: Final = b'("APPLICATION" "OCTET-STREAM" NIL NIL NIL "BINARY" %d'
_DEFAULT_CHARSET: Final = (b"charset", b"us-ascii")
_STAR: Final = ord(b"*")
_BASIC_FIELDS: Final = frozenset({b"content-id", b"content-description", b"content-md5"})
_EXTENSION_FIELDS: Final = frozenset({b"content-disposition", b"content-language", b"content-location"})
_NO_EXTENSION: Final = b" NIL NIL NIL NIL)"

_BETWEEN: Final = b"\0"
"""Between the forms for IMAP4rev2 and for IMAP4rev1 where they differ: neither holds it."""
_AT_ONCE: Final = 64
_MESSAGES: Final = frozenset({"rfc822", "global"})
_MESSAGES_OF_REV1: Final = frozenset({"rfc822"})

_SECTION = re.compile(rb"([^*]+)\*(?:(\d{1,3})(\*)?)?").fullmatch
_NOT_ATTRIBUTE_CHARACTER = re.compile(rb"[^A-Za-z0-9!#$&+\-.^_`{|}~]")  # RFC 2231 §7


class BodyStructure(NamedTuple):
    """A part tree on the wire: what `of_revision` makes of it is sent."""

    body: bytes
    """BODY: without extension data."""
    bodystructure: bytes
    """BODYSTRUCTURE: with all extension data that is defined."""


def render(root: Part, max_octets: int = MAX_RENDERED_OCTETS) -> BodyStructure:
    """Both forms of the message with this root part; where it has a message/global, for both revisions of IMAP.

    RFC 9051 §9, media-message, has that with the envelope and the parts of the message, like message/rfc822. IMAP4rev1
    knows the latter only (RFC 3501 §9): a client that has not enabled IMAP4rev2 is sent a basic part, since behind the
    octets of one it does not expect an envelope.
    """
    rendering = _Rendering(max_octets, _MESSAGES)
    rendered = rendering.part(root)
    if not rendering.differs:
        return rendered
    rev1 = _Rendering(max_octets, _MESSAGES_OF_REV1).part(root)
    return BodyStructure(*map(_BETWEEN.join, zip(rendered, rev1, strict=True)))


def of_revision(rendered: Sequence[bytes], *, rev2: bool) -> Sequence[bytes]:
    """What is sent of values that `render` made: the same values, but for those that differ by revision."""
    starts = range(0, len(rendered), _AT_ONCE)
    # Few values hold the octet, and looking for it in many at once, by its number, is the cheapest
    if not any(_BETWEEN[0] in b"".join(rendered[start : start + _AT_ONCE]) for start in starts):
        return rendered
    return [one.partition(_BETWEEN)[0 if rev2 else 2] or one for one in rendered]


class _Rendering(Struct):
    """The rendering of one message."""

    octets_left: int
    """Below zero, nothing more is rendered."""
    messages: Set[str]
    """Subtypes of `message` that are shown with an envelope and parts."""
    differs: bool = False
    """Whether there is a part that IMAP4rev1 shows in another way."""

    def part(self, part: Part) -> BodyStructure:
        """A part with all below it, or the leaf that stands for it beyond the limit."""
        if self.octets_left < 0:
            return _undivided(part)
        mime = part.mime
        if mime.media_type == "multipart":
            return self.multipart(part)
        fields, extension = _cached_rendering(mime) if mime.is_cacheable else _rendered_fields(mime)
        self.octets_left -= len(fields) + len(extension)
        if self.octets_left < 0:
            return _undivided(part)
        size = part.end - part.body_start
        if mime.media_type == "text":
            fields = b"(%b %d %d" % (fields, size, part.lines)
        elif mime.media_type == "message" and mime.subtype in self.messages:
            self.differs |= mime.subtype == "global"
            return self.message(part, b"%b %d" % (fields, size), extension)
        else:
            fields = b"(%b %d" % (fields, size)
        return BodyStructure(fields + b")", fields + extension)

    def multipart(self, part: Part) -> BodyStructure:
        mime, subtype = part.mime, _token(part.subtype)
        parameters, extension = _parameters(mime.raw_parameters), _common_extension(mime.header)
        self.octets_left -= len(subtype) + len(parameters) + len(extension)
        if self.octets_left < 0:
            return _undivided(part)
        if part.children:
            rendered = [self.part(child) for child in part.children]
            bodies = b"".join([child.body for child in rendered])
            structures = b"".join([child.bodystructure for child in rendered])
        else:  # RFC 9051 §9, body-type-mpart: 1*body
            only = _PLAIN % (part.size, part.lines)
            bodies, structures = only + b")", only + _NO_EXTENSION
        return BodyStructure(
            b"(%b %b)" % (bodies, subtype), b"(%b %b %b%b)" % (structures, subtype, parameters, extension)
        )

    def message(self, part: Part, fields: bytes, extension: bytes) -> BodyStructure:
        # RFC 9051 §9, body-type-msg: envelope and body are required, even where the message was not parsed
        if part.children:
            inner = part.children[0]
            enclosed = envelope.render(inner.header, enclosed=True)
            self.octets_left -= len(enclosed)
            if self.octets_left < 0:
                return _undivided(part)
            rendered = self.part(inner)
        else:
            enclosed = envelope.EMPTY
            rendered = BodyStructure(_EMPTY_PART + b")", _EMPTY_PART + _NO_EXTENSION)
        return BodyStructure(
            b"(%b %b %b %d)" % (fields, enclosed, rendered.body, part.lines),
            b"(%b %b %b %d%b" % (fields, enclosed, rendered.bodystructure, part.lines, extension),
        )


def _undivided(part: Part) -> BodyStructure:
    only = _OCTET_STREAM % part.size
    return BodyStructure(only + b")", only + _NO_EXTENSION)


def _rendered_fields(mime: MimeFields) -> tuple[bytes, bytes]:
    """The fields before the size, and those after it with the closing parenthesis."""
    header, media_type = mime.header, mime.media_type
    content_id = description = md5 = NIL
    if not header.names.isdisjoint(_BASIC_FIELDS):
        content_id, description = (
            field_value(header, "content-id"),
            field_value(header, "content-description"),
        )
        md5 = field_value(header, "content-md5")
    fields = b"%b %b %b %b %b %b" % (
        _token(media_type),
        _token(mime.subtype),
        _parameters(mime.raw_parameters, with_charset=media_type == "text"),
        content_id,
        description,
        _token(mime.encoding),
    )
    return fields, b" %b%b)" % (md5, _common_extension(header))


_cached_rendering = lru_cache(maxsize=512)(_rendered_fields)


def _common_extension(header: Header) -> bytes:
    """Disposition, language and location, each with a space before it."""
    if header.names.isdisjoint(_EXTENSION_FIELDS):
        return b" NIL NIL NIL"
    disposition, language = header.first("content-disposition"), header.first("content-language")
    location = header.first("content-location")
    return b" %b %b %b" % (_disposition(disposition), _language(language), _location(location))


def _disposition(value: bytes | None) -> bytes:
    if not value:
        return NIL
    disposition_type, pairs = parameter.parse(value)
    return b"(%b %b)" % (string(disposition_type.encode()), _parameters(pairs))


def _language(value: bytes | None) -> bytes:
    tags = parameter.strip_comments((value or b"")[:MAX_VALUE_OCTETS]).split(b",")
    languages = [string(tag.strip()) for tag in tags if tag.strip()]
    return b"(%b)" % b" ".join(languages[:MAX_LANGUAGES]) if languages else NIL


def _location(value: bytes | None) -> bytes:
    # RFC 2557 §4.4.1: a long URI is folded; that white space is not part of it
    if value is None:
        return NIL
    return string(b"".join(parameter.strip_comments(value[:MAX_VALUE_OCTETS]).split()).strip(b'"'))


def _token(token: str) -> bytes:
    return _cached_token(token) if len(token) <= 80 else _rendered_token(token)


def _rendered_token(token: str) -> bytes:
    return string(token.upper().encode())


_cached_token = lru_cache(maxsize=512)(_rendered_token)


def _parameters(pairs: Pairs, *, with_charset: bool = False) -> bytes:
    if with_charset and not [name for name, _ in pairs if name[:7].lower() == b"charset"]:
        pairs = (*pairs, _DEFAULT_CHARSET)  # RFC 2045 §5.2
    if not pairs:
        return NIL
    for name, _ in pairs:
        if _STAR in name:
            pairs = _without_continuations(pairs)
            break
    return b"(%b)" % b" ".join([string(octets) for pair in pairs for octets in pair])


def _without_continuations(pairs: Pairs) -> Pairs:
    """RFC 2231 §3 and §4.1 sections joined, at the position of the first one."""
    joined: dict[bytes, list[tuple[bytes, bytes]]] = {}
    sections: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    for name, value in pairs:
        section = _SECTION(name)
        if section is None or section[2] is None:
            joined.setdefault(b"=" + name, []).append((name, value))
        else:
            key = section[1].lower()
            joined.setdefault(key, [(section[1], b"")])
            sections.setdefault(key, {}).setdefault(int(section[2]), (value, section[3] is not None))
    for key, numbered in sections.items():
        joined[key] = [_join(joined[key][0][0], numbered)]
    return tuple(pair for found in joined.values() for pair in found)


def _join(name: bytes, numbered: dict[int, tuple[bytes, bool]]) -> tuple[bytes, bytes]:
    values = [numbered[number] for number in sorted(numbered)]
    if not any(extended for _, extended in values):
        return name, b"".join([value for value, _ in values])
    if not values[0][1]:
        values.insert(0, (b"''", True))
    return name + b"*", b"".join([value if extended else _percent(value) for value, extended in values])


def _percent(value: bytes) -> bytes:
    return _NOT_ATTRIBUTE_CHARACTER.sub(lambda found: b"%%%02X" % ord(found[0]), value)
