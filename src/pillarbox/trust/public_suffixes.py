"""Organizational domains by the public suffix list (RFC 7489 §3.2), for people who ask.

Nothing is decided by it: DMARC finds the organization by its tree walk (RFC 9989 §4.10), and BIMI takes what DMARC
has found. The list is that of the package `publicsuffixlist`, its private part included.
"""

from functools import cache
from typing import TYPE_CHECKING

from pillarbox.mail.address import InvalidAddress, domain_key

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


def organizational_domain(domain: str) -> str | None:
    """The public suffix and one label more, as A-labels; None for a public suffix and for what is no domain."""
    try:
        name = domain_key(domain.removesuffix("."))
    except InvalidAddress:
        return None
    return None if name.startswith("[") else _list().privatesuffix(name)


@cache
def _list() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList  # reading the list takes some 70 ms

    return PublicSuffixList()
