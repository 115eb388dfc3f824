"""Received fields (RFC 5321 §4.4), as servers of all kinds write them: what they say, not whether it is true.

Read are the forms of Postfix, Exim, sendmail, qmail, Exchange, Gmail and others that have the same clauses, in any
order: `from`, `by`, `via`, `with`, `id`, `for` and `tls` (RFC 8314 §4.3), with comments anywhere. Anybody can write any
of it; only who knows who has written a field knows what it is worth. Nothing here raises.
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Final

from msgspec import Struct

from pillarbox.mail import date

MAX_OCTETS: Final = 2_000
"""Octets of a field that are looked at, of its beginning; the date is looked for in its last `date.MAX_DATE_OCTETS`."""
MAX_TEXT: Final = 255
"""Characters of a name, an address or a protocol."""
MAX_COMMENTS: Final = 20
"""Comments of a field that are looked at."""

_TOKEN: Final = re.compile(r'\\.|[()"]|[^\s()"\\]+', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_CLAUSES: Final = frozenset(("from", "by", "via", "with", "id", "for", "tls"))
_VERSION: Final = re.compile(r"(?<![A-Za-z0-9])(TLS|SSL)[ _]?v?([0-9])(?:[._]([0-9]))?(?![0-9])")
_CIPHER: Final = re.compile(r"(?:cipher[ =]|TLSv?[0-9][._0-9]{0,3}:)([A-Za-z0-9_-]{3,80})")
_HELO: Final = re.compile(r"(?<![A-Za-z0-9])(?:helo=|HELO |EHLO )([^\s()]{1,255})")
_BRACKETS: Final = str.maketrans(dict.fromkeys("[](),;=", " "))
_IN_ADDRESSES: Final = frozenset("0123456789abcdefABCDEF.:")
_NO_NAMES: Final = frozenset(("unknown", "ident", "envelope-from", "port", "may"))


class Received(Struct, frozen=True, gc=False, kw_only=True):
    """What one field says; a text is empty where it says nothing."""

    source: str = ""
    """The word after `from`: by most servers what the client called itself."""
    remarks: tuple[str, ...] = ()
    """The comments that follow it, as they are written between the brackets, but for escapes."""
    helo: str = ""
    """What the client called itself, as far as the form tells."""
    name: str = ""
    """What it is called by the DNS."""
    ip: str = ""
    """Its address."""
    by: str = ""
    protocol: str = ""
    """`with`: ESMTPS, `Microsoft SMTP Server`, ..."""
    recipient: str = ""
    """`for`, without angle brackets."""
    tls_version: str = ""
    """`TLSv1.3`."""
    cipher: str = ""
    suite: str = ""
    """Of the clause `tls`, and of no comment: the name of the cipher suite."""
    at_ms: int | None = None
    understood: bool = False
    """Whether it has one of the known forms."""


def parse(body: bytes) -> Received:
    """Read the body of a field, unfolded."""
    text, end = _halves(body)
    clauses = _Clauses(text)
    remarks = clauses.comments.get("from", ())
    source = _word(clauses.words.get("from", ()))
    helo, name, ip = _client(clauses.words.get("from", ()), remarks)
    by, at_ms = _word(clauses.words.get("by", ())), date.parse(end)
    version, cipher = _tls(_all_comments(clauses))
    suite = _word(clauses.words.get("tls", ()))
    protocol = " ".join(clauses.words.get("with", ()))[:MAX_TEXT]
    in_transit = bool(by or source or protocol) or text.startswith(("(qmail ", "(from "))
    return Received(
        source=source,
        remarks=tuple(remarks),
        helo=helo,
        name=name,
        ip=ip,
        by=by,
        protocol=protocol,
        recipient=_recipient(clauses.words.get("for", ())),
        tls_version=version or version_of(suite),
        cipher=cipher or suite,
        suite=suite,
        at_ms=at_ms,
        understood=in_transit and at_ms is not None,
    )


def version_of(suite: str) -> str:
    """The version of TLS that a suite belongs to, by its registered name; empty where that may be several."""
    if suite.startswith("TLS_") and "_WITH_" not in suite:
        return "TLSv1.3"
    return "TLSv1.2" if suite.endswith(("_GCM_SHA256", "_GCM_SHA384", "_POLY1305_SHA256")) else ""


def _halves(body: bytes) -> tuple[str, bytes]:
    """What stands before the last semicolon, and behind it the date."""
    last = body[-date.MAX_DATE_OCTETS :].rfind(b";")
    if last < 0:
        return body[:MAX_OCTETS].decode("utf-8", "replace"), b""
    at = max(len(body) - date.MAX_DATE_OCTETS, 0) + last
    return body[: min(at, MAX_OCTETS)].decode("utf-8", "replace"), body[at + 1 :].strip()


class _Clauses:
    """The words and comments of a field by the clause that they stand in."""

    __slots__ = ("_left", "comments", "words")

    def __init__(self, text: str) -> None:
        self._left = MAX_COMMENTS
        self.words: dict[str, list[str]] = {}
        self.comments: dict[str, list[str]] = {}
        clause, depth, start, quoted = "", 0, 0, False
        for match in _TOKEN.finditer(text):
            found = match[0]
            if found == "(" and not quoted:
                if not depth:
                    start = match.end()
                depth += 1
            elif found == ")" and not quoted:
                depth -= 1
                if depth == 0:
                    self._comment(clause, text[start : match.start()])
                depth = max(depth, 0)
            elif depth:
                continue
            elif found == '"':
                quoted = not quoted
            elif not quoted and found.lower() in _CLAUSES and found.lower() not in self.words:
                clause = found.lower()
                self.words[clause] = []
            elif clause:
                self.words[clause].append(found.strip(";"))

    def _comment(self, clause: str, text: str) -> None:
        if self._left:
            self._left -= 1
            self.comments.setdefault(clause, []).append(_ESCAPED.sub(r"\1", text))


def _all_comments(clauses: _Clauses) -> Iterable[str]:
    return (comment for several in clauses.comments.values() for comment in several)


def _word(words: Sequence[str]) -> str:
    return words[0][:MAX_TEXT] if words else ""


def _recipient(words: Sequence[str]) -> str:
    text = _word(words)
    return text[1:-1] if text.startswith("<") and text.endswith(">") else text


# --- who the client was


def _client(words: Sequence[str], remarks: Iterable[str]) -> tuple[str, str, str]:
    """Its HELO, its name and its address."""
    source = _word(words)
    helo, name, ip = "", "", ""
    for remark in remarks:
        # qmail's `(HELO x)`, Exim's `(helo=x)` and `([address] helo=x)`
        said = _HELO.search(remark)
        if said:
            helo = helo or said[1]
            remark = remark[: said.start()]
        if not ip:
            name, ip = _name_and_address(remark)
    literal = _address(source.strip("[]"))
    if helo and not name and not literal and source.lower() not in _NO_NAMES:
        name = source
    if not ip:
        # `from name [address]`, without brackets around both
        ip = literal or (_address(words[1].strip("[]")) if len(words) > 1 else "")
    return helo or source, name, ip


def _name_and_address(remark: str) -> tuple[str, str]:
    """`name [address]`, as Postfix, sendmail and Gmail have it; the name may have a user before it."""
    name = ""
    for piece in remark[:MAX_TEXT].translate(_BRACKETS).split():
        found = _address(piece)
        if found:
            return name, found
        word = piece.rpartition("@")[2].rstrip(".")
        if not name and word and word.lower() not in _NO_NAMES:
            name = word
    return "", ""


def _address(text: str) -> str:
    """An IP address in its usual form; empty for any other text."""
    text = text.removeprefix("IPv6:")
    if not 2 < len(text) <= 45 or not _IN_ADDRESSES.issuperset(text):
        return ""
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


# --- TLS


def _tls(comments: Iterable[str]) -> tuple[str, str]:
    """Version and cipher: `using TLSv1.3 with cipher X`, `version=TLS1_2, cipher=X`, `TLS1.2:X:256`."""
    version = cipher = ""
    for comment in comments:
        text = comment[:MAX_TEXT]
        if not version and (found := _VERSION.search(text)):
            version = f"{found[1]}v{found[2]}" + (f".{found[3]}" if found[3] else "")
        if not cipher and (named := _CIPHER.search(text)):
            cipher = named[1]
    return version, cipher
