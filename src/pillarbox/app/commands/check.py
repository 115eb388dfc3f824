"""`pillarbox check`: what is wrong, and what to do."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import Installation, on_installation

if TYPE_CHECKING:
    from pillarbox.admin.checks.result import CheckResult

PARTS = ("machine", "certificates", "ports", "dns")
MARKS = {"ok": "ok     ", "warning": "warning", "problem": "PROBLEM"}


@click.command("check")
@click.option(
    "--only", type=click.Choice(PARTS), multiple=True, help="Look at this only. May be given several times."
)
@click.option("--quiet", "-q", is_flag=True, help="Say nothing of what is as it should be.")
@on_installation
def command(here: Installation, only: tuple[str, ...], quiet: bool) -> None:
    """Look at configuration, data directory, certificates, ports and the DNS of each domain.

    Each finding comes with what to do. Changes nothing. Exit code 1 if there is anything to do.
    """
    from pillarbox.admin.checks.result import Level

    found = asyncio.run(_look(here, only or PARTS))
    wrong = [one for one in found if one.level is not Level.OK]
    shown = wrong if quiet else found
    lines = [line for one in shown for line in _lines(one)]
    lines.append(f"{len(wrong)} to look at." if wrong else "All is well.")
    here.say({"findings": shown, "wrong": len(wrong)}, "\n".join(lines))
    if wrong:
        raise SystemExit(1)


def _lines(one: "CheckResult") -> Iterator[str]:
    yield f"{MARKS[one.level]}  {one.subject}: {one.found}"
    if one.remedy:
        yield f"           {one.remedy}"


async def _look(here: Installation, parts: tuple[str, ...]) -> "list[CheckResult]":
    found = [*_on_machine(here, parts)]
    if "dns" in parts:
        found += [one async for one in _in_dns(here)]
    return found


def _on_machine(here: Installation, parts: tuple[str, ...]) -> "Iterator[CheckResult]":
    from pillarbox.admin.checks import certificates, machine
    from pillarbox.admin.checks.result import ok
    from pillarbox.app.configured import endpoints
    from pillarbox.app.privileges import as_owner_of

    settings, places = here.settings, endpoints(here.config)
    yield ok(str(here.config_path), "every option is as it should be")
    if "machine" in parts:
        yield from machine.data_directory(settings.data, owner=_server(here))
    if "certificates" in parts:
        with as_owner_of(settings.data if settings.data.exists() else here.config_path):
            yield from [
                *certificates.certificates(settings.certificates, settings.hostname, now_ms=here.now_ms)
            ]
    if "ports" in parts:
        for service, ends in places.items():
            for end in ends:
                yield machine.port(service, end.host, end.port, hostname=settings.hostname)


def _server(here: Installation) -> int | None:
    """The number of the user that serves: the configured one where root looks, else whoever looks."""
    import os

    from pillarbox.app.privileges import identity

    return identity(here.config.user, here.config.group).user if os.geteuid() == 0 else os.geteuid()


async def _in_dns(here: Installation) -> "AsyncIterator[CheckResult]":
    from pillarbox.admin import domains
    from pillarbox.admin.checks import dns
    from pillarbox.app.wiring import open_resolver
    from pillarbox.world.clock import SystemClock

    settings = here.settings
    resolver = open_resolver(settings, SystemClock())
    try:
        async for one in dns.host(resolver, settings.hostname):
            yield one
        names = [settings.primary_domain]
        if settings.database.exists():
            names = [domain.name for domain in here.read(domains.listing)]
        for name in names:
            async for one in dns.domain(resolver, name, settings.hostname):
                yield one
    finally:
        await resolver.close()
