"""Challenges for whoever has a passkey. Anybody may ask for one, as often as they like, so nothing is kept of them.

The browser's cookie has a token, which says when it was made. The challenge is its HMAC-SHA-256, with the site that it
is for, under a secret of the installation: who changes the time, has another cookie, or asks at another installation
has another challenge, which no passkey has signed. Once it has let somebody in, a row says so
(`directory.used_challenges`).
"""

import hmac
from typing import Final

from msgspec import Struct

from pillarbox.directory.sign_in import secrets, used_challenges
from pillarbox.directory.sign_in.browser_sessions import digest_of
from pillarbox.directory.sign_in.sign_in_steps import LASTS_MS
from pillarbox.server.login.installation_secret import InstallationSecret
from pillarbox.server.sign_in.steps import new_token
from pillarbox.world.database import Transaction
from pillarbox.world.world import World

_MAX_DIGITS: Final = 15


class OpenChallenge(Struct, frozen=True, gc=False):
    """One that may be answered."""

    token: str
    """For the cookie: milliseconds since 1970, "-", and what nobody guesses."""
    challenge: bytes
    """What a passkey has to sign: 32 octets."""
    expires_at_ms: int


class OpenChallenges:
    """Those of a process; each process knows those of the others."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._secret = InstallationSecret(world, secrets.CHALLENGES)

    async def begin(self, site: str) -> OpenChallenge:
        """A new one, for passkeys of this relying party. Raises `DatabaseUnavailable`."""
        now_ms = self._world.clock.now_ms()
        return await self._of(f"{now_ms}-{new_token(self._world.entropy)}", now_ms, site)

    async def find(self, token: str, site: str) -> OpenChallenge | None:
        """The one of this token; None where it has expired, or never was. Raises `DatabaseUnavailable`."""
        began = _time_of(token)
        if began is None or not began <= self._world.clock.now_ms() < began + LASTS_MS:
            return None
        return await self._of(token, began, site)

    async def _of(self, token: str, began_ms: int, site: str) -> OpenChallenge:
        octets = b"\0".join((b"passkey", site.encode(), token.encode()))
        challenge = hmac.digest(await self._secret.octets(), octets, "sha256")
        return OpenChallenge(token, challenge, began_ms + LASTS_MS)


def use(tx: Transaction, shown: OpenChallenge, *, now_ms: int) -> bool:
    """Use it up, in the transaction that lets somebody in; false where it was used before, or has expired meanwhile."""
    digest = digest_of(shown.token)
    return used_challenges.use(tx, digest, expires_at_ms=shown.expires_at_ms, now_ms=now_ms)


def _time_of(token: str) -> int | None:
    digits, dash, rest = token.partition("-")
    if not dash or not rest or not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        return None
    return int(digits)
