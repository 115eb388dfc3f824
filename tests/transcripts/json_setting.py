"""What the server of a JMAP transcript is like: the member `setting` of its file.

| member | |
| --- | --- |
| `now` | the time at which the clock stands until a turn says `later`: "2026-06-01T00:00:00Z" |
| `limits` | other limits than the usual ones, by the names of `protocol.jmap.limits.Limits` |
| `configured` | limits of the configuration, by the names of `config.sections.limits.Limits` |
| `quota` | how many octets the first person may have |
| `mail` | by name, the lines of messages that come from outside to the first person; the names become the emails' ids |
| `others` | by name, further accounts that the first person may use, two at most; the names become their ids. Each is an object: `readOnly` (by default false) and `capabilities` (by default all) |
| `trusted` | certificates of authorities (S/MIME), DER in base64; there are no others |
"""  # noqa: E501

import base64
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from pillarbox.config.sections.limits import Limits as ConfiguredLimits
from pillarbox.directory import accounts, quota
from pillarbox.directory.accounts import Account
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS, Limits
from pillarbox.protocol.jmap.scalars import milliseconds
from pillarbox.protocol.jmap.session_object import Access
from pillarbox.server.chores.table import bring_back_snoozed
from pillarbox.server.jmap import service
from pillarbox.server.jmap.accounts import accesses_of
from pillarbox.server.jmap.emails import authorities
from pillarbox.world.clock import VirtualClock
from tests.kit.every_verb import no_rest
from tests.kit.jmap.client import JmapClient
from tests.kit.jmap.receiving import from_outside
from tests.kit.jmap.submitting import release
from tests.kit.provider import PEOPLE
from tests.transcripts.json_dialogue import Later

Setting = dict[str, Any]
MEMBERS = frozenset(("now", "limits", "configured", "quota", "mail", "others", "trusted"))


def clock(setting: Setting) -> VirtualClock | None:
    """None where it is of no matter what time it is."""
    assert setting.keys() <= MEMBERS, setting.keys() - MEMBERS
    if "now" not in setting:
        return None
    now_ms = milliseconds(setting["now"])
    assert now_ms is not None
    return VirtualClock(now_ms)


def limits(setting: Setting) -> Limits:
    """Those of the server."""
    return msgspec.structs.replace(DEFAULT_LIMITS, **setting.get("limits", {}))


def replaces_functions(setting: Setting) -> bool:
    """Whether it can be had in interpreted rooms only."""
    return not setting.keys().isdisjoint(("others", "trusted"))


async def arrange(client: JmapClient, setting: Setting, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Make it so; the values of its names."""
    database, names = client.provider.world.database, {}
    if "trusted" in setting:
        roots = tuple(map(base64.b64decode, setting["trusted"]))
        monkeypatch.setattr(authorities, "system_authorities", lambda: roots)
    if "configured" in setting:
        configured = ConfiguredLimits(**setting["configured"])
        told = replace(client.provider.config, limits=configured)
        client.service = service.JmapService(client.provider.world, told, limits=limits(setting))
    if "quota" in setting:
        await database.write(quota.set_account_quota, client.account.id, setting["quota"])
    for name, lines in setting.get("mail", {}).items():
        names[name] = await from_outside(client, "".join(f"{line}\r\n" for line in lines).encode())
    others: dict[str, tuple[Account, Setting]] = {}
    wanted = setting.get("others", {})
    assert len(wanted) < len(PEOPLE)
    for login, (name, more) in zip(PEOPLE[1:], wanted.items(), strict=False):
        account = await database.read(accounts.by_login, login)
        assert account is not None
        names[name] = f"A{account.id}"
        others[names[name]] = account, more
    if others:
        _give(others, monkeypatch)
    return names


def _give(others: dict[str, tuple[Account, Setting]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has further accounts yet: here they are given to whoever asks."""

    def all_of(asks: Account, *offered: Any, **login: Any) -> dict[str, Access]:
        found = accesses_of(asks, *offered, **login)
        for key, (account, more) in others.items():
            own = accesses_of(account, *offered)[key]
            found[key] = Access(
                id=key,
                name=own.name,
                capabilities=tuple(more.get("capabilities", own.capabilities)),
                is_read_only=more.get("readOnly", False),
            )
        return found

    monkeypatch.setattr(service, "accesses_of", all_of)


def passing(client: JmapClient, clock: VirtualClock) -> Later:
    """Time passes, and what is due then is done."""

    async def later(seconds: float) -> None:
        await clock.advance(seconds)
        world = client.provider.world
        while await bring_back_snoozed(world, no_rest):
            pass
        await release(client)

    return later
