"""STORE and UID STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).

The database rewrites the runs of messages that have the same flags; the cached mailbox applies that by the few
different texts there are; and the response is one join over both: no Python runs per message.
"""

from collections.abc import Sequence
from typing import Final

from pillarbox.mail.identifiers import ModSeq
from pillarbox.mail.number_set import EMPTY, NumberSet
from pillarbox.protocol.imap import fetch_responses, response_codes
from pillarbox.protocol.imap.chosen import Chosen
from pillarbox.protocol.imap.commands import Store, StoreMode
from pillarbox.protocol.imap.fetch_responses import Column
from pillarbox.protocol.imap.selected import SelectedMailbox
from pillarbox.server.imap import snapshot
from pillarbox.server.imap.fetch_batch import MEMORY_ROWS, read_in_memory
from pillarbox.server.imap.fetch_columns import Batch
from pillarbox.server.imap.reply import NO_MESSAGES, READ_ONLY, SOME_GONE, Reply, ok
from pillarbox.server.imap.session_state import MANY_RUNS, SessionState
from pillarbox.store import flags
from pillarbox.store.flags import FlagChange, Mode

_MODES: Final = {StoreMode.REPLACE: Mode.REPLACE, StoreMode.ADD: Mode.ADD, StoreMode.REMOVE: Mode.REMOVE}


async def store(session: SessionState, command: Store) -> Reply:
    """Change flags, and report what they are now: of very many messages, or runs of them, some at a time."""
    selected = session.selected
    chosen = await session.resolve(command.numbers, uid=command.uid)
    if selected.read_only:
        return READ_ONLY
    if not chosen:
        return NO_MESSAGES
    before, refused, missing = selected.modseq, EMPTY, False
    for number, part in enumerate(chosen.parts(session.limits.store_messages, max_slices=MANY_RUNS)):
        if number:
            await session.flush_and_yield()
        try:
            altered = await alter(
                session,
                part.uids,
                mode=_MODES[command.mode],
                texts=command.flags,
                unchanged_since=command.unchanged_since,
                reported=not command.silent,
            )
        except Exception:
            if number:  # the client does not know that the others have changed
                selected.modseq, session.own_modseqs = before, frozenset()
            raise
        missing |= await _report(session, command, part, altered)
        refused |= altered.refused
    if refused:
        return ok("Conditional STORE failed", response_codes.modified(_named(selected, command, refused)))
    return ok(SOME_GONE, response_codes.EXPUNGEISSUED) if missing else _COMPLETED


_COMPLETED: Final = ok("STORE completed")


async def alter(
    session: SessionState,
    uids: NumberSet,
    *,
    mode: Mode,
    texts: str,
    unchanged_since: int | None = None,
    reported: bool = True,
) -> FlagChange:
    """Change flags durably, and update the cached mailbox.

    `reported`: whether the command sends the client all flags of these messages, so that `updates` need not.
    """
    selected = session.selected
    altered = await session.commit_many(
        len(uids),
        flags.alter,
        session.account_id,
        selected.mailbox,
        uids,
        mode=mode,
        flags=texts,
        unchanged_since=None if unchanged_since is None else ModSeq(unchanged_since),
    )
    await snapshot.apply(session, selected.mailbox, altered)
    if altered.previous == selected.modseq:
        # The client was up to date before, and it knows what it asked for: there is nothing to be looked for
        selected.modseq = altered.modseq
        snapshot.as_left(session, selected.mailbox, altered.modseq)
    elif altered.changed and reported:
        # Others have changed something meanwhile, which `updates` sends. It sends the flags of a silent
        # command as well, or what others did to the same messages would stay hidden for good
        session.own_modseqs = session.own_modseqs | {altered.modseq}
    return altered


async def _report(session: SessionState, command: Store, chosen: Chosen, altered: FlagChange) -> bool:
    """Send FETCH for each message, some at a time; whether some no longer exist."""
    condstore = session.machine.condstore
    # RFC 7162 §3.1.3: .SILENT suppresses the flags, not the MODSEQ
    if command.silent and not condstore:
        return False
    missing, written = False, False
    for part in not_refused(session.selected, chosen, altered.refused).parts(
        MEMORY_ROWS, max_slices=MANY_RUNS
    ):
        left: Chosen | None = part
        while left is not None:
            if written:
                await session.flush_and_yield()
            some = await read_in_memory(session, left, altered.modseq)
            missing |= some.missing
            with session.holding(some.octets):
                columns = _columns(some.batch, command, condstore=condstore)
                await session.write_pieces(fetch_responses.lines(some.batch.numbers, columns))
            left, written = some.left, True
            del some  # while a client that reads slowly is waited for
    return missing


def not_refused(selected: SelectedMailbox, chosen: Chosen, refused: NumberSet) -> Chosen:
    """The chosen messages, without those that UNCHANGEDSINCE excluded."""
    return selected.choose(chosen.uids - refused) if refused else chosen


def _columns(found: Batch, command: Store, *, condstore: bool) -> Sequence[Column]:
    columns = []
    # RFC 9051 §6.4.9: FETCH caused by a UID command has UIDs; RFC 7162 §3.2.4: with CONDSTORE always
    if command.uid or condstore:
        columns.append(fetch_responses.numbers(b"UID", found.uids))
    if not command.silent:
        columns.append(fetch_responses.flags(found.flags))
    if condstore:
        columns.append(fetch_responses.modseqs(found.modseqs))
    return columns


def _named(selected: SelectedMailbox, command: Store, uids: NumberSet) -> NumberSet:
    """These messages as the command names messages: by UID or by sequence number."""
    return uids if command.uid else NumberSet.of(selected.choose(uids).sequence_numbers())
