"""How large and how deep a CBOR item is (RFC 8949), looked at before it is decoded.

What authenticators write has neither tags nor items of indefinite length (CTAP2 canonical CBOR); both are refused,
since a decoder makes of tags what it likes, patterns and dates for instance.
"""

from typing import Final

MAX_DEPTH: Final = 6
MAX_ITEMS: Final = 256

_OCTETS, _TEXT, _ARRAY, _MAP, _TAG = range(2, 7)
_IN_HEAD: Final = 24
_INDEFINITE: Final = 28


class CborRefused(ValueError):
    """It is none that an authenticator writes."""


def end_of_item(octets: bytes, at: int = 0) -> int:
    """Where the item that begins here ends. Raises `CborRefused`."""
    awaited = [1]  # items, in each item that is open
    items = 0
    while awaited:
        if awaited[-1] == 0:
            awaited.pop()
            continue
        awaited[-1] -= 1
        items += 1
        if items > MAX_ITEMS:
            raise CborRefused("too many items")
        kind, value, at = _head(octets, at)
        if kind in (_OCTETS, _TEXT):
            at += value
            if at > len(octets):
                raise CborRefused("not whole")
        elif kind in (_ARRAY, _MAP):
            if len(awaited) > MAX_DEPTH:
                raise CborRefused("too deep")
            awaited.append(value * 2 if kind == _MAP else value)
        elif kind == _TAG:
            raise CborRefused("a tag")
    return at


def is_map(octets: bytes, at: int) -> bool:
    """Whether a map begins here."""
    return at < len(octets) and octets[at] >> 5 == _MAP


def _head(octets: bytes, at: int) -> tuple[int, int, int]:
    """Major type, argument, and where the head ends (RFC 8949 §3)."""
    if at >= len(octets):
        raise CborRefused("not whole")
    kind, value = octets[at] >> 5, octets[at] & 0x1F
    at += 1
    if value < _IN_HEAD:
        return kind, value, at
    if value >= _INDEFINITE:
        raise CborRefused("of indefinite length")
    end = at + (1 << (value - _IN_HEAD))
    if end > len(octets):
        raise CborRefused("not whole")
    return kind, int.from_bytes(octets[at:end], "big"), end
