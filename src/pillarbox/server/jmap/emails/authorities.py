"""The authorities whose certificates are believed where signatures of emails are verified (S/MIME)."""

import asyncio

from pillarbox.config.schema import Config
from pillarbox.trust.smime.certificates import Roots
from pillarbox.world.tls.certificate import read_chain, system_authorities
from pillarbox.world.tls.server import CertificateUnusable
from pillarbox.world.world import World


class TrustedAuthorities:
    """Whose certificates are believed: read once, by whoever needs them first."""

    def __init__(self, world: World, config: Config) -> None:
        self._world, self._file = world, config.authentication.smime_roots
        self._lock = asyncio.Lock()
        self._roots: Roots | None = None

    async def get(self) -> Roots:
        """Those of the file that the operator names, or the system's. Without any, nobody is believed."""
        async with self._lock:
            if self._roots is None:
                self._roots = await asyncio.to_thread(self._read)
            return self._roots

    def _read(self) -> Roots:
        try:
            return Roots(read_chain(self._file) if self._file else system_authorities())
        except CertificateUnusable as failure:
            self._world.telemetry.warning("no S/MIME", reason=str(failure))
            return Roots(())
