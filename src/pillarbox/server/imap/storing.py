"""STORE and UID STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).

The store rewrites flags by the few different texts there are; the mailbox in memory takes that over the
same way; and the answer is one join over both: no Python runs for each message.
"""

from collections.abc import Sequence
from typing import Final

from pillarbox.mail.identifiers import ModSeq
from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.imap import fetch_responses, response_codes
from pillarbox.protocol.imap.commands import Store, StoreMode
from pillarbox.protocol.imap.fetch_responses import Column
from pillarbox.protocol.imap.selected import Chosen, SelectedMailbox
from pillarbox.server.imap.conversation import Conversation
from pillarbox.server.imap.messages import Present, present
from pillarbox.server.imap.moving import READ_ONLY
from pillarbox.server.imap.reply import Reply, ok
from pillarbox.store import flags
from pillarbox.store.flags import FlagChange, Mode

_MODES: Final = {StoreMode.REPLACE: Mode.REPLACE, StoreMode.ADD: Mode.ADD, StoreMode.REMOVE: Mode.REMOVE}


async def store(session: Conversation, command: Store) -> Reply:
    """Alter flags, and tell what they are now."""
    selected = session.selected
    chosen = selected.resolve(command.numbers, uid=command.uid)
    if selected.read_only:
        return READ_ONLY
    if not chosen:
        return ok("No such messages")
    altered = await alter(
        session,
        chosen.uids,
        mode=_MODES[command.mode],
        texts=command.flags,
        unchanged_since=command.unchanged_since,
        told=not command.silent,
    )
    missing = await _answer(session, command, chosen, altered)
    if altered.refused:
        return ok("Some had changed", response_codes.modified(_named(selected, command, altered.refused)))
    return ok("Some are gone", response_codes.EXPUNGEISSUED) if missing else ok("Stored")


async def alter(
    session: Conversation,
    uids: NumberSet,
    *,
    mode: Mode,
    texts: str,
    unchanged_since: int | None = None,
    told: bool = True,
) -> FlagChange:
    """Alter flags durably, and have the mailbox in memory know of it.

    `told`: whether the command tells the client all flags of these messages, so that `news` need not.
    """
    selected, services = session.selected, session.services
    altered = await session.commit(
        flags.alter,
        session.owner,
        selected.mailbox,
        uids,
        mode=mode,
        flags=texts,
        unchanged_since=None if unchanged_since is None else ModSeq(unchanged_since),
    )
    if warm := services.warm.peek(session.owner, selected.mailbox):
        warm.apply(altered)
    if altered.changed and altered.previous == selected.modseq:
        # The client knew all there was before, and it knows what it asked for
        selected.modseq = altered.modseq
    elif altered.changed and told:
        # Others have changed something meanwhile: that is for `news` to tell. A silent command is told as
        # well, or what the others did to the same messages would be hidden for good
        session.own = session.own | {altered.modseq}
    return altered


async def _answer(session: Conversation, command: Store, chosen: Chosen, altered: FlagChange) -> bool:
    """FETCH for each message; tells whether some were gone."""
    condstore = session.machine.condstore
    # RFC 7162 §3.1.3: .SILENT holds the flags back, not the MODSEQ
    if command.silent and not condstore:
        return False
    told = selected_part(session.selected, chosen, altered.refused)
    there = session.read(present, session.services.warm, session.owner, session.selected, told)
    columns = _columns(there, command, condstore=condstore)
    for chunk in fetch_responses.lines(there.numbers, columns):
        session.write(chunk)
    await session.drain()
    return there.missing


def selected_part(selected: SelectedMailbox, chosen: Chosen, refused: NumberSet) -> Chosen:
    """What was chosen, less what was refused."""
    return selected.choose(chosen.uids - refused) if refused else chosen


def _columns(there: Present, command: Store, *, condstore: bool) -> Sequence[Column]:
    columns = []
    # RFC 9051 §6.4.9: FETCH caused by a UID command has UIDs; RFC 7162 §3.2.4: with CONDSTORE always
    if command.uid or condstore:
        columns.append(fetch_responses.numbers(b"UID", there.uids))
    if not command.silent:
        columns.append(fetch_responses.flags(there.flags))
    if condstore:
        columns.append(fetch_responses.modseqs(there.modseqs))
    return columns


def _named(selected: SelectedMailbox, command: Store, uids: NumberSet) -> NumberSet:
    """These messages as the command names messages: by UID or by sequence number."""
    return uids if command.uid else NumberSet.of(selected.choose(uids).sequence_numbers())
