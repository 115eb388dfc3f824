"""Finding out where a recipient's mail goes."""

from typing import Final

from pillarbox.config.schema import Config
from pillarbox.delivery import route
from pillarbox.delivery.envelope import Origin
from pillarbox.delivery.recipient_cache import RecipientCache
from pillarbox.delivery.route import Destination, LocalRecipient, RemoteRecipient
from pillarbox.delivery.trace import address_literal
from pillarbox.directory import resolve
from pillarbox.mail.address import Address
from pillarbox.protocol.smtp.path import POSTMASTER, ForwardPath
from pillarbox.world.world import World

MAX_IN_LOOP: Final = 100
"""Addresses and members that an address may lead to, for it to be resolved in the loop: some milliseconds."""


class RecipientResolver:
    """Resolves forward-paths, with a cache; shared by all messages of a process."""

    def __init__(self, world: World, config: Config) -> None:
        self._database = world.database
        self._config = config
        self._cache = RecipientCache(world.signals, world.clock)

    def address(self, origin: Origin, path: ForwardPath) -> Address:
        """The address a forward-path stands for."""
        if path is POSTMASTER:
            return Address("postmaster", self._config.domain)
        # RFC 5321 §4.1.3, RFC 1123 §5.2.17: mail to a literal of our own address is mail to us
        if path.domain.startswith("["):
            own = origin.server_address
            if own and path.domain.lower() == address_literal(own).lower():
                return Address(path.local, self._config.domain)
        return path

    def cached(self, origin: Origin, address: Address) -> LocalRecipient | None:
        """Where mail for this address goes, if that is known without asking the database."""
        if self._config.separate_domains and origin.account:
            return None
        return self._cache.get(address)

    async def destination(self, origin: Origin, address: Address, *, octets: int) -> Destination:
        """Where mail of this size for this address goes. Raises `DatabaseUnavailable`."""
        if self._config.separate_domains and origin.account:
            served = await self._database.read(resolve.served_domain, address)
            if served is None or served.name != origin.account.login.rpartition("@")[2]:
                return RemoteRecipient()
            cached = self._cache.get(address)
            if cached:
                return cached
        found = await self._read(address, octets)
        self._cache.put(address, found)
        return found

    async def _read(self, address: Address, octets: int) -> Destination:
        database = self._database
        try:
            return await database.read(route.destination, address, octets=octets, most=MAX_IN_LOOP)
        except resolve.LeadsToMany:
            return await database.read_in_thread(route.destination, address, octets=octets)
