"""Checks of the routes and the smart host: that they lead somewhere, and not back here."""

import ipaddress
from collections.abc import AsyncIterator, Collection, Mapping

from pillarbox.admin.checks.result import CheckResult, ok, problem, warning
from pillarbox.world.resolver import Answer, Failure, Resolver


async def routes(
    resolver: Resolver,
    hosts: Mapping[str, tuple[str, int]],
    *,
    own_hosts: Collection[str],
    own_ports: Collection[int],
    served: Collection[str],
) -> AsyncIterator[CheckResult]:
    """Check each route: destination, with the name or address and the port of its host.

    `own_hosts`: names and addresses of this server. `own_ports`: those at which it takes mail. `served`: its domains.
    """
    for destination, (host, port) in hosts.items():
        subject = f"route of {destination} to {host}:{port}"
        if destination in served:
            yield warning(subject, "the domain is served here, so nothing is sent there", "Remove the route.")
            continue
        if host.lower() in own_hosts and port in own_ports:
            yield problem(subject, "it leads back to this server", "Name another host, or remove the route.")
            continue
        yield await _leads_somewhere(resolver, subject, host)


async def _leads_somewhere(resolver: Resolver, subject: str, host: str) -> CheckResult:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return ok(subject, "it names an address")
    match await resolver.host_addresses(host):
        case Answer():
            return ok(subject, "the host has an address")
        case Failure(reason):
            return problem(subject, f"the DNS lookup of its host failed: {reason}", "Check the name servers.")
        case _:
            return problem(
                subject,
                "its host has no address, so its mail waits and then fails",
                "Correct the name of the host.",
            )
