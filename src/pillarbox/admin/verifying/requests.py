"""Requests to check something: a JSON object on each line.

    {"op": "spf", "ip": "192.0.2.1", "helo": "mail.example.org", "mail_from": "a@example.org", "dns": ["127.0.0.1", 53]}
    {"op": "dkim", "message": "BASE64"}      also "arc"
    {"op": "dmarc", "ip": ..., "helo": ..., "mail_from": ..., "message": "BASE64"}
    {"op": "psl", "domain": "www.example.co.uk"}

`dns`: the name server that is asked instead of the machine's. `time`: UNIX seconds, instead of now. `receiver`: the
name of the receiving host, for explanations of SPF. What else an object has is ignored.
"""

import binascii
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, BinaryIO, Final, Literal

import msgspec
from msgspec import Meta, Struct

from pillarbox.mail import mbox
from pillarbox.mail.address import Address
from pillarbox.trust.spf import client_address

MAX_LINE_OCTETS: Final = 64 * 1024 * 1024
"""Of a request, with its message of three quarters of that."""
MAX_TEXT_CHARACTERS: Final = 1024
"""Of an address or a name in it: what is longer occurs in no session of SMTP."""
_SKIPPED_OCTETS: Final = 64 * 1024

_Text = Annotated[str, Meta(max_length=MAX_TEXT_CHARACTERS)]
_Port = Annotated[int, Meta(ge=1, le=65535)]
_Time = Annotated[int, Meta(ge=0, le=2**40)]


class RequestRefused(ValueError):
    """It cannot be answered; says why, in ASCII but for what it quotes."""


class Request(Struct, frozen=True):
    """One request; each `op` has use for some of these."""

    op: Literal["spf", "dkim", "arc", "dmarc", "psl"]
    ip: _Text | None = None
    helo: _Text | None = None
    mail_from: _Text | None = None
    """Empty, or `<>`: the null reverse-path."""
    message: str | None = None
    """Base64; white space in it does not matter."""
    domain: _Text | None = None
    dns: tuple[_Text, _Port] | None = None
    """Address and port of a name server."""
    time: _Time | None = None
    receiver: _Text | None = None


_decoder = msgspec.json.Decoder(Request)


def lines(stream: BinaryIO, limit: int = MAX_LINE_OCTETS) -> Iterator[bytes | None]:
    """The lines of a stream; None for one that is longer than `limit` octets, which is not kept."""
    while line := stream.readline(limit + 1):
        if len(line) <= limit:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(_SKIPPED_OCTETS)
        yield None


def parse(line: bytes | None) -> Request:
    """The request on a line. Raises `RequestRefused`."""
    if line is None:
        raise RequestRefused(f"line longer than {MAX_LINE_OCTETS} octets")
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
        raise RequestRefused(f"not a request: {wrong}") from None
    except RecursionError:
        raise RequestRefused("not a request: too many levels") from None


def message_of(request: Request) -> bytes:
    """The message, in its transmitted form. Raises `RequestRefused`."""
    if request.message is None:
        raise RequestRefused('"message" is missing')
    try:
        octets = binascii.a2b_base64("".join(request.message.split()), strict_mode=True)
    except ValueError:  # what is not ASCII as well
        raise RequestRefused('"message" is not base64') from None
    return transmitted(octets)


def transmitted(octets: bytes) -> bytes:
    """A message as SMTP had it: where no line ends with CRLF, it was saved with the line ends of Unix."""
    return octets if b"\r\n" in octets else mbox.with_crlf(octets)


def address_of(text: str | None, what: str = "ip") -> IPv4Address | IPv6Address:
    """An IP address; of IPv4 where it is one in the form of IPv6 (RFC 7208 §5). Raises `RequestRefused`."""
    if text is None:
        raise RequestRefused(f'"{what}" is missing')
    try:
        found = ip_address(text)
    except ValueError:
        raise RequestRefused(f'"{what}" is no IP address') from None
    if isinstance(found, IPv6Address) and found.scope_id:
        raise RequestRefused(f'"{what}" is an address of one network only')
    return client_address(found)


def sender_of(text: str | None) -> Address | None:
    """A reverse-path, whatever it is made of; None for the null one."""
    bare = (text or "").removeprefix("<").removesuffix(">")
    local, _, domain = bare.rpartition("@")
    return Address(local, domain) if bare else None
