"""Who sends a push message: the Authorization field `vapid` (RFC 8292), with a token that our key has signed.

A token holds for all subscriptions of one push service, and is used again: Apple's refuses those who make new ones all
the time, and others keep what they have verified (§5).
"""

from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from pillarbox.protocol.webpush import base64url, p256
from pillarbox.protocol.webpush.p256 import SCALAR_OCTETS
from pillarbox.web.target import target_of

MAX_LIFETIME_S: Final = 24 * 3600
"""§2: what ends later is refused."""
LIFETIME_S: Final = 12 * 3600
"""Half of it, so that clocks may differ."""
MIN_LEFT_S: Final = 3600
"""A token that ends sooner is not sent any more."""
MAX_ORIGINS: Final = 1_000
"""Push services of which the token is remembered. Clients choose their URLs; what is forgotten is made again."""


class Sender:
    """One key, with the tokens that it has signed."""

    def __init__(self, scalar: bytes, subject: str) -> None:
        """`scalar`: the private key; `subject`: as `subject.check` wants it. Raises `KeyRefused`."""
        self._key = p256.private_key(scalar)
        self._subject = subject
        self.application_server_key = base64url.encoded(p256.point_of(self._key))
        """The public key, as clients subscribe with it (RFC 9749 §3) and as the field has it."""
        self._tokens: dict[str, tuple[int, str]] = {}
        """By origin: when they end, and themselves. The oldest is first."""

    def authorization(self, url: str, *, now_s: int) -> str:
        """The value of the Authorization field for a subscription. Raises `UrlRefused`.

        `now_s`: seconds since 1970.
        """
        origin = target_of(url).origin
        ends_s, token = self._tokens.get(origin, (0, ""))
        # More is left than a token has: the clock was set back
        if not MIN_LEFT_S <= ends_s - now_s <= LIFETIME_S:
            token = signed(self._key, origin=origin, ends_s=now_s + LIFETIME_S, subject=self._subject)
            self._remember(origin, now_s + LIFETIME_S, token)
        return f"vapid t={token}, k={self.application_server_key}"

    def _remember(self, origin: str, ends_s: int, token: str) -> None:
        self._tokens.pop(origin, None)
        if len(self._tokens) >= MAX_ORIGINS:
            del self._tokens[next(iter(self._tokens))]
        self._tokens[origin] = (ends_s, token)


def signed(key: EllipticCurvePrivateKey, *, origin: str, ends_s: int, subject: str) -> str:
    """A token (§2); takes a tenth of a millisecond.

    The signature needs no chance: the same token is signed in the same way.
    """
    parts = ({"typ": "JWT", "alg": "ES256"}, {"aud": origin, "exp": ends_s, "sub": subject})
    said = ".".join(base64url.encoded(msgspec.json.encode(part)) for part in parts)
    numbers = decode_dss_signature(
        key.sign(said.encode("ascii"), ECDSA(SHA256(), deterministic_signing=True))
    )
    signature = b"".join(number.to_bytes(SCALAR_OCTETS, "big") for number in numbers)
    return f"{said}.{base64url.encoded(signature)}"
