"""`data:` URIs: octets in a text (RFC 2397)."""

import binascii
from typing import Final
from urllib.parse import unquote_to_bytes

SCHEME: Final = "data:"
_PLAIN: Final = "text/plain"


class InvalidDataUri(ValueError):
    """It has not the form of RFC 2397, or its base64 is broken."""


def is_data_uri(uri: object) -> bool:
    """Whether it is such a URI, valid or not."""
    return isinstance(uri, str) and uri[: len(SCHEME)].lower() == SCHEME


def decode(uri: str) -> tuple[str, bytes]:
    """The media type, without parameters, and the octets. Raises `InvalidDataUri`."""
    head, comma, data = uri[len(SCHEME) :].partition(",")
    if not comma:
        raise InvalidDataUri("no comma")
    kind, *parameters = head.split(";")
    octets = unquote_to_bytes(data)
    if parameters and parameters[-1].strip().lower() == "base64":
        try:
            octets = binascii.a2b_base64(octets)
        except binascii.Error as error:
            raise InvalidDataUri(str(error)) from error
    return kind.strip().lower() or _PLAIN, octets


def encode(media_type: str, octets: bytes) -> str:
    """The URI of these octets."""
    return f"{SCHEME}{media_type};base64,{binascii.b2a_base64(octets, newline=False).decode()}"
