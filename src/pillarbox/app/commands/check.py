"""`pillarbox check`: problems with the set-up, and what to do about them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import Installation, counted, on_installation
from pillarbox.mail.visible import visible

if TYPE_CHECKING:
    from pillarbox.admin.checks.result import CheckResult
    from pillarbox.world.resolver import Resolver

PARTS = ("machine", "addresses", "certificates", "ports", "dns")
MARKS = {"ok": "ok     ", "advice": "advice ", "warning": "warning", "problem": "PROBLEM"}


@click.command("check")
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Check only this. May be repeated.")
@click.option("--quiet", "-q", is_flag=True, help="Print only warnings and problems.")
@on_installation
def command(installation: Installation, only: tuple[str, ...], quiet: bool) -> None:
    """Check the configuration, data directory, addresses, certificates, ports, routes, and the DNS of each domain.

    Changes nothing. Each problem is printed with what to do. Exit code 1: there are warnings or problems.
    """
    from pillarbox.admin.checks.result import Level

    found = asyncio.run(_findings(installation, only or PARTS))
    wrong = [result for result in found if result.level in (Level.WARNING, Level.PROBLEM)]
    shown = wrong if quiet else found
    lines = [line for result in shown for line in _lines(result)]
    lines.append(f"{counts(wrong)} found." if wrong else "No problems found.")
    installation.show({"findings": shown, "wrong": len(wrong)}, "\n".join(lines))
    if wrong:
        raise SystemExit(1)


def counts(wrong: "list[CheckResult]") -> str:
    """`1 problem and 2 warnings`."""
    from pillarbox.admin.checks.result import Level

    numbers = {
        level: sum(result.level is level for result in wrong) for level in (Level.PROBLEM, Level.WARNING)
    }
    return " and ".join(counted(number, level.value) for level, number in numbers.items() if number)


def _lines(result: "CheckResult") -> Iterator[str]:
    yield visible(f"{MARKS[result.level]}  {result.subject}: {result.found}")
    if result.remedy:
        yield f"           {result.remedy}"


async def _findings(installation: Installation, parts: tuple[str, ...]) -> "list[CheckResult]":
    installation.any_domain = True
    found = [*_on_machine(installation, parts)]
    if "dns" in parts:
        found += [result async for result in _in_dns(installation)]
    return found


def _on_machine(installation: Installation, parts: tuple[str, ...]) -> "Iterator[CheckResult]":
    from pillarbox.admin.checks import certificates, machine, push
    from pillarbox.admin.checks.addresses import addresses
    from pillarbox.admin.checks.result import ok
    from pillarbox.app.privileges import as_owner_of

    resolved, data = installation.resolved, installation.data.path
    hostname = resolved.config.hostname
    yield ok(str(installation.config_path), "the configuration is valid")
    if "machine" in parts:
        yield from machine.data_directory(data, owner=_server(installation))
        yield from _of_database(installation)
        if log := resolved.config.log.file:
            yield from machine.log_file(log)
        yield from push.reachable(resolved.config.push_subject)
        yield from _of_python()
        yield from _of_passkeys(installation)
    if "addresses" in parts and _has_database(installation):
        yield from installation.read(lambda tx: [*addresses(tx, resolved.config.domain)])
    if "certificates" in parts:
        with as_owner_of(data if data.exists() else installation.config_path):
            yield from [
                *certificates.certificates(resolved.certificates, hostname, now_ms=installation.now_ms)
            ]
            if roots := resolved.config.authentication.bimi_roots:
                yield from [*certificates.mark_authorities(roots, now_ms=installation.now_ms)]
    if "ports" in parts:
        for service, endpoints in resolved.endpoints.items():
            for endpoint in endpoints:
                yield machine.port(service, endpoint.host, endpoint.port, hostname=hostname)


def _of_database(installation: Installation) -> "Iterator[CheckResult]":
    """Check that there is a database, which can be opened, and is that of the configured domain."""
    from pillarbox.admin.checks import machine
    from pillarbox.admin.checks.result import problem
    from pillarbox.app.commands.installation import CommandFailed, require_domain, sentence
    from pillarbox.world.database import DatabaseFailure, DatabaseInUse, SchemaTooNew

    path = installation.data.database
    missing = [*machine.database(path)]
    if missing:
        yield from missing
        return
    try:
        require_domain(installation.database, installation.config)
    except (CommandFailed, DatabaseFailure, DatabaseInUse, SchemaTooNew) as failure:
        what, _, remedy = sentence(failure).partition(". ")
        yield problem(str(path), what, remedy)


def _of_passkeys(installation: Installation) -> "Iterator[CheckResult]":
    from pillarbox.admin.checks import passkeys

    config = installation.resolved.config
    useless = installation.read(passkeys.made_for_others, config) if _has_database(installation) else 0
    yield from passkeys.passkeys(config, useless)


def _of_python() -> "Iterator[CheckResult]":
    import sysconfig

    from pillarbox.admin.checks import machine

    configured, compiled = sysconfig.get_config_vars("CONFIG_ARGS", "PY_CFLAGS")
    if configured is not None:  # Windows has none
        yield from machine.python_build(configured, compiled or "")


def _has_database(installation: Installation) -> bool:
    from pillarbox.world.database import DatabaseFailure, DatabaseInUse, SchemaTooNew
    from pillarbox.world.database.sqlite.presence import require_file

    try:
        require_file(installation.data.database)
        return installation.database is not None
    except (DatabaseFailure, DatabaseInUse, SchemaTooNew):
        return False  # told by the checks of the machine


def _of_routes(
    installation: Installation, resolver: "Resolver", served: list[str]
) -> "AsyncIterator[CheckResult]":
    from pillarbox.admin.checks.routes import Surroundings, Target, routes
    from pillarbox.config.services import SERVICES, WireProtocol
    from pillarbox.world.clock import SystemClock
    from pillarbox.world.network.system import SystemNetwork

    resolved = installation.resolved
    taking = [
        endpoint
        for name, endpoints in resolved.endpoints.items()
        if SERVICES[name].protocol is WireProtocol.SMTP
        for endpoint in endpoints
    ]
    own = {resolved.config.hostname, "localhost", "127.0.0.1", "::1", *(endpoint.host for endpoint in taking)}
    targets = {
        "everything else" if destination == "*" else destination: Target(
            host.name, host.port or resolved.config.relay.port, greets=not host.implicit_tls
        )
        for destination, host in resolved.routes.items()
    }
    here = Surroundings(
        resolver=resolver,
        network=SystemNetwork(),
        clock=SystemClock(),
        hostname=resolved.config.hostname,
        own_hosts=own,
        own_ports={endpoint.port for endpoint in taking},
        served=served,
    )
    return routes(here, targets)


def _server(installation: Installation) -> int | None:
    """The uid of the user that serves: the configured one where root checks, else the current one."""
    import os

    from pillarbox.app.privileges import identity

    return (
        identity(installation.config.user, installation.config.group).user
        if os.geteuid() == 0
        else os.geteuid()
    )


async def _in_dns(installation: Installation) -> "AsyncIterator[CheckResult]":
    from pillarbox.admin import dkim, domains
    from pillarbox.admin.checks import certificates, dns, dnssec, signing_keys, tlsa
    from pillarbox.admin.checks.bounded import BoundedResolver
    from pillarbox.admin.dkim import KeyRecord
    from pillarbox.app.privileges import as_invoker, as_owner_of
    from pillarbox.app.world import open_resolver
    from pillarbox.world.clock import SystemClock

    config = installation.config
    clock = SystemClock()
    resolver = BoundedResolver(open_resolver(installation.resolved, clock), clock)
    names, keys = [config.domain], list[KeyRecord]()
    if _has_database(installation):
        names = [domain.name for domain in installation.read(domains.listing)]
        keys = installation.read(dkim.listing)
    data = installation.data.path
    with as_owner_of(data if data.exists() else installation.config_path):
        chains = certificates.chains(installation.resolved.certificates)
    # The owner of the data is needed no more, and need not be able to read what is still to be imported.
    with as_invoker():
        checks = (
            dnssec.name_servers(resolver),
            dns.host(resolver, config.hostname, is_domain=config.hostname in names),
            *(dns.domain(resolver, name, config.hostname) for name in names),
            *(
                signing_keys.check(resolver, name, [key for key in keys if key.domain == name])
                for name in names
            ),
            _of_routes(installation, resolver, names),
        )
        of_keys = tlsa.check(resolver, config.hostname, chains, now_ms=installation.now_ms)
        try:
            # side by side: name servers that do not answer cost seconds once, not for each name
            found = await asyncio.gather(of_keys, *map(_all, checks))
        finally:
            await resolver.close()
    for results in found:
        for result in results:
            yield result


async def _all(results: "AsyncIterator[CheckResult]") -> "list[CheckResult]":
    return [result async for result in results]
