"""SCRAM's four messages: parsing and writing them (RFC 5802 §5.1, §7).

Attributes have a fixed order; extensions come last and are ignored, except `m=`, which requires an unsupported
extension and so fails.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Literal

from pillarbox.protocol.sasl.exchange import AuthenticationFailed, Reason

MAX_NONCE_CHARACTERS = 512
"""The longest nonce of either side."""

# RFC 5802 §7: gs2-cbind-flag "," [authzid] "," then username "," nonce ["," extensions].
_CLIENT_FIRST = re.compile(
    r"(?P<gs2>(?:p=(?P<binding>[A-Za-z0-9.-]+)|(?P<flag>[ny])),(?:a=(?P<authzid>[^,\0]+))?,)"
    r"(?P<bare>n=(?P<name>[^,\0]+),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^,\0]+)*)"
)
_SERVER_FIRST = re.compile(
    r"r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+),s=(?P<salt>[A-Za-z0-9+/=]+),i=(?P<iterations>[1-9][0-9]{0,9})"
    r"(?:,[A-Za-z]=[^,\0]+)*"
)
_CLIENT_FINAL = re.compile(
    r"(?P<unproven>c=(?P<binding>[A-Za-z0-9+/=]+),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)"
    r"(?:,[A-Za-z]=[^,\0]+)*),p=(?P<proof>[A-Za-z0-9+/=]+)"
)
_SERVER_FINAL = re.compile(r"(?:e=(?P<error>[^,\0]+)|v=(?P<verifier>[A-Za-z0-9+/=]+))(?:,[A-Za-z]=[^,\0]+)*")
# RFC 5802 §5.1: "'=' not followed by either '2C' or '3D'" fails the authentication.
_NAME = re.compile(r"(?:[^=]|=2C|=3D)+")


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """client-first: the name, and whether the channel is bound."""

    gs2_header: str
    flag: Literal["n", "y", "p"]
    binding: str
    """The channel binding's type; empty unless the flag is `p`."""
    authorization: str
    name: str
    nonce: str
    bare: str
    """The message without its GS2 header, as both sides sign it."""


@dataclass(frozen=True, slots=True)
class ServerFirst:
    """server-first: nonce, salt and iterations; `text` is what both sides sign."""

    nonce: str
    salt: bytes
    iterations: int
    text: str


@dataclass(frozen=True, slots=True)
class ClientFinal:
    """client-final: the proof; `unproven` is what precedes it, as both sides sign it."""

    binding: bytes
    nonce: str
    unproven: str
    proof: bytes = field(repr=False)


def parse_client_first(octets: bytes) -> ClientFirst:
    """Raises `AuthenticationFailed`."""
    found = _match(_CLIENT_FIRST, octets)
    if len(found["nonce"]) > MAX_NONCE_CHARACTERS:
        raise AuthenticationFailed(Reason.TOO_LONG, "SCRAM nonce over the limit")
    flag = found["flag"]
    return ClientFirst(
        gs2_header=found["gs2"],
        flag="n" if flag == "n" else "y" if flag == "y" else "p",
        binding=found["binding"] or "",
        authorization=_unescape(found["authzid"]) if found["authzid"] else "",
        name=_unescape(found["name"]),
        nonce=found["nonce"],
        bare=found["bare"],
    )


def parse_server_first(octets: bytes) -> ServerFirst:
    """Raises `AuthenticationFailed`."""
    found = _match(_SERVER_FIRST, octets)
    return ServerFirst(found["nonce"], _decode(found["salt"]), int(found["iterations"]), found[0])


def parse_client_final(octets: bytes) -> ClientFinal:
    """Raises `AuthenticationFailed`."""
    found = _match(_CLIENT_FINAL, octets)
    return ClientFinal(
        binding=_decode(found["binding"]),
        nonce=found["nonce"],
        unproven=found["unproven"],
        proof=_decode(found["proof"]),
    )


def parse_server_final(octets: bytes) -> bytes:
    """The server's signature. Raises `AuthenticationFailed` if the server reports an error instead."""
    found = _match(_SERVER_FINAL, octets)
    if found["error"]:
        raise AuthenticationFailed(Reason.CREDENTIALS, f"server says {found['error'][:64]!r}")
    return _decode(found["verifier"])


def server_first(nonce: str, salt: bytes, iterations: int) -> str:
    """Write the server's first message."""
    return f"r={nonce},s={encode(salt)},i={iterations}"


def escape(name: str) -> str:
    """A `saslname`: `=` and `,` are escaped."""
    return name.replace("=", "=3D").replace(",", "=2C")


def encode(octets: bytes) -> str:
    """Base64 as text."""
    return base64.b64encode(octets).decode("ascii")


def _unescape(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise AuthenticationFailed(Reason.MALFORMED, "invalid '=' in a SCRAM name")
    return name.replace("=2C", ",").replace("=3D", "=")


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise AuthenticationFailed(Reason.MALFORMED, "SCRAM attribute is not base64") from None


def _match(pattern: re.Pattern[str], octets: bytes) -> re.Match[str]:
    try:
        found = pattern.fullmatch(octets.decode())
    except UnicodeDecodeError:
        found = None
    if not found:
        raise AuthenticationFailed(Reason.MALFORMED, "not the SCRAM message expected here")
    return found
