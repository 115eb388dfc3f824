"""The names of the machine's hosts file, in front of another resolver, for hosts that the operator names.

Only those: what the DNS says of a mail domain is not for this machine to say otherwise.
"""

import asyncio
import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pillarbox.dns import Answer, Kind, Outcome, normal_name
from pillarbox.world.resolver.resolver import Resolver
from pillarbox.world.resolver.validation import Examined

HOSTS_FILE: Final = Path("/etc/hosts")
MAX_FILE_OCTETS: Final = 1024 * 1024
"""Octets of the file that are read."""
_LOOPBACK: Final = ("::1", "127.0.0.1")

_Names = Mapping[str, tuple[str, ...]]


class HostsFile(Resolver):
    """A resolver that knows a hosts file (hosts(5)), and `localhost` without one."""

    def __init__(self, behind: Resolver, path: Path = HOSTS_FILE) -> None:
        self._behind = behind
        self._path = path
        self._names: _Names = {}
        self._read: tuple[int, int] | None = None
        """Time of modification and size of the file, as it was read."""

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        """See `Resolver`: the DNS alone."""
        return await self._behind.lookup(name, kind)

    def known(self, name: str, kind: Kind) -> Outcome[Any] | None:
        """See `Resolver`: the DNS alone."""
        return self._behind.known(name, kind)

    async def host_addresses(self, name: str) -> Outcome[str]:
        """See `Resolver`. The file is read again when it has changed; without one there is only `localhost`."""
        names = await asyncio.to_thread(self._current)
        wanted = normal_name(name)
        if found := names.get(wanted) or (_LOOPBACK if wanted == "localhost" else ()):
            return Answer(found, 0)
        return await self._behind.host_addresses(name)

    async def examine(self) -> Sequence[Examined]:
        """See `Resolver`."""
        return await self._behind.examine()

    async def close(self) -> None:
        """See `Resolver`."""
        await self._behind.close()

    def _current(self) -> _Names:
        try:
            status = self._path.stat()
            read = status.st_mtime_ns, status.st_size
            if read != self._read:
                with self._path.open("rb") as file:
                    self._names = _parsed(file.read(MAX_FILE_OCTETS))
                self._read = read
        except OSError:
            self._names, self._read = {}, None
        return self._names


def _parsed(octets: bytes) -> _Names:
    """The addresses of each name; what is no line of a hosts file is skipped."""
    found: dict[str, list[str]] = {}
    for line in octets.decode("utf-8", "replace").splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        try:
            text = str(ipaddress.ip_address(address))
        except ValueError:
            continue
        for name in names:
            known = found.setdefault(normal_name(name), [])
            if text not in known:
                known.append(text)
    return {name: tuple(addresses) for name, addresses in found.items()}
