"""Networks of IP addresses, as the configuration names them."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Final


class Networks:
    """Tells whether an address is in one of them."""

    def __init__(self, texts: Iterable[str]) -> None:
        """`192.0.2.0/24`, `2001:db8::/32`, or a single address. Raises ValueError."""
        self._networks = [ip_network(text) for text in texts]

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, address: object) -> bool:
        if not self._networks or not isinstance(address, str):
            return False
        try:
            parsed = ip_address(address)
        except ValueError:  # a unix socket has none
            return False
        return any(parsed in network for network in self._networks)


NONE: Final = Networks(())
