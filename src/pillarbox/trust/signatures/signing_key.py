"""With what to sign."""

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from msgspec import Struct

from pillarbox.trust.signatures.arithmetic import PrivateKey


class SigningKey(Struct, frozen=True, gc=False):
    """A private key, and where its public key is in the DNS."""

    domain: str
    """Whose key it is (`d=`): A-labels, lower case."""
    selector: str
    key: PrivateKey

    @property
    def algorithm(self) -> str:
        """`a=` (RFC 8301 §3.1, RFC 8463 §4.1)."""
        return "rsa-sha256" if isinstance(self.key, RSAPrivateKey) else "ed25519-sha256"
