"""An SPF record (RFC 7208 §3, §4.6.1) as values."""

from msgspec import Struct

from pillarbox.trust.results import Result
from pillarbox.trust.spf.macros import MacroString


class All(Struct, frozen=True, gc=False):
    """Matches always (§5.1)."""


class Include(Struct, frozen=True):
    """Matches what the record of another domain lets pass (§5.2)."""

    domain: MacroString


class A(Struct, frozen=True):
    """Matches the addresses of a name (§5.3)."""

    domain: MacroString | None
    """None: the domain itself."""
    prefix4: int
    prefix6: int


class Mx(Struct, frozen=True):
    """Matches the addresses of a domain's mail exchangers (§5.4)."""

    domain: MacroString | None
    prefix4: int
    prefix6: int


class Ptr(Struct, frozen=True):
    """Matches clients whose validated names are within a domain (§5.5)."""

    domain: MacroString | None


class Network(Struct, frozen=True, gc=False):
    """`ip4` and `ip6`: matches the addresses of a network (§5.6)."""

    version: int
    """4 or 6."""
    bits: int
    """The prefix, as a number."""
    shift: int
    """Bits of an address behind its prefix."""


class Exists(Struct, frozen=True):
    """Matches if a name has an IPv4 address, whichever (§5.7)."""

    domain: MacroString


Mechanism = All | Include | A | Mx | Ptr | Network | Exists


class Directive(Struct, frozen=True):
    """A mechanism, and what the result is where it matches (§4.6.2)."""

    result: Result
    """`pass`, `fail`, `softfail` or `neutral`."""
    mechanism: Mechanism
    text: str
    """As it was written, in visible ASCII."""


class Record(Struct, frozen=True):
    """A record without mistakes."""

    directives: tuple[Directive, ...]
    redirect: MacroString | None = None
    """Without effect where there is an `all` (§6.1)."""
    explanation: MacroString | None = None
    unknown: tuple[str, ...] = ()
    """Names of other modifiers (§6)."""
    permits_everybody: bool = False
    """See `breadth`."""


class Mistake(Struct, frozen=True, gc=False):
    """Something that makes a record invalid."""

    position: int
    """Characters of the record before it."""
    term: str
    """In visible ASCII, and cut if it is long."""
    reason: str

    def __str__(self) -> str:
        where = f"at character {self.position + 1}"
        return f"{self.term}: {self.reason} ({where})" if self.term else f"{self.reason} ({where})"
