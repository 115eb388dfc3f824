"""Reverse-paths and forward-paths: what is between the angle brackets of MAIL and RCPT.

Three values, three types: an `Address`, the null reverse-path `<>` of reports (RFC 5321 §4.5.5), and
`<Postmaster>` without a domain (RFC 5321 §4.5.1). None of them is an empty string by accident.

Read as RFC 5321 §4.1.2 and RFC 6531 §3.3 write them, and a little more widely where real senders do:
a missing pair of brackets, dots in odd places of a local part, an underscore in a domain. A source
route is read and ignored (RFC 5321 §4.1.1.3, Appendix C).
"""

import re
from enum import Enum
from typing import Final, Literal

from pillarbox.mail.address import Address, InvalidAddress, domain_key

MAX_PATH_OCTETS: Final = 512
"""The longest path we read, brackets included; RFC 5321 §4.5.3.1.3 asks for 256."""

MAX_PLAIN_OCTETS: Final = 256
"""Paths up to this length, and in ASCII, are parsed by one regular expression."""


class Special(Enum):
    """Paths that are not addresses."""

    NULL = "<>"
    """The null reverse-path: a report, which is never reported about."""
    POSTMASTER = "<Postmaster>"
    """The postmaster of this server, without a domain."""


Null = Literal[Special.NULL]
Postmaster = Literal[Special.POSTMASTER]
NULL: Final = Special.NULL
POSTMASTER: Final = Special.POSTMASTER

ReversePath = Address | Null
ForwardPath = Address | Postmaster

# Runs are possessive: they are not read again in another way, so each takes time in proportion to the text
_PLAIN = re.compile(
    r"<([\w!#$%&'*+/=?^`{|}~-]++(?:\.[\w!#$%&'*+/=?^`{|}~-]++)*)@([A-Za-z0-9.-]++)>", re.ASCII
)
_PATH = re.compile(
    r"""<(?:@[^:<>"]*+:)?                                   # a source route, to be ignored
        ((?:"[^"\\]*+(?:\\.[^"\\]*+)*"|[^"@<>\s]++)*)        # local part, quoted or not
        (?:@(\[[^\[\]\\<>\s]*+\]|[^@<>\s]++))?>""",
    re.VERBOSE | re.DOTALL,
)
_BARE = re.compile(r"[^\s<>\"]++(?=[ ]|$)")
_LOOSE_LOCAL = re.compile(r'[^\x00-\x20\x7f"(),:;<>@\[\\\]]+')


class InvalidPath(ValueError):
    """Not a path."""


class PathTooLong(ValueError):
    """Longer than `MAX_PATH_OCTETS`."""


def read_reverse_path(text: str) -> tuple[ReversePath, str]:
    """The reverse-path at the start of `text`, and what follows it. Raises InvalidPath, PathTooLong."""
    if text.startswith("<>"):
        return NULL, text[2:]
    path, rest = _read(text)
    if path is POSTMASTER:
        raise InvalidPath("a sender needs a domain")
    return path, rest


def read_forward_path(text: str) -> tuple[ForwardPath, str]:
    """The forward-path at the start of `text`, and what follows it. Raises InvalidPath, PathTooLong."""
    return _read(text)


def written(path: ReversePath) -> str:
    """A reverse-path in its brackets, as trace fields show it."""
    return "<>" if path is NULL else f"<{path}>"


def _read(text: str) -> tuple[ForwardPath, str]:
    plain = _PLAIN.match(text)
    if plain and plain.end() <= MAX_PLAIN_OCTETS:
        return _plain(plain[1], plain[2]), text[plain.end() :]
    bare = None if text.startswith("<") else _BARE.match(text)
    if bare and "@" not in bare[0][1:-1]:
        raise InvalidPath("no path")
    octets = f"<{bare[0]}>" if bare else text
    match = _PATH.match(octets)
    if not match:
        raise InvalidPath("no path")
    if len(match[0].encode()) > MAX_PATH_OCTETS:
        raise PathTooLong
    rest = text[len(bare[0]) :] if bare else text[match.end() :]
    local, domain = match.groups()
    if domain is None:
        # RFC 5321 §4.1.1.3: "Postmaster" is treated as case-insensitive here
        if local.lower() == "postmaster":
            return POSTMASTER, rest
        raise InvalidPath("no domain")
    return _address(local, domain), rest


def _plain(local: str, domain: str) -> Address:
    """An address whose local part is known to be good."""
    try:
        domain_key(domain)
    except InvalidAddress as invalid:
        raise InvalidPath(str(invalid)) from None
    return Address(local, domain)


def _address(local: str, domain: str) -> Address:
    try:
        return Address.parse(f"{local}@{domain}")
    except InvalidAddress as invalid:
        # "a..b@example" is no Dot-string, but in use: it becomes the quoted form of itself
        if ".." not in local and not local.startswith(".") and not local.endswith("."):
            raise InvalidPath(str(invalid)) from None
    if not _LOOSE_LOCAL.fullmatch(local):
        raise InvalidPath("bad local part")
    return _checked(f'"{local}"', domain)


def _checked(local: str, domain: str) -> Address:
    try:
        return Address.parse(f"{local}@{domain}")
    except InvalidAddress as invalid:
        raise InvalidPath(str(invalid)) from None
