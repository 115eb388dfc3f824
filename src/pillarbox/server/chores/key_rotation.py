"""New signing keys by schedule, with an overlap (`admin.dkim`).

A domain whose keys are older than `KEY_AGE_S`, or that has none, gets the next ones. They sign once the DNS has their
records; until then nothing changes, however long that takes. The keys before are forgotten `OVERLAP_S` later.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from pillarbox.admin import dkim
from pillarbox.admin.checks import signing_keys
from pillarbox.admin.dkim import KeyRecord
from pillarbox.directory import dkim_keys, domains
from pillarbox.directory.dkim_keys import DkimKey, KeyState
from pillarbox.directory.naming import NameRefused
from pillarbox.server.chores.indexing import Rest
from pillarbox.world.world import World

KEY_AGE_S: Final = 180 * 86_400
"""After so long a domain gets new keys."""


async def rotate_keys(world: World, _rest: Rest) -> bool:
    """Do for each domain what is due."""
    found = await world.database.read(dkim_keys.listing)
    for domain in await world.database.read(domains.names):
        try:
            await _of_domain(world, domain, [key for key in found if key.domain == domain])
        except NameRefused as changed:  # meanwhile, by a command
            world.telemetry.warning("signing keys not changed", domain=domain, why=str(changed))
    return False


async def _of_domain(world: World, domain: str, keys: list[DkimKey]) -> None:
    now_ms = world.clock.now_ms()
    following = [key for key in keys if key.state is KeyState.NEXT]
    active = [key for key in keys if key.state is KeyState.ACTIVE]
    if following:
        if not await signing_keys.lacking(world.resolver, [dkim.shown(key) for key in following]):
            await world.database.write(dkim.rotate, domain, now_ms=now_ms)
            _tell(world, "signing keys rotated", domain, following)
    elif all(now_ms - key.since_ms >= KEY_AGE_S * 1000 for key in active):
        # Those of a domain that had none, as before an upgrade, wait for their records as well
        fresh = await asyncio.to_thread(dkim.fresh_keys)
        made = await world.database.write(dkim.add, domain, fresh, state=KeyState.NEXT, now_ms=now_ms)
        _tell(world, "signing keys made: their DNS records are needed", domain, made)
    old = [key for key in keys if dkim.is_over(key, now_ms=now_ms)]
    for key in old:
        await world.database.write(dkim.retire, domain, key.selector)
    if old:
        _tell(world, "signing keys forgotten: their DNS records may go", domain, old)


def _tell(world: World, what: str, domain: str, keys: Sequence[DkimKey | KeyRecord]) -> None:
    world.telemetry.event(what, domain=domain, selectors=" ".join(key.selector for key in keys))
