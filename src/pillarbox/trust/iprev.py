"""Whether a client's address has a name that leads back to it (RFC 8601 §3, "iprev")."""

import ipaddress
from typing import Final

from pillarbox.dns import Answer, Failure, Kind
from pillarbox.trust.questions import Asking, look_up
from pillarbox.trust.results import MethodResult, Property, Result
from pillarbox.trust.spf import client_address

MAX_NAMES: Final = 5
"""Names of one address that are looked up again."""
_MAX_NAME_CHARACTERS: Final = 255


def iprev(address: str) -> Asking[MethodResult]:
    """Look up the names of an IP address and their addresses; `domain` is the first name that leads back."""
    try:
        client = client_address(ipaddress.ip_address(address))
    except ValueError:
        return MethodResult("iprev", Result.PERMERROR, "", "the client has no IP address")
    properties = (Property("policy", "iprev", str(client)),)
    result, name, reason = yield from _names_that_lead_back(client)
    return MethodResult("iprev", result, name, reason, properties)


def _names_that_lead_back(
    client: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> Asking[tuple[Result, str, str]]:
    pointers = yield from look_up(client.reverse_pointer, Kind.PTR)
    if isinstance(pointers, Failure):
        return Result.TEMPERROR, "", f"the name of the address could not be looked up: {pointers.reason}"
    names = [name for name in pointers.records if _is_name(name)] if isinstance(pointers, Answer) else []
    if not names:
        return Result.PERMERROR, "", "the address has no name"
    failure = ""
    for name in names[:MAX_NAMES]:
        outcome = yield from look_up(name, Kind.A if client.version == 4 else Kind.AAAA)
        if isinstance(outcome, Answer) and any(_same(client, each) for each in outcome.records):
            return Result.PASS, name.lower().removesuffix("."), ""
        if isinstance(outcome, Failure):
            failure = failure or f"{name} could not be looked up: {outcome.reason}"
    if failure:
        return Result.TEMPERROR, "", failure
    return Result.FAIL, "", f"{names[0]} does not lead back to the address"


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name.isascii() and 0 < len(name) <= _MAX_NAME_CHARACTERS


def _same(client: ipaddress.IPv4Address | ipaddress.IPv6Address, record: object) -> bool:
    try:
        return ipaddress.ip_address(str(record)) == client
    except ValueError:
        return False
