"""A push service and a client of it, on their own: what they accept and read of a push message.

Nothing here is that of `pillarbox.protocol.webpush`: keys are derived by the library's HKDF, and signatures verified
with keys made of the numbers of the point.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_DAY_S = 86_400


def octets_of(text: str) -> bytes:
    """Of base64url without padding; blanks are left out."""
    bare = "".join(text.split())
    return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)


def _derived(material: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(material)


def decrypted(body: bytes, material: bytes) -> bytes:
    """RFC 8188 §2: the text of a body, of any number of records. Raises where it is not whole."""
    salt, record_octets, at = body[:16], int.from_bytes(body[16:20], "big"), 21 + body[20]
    key = _derived(material, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = int.from_bytes(_derived(material, salt, b"Content-Encoding: nonce\0", 12), "big")
    records = [body[start : start + record_octets] for start in range(at, len(body), record_octets)]
    plain = b""
    for number, record in enumerate(records):
        mode = GCM((nonce ^ number).to_bytes(12, "big"), record[-16:])
        decryptor = Cipher(AES(key), mode).decryptor()
        padded = (decryptor.update(record[:-16]) + decryptor.finalize()).rstrip(b"\0")
        assert padded[-1] == (2 if number == len(records) - 1 else 1), "the padding ends in a wrong octet"
        plain += padded[:-1]
    return plain


@dataclass
class Client:
    """Who has subscribed."""

    private: ec.EllipticCurvePrivateKey
    auth: bytes

    @classmethod
    def of(cls, private: str, auth: str) -> "Client":
        """With given keys, in base64url."""
        number = int.from_bytes(octets_of(private), "big")
        return cls(ec.derive_private_key(number, ec.SECP256R1()), octets_of(auth))

    @property
    def p256dh(self) -> bytes:
        """Its public key."""
        return _written(self.private.public_key())

    def read(self, body: bytes) -> bytes:
        """RFC 8291 §4: the text of a message, as a browser with the least abilities reads it."""
        assert len(body) <= 4096, "a push service need not take it"
        assert body[20] == 65, "the key is no point"
        assert int.from_bytes(body[16:20], "big") > len(body) - 86 - 1, "there is more than one record"
        theirs = body[21:86]
        shared = self.private.exchange(ec.ECDH(), _read(theirs))
        info = b"WebPush: info\0" + self.p256dh + theirs
        return decrypted(body, _derived(shared, self.auth, info, 32))


def _read(point: bytes) -> ec.EllipticCurvePublicKey:
    assert point[0] == 4
    x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:65], "big")
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def _written(key: ec.EllipticCurvePublicKey) -> bytes:
    numbers = key.public_numbers()
    return b"\4" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def claims(authorization: str) -> tuple[dict[str, Any], bytes]:
    """What a `vapid` token says and the key that has signed it. Raises AssertionError (RFC 8292 §3, RFC 7515)."""
    scheme, _, parameters = authorization.partition(" ")
    assert scheme == "vapid"
    given = dict(parameter.strip().split("=", 1) for parameter in parameters.split(","))
    head, said, signature = given["t"].split(".")
    assert json.loads(octets_of(head)) == {"typ": "JWT", "alg": "ES256"}
    point, both = octets_of(given["k"]), octets_of(signature)
    assert (len(point), len(both)) == (65, 64)
    der = encode_dss_signature(int.from_bytes(both[:32], "big"), int.from_bytes(both[32:], "big"))
    try:
        _read(point).verify(der, f"{head}.{said}".encode(), ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise AssertionError("another key has signed the token") from None
    found = json.loads(octets_of(said))
    assert isinstance(found, dict)
    return found, point


def refusal(authorization: str, *, origin: str, key: bytes, now_s: float) -> str:
    """Why a push service as strict as Apple's refuses a message: which of its five rules is broken; empty if none is.

    `key`: with which the subscription was made.
    """
    try:
        said, signer = claims(authorization)
    except (AssertionError, ValueError, KeyError):
        return "BadJwtToken: signature"
    if signer != key:
        return "VapidPkHashMismatch"
    if said.get("aud") != origin:
        return "BadJwtToken: aud"
    if not now_s < said.get("exp", 0) <= now_s + _DAY_S:
        return "BadJwtToken: exp"
    subject = said.get("sub", "")
    scheme, _, rest = subject.partition(":")
    host = rest.rpartition("@")[2] if scheme == "mailto" else rest.removeprefix("//").split("/")[0]
    if scheme not in ("mailto", "https") or not host or set(subject) & set(" <>") or host == "localhost":
        return "BadJwtToken: sub"
    return ""
