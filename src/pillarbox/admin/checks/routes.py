"""Checks of the routes and the smart host: that they lead to a mail server, and not back here."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from pillarbox.admin.checks.reach import NoAnswer, require_server
from pillarbox.admin.checks.result import CheckResult, ok, problem, warning
from pillarbox.admin.permissions import OWNER, may
from pillarbox.dns import Answer, Failure
from pillarbox.world.clock import Clock
from pillarbox.world.network import Network
from pillarbox.world.resolver import Resolver

MAX_AT_ONCE: Final = 50
"""Routes that are tried side by side."""


@dataclass(frozen=True, slots=True)
class Target:
    """The host of a route."""

    name: str
    """A name or an IP address."""
    port: int
    greets: bool = True
    """It greets in plain text: TLS does not come first."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """This server, and how it meets others."""

    resolver: Resolver
    network: Network
    clock: Clock
    hostname: str
    own_hosts: Collection[str]
    """Names and addresses of this server."""
    own_ports: Collection[int]
    """Those at which it takes mail."""
    served: Collection[str]
    """Its domains."""


@may(OWNER)
async def routes(here: Surroundings, targets: Mapping[str, Target]) -> AsyncIterator[CheckResult]:
    """Try each route: destination and host. All are tried side by side, in a bounded time each."""
    turns = asyncio.Semaphore(MAX_AT_ONCE)

    async def in_turn(destination: str, target: Target) -> CheckResult:
        async with turns:
            return await _route(here, destination, target)

    for result in await asyncio.gather(*(in_turn(*route) for route in targets.items())):
        yield result


async def _route(here: Surroundings, destination: str, target: Target) -> CheckResult:
    subject = f"route of {destination} to {target.name}:{target.port}"
    if destination in here.served:
        return warning(subject, "the domain is served here, so nothing is sent there", "Remove the route.")
    if target.name.lower() in here.own_hosts and target.port in here.own_ports:
        return problem(subject, "it leads back to this server", "Name another host, or remove the route.")
    try:
        addresses = [str(ipaddress.ip_address(target.name))]
    except ValueError:
        match await here.resolver.host_addresses(target.name):
            case Answer(records):
                addresses = list(records)
            case Failure(reason):
                return problem(
                    subject, f"the DNS lookup of its host failed: {reason}", "Check the name servers."
                )
            case _:
                return problem(
                    subject, "its host has no address, so its mail waits", "Correct the name of the host."
                )
    return await _tried(here, subject, target, addresses)


async def _tried(here: Surroundings, subject: str, target: Target, addresses: list[str]) -> CheckResult:
    """The first address that answers is enough, as for the relay."""
    why = ""
    for address in addresses[:2]:
        try:
            await require_server(
                here.network, here.clock, address, target.port, hostname=here.hostname, greets=target.greets
            )
            return ok(subject, "a mail server answers")
        except NoAnswer as failure:
            why = why or str(failure)
    return problem(
        subject, f"no mail server answers, so its mail waits: {why}", "Start it, or correct the route."
    )
