"""An authenticator in software, and the browser before it: makes passkeys and signs with them (Web Authentication).

It does what it is told, and is told to do wrong as well: every part of what it says can be changed.

    phone = Authenticator()
    made = phone.make(options, "https://mail.one.example")
    shown = phone.show(options, "https://mail.one.example", changed={"origin": "https://evil.example"})
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ES256, EDDSA, RS256 = -7, -8, -257
PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, KEY, EXTENSIONS = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def encoded(octets: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """The octets of base64url."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Credential:
    """One passkey."""

    id: bytes
    key: PrivateKey
    handle: bytes
    count: int = 0


@dataclass
class Authenticator:
    """What a person has."""

    algorithm: int = ES256
    verifies: bool = True
    """Whether it verifies its holder."""
    counts: bool = False
    flags: int = 0
    """More of them: `ELIGIBLE`, `BACKED_UP`."""
    transports: tuple[str, ...] = ("internal",)
    aaguid: bytes = bytes(16)
    credentials: list[Credential] = field(default_factory=list)

    def make(self, options: Mapping[str, Any], origin: str, **other: Any) -> dict[str, Any]:
        """What `navigator.credentials.create()` results in, as JSON.

        `other`: `changed` fields of the client data, `party` instead of the relying party, `flags` (all of them),
        `key` instead of the COSE key, `credential` instead of its id, `statement` with its format, `data` or
        `attestation` as octets.
        """
        made = Credential(
            other.get(
                "credential", hashlib.sha256(b"%d" % id(self) + bytes([len(self.credentials)])).digest()
            ),
            _new_key(self.algorithm),
            decoded(options["user"]["id"]),
            count=1 if self.counts else 0,
        )
        self.credentials.append(made)
        key = other.get("key", cbor2.dumps(cose(made.key)))
        data = other.get(
            "data",
            self._data(options["rp"]["id"], made, other, KEY)
            + self.aaguid
            + len(made.id).to_bytes(2, "big")
            + made.id
            + key
            + other.get("extensions", b""),
        )
        form, statement = other.get("statement", ("none", {}))
        whole = cbor2.dumps({"fmt": form, "attStmt": statement, "authData": data})
        response = {
            "clientDataJSON": encoded(_client_data("webauthn.create", options["challenge"], origin, other)),
            "attestationObject": encoded(other.get("attestation", whole)),
            "transports": list(self.transports),
        }
        return _public_key(made.id, response)

    def show(self, options: Mapping[str, Any], origin: str, **other: Any) -> dict[str, Any]:
        """What `navigator.credentials.get()` results in, as JSON: for the last passkey, or that which is asked for.

        `other`: as `make` has it, and `handle` instead of the user handle, `count` instead of the counter, `after`
        (changes the authenticator data after it was signed), `signature`.
        """
        asked = [decoded(one["id"]) for one in options.get("allowCredentials", [])]
        fitting = [one for one in self.credentials if not asked or one.id in asked]
        chosen = fitting[-1] if fitting else self.credentials[-1]
        if self.counts:
            chosen.count += 1
        data = other.get("data", self._data(options["rpId"], chosen, other, 0) + other.get("extensions", b""))
        client_data = _client_data("webauthn.get", options["challenge"], origin, other)
        signature = _sign(chosen.key, data + hashlib.sha256(client_data).digest())
        data = other["after"](data) if "after" in other else data
        handle = other.get("handle", chosen.handle)
        response = {
            "clientDataJSON": encoded(client_data),
            "authenticatorData": encoded(data),
            "signature": encoded(other.get("signature", signature)),
            **({"userHandle": encoded(handle)} if handle is not None else {}),
        }
        return _public_key(other.get("credential", chosen.id), response)

    def _data(self, party: str, one: Credential, other: Mapping[str, Any], more: int) -> bytes:
        usual = PRESENT | (VERIFIED if self.verifies else 0) | self.flags
        flags = other.get("flags", usual) | more | (EXTENSIONS if "extensions" in other else 0)
        digest = hashlib.sha256(other.get("party", party).encode()).digest()
        count: int = other.get("count", one.count)
        return digest + bytes([flags]) + count.to_bytes(4, "big")


def _public_key(identifier: bytes, response: dict[str, Any]) -> dict[str, Any]:
    name = encoded(identifier)
    return {
        "id": name,
        "rawId": name,
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {"credProps": {"rk": True}},
        "response": response,
    }


def _client_data(kind: str, challenge: str, origin: str, other: Mapping[str, Any]) -> bytes:
    usual = {"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}
    octets: bytes = other.get("client_data", json.dumps({**usual, **other.get("changed", {})}).encode())
    return octets


def _new_key(algorithm: int) -> PrivateKey:
    if algorithm == EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == RS256:
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def _sign(key: PrivateKey, octets: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(octets)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(octets, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(octets, ec.ECDSA(hashes.SHA256()))


def cose(key: PrivateKey) -> dict[int, Any]:
    """The public key as a COSE key (RFC 9052 §7)."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {1: 1, 3: EDDSA, -1: 6, -2: key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)}
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {1: 3, 3: RS256, -1: numbers.n.to_bytes(256, "big"), -2: b"\x01\x00\x01"}
    point = key.public_key().public_numbers()
    return {1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
