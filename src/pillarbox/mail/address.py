"""One mail address: `local-part@domain` as in envelopes and in the directory.

An `Address` holds its local part without quoting and its domain as given; `str()` quotes the local part where
the grammar requires it. It follows RFC 5321 §4.1.2 (Mailbox) widened to Unicode by RFC 6531 §3.3, but for control
characters, those of direction included: people would take the address for another one. Always
true: `Address.parse(str(address)) == address`.

Address lists in header fields have another, more lenient grammar: see `address_list`.
"""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from pillarbox.mail.normalization import normalize
from pillarbox.mail.visible import has_hidden

MAX_LOCAL_OCTETS: Final = 255
"""RFC 5321 §4.5.3.1.1 requires at least 64; VERP and SRS senders use more in practice."""

MAX_DOMAIN_OCTETS: Final = 255
"""RFC 5321 §4.5.3.1.2, counted in A-labels."""

MAX_LABEL_OCTETS: Final = 63

# By what is not in them: `re` takes 10 ms to compile a range that ends with the last character of Unicode.
_ATEXT = r'[^\x00-\x20\x7f"(),.:;<>@\[\\\]]'
_DOT_STRING = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*")
_ADDRESS = re.compile(rf'(?:({_DOT_STRING.pattern})|"((?:[^\x00-\x1f\x7f"\\]|\\[ -~])*)")@(.+)', re.DOTALL)
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_\-]*[A-Za-z0-9_])?"  # "_" is in no hostname, but in use
_ASCII_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LITERAL = re.compile(r"\[(?:([A-Za-z0-9\-]*[A-Za-z0-9]):)?([!-Z^-~]+)\]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_NEEDS_ESCAPE = re.compile(r'(["\\])')


class InvalidAddress(ValueError):
    """Not an address; the text says why and may be sent to the peer."""


@dataclass(frozen=True, slots=True)
class Address:
    """A mail address; make it with `parse` unless its parts are known to be valid."""

    local: str
    """Local part without quotes, its case kept; the directory decides what case means."""
    domain: str
    """Domain name, with A-labels or U-labels as given, or an address literal in its brackets."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `local@domain`; raises InvalidAddress."""
        if has_hidden(text):
            raise InvalidAddress("address has a control character")
        match = _ADDRESS.fullmatch(text)
        if not match:
            raise InvalidAddress("not an address of the form local-part@domain")
        dot_string, quoted, domain = match.groups()
        local = dot_string if quoted is None else _ESCAPE.sub(r"\1", quoted)
        if len(_octets(local)) > MAX_LOCAL_OCTETS:
            raise InvalidAddress(f"local part longer than {MAX_LOCAL_OCTETS} octets")
        domain_key(domain)
        return cls(local, domain)

    def __str__(self) -> str:
        if _DOT_STRING.fullmatch(self.local):
            return f"{self.local}@{self.domain}"
        return '"{}"@{}'.format(_NEEDS_ESCAPE.sub(r"\\\1", self.local), self.domain)

    @property
    def key(self) -> str:
        """The form for look-ups: local part in NFC with its case kept, "@", domain as lower-case A-labels."""
        local = normalize("NFC", self.local)
        return f"{local}@{domain_key(self.domain)}"

    @property
    def needs_smtputf8(self) -> bool:
        """Whether no ASCII form exists: a domain has A-labels, a local part has no such form (RFC 6531 §3.2)."""
        return not self.local.isascii()

    def with_ascii_domain(self) -> Self:
        """The same address with its domain as A-labels, for a peer without SMTPUTF8."""
        return self if self.domain.isascii() else type(self)(self.local, domain_key(self.domain))


@lru_cache(maxsize=4096)
def domain_key(domain: str) -> str:
    """A domain or address literal in the form used for look-ups: lower case, A-labels.

    Raises InvalidAddress where it is neither a domain name nor an address literal.
    """
    if domain.startswith("["):
        return _literal_key(domain)
    if len(domain) > MAX_DOMAIN_OCTETS:  # no A-label is shorter than its U-label
        raise InvalidAddress(f"domain longer than {MAX_DOMAIN_OCTETS} octets")
    ascii_domain = domain.lower() if domain.isascii() else _to_ascii(domain)
    if len(ascii_domain) > MAX_DOMAIN_OCTETS or not _ASCII_DOMAIN.fullmatch(ascii_domain):
        raise InvalidAddress("not a domain name")
    if any(len(label) > MAX_LABEL_OCTETS for label in ascii_domain.split(".")):
        raise InvalidAddress(f"domain label longer than {MAX_LABEL_OCTETS} octets")
    return ascii_domain


def _to_ascii(domain: str) -> str:
    import idna  # imported here: its tables are large and seldom needed

    try:
        # UTS 46 maps case and width first, as browsers and resolvers do
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise InvalidAddress("not a domain name") from None


def _literal_key(literal: str) -> str:
    match = _LITERAL.fullmatch(literal)
    if not match:
        raise InvalidAddress("not an address literal")
    tag, content = match.groups()
    try:
        # RFC 5321 §4.1.3: an IPv4 address has no tag, IPv6 and all others have one
        match (tag or "").lower():
            case "":
                return f"[{ipaddress.IPv4Address(content)}]"
            case "ipv6":
                return f"[ipv6:{ipaddress.IPv6Address(content)}]"
            case other:
                return f"[{other}:{content.lower()}]"
    except ValueError:
        raise InvalidAddress("not an address literal") from None


def _octets(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidAddress("address is not Unicode text") from None
