"""The session: what a client learns first, and when it has to look again (RFC 8620 §2)."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pillarbox.protocol.jmap.addresses import (
    API_PATH,
    DOWNLOAD_PATH,
    EVENT_SOURCE_PATH,
    SOCKET_PATH,
    UPLOAD_PATH,
)
from pillarbox.protocol.jmap.capabilities import CAPABILITIES, WEBPUSH_VAPID, Capability, Facts

_STATE_OCTETS: Final = 9


class Access(Struct, frozen=True, kw_only=True):
    """One account that the user may use."""

    id: str
    name: str
    """Shown to the user."""
    is_personal: bool = True
    is_read_only: bool = False
    capabilities: tuple[str, ...]
    """URNs of those whose methods the user may call on it."""


class SessionObject(Struct, frozen=True):
    """A session, written out."""

    octets: bytes
    state: str
    """A digest of all that it says; each response has it as `sessionState` (§3.4)."""


def build(
    username: str, accesses: Sequence[Access], base_url: str, facts: Facts, offered: Sequence[Capability]
) -> SessionObject:
    """The session of a user. `base_url`: where the server is reached, without a final slash.

    The first of the user's own accounts that has a capability is the primary one for it. Web Push is offered where its
    key is known.
    """
    socket_url = "ws" + base_url.removeprefix("http") + SOCKET_PATH
    facts = replace(facts, socket_url=socket_url)
    content: dict[str, Any] = {
        "capabilities": {
            row.urn: row.server(facts)
            for row in offered
            if row.urn != WEBPUSH_VAPID or facts.application_server_key
        },
        "accounts": {access.id: _account(access, facts) for access in accesses},
        "primaryAccounts": _primary(accesses),
        "username": username,
        "apiUrl": base_url + API_PATH,
        "downloadUrl": base_url + DOWNLOAD_PATH,
        "uploadUrl": base_url + UPLOAD_PATH,
        "eventSourceUrl": base_url + EVENT_SOURCE_PATH,
    }
    digest = hashlib.sha256(msgspec.json.encode(content, order="sorted")).digest()[:_STATE_OCTETS]
    state = digest.hex()
    return SessionObject(msgspec.json.encode({**content, "state": state}), state)


def _account(access: Access, facts: Facts) -> dict[str, Any]:
    said = {}
    for urn in access.capabilities:
        account = CAPABILITIES[urn].account
        if account is not None:
            said[urn] = account(facts)
    return {
        "name": access.name,
        "isPersonal": access.is_personal,
        "isReadOnly": access.is_read_only,
        "accountCapabilities": said,
    }


def _primary(accesses: Sequence[Access]) -> dict[str, str]:
    primary: dict[str, str] = {}
    for access in accesses:
        if access.is_personal:
            for urn in access.capabilities:
                primary.setdefault(urn, access.id)
    return primary
