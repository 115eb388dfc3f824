"""The messages of a mailbox, read with several commands under way, so that the server is always at work.

Octets pass into a `BlobWriter` as they come, so a large message is in a file; only its summary takes it into memory,
one message at a time. What a server does not send with others is asked for alone, before it is given up.
"""

from collections import deque
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from pillarbox.admin.importing.imap.patience import is_busy
from pillarbox.admin.importing.imap.session import CommandRefused, ConnectionLost, Session
from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.imap.client import commands
from pillarbox.protocol.imap.client.events import Completed
from pillarbox.protocol.imap.client.reader import ContentPiece
from pillarbox.protocol.imap.client.responses import Fetched, StatusResponse
from pillarbox.world.blobs import Blobs, PreparedBlob
from pillarbox.world.blobs.blobs import BlobWriter

MAX_UNDER_WAY: Final = 3
"""Commands sent and not completed."""
GROUP_MESSAGES: Final = 50
GROUP_OCTETS: Final = 1024 * 1024
"""A command asks for so many messages, or about so many octets, whichever is less."""
MAX_LOSSES: Final = 3
"""So many lost connections while a message was asked for alone, and it is given up."""


@dataclass(frozen=True, slots=True)
class Content:
    """A message that came whole."""

    told: Fetched
    blob: PreparedBlob
    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NotSent:
    """A message that the server does not send. `response`: what it said to the command that asked for it alone."""

    uid: int
    response: StatusResponse


@dataclass(slots=True)
class Suspects:
    """Messages that were awaited when a connection was lost: each is asked for alone, and nothing besides."""

    losses: dict[int, int] = field(default_factory=dict)

    def note(self, awaited: Collection[int]) -> None:
        """The connection was lost while the server was to send these messages: one of them may be why."""
        for uid in awaited:
            self.losses[uid] = self.losses.get(uid, 0) + (len(awaited) == 1)

    def given_up(self, uid: int) -> bool:
        """Whether it is not to be asked for again."""
        return self.losses.get(uid, 0) >= MAX_LOSSES


class Contents:
    """Reads the content of messages of the open mailbox."""

    def __init__(self, session: Session, blobs: Blobs, wanted: Sequence[Fetched], suspects: Suspects) -> None:
        self._session = session
        self._blobs = blobs
        self._suspects = suspects
        self._groups = deque(_groups(wanted, suspects))
        self._under_way: dict[int, dict[int, Fetched]] = {}
        """By tag, in the order sent: what is still awaited."""
        self._alone = False
        """The command under way asks for one message that may break the connection: no other is lost with it."""
        self._writer: BlobWriter | None = None

    async def read(self) -> AsyncGenerator[Content | NotSent, None]:
        """Each message once. Raises `ConnectionLost`; `CommandRefused` where the server is busy."""
        try:
            while self._groups or self._under_way:
                self._send()
                for event in await self._session.events():
                    match event:
                        case ContentPiece(octets):
                            if self._writer is None:
                                self._writer = self._blobs.writer()
                            await self._writer.add(octets)
                        case Fetched():
                            content = await self._message(event)
                            if content:
                                yield content
                        case Completed():
                            for not_sent in self._completed(event):
                                yield not_sent
        except ConnectionLost:
            self._suspects.note(next(filter(None, self._under_way.values()), {}))
            raise
        finally:
            self._abandon()

    def _send(self) -> None:
        while self._groups and len(self._under_way) < MAX_UNDER_WAY:
            if self._under_way and (self._alone or self._is_suspect(self._groups[0])):
                return
            group = self._groups.popleft()
            command = commands.fetch(NumberSet.of(group), b"UID BODY.PEEK[]")
            self._under_way[self._session.send(command, expects=2 * len(group))] = group
            self._alone = self._is_suspect(group)

    def _is_suspect(self, group: Collection[int]) -> bool:
        return len(group) == 1 and next(iter(group)) in self._suspects.losses

    async def _message(self, fetched: Fetched) -> Content | None:
        """`None` where the response is about flags only. Raises `ConnectionLost`."""
        if not fetched.has_content:
            return None
        told = self._awaited(fetched.uid)
        writer, self._writer = self._writer, None
        if told is None:
            if writer is not None:
                writer.abandon()
            raise self._session.broken("a message that was not asked for")
        if writer is None:
            writer = self._blobs.writer()
            await writer.add(fetched.content or b"")
        blob, octets = await writer.finish()
        return Content(told, blob, octets)

    def _awaited(self, uid: int | None) -> Fetched | None:
        for group in self._under_way.values():
            if uid is not None and uid in group:
                return group.pop(uid)
        return None

    def _completed(self, completed: Completed) -> list[NotSent]:
        group = self._under_way.pop(completed.tag, {})
        response = completed.response
        if response.status.value != "OK" and is_busy(response):
            self._under_way.clear()
            raise CommandRefused(response)
        if self._is_suspect(group):
            return [NotSent(next(iter(group)), response)]
        for uid, told in group.items():
            self._suspects.losses.setdefault(uid, 0)
            self._groups.append({uid: told})
        return []

    def _abandon(self) -> None:
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None


def _groups(wanted: Sequence[Fetched], suspects: Suspects) -> list[dict[int, Fetched]]:
    groups: list[dict[int, Fetched]] = []
    alone: list[dict[int, Fetched]] = []
    octets = GROUP_OCTETS
    for told in wanted:
        assert told.uid is not None
        if told.uid in suspects.losses:
            alone.append({told.uid: told})
            continue
        if not groups or octets >= GROUP_OCTETS or len(groups[-1]) >= GROUP_MESSAGES:
            groups.append({})
            octets = 0
        groups[-1][told.uid] = told
        octets += told.size or 0
    return groups + alone
