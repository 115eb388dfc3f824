"""One evaluation of check_host(): its arguments, and the limits of what it may ask (RFC 7208 §4.6.4)."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, Final

from pillarbox.dns import Answer, Failure, Kind
from pillarbox.trust.questions import Asking, Lookup
from pillarbox.trust.results import Result
from pillarbox.trust.spf.record import Network

MAX_TERMS_THAT_ASK: Final = 10
"""`include`, `a`, `mx`, `ptr`, `exists`, `redirect`, and the first macro that needs the name of the client."""
MAX_VOID_TERMS: Final = 2
"""Terms for which the DNS had nothing."""
MAX_OCTETS: Final = 16 * 1024
"""Records that are parsed, all together."""
MAX_EXCHANGES: Final = 10
"""MX records of one `mx`; with more it is an error."""
MAX_CLIENT_NAMES: Final = 10
"""PTR records of the client; further ones are ignored."""
MAX_QUESTIONS: Final = 1 + MAX_TERMS_THAT_ASK * (1 + MAX_EXCHANGES) + 1 + (1 + MAX_CLIENT_NAMES)
"""What follows from these: the record, each term, the explanation, and the client's name for it."""

_REMEMBERED_ADDRESSES: Final = 1024


class Stop(Exception):
    """The evaluation ends with an error."""

    def __init__(self, result: Result, reason: str) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason


class Session:
    """The arguments of check_host() that stay the same in included records, and what was asked so far."""

    def __init__(
        self, ip: IPv4Address | IPv6Address, sender: tuple[str, str], helo: str, receiver: str, now: int
    ) -> None:
        """`sender`: local part, and domain as A-labels; `now`: UNIX seconds."""
        ip = client_address(ip)
        self.ip = ip
        self.local, self.sender_domain = sender
        self.helo = helo
        self.receiver = receiver
        self.now = now
        self.lookups = 0
        self.client_names: tuple[str, ...] | None = None
        """Names that the client claims to have, once they were asked for."""
        self.validated = dict[str, bool]()
        """Which of them have its address."""
        self.host_kind = Kind.A if ip.version == 4 else Kind.AAAA
        self._version: int = ip.version
        self._width: int = ip.max_prefixlen
        self._address = int(ip)
        self._void_terms = 0
        self._octets = 0

    def count_term(self) -> None:
        """A term that asks the DNS. Raises `Stop`."""
        self.lookups += 1
        if self.lookups > MAX_TERMS_THAT_ASK:
            raise Stop(Result.PERMERROR, f"more than {MAX_TERMS_THAT_ASK} terms that ask the DNS")

    def count_void(self) -> None:
        """A term for which the DNS has nothing. Raises `Stop`."""
        self._void_terms += 1
        if self._void_terms > MAX_VOID_TERMS:
            raise Stop(Result.PERMERROR, f"more than {MAX_VOID_TERMS} terms for which the DNS has nothing")

    def count_octets(self, octets: int) -> None:
        """A record that is to be parsed. Raises `Stop`."""
        self._octets += octets
        if self._octets > MAX_OCTETS:
            raise Stop(Result.PERMERROR, f"SPF records of more than {MAX_OCTETS} octets")

    def is_in(self, network: Network) -> bool:
        """Whether the client's address is in the network; never in one of the other version."""
        return network.version == self._version and self._address >> network.shift == network.bits

    def is_near(self, addresses: Iterable[str], prefix4: int, prefix6: int) -> bool:
        """Whether the client's address has as many bits in common with any of these, of its own version."""
        version, shift = self._version, self._width - (prefix4 if self._version == 4 else prefix6)
        wanted = self._address >> shift
        for address in addresses:
            number = _number(version, address)
            if number >= 0 and number >> shift == wanted:
                return True
        return False

    def values(self, domain: str) -> dict[str, str]:
        """The values of macros (§7.2), but for the name of the client."""
        return {
            "s": f"{self.local}@{self.sender_domain}",
            "l": self.local,
            "o": self.sender_domain,
            "d": domain,
            "i": _dotted(self.ip),
            "v": "in-addr" if self._version == 4 else "ip6",
            "h": self.helo,
            "c": str(self.ip),
            "r": self.receiver or "unknown",
            "t": str(self.now),
        }


def client_address(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 client of a socket that serves both as what it is (RFC 7208 §5), and no zone of this machine."""
    if isinstance(ip, IPv6Address):
        return ip.ipv4_mapped or (IPv6Address(int(ip)) if ip.scope_id else ip)
    return ip


def records(name: str, kind: Kind) -> Asking[tuple[Any, ...]]:
    """The records of a name, none of which may exist. Raises `Stop` where the look-up fails (§5)."""
    outcome = yield Lookup(name, kind)
    if isinstance(outcome, Answer):
        return outcome.records
    if isinstance(outcome, Failure):
        raise Stop(Result.TEMPERROR, f"look-up of {kind} {name} failed: {outcome.reason}")
    return ()


def _dotted(ip: IPv4Address | IPv6Address) -> str:
    """§7.3: for IPv6, each digit is a label."""
    return str(ip) if isinstance(ip, IPv4Address) else ".".join(ip.packed.hex().upper())


@lru_cache(maxsize=_REMEMBERED_ADDRESSES)
def _number(version: int, address: str) -> int:
    """Negative for what is no address."""
    try:
        return int(IPv4Address(address) if version == 4 else IPv6Address(address))
    except AddressValueError:
        return -1
