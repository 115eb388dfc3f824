"""Checks of what must hold for every octet string parsed as a message; for unit, property and fuzz tests."""

from pillarbox.mail import charset, encoded_word, text, transfer
from pillarbox.mail.header import Header
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import Limits, parse


def check_message(octets: bytes) -> Part:
    """Parse everything, assert what always holds, and return the tree."""
    root = parse(octets)
    assert (root.header_start, root.end) == (0, len(octets))
    _check_part(octets, root)
    _check_sections(root)
    _check_counting(octets)
    said = "".join(text.body_pieces(octets, root))
    said.encode()
    shown = text.preview(octets, root)
    shown.encode()
    assert len(shown) <= text.MAX_PREVIEW_CHARACTERS
    assert "\n" not in shown
    assert "\0" not in shown
    return root


def _check_counting(octets: bytes) -> None:
    """Where all lines end in CRLF, counting those counts all."""
    octets = octets.replace(b"\r", b"").replace(b"\n", b"\r\n")
    assert _lines(parse(octets, crlf_only=True)) == _lines(parse(octets))


def _lines(part: Part) -> list[int]:
    return [part.lines, *(lines for child in part.children for lines in _lines(child))]


def check_limited(octets: bytes, limits: Limits) -> Part:
    """The tree within these limits, with what always holds asserted."""
    root = parse(octets, limits)
    _check_part(octets, root)
    _check_sections(root)
    return root


def check_header(header: Header) -> None:
    """Reading and writing back is the identity; every field is found by its name."""
    fields = header.fields
    assert b"".join(field.raw for field in fields) + header.separator == header.octets
    for field in fields:
        encoded_word.decode(field.body).encode()
        assert b"\n" not in field.body
        if field.name and not header.octets.startswith(b"\xef\xbb\xbf"):
            assert field.body in header.all(field.key)


def _check_part(octets: bytes, part: Part) -> None:
    assert 0 <= part.header_start <= part.body_start <= part.end <= len(octets)
    assert octets[part.header_start : part.body_start] == part.header.octets
    check_header(part.header)
    body = octets[part.body_start : part.end]
    if part.media_type in ("text", "message"):
        assert part.lines == body.count(b"\n")
    charset.decode(transfer.decode(body, part.encoding), part.charset).encode()
    for name, value in part.parameters.items():
        assert name == name.lower()
        value.encode()
    if part.disposition:
        assert part.disposition.type == part.disposition.type.lower()
        (part.filename or "").encode()
    _ = (part.content_id, part.description, part.language, part.location, part.md5)
    assert not (part.cut and part.children)
    before = part.body_start
    for child in part.children:
        assert before <= child.header_start
        assert child.end <= part.end
        before = child.end
        _check_part(octets, child)
    if part.is_message():
        (inner,) = part.children
        assert (inner.header_start, inner.end) == (part.body_start, part.end)


def _check_sections(message: Part) -> None:
    """Every part is found by the section number that its place gives it (RFC 9051 §6.4.5.1)."""
    waiting: list[tuple[tuple[int, ...], Part, bool]] = [((), message, True)]
    while waiting:
        section, part, is_root = waiting.pop()
        if part.is_message() and not is_root:
            waiting.append((section, part.children[0], True))
        elif part.media_type == "multipart" and part.children:
            waiting += [((*section, place), child, False) for place, child in enumerate(part.children, 1)]
        elif is_root:
            waiting.append(((*section, 1), part, False))
        if section and not is_root:
            assert message.find(section) is part
