"""DNS messages (RFC 1035 §4): a query as octets, and what a response says.

What is in a response is up to whoever runs the name servers of a domain, and strangers choose the domain: so it is read
here, in a time that is linear in its octets. Each octet is decoded at most once, wherever names point to (§4.1.4), and
a response with more records than any honest one is refused.
"""

import re
import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, NamedTuple

from pillarbox.dns.names import normal_name
from pillarbox.dns.records import Answer, Failure, Kind, Mx, NoData, NxDomain, Outcome, Tlsa

MAX_RECORDS: Final = 500
"""Records of a response, all sections together."""
MAX_OCTETS: Final = 16 * 1024
"""A response over TCP."""
MAX_ALIASES: Final = 16
"""CNAME records followed from one name to the next."""
MAX_LABEL_OCTETS: Final = 63
MAX_NAME_OCTETS: Final = 255
MAX_LABELS: Final = 2500
"""Labels of a response that are decoded, half a microsecond each: five for each record."""
MAX_TEXT_OCTETS: Final = 4 * MAX_NAME_OCTETS
"""A name as text, where every octet is escaped."""
MAX_POINTERS: Final = 127
"""From one part of a name to the next (RFC 1035 §4.1.4); each has a label of its own."""

_TYPES: Final = {
    Kind.A: 1,
    Kind.PTR: 12,
    Kind.MX: 15,
    Kind.TXT: 16,
    Kind.AAAA: 28,
    Kind.TLSA: 52,
    Kind.CNAME: 5,
}
_CNAME, _SOA, _OPT, _IN = 5, 6, 41, 1
_HEADER: Final = struct.Struct("!HHHHHH")
_RECORD: Final = struct.Struct("!HHIH")
_OPT_OCTETS: Final = 1 + _RECORD.size
_RESPONSE, _TRUNCATED, _RECURSION, _AUTHENTICATED = 0x8000, 0x0200, 0x0100, 0x0020
_RCODES: Final = {1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED"}
_NXDOMAIN: Final = 3

_PLAIN = re.compile(rb"[A-Za-z0-9_-]*")
_SPECIAL: Final = b'"().;\\@$'
_ESCAPED: Final = tuple(
    f"\\{octet:03}"
    if octet <= 0x20 or octet >= 0x7F
    else ("\\" if octet in _SPECIAL else "") + chr(octet).lower()
    for octet in range(256)
)
"""What each octet of a label is in a name as text (RFC 1035 §5.1)."""


class NotInDns(ValueError):
    """A name that the DNS cannot hold."""


class Malformed(ValueError):
    """The octets are no DNS message, or have too many records."""


class Response(NamedTuple):
    """What a name server said."""

    truncated: bool
    """The whole of it is to be asked for over TCP (RFC 1035 §4.2.1)."""
    outcome: Outcome[Any]


def query(identity: int, name: str, kind: Kind, *, payload_octets: int) -> bytes:
    """A recursive query with EDNS (RFC 6891). Raises `NotInDns`."""
    if not name.isascii() or "\\" in name:
        raise NotInDns(name)
    labels = normal_name(name).encode().split(b".")
    if not all(0 < len(label) <= MAX_LABEL_OCTETS for label in labels):
        raise NotInDns(name)
    wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(wire) > MAX_NAME_OCTETS:
        raise NotInDns(name)
    # RFC 6840 §5.7: AD in a query asks for it in the response
    header = _HEADER.pack(identity, _RECURSION | _AUTHENTICATED, 1, 0, 0, 1)
    question = wire + struct.pack("!HH", _TYPES[kind], _IN)
    return header + question + b"\0" + _RECORD.pack(_OPT, payload_octets, 0, 0)


def answers(octets: bytes, asked: bytes) -> bool:
    """Whether this is a response to that query: the same identity and question (RFC 5452 §9.1)."""
    if len(octets) < _HEADER.size:
        return False
    _, flags, questions, *_ = _HEADER.unpack_from(octets)
    if octets[:2] != asked[:2] or not flags & _RESPONSE:
        return False
    if not questions:  # some servers fail without it
        return flags & 0x000F in _RCODES
    question = asked[_HEADER.size : -_OPT_OCTETS]
    return questions == 1 and octets[_HEADER.size :][: len(question)].lower() == question.lower()


def read(octets: bytes, asked: bytes, name: str, kind: Kind, *, trusted: bool) -> Response:
    """A response that `answers` the query for these records. `trusted`: whether its AD bit counts.

    Raises `Malformed`.
    """
    _, flags, _, answered, authority, additional = _HEADER.unpack_from(octets)
    if flags & _TRUNCATED:
        return Response(True, Failure("truncated"))
    code = flags & 0x000F
    if code not in (0, _NXDOMAIN):
        return Response(False, Failure(f"server says {_RCODES.get(code, str(code))}"))
    if answered + authority + additional > MAX_RECORDS:
        raise Malformed("too many records")
    try:
        found = _Reader(octets, len(asked) - _OPT_OCTETS, kind)
        found.answer(answered)
        found.authority(authority)
    except (struct.error, IndexError, ValueError) as wrong:
        raise Malformed(str(wrong)) from None
    authenticated = trusted and bool(flags & _AUTHENTICATED)
    # As names in the response are written: a name that a macro of SPF makes may have a space in it
    own = ".".join([_label(label) for label in normal_name(name).encode().split(b".")])
    return Response(False, found.outcome(own, nonexistent=code == _NXDOMAIN, authenticated=authenticated))


class _Reader:
    """Reads records one after another."""

    def __init__(self, octets: bytes, at: int, kind: Kind) -> None:
        self._octets = octets
        self._at = at
        self._kind = kind
        self._labels = 0
        """How many were decoded."""
        self._names: dict[int, str] = {}
        """Names by where they begin: what many point to is decoded once."""
        self._found: dict[str, list[tuple[int, Any]]] = {}
        """By owner, TTL and record, in their order."""
        self._aliases: dict[str, tuple[int, str]] = {}
        self._negative_ttl_s = 0

    def answer(self, count: int) -> None:
        wanted = _TYPES[self._kind]
        for _ in range(count):
            owner, kind, ttl_s, start, end = self._record()
            if kind == wanted:
                self._found.setdefault(owner, []).append((ttl_s, self._value(start, end)))
            elif kind == _CNAME:
                self._aliases.setdefault(owner, (ttl_s, self._name(start)[0]))

    def authority(self, count: int) -> None:
        for _ in range(count):
            _, kind, ttl_s, _start, end = self._record()
            if kind == _SOA:  # RFC 2308 §5: the last field is the TTL of what does not exist
                self._negative_ttl_s = min(ttl_s, _ttl(struct.unpack_from("!I", self._octets, end - 4)[0]))

    def outcome(self, name: str, *, nonexistent: bool, authenticated: bool) -> Outcome[Any]:
        """What these records say of a name."""
        owner, ttls_s = name, list[int]()
        while owner not in self._found and owner in self._aliases:
            ttl_s, owner = self._aliases[owner]
            ttls_s.append(ttl_s)
            if len(ttls_s) > MAX_ALIASES:
                return Failure("too many aliases")
        if found := self._found.get(owner):
            ttl_s = min([*ttls_s, *(ttl_s for ttl_s, _ in found)])
            records = tuple(dict.fromkeys(record for _, record in found))
            return Answer(records, ttl_s, authenticated, owner if ttls_s else "")
        ttl_s = min([*ttls_s, self._negative_ttl_s])
        return (NxDomain if nonexistent else NoData)(ttl_s, authenticated)

    def _record(self) -> tuple[str, int, int, int, int]:
        """Owner, type (0 for another class), TTL, and where its data begins and ends."""
        owner, at = self._name(self._at)
        kind, of_class, ttl_s, length = _RECORD.unpack_from(self._octets, at)
        start = at + _RECORD.size
        self._at = start + length
        if self._at > len(self._octets):
            raise Malformed("data beyond the end")
        return owner, kind if of_class == _IN else 0, _ttl(ttl_s), start, self._at

    def _value(self, start: int, end: int) -> str | bytes | Mx | Tlsa:
        data = self._octets[start:end]
        match self._kind:
            case Kind.A:
                return str(IPv4Address(data))
            case Kind.AAAA:
                return str(IPv6Address(data))
            case Kind.MX:
                return Mx(int.from_bytes(data[:2]), self._name(start + 2)[0])
            case Kind.TXT:
                return _strings(data)
            case Kind.PTR | Kind.CNAME:
                return self._name(start)[0]
            case Kind.TLSA:
                return Tlsa(data[0], data[1], data[2], data[3:])

    def _name(self, at: int, pointers: int = 0) -> tuple[str, int]:
        """A name in the form of `normal_name`, and where it ends; `pointers` have led here."""
        octets, labels, known, started, end = self._octets, list[str](), self._names, at, -1
        rest, length = "", 0
        while size := octets[at]:
            if size >= 0xC0:
                to = (size & 0x3F) << 8 | octets[at + 1]
                end = at + 2
                # Backwards only, so that every name ends
                if to >= started or pointers > MAX_POINTERS:
                    raise Malformed("name that points astray")
                rest = known[to] if to in known else self._name(to, pointers + 1)[0]
                break
            if size > MAX_LABEL_OCTETS:
                raise Malformed("no label")
            self._labels += 1
            if self._labels > MAX_LABELS:
                raise Malformed("too many labels")
            labels.append(_label(octets[at + 1 : at + 1 + size]))
            length += size + 1
            if length > MAX_NAME_OCTETS:
                raise Malformed("name too long")
            at += size + 1
        name = ".".join([*labels, rest] if rest else labels)
        if len(name) > MAX_TEXT_OCTETS:
            raise Malformed("name too long")
        known[started] = name
        return name, end if end >= 0 else at + 1


def _label(octets: bytes) -> str:
    if _PLAIN.fullmatch(octets):
        return octets.decode("ascii").lower()
    return "".join(map(_ESCAPED.__getitem__, octets))


def _strings(data: bytes) -> bytes:
    found, at = list[bytes](), 0
    while at < len(data):
        stop = at + 1 + data[at]
        if stop > len(data):
            raise Malformed("string beyond the end")
        found.append(data[at + 1 : stop])
        at = stop
    return b"".join(found)


def _ttl(seconds: int) -> int:
    return seconds if seconds < 2**31 else 0  # RFC 2181 §8
