"""Whether a record lets (nearly) everybody send, so that a `pass` of it says nothing.

`+all` does, and so do networks that add up to it: `ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all`.
"""

from collections.abc import Iterable
from typing import Final

from pillarbox.trust.results import Result
from pillarbox.trust.spf.record import A, All, Directive, Mx, Network

EVERYBODY_4: Final = 2**29
"""IPv4 addresses: an eighth of all, more than anybody has."""
EVERYBODY_6: Final = 2**122
"""IPv6 addresses, within those that are in use: an eighth of them."""
_MAX_PREFIX_4: Final = 3
_MAX_PREFIX_6: Final = 6
_IN_USE_6: Final = (0x2000 << 112, 0x4000 << 112)
"""2000::/3, the global unicast addresses."""


def permits_everybody(directives: Iterable[Directive]) -> bool:
    """Whether these let an eighth of all addresses pass, of either version.

    What other directives exclude before is not taken off, and what names and other records permit is not known here.
    """
    four, six = list[tuple[int, int]](), list[tuple[int, int]]()
    for directive in directives:
        mechanism = directive.mechanism
        passes = directive.result is Result.PASS
        match mechanism:
            case All():
                if passes:
                    return True
                break  # nothing after it counts (RFC 7208 §5.1)
            case Network(version, bits, shift) if passes:
                (four if version == 4 else six).append((bits << shift, bits + 1 << shift))
            case A() | Mx() if passes:
                if mechanism.prefix4 <= _MAX_PREFIX_4 or mechanism.prefix6 <= _MAX_PREFIX_6:
                    return True
            case _:
                pass
    return _size(four) >= EVERYBODY_4 or _size(_in_use(six)) >= EVERYBODY_6


def _in_use(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    first, stop = _IN_USE_6
    return [(max(start, first), min(end, stop)) for start, end in ranges if start < stop and end > first]


def _size(ranges: list[tuple[int, int]]) -> int:
    """Addresses in any of the ranges."""
    size, reached = 0, 0
    for start, end in sorted(ranges):
        if end > reached:
            size += end - max(start, reached)
            reached = end
    return size
