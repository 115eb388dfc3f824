"""One mailbox of the other server: what is new there, which flags changed, and what was deleted."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from pillarbox.admin.importing.imap import pulled
from pillarbox.admin.importing.imap.contents import Content, Contents, NotSent, Suspects
from pillarbox.admin.importing.imap.identity import fingerprint, fingerprint_of_header
from pillarbox.admin.importing.imap.listing import Examined, examine, list_uids, pages, still_there
from pillarbox.admin.importing.imap.plan import GMAIL, Planned
from pillarbox.admin.importing.imap.pulled import PulledMailbox, PulledMessage, Seen
from pillarbox.admin.importing.imap.session import Session
from pillarbox.admin.importing.keywords import keyword_of
from pillarbox.admin.importing.run import (
    FIRST_MS,
    LAST_MS,
    MAX_BATCH_MESSAGES,
    MAX_BATCH_OCTETS,
    ImportResult,
)
from pillarbox.admin.importing.source import SkippedMessage
from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.mbox import MAX_MESSAGE_OCTETS
from pillarbox.mail.number_set import NumberSet
from pillarbox.mail.summary import summarize
from pillarbox.protocol.imap.client import commands
from pillarbox.protocol.imap.client.responses import Fetched
from pillarbox.store.append import Arrival, Message
from pillarbox.world.blobs import Blobs
from pillarbox.world.database import Database, DatabaseUnavailable, Transaction

PAGE_MESSAGES: Final = 500
"""New messages whose flags, sizes and dates are asked for at once."""
FLAGS_PAGE: Final = 5000
"""Known messages whose flags are asked for at once, where the server can't tell which have changed."""
FLAGS_PAGE_CHARACTERS: Final = 1024 * 1024
"""Flags that are held, and compared with those known, together."""


@dataclass(slots=True)
class PullResult(ImportResult):
    """What was imported and what was not."""

    flags_changed: int = 0
    deleted: int = 0
    recognized: int = 0
    """Messages that were here already, under UIDs that hold no more, or from a server of another name."""
    read: int = 0
    """Mailboxes there that were gone through."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the import is."""

    mailbox: str
    done: int
    total: int
    """New messages of this mailbox."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages go, and how."""

    database: Database
    blobs: Blobs
    account: AccountId
    server: str
    """See `Remote.key`."""
    now_ms: Callable[[], int]
    delete: bool = False
    """Whether to delete here what was deleted there."""
    again: bool = False
    """Whether what came from other servers, or by another login, is to come again."""
    progress: Callable[[Progress], None] = lambda _progress: None
    max_message_octets: int = MAX_MESSAGE_OCTETS


class MailboxPull:
    """One mailbox. `run` may be called again with another session where one was lost; it goes on."""

    def __init__(self, target: Target, planned: Planned, result: PullResult) -> None:
        self._target = target
        self._planned = planned
        self._result = result
        self._suspects = Suspects()
        self._skipped: set[int] = set()
        """UIDs that were reported in this run."""
        self._batch: list[PulledMessage] = []
        self._batch_octets = 0
        self._done = self._total = 0
        self._began = False

    async def run(self, session: Session) -> None:
        """Raises `ConnectionLost`, `CommandRefused`, `OverQuota`; what is complete until then is stored."""
        examined = await examine(session, self._planned)
        target = self._target
        source = target.database.write_now(
            pulled.open_mailbox,
            target.account,
            target.server,
            self._planned,
            # Where UIDs hold for this session only, all are new: messages are recognized by what they are
            examined.uid_validity or -target.now_ms(),
            now_ms=target.now_ms(),
            again=target.again,
        )
        there = await list_uids(session, examined.messages)
        known = target.database.read_now(pulled.known_uids, source)
        if not self._began:
            self._began = True
            self._result.already += len(known)
        await self._flags(session, source, examined, known & there)
        # With fewer listed than there are, what is not listed need not be gone
        if target.delete and examined.uid_validity and len(there) == examined.messages:
            self._remove(source, known - there)
        new = there - known - NumberSet.of(self._skipped)
        self._total = self._done + len(new)
        try:
            for page in pages(new, PAGE_MESSAGES):
                await self._new(session, source, page)
        finally:
            self._store(source)
        target.database.write_now(pulled.save_modseq, source, examined.modseq)

    # --- what is known

    async def _flags(
        self, session: Session, source: PulledMailbox, examined: Examined, known: NumberSet
    ) -> None:
        if not known or (source.modseq and source.modseq == examined.modseq):
            return
        since = source.modseq if source.modseq and examined.modseq > source.modseq else None
        for page in pages(known, FLAGS_PAGE) if since is None else [known]:
            # As one run, however scattered: a command must not be long (RFC 2683 §3.2.1.5)
            run = NumberSet(((page.first, page.last),))
            await self._told_flags(session, source, run, since, len(page))

    async def _told_flags(
        self, session: Session, source: PulledMailbox, uids: NumberSet, since: int | None, expects: int
    ) -> None:
        """Ask for flags, and bring the changes, some thousand messages at a time."""
        command = commands.fetch(uids, b"UID FLAGS", changed_since=since)
        told: dict[int, str] = {}
        size = 0
        async with aclosing(session.each(command, expects=2 * expects)) as answers:
            async for data in answers:
                for one in data:
                    if isinstance(one, Fetched) and one.uid is not None and one.flags is not None:
                        told[one.uid] = flag_text.known(one.flags)
                        size += len(told[one.uid])
                if len(told) >= FLAGS_PAGE or size >= FLAGS_PAGE_CHARACTERS:
                    self._change(source, told)
                    told, size = {}, 0
        self._change(source, told)

    def _change(self, source: PulledMailbox, told: dict[int, str]) -> None:
        if told:
            target = self._target
            self._result.flags_changed += target.database.write_now(
                pulled.change_flags, target.account, source, told.items()
            )

    def _remove(self, source: PulledMailbox, gone: NumberSet) -> None:
        target = self._target
        for page in pages(gone, PAGE_MESSAGES):
            self._result.deleted += target.database.write_now(pulled.remove, target.account, source, page)

    # --- what is new

    async def _new(self, session: Session, source: PulledMailbox, uids: NumberSet) -> None:
        items = b"UID FLAGS INTERNALDATE RFC822.SIZE"
        if GMAIL in session.offered:
            items += b" X-GM-MSGID X-GM-LABELS"
        if source.looks_back:
            items += b" BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)]"
        data = await session.ask(commands.fetch(uids, items), expects=2 * len(uids))
        told = {
            one.uid: one
            for one in data
            if isinstance(one, Fetched)
            and one.uid is not None
            and one.uid in uids
            and one.size is not None
            and one.flags is not None
        }
        for uid in await still_there(session, uids - NumberSet.of(told)):
            self._skip(uid, "the server does not tell of it")
        wanted = [one for one in self._unknown(source, list(told.values())) if self._fits(one)]
        self._done += len(uids) - len(wanted)
        not_sent: list[NotSent] = []
        async with aclosing(Contents(session, self._target.blobs, wanted, self._suspects).read()) as contents:
            async for read in contents:
                self._done += 1
                if isinstance(read, Content):
                    self._add(source, read)
                else:
                    not_sent.append(read)
        # Where it was expunged meanwhile, there is nothing to report
        there = await still_there(session, NumberSet.of(one.uid for one in not_sent))
        for one in not_sent:
            if one.uid in there:
                self._skip(one.uid, f"the server does not send it: {one.response}")

    def _unknown(self, source: PulledMailbox, told: Sequence[Fetched]) -> list[Fetched]:
        """Those that are not here in another way: see `PulledMailbox.looks_back`; or from another mailbox there."""
        if not (source.looks_back or any(one.object_id for one in told)):
            return list(told)
        target = self._target
        recognized = target.database.write_now(
            _recognize_all, target, source, told, [self._flags_of(one) for one in told]
        )
        self._result.recognized += len(recognized)
        return [one for one in told if one.uid not in recognized]

    def _fits(self, told: Fetched) -> bool:
        assert told.uid is not None
        if self._suspects.given_up(told.uid):
            self._skip(told.uid, "the connection is lost each time it is asked for")
        elif (told.size or 0) > self._target.max_message_octets:
            limit = self._target.max_message_octets
            self._skip(told.uid, f"{told.size} octets are over the limit of {limit}")
        else:
            return True
        return False

    def _add(self, source: PulledMailbox, read: Content) -> None:
        told = read.told
        assert told.uid is not None
        if not read.octets:
            self._target.blobs.discard(read.blob)
            self._skip(told.uid, "it is empty")
            return
        summary = summarize(read.octets)
        dates = (told.internal_date_ms, summary.sent_at_ms, self._target.now_ms())
        received = next(at_ms for at_ms in dates if at_ms is not None and FIRST_MS <= at_ms <= LAST_MS)
        flags = self._flags_of(told)
        arrival = Arrival(
            Message(read.blob, summary), flag_text.known([*flags.split(), *self._labels(told)]), received
        )
        self._batch.append(PulledMessage(told.uid, flags, fingerprint(read.octets), arrival, told.object_id))
        self._batch_octets += len(read.blob.octets or b"")
        if len(self._batch) >= MAX_BATCH_MESSAGES or self._batch_octets >= MAX_BATCH_OCTETS:
            self._store(source)

    def _store(self, source: PulledMailbox) -> None:
        batch, self._batch, self._batch_octets = self._batch, [], 0
        target = self._target
        if batch:
            try:
                here, left_out = target.database.write_now(
                    pulled.store, target.account, source, batch, now_ms=target.now_ms()
                )
            except DatabaseUnavailable:
                raise  # after a crash it may turn out to be durable
            except BaseException:
                for message in batch:
                    target.blobs.discard(message.arrival.message.blob)
                raise
            for message in here:
                target.blobs.discard(message.arrival.message.blob)
            self._result.left_out.add(left_out)
            self._result.stored += len(batch) - len(here)
            self._result.recognized += len(here)
            if len(batch) > len(here):
                self._result.mailboxes.add(self._planned.mailbox)
        target.progress(Progress(self._planned.path, self._done, self._total))

    # --- a message

    @staticmethod
    def _flags_of(told: Fetched) -> str:
        return flag_text.known(told.flags or ())

    def _labels(self, told: Fetched) -> Iterator[str]:
        """Gmail's other labels of a message become keywords, as it is in one mailbox only."""
        for label in told.labels:
            if label == b"\\Important":
                yield "$Important"  # RFC 8457
            elif not label.startswith(b"\\") and label != self._planned.name:
                yield keyword_of(label.decode("utf-8", "replace"))

    def _skip(self, uid: int, why: str) -> None:
        self._skipped.add(uid)
        self._result.skip(SkippedMessage(f"{self._planned.path}, UID {uid}", why, None, 0))


def _recognize_all(
    tx: Transaction,
    target: Target,
    source: PulledMailbox,
    told: Sequence[Fetched],
    flags: Sequence[str],
) -> set[int]:
    recognized = set()
    for one, text in zip(told, flags, strict=True):
        assert one.uid is not None
        known = fingerprint_of_header(one.header, one.size or 0) if one.header is not None else None
        seen = Seen(one.uid, text, known or b"", one.object_id)
        if (known and source.looks_back and pulled.recognize(tx, target.account, source, seen)) or (
            one.object_id and pulled.find_object(tx, target.account, target.server, source, seen)
        ):
            recognized.add(one.uid)
    return recognized
