"""What the handler of a method gets: who asks, for what, and how much may be answered."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pillarbox.config.schema import Config
from pillarbox.delivery.reception.reception import Reception
from pillarbox.directory.accounts import Account
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.ids import CreatedIds
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.session_object import Access
from pillarbox.server.jmap.caches import Caches
from pillarbox.world.memory import Reservation
from pillarbox.world.world import World

Named: TypeAlias = tuple[str, dict[str, Any]]
"""A response: its name and its arguments."""

GiveWay: TypeAlias = Callable[[], Awaitable[None]]
"""Lets others be served; see `Connection.give_way`."""


@dataclass(slots=True, kw_only=True)
class Context:
    """One request, as its handlers see it. Made for each, and gone with it."""

    world: World
    config: Config
    limits: Limits
    account: Account
    """Who asks."""
    credential: str
    """The mark of the password that they have logged in with (`directory.sign_in.credential_marks`)."""
    accesses: Mapping[str, Access]
    """The accounts that they may use, by id."""
    using: frozenset[str]
    created: CreatedIds
    """What the request has created so far. Whoever creates a record adds it."""
    room_octets: int
    """What all further responses together may have."""
    caches: Caches
    memory: Reservation
    """What the request and its responses hold in the budget."""
    reception: Reception
    """Where mail goes that is sent."""
    client_address: str
    """IP address of the client; empty where it is not known."""
    give_way: GiveWay
    """To be awaited between slices of a millisecond or so."""
    implicit: Callable[[str, dict[str, Any]], Awaitable[list[Named]]]
    """Makes a call that another one implies (§5.4, RFC 8621 §7.5): its responses, an error among them."""

    def account_id(self, arguments: Mapping[str, Any], name: str = "accountId") -> AccountId:
        """The account that a call is about. It was checked before the handler was called."""
        account = object_id.account(str(arguments[name]))
        if account is None:
            raise errors.MethodError(errors.ACCOUNT_NOT_FOUND)
        return account


Handler: TypeAlias = Callable[[Context, dict[str, Any]], Awaitable[dict[str, Any] | list[Named]]]
"""Carries out a method. Returns the arguments of its response, or several responses; raises `MethodError`."""


class PartialFail(Exception):
    """Some of the changes were made, and then something failed: the cause (§3.6.2, serverPartialFail)."""
