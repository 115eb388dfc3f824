"""Emails of the store, a page at a time. Others are served in between.

Short messages are read with their rows, and looked at in the loop. A long one is read in a thread, and looked at in
another, while its octets are reserved in the memory budget.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar

from msgspec import Struct

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.server.jmap.context import GiveWay
from pillarbox.store import email_reading
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.email_reading import Found, Page, Part, Wanted
from pillarbox.world.world import World

PAGE_ROWS: Final = 50
"""Emails whose rows are read and rendered at a time: about a millisecond."""
PAGE_MESSAGES: Final = 16
"""The same where octets are read as well."""

T = TypeVar("T")


class Reading(Protocol):
    """Whoever reads emails: a request, or what pushes them."""

    @property
    def world(self) -> World:
        """The world."""

    @property
    def give_way(self) -> GiveWay:
        """Lets others be served."""


class EmailReader:
    """Reads the emails of one call."""

    def __init__(self, context: Reading, account: AccountId, wanted: Wanted) -> None:
        self._context, self._account, self._wanted = context, account, wanted
        self._page = PAGE_MESSAGES if wanted.part else PAGE_ROWS
        self.state = ""
        """That of the first page: what changed since, the client asks for."""

    async def emails(self, ids: Sequence[EmailId]) -> AsyncIterator[Found]:
        """Those that are there, in any order. Raises as `email_reading.read` does."""
        left = ids
        while True:
            page = await self._read(left)
            self.state = self.state or page.state.text
            for number, found in enumerate(page.found):
                if number and self._wanted.part:
                    await self._context.give_way()
                yield found
            left = page.left
            if not left:
                return
            await self._context.give_way()

    async def _read(self, ids: Sequence[EmailId]) -> Page:
        world = self._context.world
        read = partial(email_reading.read, most=self._page)
        try:
            return await world.database.read(read, world.blobs, self._account, ids, self._wanted)
        except TooMuchToRead:
            return await world.database.read_in_thread(
                read, world.blobs, self._account, ids, self._wanted, messages=None
            )

    async def work(self, found: Found, work: Callable[[bytes], T]) -> T:
        """What comes of the octets of an email: at once, or in threads where they are long."""
        if found.octets is not None:
            return work(found.octets)
        length = found.header_octets if self._wanted.part is Part.HEADER else found.email.size
        world = self._context.world
        with await world.memory.accounts.whole.reserve(length):
            octets = await world.database.read_in_thread(world.blobs.read, found.digest, 0, length)
            return await world.aside.run(work, octets)


class Named(Struct, frozen=True):
    """The ids of a call."""

    ids: list[EmailId]
    """Those that an email may have, each once."""
    given: Sequence[str]

    def missing(self, found: set[EmailId]) -> list[str]:
        """Those of which there is no email."""
        there = {object_id.of_email(email) for email in found}
        return [text for text in self.given if text not in there]


def named(given: Sequence[str]) -> Named:
    """The ids of emails that clients name."""
    return Named([email for text in given if (email := object_id.email(text)) is not None], given)
