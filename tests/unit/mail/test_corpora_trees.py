"""Our part trees against those that two other parsers publish; each difference has its reason here.

mail-parser's JSON tells offsets, decoded text and parameters; `.crlf.json` is of the message with CRLF.
mime4j's XML tells fields, structure and raw bodies, and the decoded bodies stand in files beside it.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from pillarbox.mail import charset, encoded_word, transfer
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import parse
from tests.kit.corpora import needs_corpora, single_messages
from tests.kit.paths import CORPORA

pytestmark = needs_corpora

Json = Any


class Node(NamedTuple):
    """What two trees are compared by; `facts` differs by collection."""

    facts: tuple[object, ...]
    children: tuple["Node", ...]


# --- mail-parser: structure and offsets

WHOLE_LINE = (
    "we match a boundary line as a whole first; mail-parser takes another boundary's line for a prefix"
)
OPEN_INNER = "an inner multipart that is never closed: we end it at the boundary of the outer one"
NO_EMPTY_LINE = "no empty line before the first boundary: we end the header there and find the parts"

MAIL_PARSER_TREES = {
    "malformed/000": "boundary lines one after another: we find a part between each two of them",
    "malformed/001": WHOLE_LINE,
    "malformed/004": "only prefixes of boundary lines: we skip the rest of the line, mail-parser reads it on",
    "malformed/005": "`--a----` closes boundary `a--` for us, opens `a----` for mail-parser",
    "malformed/007": NO_EMPTY_LINE,
    "malformed/008": WHOLE_LINE,
    "malformed/009": OPEN_INNER,
    "malformed/011": OPEN_INNER,
    "malformed/012": OPEN_INNER,
    "malformed/016": OPEN_INNER,
    "malformed/019": "an unclosed multipart: we end it with the message, mail-parser one octet before",
    "malformed/020": NO_EMPTY_LINE,
    "malformed/021": NO_EMPTY_LINE,
    "malformed/022": "an enclosed message without header: for us it is a message, all of it body",
    "legacy/049": "a lone CR at the end of the file belongs to our body (only in the LF form)",
    "rfc/008": "a message in base64 is a leaf for IMAP: no octet range names what is inside",
    "thirdparty/005": "a boundary in the middle of a line is text (RFC 2046 §5.1.1)",
    "thirdparty/015": "enclosed messages that have only a header: we find all three",
}


def test_part_trees_agree_with_mail_parser() -> None:
    assert _disagreeing(_same_tree) == set(MAIL_PARSER_TREES)


def _same_tree(octets: bytes, root: Part, parts: Json) -> bool:
    return _strip_default_types(_ours(root, 0), _theirs(parts, 0))


def _ours(part: Part, start: int) -> Node:
    """Enclosed messages count their offsets from the whole message's start, as mail-parser's do."""
    kind = "message" if part.is_message() else "multipart" if part.children else "leaf"
    offsets = (part.header_start - start, part.body_start - start, part.end - start)
    return Node((part.content_type, kind, *offsets), tuple(_ours(child, start) for child in part.children))


def _theirs(parts: Json, place: int) -> Node:
    part = parts[place]
    offsets = (part["offset_header"], part["offset_body"], part["offset_end"])
    kind, content = _body(part)
    if kind == "Message":
        return Node((_their_type(part), "message", *offsets), (_theirs(content["parts"], 0),))
    if kind == "Multipart" and content:
        children = tuple(_theirs(parts, child) for child in content)
        return Node((_their_type(part), "multipart", *offsets), children)
    return Node((_their_type(part), "leaf", *offsets), ())


def _strip_default_types(ours: Node, theirs: Node) -> bool:
    """Equal, where a type that mail-parser leaves open may be any."""
    if theirs.facts[0] is not None and ours.facts[0] != theirs.facts[0]:
        return False
    return (
        ours.facts[1:] == theirs.facts[1:]
        and len(ours.children) == len(theirs.children)
        and all(map(_strip_default_types, ours.children, theirs.children))
    )


# --- mail-parser: text, octets and parameters

EIGHT_BIT = (
    "unlabelled octets above 127 are windows-1252 for us when they are no UTF-8, U+FFFD for mail-parser"
)
UUENCODED = "we undo x-uuencode"

MAIL_PARSER_VALUES = {
    "legacy/010": EIGHT_BIT,
    "legacy/016": EIGHT_BIT,
    "legacy/017": UUENCODED,
    "legacy/020": EIGHT_BIT,
    "legacy/022": EIGHT_BIT,
    "legacy/023": EIGHT_BIT,
    "legacy/026": f"{UUENCODED}; {EIGHT_BIT}",
    "legacy/027": EIGHT_BIT,
    "legacy/048": UUENCODED,
    "legacy/049": "a lone CR at the end of the file belongs to our body (only in the LF form)",
    "legacy/052": EIGHT_BIT,
    "malformed/019": "the tree differs",
    "malformed/007": "the tree differs",
    "rfc/000": "a sentence labelled base64: we decode its letters, mail-parser shows it as it stands",
    "thirdparty/002": "octets after base64 padding: we stop there, for lists append footers",
    "thirdparty/005": "a boundary in the middle of a line is text (RFC 2046 §5.1.1)",
    "thirdparty/010": "a parameter given twice: we take the first, even if empty",
}


def test_decoded_values_agree_with_mail_parser() -> None:
    assert _disagreeing(_same_values) == set(MAIL_PARSER_VALUES)


def _same_values(octets: bytes, root: Part, parts: Json) -> bool:
    ours, theirs = list(_flat(root)), list(_their_flat(parts, 0))
    if len(ours) != len(theirs):
        return True  # the tree differs, and that has its reason above
    return all(_same_part(octets, part, there) for part, there in zip(ours, theirs, strict=True))


def _same_part(octets: bytes, part: Part, there: Json) -> bool:
    kind, content = _body(there)
    body = transfer.decode(octets[part.body_start : part.end], part.encoding)
    match kind:
        case "Text" | "Html":
            same = _lines(charset.decode(body, part.charset)) == _lines(content)
        case "Binary" | "InlineBinary":
            same = body == bytes(content)
        case "Message" if part.children:
            same = _same_values(octets, part.children[0], content["parts"])
        case _:
            same = True
    return same and all(_same_field(part, field) for field in there["headers"])


def _same_field(part: Part, field: Json) -> bool:
    value = field["value"]
    match field["name"]:
        case "content_type" if "ContentType" in value:
            return part.parameters == _their_parameters(value)
        case "content_disposition" if part.disposition and "ContentType" in value:
            return part.disposition.parameters == _their_parameters(value)
        case "subject" if "Text" in value:
            return bool(encoded_word.decode(part.header.first("subject") or b"") == value["Text"])
    return True


def _their_parameters(value: Json) -> dict[str, str]:
    return {pair["name"]: pair["value"] for pair in value["ContentType"]["attributes"] or ()}


def _flat(part: Part) -> Iterator[Part]:
    yield part
    for child in () if part.is_message() else part.children:
        yield from _flat(child)


def _their_flat(parts: Json, place: int) -> Iterator[Json]:
    yield parts[place]
    kind, content = _body(parts[place])
    if kind == "Multipart":
        for child in content:
            yield from _their_flat(parts, child)


def _body(part: Json) -> tuple[str, Json]:
    body = part["body"]
    return (body, None) if isinstance(body, str) else next(iter(body.items()))


def _their_type(part: Json) -> str | None:
    for field in part["headers"]:
        if field["name"] == "content_type" and "ContentType" in field["value"]:
            content_type = field["value"]["ContentType"]
            return f"{content_type['c_type']}/{content_type.get('c_subtype') or ''}".lower()
    return None


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _disagreeing(same: Callable[[bytes, Part, Json], bool]) -> set[str]:
    """The messages for which a comparison fails, with LF or with CRLF."""
    found = set()
    for name, octets in single_messages():
        if not name.startswith("mail-parser"):
            continue
        bare = octets.replace(b"\r\n", b"\n")
        for form, suffix in ((bare, ".json"), (bare.replace(b"\n", b"\r\n"), ".crlf.json")):
            parts = json.loads((CORPORA / name).with_suffix(suffix).read_text())["parts"]
            if not same(form, parse(form), parts):
                found.add(name.removeprefix("mail-parser/eml/").removesuffix(".eml"))
    return found


# --- mime4j: fields, structure, raw bodies

ENCODED_MESSAGE = "a message in base64 is a leaf for IMAP: no octet range names what is inside"
STRAY_TEXT = "text before any field: we take it for body, mime4j drops it"

MIME4J_TREES = {
    "mimetools-testmsgs/multi-2gifs-base64": ENCODED_MESSAGE,
    "testmsgs/bad-newlines-multiple-parts-base64": ENCODED_MESSAGE,
    "testmsgs/base64encoded-rfc822message": ENCODED_MESSAGE,
    "testmsgs/base64encoded-rfc822message-nested": ENCODED_MESSAGE,
    "testmsgs/malformedHeader-noheader": STRAY_TEXT,
    "testmsgs/malformedHeaderStartsBody-noheader": STRAY_TEXT,
    "testmsgs/malformedHeaderStartsBody-nocrlfcrlf": "a stray line among fields: we read on, as mime4j "
    "does unless told otherwise (malformedHeader-nocrlfcrlf)",
    "testmsgs/obsolete": "octets above 127 in a field's name: we keep the field",
}

_TAG = re.compile(rb"<(/?)(message|header|field|multipart|preamble|body-part|body|epilogue)>\n?")


def test_part_trees_agree_with_mime4j() -> None:
    disagreeing = set()
    for name, octets in single_messages():
        if name.startswith("mime4j"):
            xml = (CORPORA / name).with_suffix(".xml").read_bytes().replace(b"\r\n", b"\n")
            if _our_node(octets, parse(octets)) != _xml_node(_xml(xml)):
                disagreeing.add(name.removeprefix("mime4j/").removesuffix(".msg"))

    assert disagreeing == set(MIME4J_TREES)


def _our_node(octets: bytes, part: Part) -> Node:
    kind = "message" if part.is_message() else part.media_type if part.media_type == "multipart" else "body"
    if kind == "multipart" and not part.raw_parameters:
        kind = "body"
    fields = tuple(_plain(field.raw).strip() for field in part.header.fields if field.name)
    body = _plain(octets[part.body_start : part.end]) if kind == "body" else None
    return Node((kind, fields, body), tuple(_our_node(octets, child) for child in part.children))


def _xml_node(element: tuple[str, list[Json]]) -> Node:
    header: list[Json] = next((content for name, content in element[1] if name == "header"), [])
    fields = tuple(_plain(content[0]).strip() for _, content in header)
    for name, content in element[1]:
        match name:
            case "multipart":
                children = tuple(_xml_node(child) for child in content if child[0] == "body-part")
                return Node(("multipart", fields, None), children)
            case "message":
                return Node(("message", fields, None), (_xml_node((name, content)),))
            case "body":
                return Node(("body", fields, _plain(content[0])), ())
    raise AssertionError(element)


def _xml(xml: bytes) -> tuple[str, list[Json]]:
    """The elements as nested lists; mail in XML is too rough for an XML parser."""
    stack: list[tuple[str, list[Json]]] = [("", [])]
    at = 0
    for tag in _TAG.finditer(xml):
        if tag[1]:
            name, content = stack.pop()
            if name in ("field", "body", "preamble", "epilogue"):
                content = [_unescape(xml[at : tag.start()])]
            stack[-1][1].append((name, content))
        else:
            stack.append((tag[2].decode(), []))
        at = tag.end()
    root: tuple[str, list[Json]] = stack[0][1][0]
    return root


def _unescape(octets: bytes) -> bytes:
    for entity, meant in ((b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&amp;", b"&")):
        octets = octets.replace(entity, meant)
    return octets


def _plain(octets: bytes) -> bytes:
    """Without what the XML form loses: the kind of line end, and octets above 127."""
    octets = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return re.sub(rb"[\x80-\xff]", b"?", octets)


# --- mime4j: decoded bodies

MIME4J_BODIES = {
    "mimetools-testmsgs/multi-2gifs-base64": ENCODED_MESSAGE,
    "testmsgs/bad-newlines-multiple-parts-base64": ENCODED_MESSAGE,
    "testmsgs/base64encoded-rfc822message": ENCODED_MESSAGE,
    "testmsgs/base64encoded-rfc822message-nested": ENCODED_MESSAGE,
    "testmsgs/malformedHeader-noheader": STRAY_TEXT,
    "testmsgs/malformedHeaderStartsBody-noheader": STRAY_TEXT,
    "testmsgs/malformedHeaderStartsBody-nocrlfcrlf": "a stray line among fields, as above",
    "mimetools-testmsgs/frag": "base64 cut off within four digits: we decode the octets that are whole",
    "mimetools-testmsgs/multi-frag": "base64 cut off within four digits: we decode the octets that are whole",
}

_BODY_FILE = re.compile(rb'<(text|binary)-body name="([^"]+)"/>')


def test_decoded_bodies_agree_with_mime4j() -> None:
    disagreeing = set()
    for name, octets in single_messages():
        if name.startswith("mime4j"):
            path = CORPORA / name
            listing = path.with_name(f"{path.stem}_decoded.xml").read_bytes()
            theirs = [
                (path.parent / file.decode()).read_bytes().replace(b"\r\n", b"\n")
                for _, file in _BODY_FILE.findall(listing)
            ]
            if list(_decoded_bodies(octets)) != theirs:
                disagreeing.add(name.removeprefix("mime4j/").removesuffix(".msg"))

    assert disagreeing == set(MIME4J_BODIES)


def _decoded_bodies(octets: bytes) -> Iterator[bytes]:
    for part in parse(octets).walk():
        if not part.children and part.media_type != "multipart":
            body = transfer.decode(octets[part.body_start : part.end], part.encoding)
            yield body.replace(b"\r\n", b"\n")
