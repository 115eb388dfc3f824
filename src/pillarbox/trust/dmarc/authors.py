"""The author domains of a message (RFC 9989 §5.3.1): those of the mailboxes in its From fields.

They are read by the parser that clients are shown addresses by (`mail.address_list`), so that nothing is checked that
people do not see. What cannot be read as a domain, or is read differently by other programs, is told, since a message
must not escape its judgement by it.
"""

import re
from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pillarbox.mail.address import InvalidAddress, domain_key
from pillarbox.mail.address_list import mailboxes, parse_address_list
from pillarbox.mail.apparent_addresses import is_disputed
from pillarbox.mail.encoded_word import decode
from pillarbox.mail.header import Header
from pillarbox.mail.name_addr import AddressList, Group, NameAddr
from pillarbox.mail.normalization import normalize

MAX_FROM_OCTETS: Final = 2 * 1024
"""Octets read of all From fields together, in the loop: the worst that fit take two milliseconds."""
_SHORT_OCTETS: Final = 512
"""Fields of which the last ones are remembered: most senders write more than once."""
MAX_DOMAINS: Final = 4
"""Author domains that are judged (RFC 9989 §11.5: "a small number")."""

_CONTROLS: Final = bytes(set(range(0x20)) - set(b"\t\r\n")) + b"\x7f"
# As lenient readers find it: behind a lone CR, with control characters around the name
_LOOKS_LIKE_FROM: Final = re.compile(
    rb"(?:^|\r)[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*+From[\x00-\x20\x7f]*+:", re.IGNORECASE | re.MULTILINE
).findall


class Authors(Struct, frozen=True, gc=False):
    """Who a message says it is by."""

    domains: tuple[str, ...]
    """A-labels, each once, in the order of the header."""
    fields: int
    """From fields; one is what RFC 5322 §3.6 allows."""
    mailboxes: int
    problem: str = ""
    """Why these domains may not be all that a reader sees: several fields, too many, or unreadable ones; something that
    only looks like an address; or a list that programs read differently."""


def authors(header: Header) -> Authors:
    """The author domains of a message with this header.

    None for a group without members and for address literals, to which DMARC does not apply.
    """
    values = tuple(header.all("from"))
    found = (_remembered if sum(map(len, values)) <= _SHORT_OCTETS else _read)(values, header.cut)
    if not found.problem and _hides_another(header, len(values)):
        return replace(found, problem="what may be taken for a From field is none")
    return found


def _hides_another(header: Header, fields: int) -> bool:
    """Whether programs may find a From field which by the grammar is none."""
    octets = header.octets
    if not fields and octets and not header.separator:
        return True  # a line that is no field ended the header: it may go on for others
    # A few microseconds, where the expression takes a hundred
    lone = octets.find(b"\rF") >= 0 or octets.find(b"\rf") >= 0
    odd = lone or len(octets.translate(None, _CONTROLS)) != len(octets)
    return odd and len(_LOOKS_LIKE_FROM(octets)) > fields


def _read(values: tuple[bytes, ...], header_cut: bool) -> Authors:
    value = b", ".join(values)
    items = parse_address_list(value[:MAX_FROM_OCTETS])
    cut = header_cut or items.cut or len(value) > MAX_FROM_OCTETS
    domains: dict[str, None] = {}
    unreadable = pretended = False
    found = mailboxes(items)
    for mailbox in found:
        pretended = pretended or _pretends(mailbox, value)
        if not mailbox.domain:
            continue
        try:
            # A final dot is not in the grammar, and clients show the address all the same
            domain = domain_key(mailbox.domain.decode().removesuffix("."))
        except (InvalidAddress, UnicodeDecodeError):
            unreadable = True
            continue
        if not domain.startswith("["):  # an address literal has no policy
            domains[domain] = None
    if len(values) > 1:
        problem = f"{len(values)} From fields"
    elif cut:
        problem = "the header or its From field is longer than what is read"
    elif len(domains) > MAX_DOMAINS:
        problem = f"more than {MAX_DOMAINS} author domains"
    elif unreadable:
        problem = "an author's address has no valid domain"
    elif pretended or _names_alone_pretend(items, value):
        problem = "what looks like an author's address is none"
    elif is_disputed(value):
        problem = "programs disagree about the author's address"
    else:
        problem = ""
    return Authors(tuple(domains)[:MAX_DOMAINS], len(values), len(found), problem)


def _pretends(mailbox: NameAddr, value: bytes) -> bool:
    """Whether readers may see an address where there is none, or another one (RFC 9989 §11.5)."""
    if mailbox.domain:  # `a@victim.example@evil.example`, which is one address in quotes only
        return b"@" in mailbox.local and b'"%b"' % mailbox.local not in value
    # `a@victim.example <>`, where programs show the name
    return _has_at((mailbox.display or b"") + b" " + mailbox.local)


def _names_alone_pretend(items: AddressList, value: bytes) -> bool:
    """Whether readers may see an address where there is none: `ceo@victim.example:;`, or in a comment alone."""
    names = [item.name for item in items if isinstance(item, Group)]
    shown = b" ".join(names) if items else value
    return _has_at(shown)


def _has_at(shown: bytes) -> bool:
    return "@" in normalize("NFKC", decode(shown))


_remembered = lru_cache(maxsize=1024)(_read)
