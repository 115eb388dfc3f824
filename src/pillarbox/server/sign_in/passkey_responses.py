"""What a browser sends of a passkey, as JSON (Web Authentication §5.1, `toJSON`), read with limits: how large and deep
each part is, is looked at before it is decoded by anything else.
"""

import binascii
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from pillarbox.directory.sign_in.passkeys import HANDLE_OCTETS, MAX_CREDENTIAL_OCTETS, MAX_KEY_OCTETS
from pillarbox.server.sign_in.cbor_bounds import CborRefused, end_of_item, is_map

MAX_RESPONSE_OCTETS: Final = 64 * 1024
MAX_CLIENT_DATA_OCTETS: Final = 4096
MAX_AUTHENTICATOR_DATA_OCTETS: Final = 8192
MAX_ATTESTATION_OCTETS: Final = 40 * 1024
MAX_SIGNATURE_OCTETS: Final = 1024
MAX_TRANSPORTS: Final = 16

# Web Authentication §6.1: hash of the relying party id, flags, counter
_FLAGS_AT: Final = 32
_COUNT_END: Final = 37
_ID_LENGTH_AT: Final = 53
_ID_AT: Final = 55
PRESENT: Final = 0x01
VERIFIED: Final = 0x04
BACKUP_ELIGIBLE: Final = 0x08
BACKED_UP: Final = 0x10
HAS_KEY: Final = 0x40
HAS_EXTENSIONS: Final = 0x80


class ResponseRefused(Exception):
    """A passkey that does not count. The text says why, for the log; whoever has sent it is not told."""


class _Attested(Struct, gc=False):
    clientDataJSON: str  # noqa: N815 - as browsers write it
    attestationObject: str  # noqa: N815
    transports: list[str] | None = None


class _Attestation(Struct):
    id: str
    rawId: str  # noqa: N815
    type: str
    response: _Attested


class _Asserted(Struct, gc=False):
    clientDataJSON: str  # noqa: N815
    authenticatorData: str  # noqa: N815
    signature: str
    userHandle: str | None = None  # noqa: N815


class _Assertion(Struct):
    id: str
    rawId: str  # noqa: N815
    type: str
    response: _Asserted


class _ClientData(Struct, gc=False):
    """What is looked at here: all else is verified later (§5.8.1)."""

    type: str
    challenge: str
    origin: str
    crossOrigin: bool | None = None  # noqa: N815
    topOrigin: str | None = None  # noqa: N815


class Made(Struct, frozen=True, gc=False):
    """A passkey that a browser says it has made; nothing of it is verified."""

    credential: bytes
    client_data: bytes
    attestation: bytes
    """A CBOR map."""
    transports: tuple[str, ...]


class Shown(Struct, frozen=True, gc=False):
    """A passkey that a browser shows; nothing of it is verified."""

    credential: bytes
    client_data: bytes
    authenticator_data: bytes
    signature: bytes
    handle: bytes | None

    @property
    def flags(self) -> int:
        """What the authenticator says (Web Authentication §6.1)."""
        return self.authenticator_data[_FLAGS_AT]


T = TypeVar("T")


def read_made(octets: bytes) -> Made:
    """Read the answer of `navigator.credentials.create()`. Raises `ResponseRefused`."""
    read = _json(octets, _Attestation)
    response = read.response
    return Made(
        _credential(read.id, read.rawId, read.type),
        _client_data(response.clientDataJSON),
        _whole_map(_octets(response.attestationObject, MAX_ATTESTATION_OCTETS, "attestation")),
        tuple((response.transports or [])[:MAX_TRANSPORTS]),
    )


def read_shown(octets: bytes) -> Shown:
    """Read the answer of `navigator.credentials.get()`. Raises `ResponseRefused`."""
    read = _json(octets, _Assertion)
    response = read.response
    data = _octets(response.authenticatorData, MAX_AUTHENTICATOR_DATA_OCTETS, "authenticator data")
    check_authenticator_data(data, has_key=False)
    handle = response.userHandle
    return Shown(
        _credential(read.id, read.rawId, read.type),
        _client_data(response.clientDataJSON),
        data,
        _octets(response.signature, MAX_SIGNATURE_OCTETS, "signature"),
        _octets(handle, HANDLE_OCTETS, "user handle") if handle else None,
    )


def check_authenticator_data(data: bytes, *, has_key: bool) -> None:
    """See that it has the parts that it says (Web Authentication §6.1), none of them too large, and a key or none.
    Raises `ResponseRefused`."""
    if len(data) < _COUNT_END:
        raise ResponseRefused("the authenticator data is too short")
    flags, at = data[_FLAGS_AT], _COUNT_END
    if bool(flags & HAS_KEY) is not has_key:
        raise ResponseRefused("the authenticator data has a key that nobody asked for, or none")
    if has_key:
        at = _ID_AT + int.from_bytes(data[_ID_LENGTH_AT:_ID_AT], "big")
        if at - _ID_AT > MAX_CREDENTIAL_OCTETS:
            raise ResponseRefused("the id is too long")
        end = _end_of_map(data, at)
        if end - at > MAX_KEY_OCTETS:
            raise ResponseRefused("the key is too large")
        at = end
    if flags & HAS_EXTENSIONS:
        at = _end_of_map(data, at)
    if at != len(data):
        raise ResponseRefused("there is more in the authenticator data")


def _end_of_map(data: bytes, at: int) -> int:
    if not is_map(data, at):
        raise ResponseRefused("the authenticator data has no map where one must be")
    try:
        return end_of_item(data, at)
    except CborRefused as refused:
        raise ResponseRefused(f"CBOR: {refused}") from None


def _whole_map(octets: bytes) -> bytes:
    if _end_of_map(octets, 0) != len(octets):
        raise ResponseRefused("there is more than the attestation")
    return octets


def _json(octets: bytes, kind: type[T]) -> T:
    if len(octets) > MAX_RESPONSE_OCTETS:
        raise ResponseRefused("too large")
    try:
        return msgspec.json.decode(octets, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise ResponseRefused("not the JSON of a passkey") from None


def _credential(identifier: str, raw: str, kind: str) -> bytes:
    if kind != "public-key" or identifier != raw:
        raise ResponseRefused("not a passkey")
    credential = _octets(raw, MAX_CREDENTIAL_OCTETS, "id")
    if not credential:
        raise ResponseRefused("no id")
    return credential


def _client_data(text: str) -> bytes:
    octets = _octets(text, MAX_CLIENT_DATA_OCTETS, "client data")
    data = _json(octets, _ClientData)
    # Web Authentication §7.2, steps 10 and 11: our pages are in nobody's frame
    if data.crossOrigin or data.topOrigin is not None:
        raise ResponseRefused("asked for in a frame of another page")
    return octets


def _octets(text: str, most: int, what: str) -> bytes:
    """base64url without padding (RFC 4648 §5), as the one who has made it writes it."""
    if len(text) > (most * 4 + 2) // 3:
        raise ResponseRefused(f"{what} too long")
    standard = text.replace("-", "+").replace("_", "/")
    try:
        octets = binascii.a2b_base64(standard + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        raise ResponseRefused(f"{what} is not base64url") from None
    if written(octets) != text:
        raise ResponseRefused(f"{what} is not base64url")
    return octets


def written(octets: bytes) -> str:
    """Octets as base64url without padding (RFC 4648 §5)."""
    standard = binascii.b2a_base64(octets, newline=False).decode("ascii")
    return standard.rstrip("=").replace("+", "-").replace("/", "_")
