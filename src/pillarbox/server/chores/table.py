"""The chores: what each does, and how often it is due."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from pillarbox.delivery import tracking
from pillarbox.directory.sign_in import (
    browser_sessions,
    recovery_addresses,
    reset_links,
    sign_in_steps,
    totp,
    used_challenges,
)
from pillarbox.mail.identifiers import EmailId
from pillarbox.push import subscriptions
from pillarbox.queue import submissions
from pillarbox.server.chores.indexing import Rest, index_mail
from pillarbox.server.chores.key_rotation import rotate_keys
from pillarbox.store import orphans, snoozing, undo_tokens, unfinished_copies, uploads
from pillarbox.store.account_counters import NoSuchAccount, NoSuchMailbox
from pillarbox.world.blobs import ABANDONED_MS, has_unused_files, sweep, sweep_leftovers
from pillarbox.world.database import ValuesDamaged
from pillarbox.world.world import World


@dataclass(frozen=True, slots=True)
class Chore:
    """One kind of background work."""

    run: Callable[[World, Rest], Awaitable[bool]]
    """Does a bounded amount of work, a piece at a time; returns whether there may be more."""
    every_s: float = 0.0
    """Seconds from one run to the next at least; 0: in every round."""


async def drop_orphans(world: World, _rest: Rest) -> bool:
    """Delete emails whose last placement is gone."""
    if not await world.database.read(orphans.exist):
        return False
    return await world.database.write_in_thread(orphans.sweep) > 0


async def undo_copies(world: World, _rest: Rest) -> bool:
    """Expunge what was copied by commands that were never finished."""
    now_ms = world.clock.now_ms()
    if not await world.database.read(unfinished_copies.exist, now_ms=now_ms):
        return False
    return await world.database.write_in_thread(
        unfinished_copies.sweep, now_ms=now_ms, limit=EXPUNGED_TOGETHER
    )


async def drop_undo_tokens(world: World, _rest: Rest) -> bool:
    """Remove what can't be undone any more."""
    now_ms = world.clock.now_ms()
    if not await world.database.read(undo_tokens.any_ended, now_ms=now_ms):
        return False
    return await world.database.write_in_thread(undo_tokens.sweep, now_ms=now_ms)


async def bring_back_snoozed(world: World, _rest: Rest) -> bool:
    """Bring back emails whose time has come, an email at a time. People wait for them, so it does not rest."""
    now_ms = world.clock.now_ms()
    due_ms = await world.database.read(snoozing.next_due_ms)
    if due_ms is None or due_ms > now_ms:
        return False
    done, after = 0, snoozing.FIRST
    while done < BROUGHT_BACK_TOGETHER:
        several = await world.database.read(snoozing.due, now_ms=now_ms, limit=DUE_TOGETHER, after=after)
        for one in several:
            done += await _bring_back_alone(world, one.email, now_ms)
            after = one
        if len(several) < DUE_TOGETHER:
            return False
    return True


async def _bring_back_alone(world: World, email: EmailId, now_ms: int) -> bool:
    """One that cannot come back keeps no other waiting."""
    try:
        return await world.database.write_in_thread(snoozing.bring_back, email, now_ms=now_ms)
    except (ValuesDamaged, NoSuchAccount, NoSuchMailbox) as damaged:  # of which fsck tells
        world.telemetry.warning("snoozed email not back yet", email=email, why=str(damaged))
    return False


async def drop_uploads(world: World, _rest: Rest) -> bool:
    """Remove uploads that have expired."""
    now_ms = world.clock.now_ms()
    if not await world.database.read(uploads.expired, now_ms=now_ms):
        return False
    return await world.database.write_in_thread(uploads.sweep, now_ms=now_ms) > 0


async def drop_files(world: World, _rest: Rest) -> bool:
    """Remove the files of blobs whose last use is gone."""
    if not await world.database.read(has_unused_files):
        return False
    older_than_ms = world.clock.now_ms() - ABANDONED_MS
    return await sweep(world.blobs, world.database, older_than_ms=older_than_ms) > 0


async def drop_leftovers(world: World, _rest: Rest) -> bool:
    """Remove files that crashes have left behind."""
    await sweep_leftovers(world.blobs, world.database, now_ms=world.clock.now_ms())
    return False


async def forget_submissions(world: World, _rest: Rest) -> bool:
    """Forget what was sent long ago, for those who sent it by JMAP."""
    now_ms = world.clock.now_ms()
    if not await world.database.read(submissions.any_old, now_ms=now_ms):
        return False
    forget = world.database.write_in_thread
    return await forget(tracking.forget_old, now_ms=now_ms, limit=FORGOTTEN_TOGETHER) == FORGOTTEN_TOGETHER


async def drop_subscriptions(world: World, _rest: Rest) -> bool:
    """Remove push subscriptions that have expired, with their URLs and keys."""
    now_ms = world.clock.now_ms()
    if not await world.database.read(subscriptions.any_expired, now_ms=now_ms):
        return False
    removed = await world.database.write_in_thread(subscriptions.remove_expired, now_ms=now_ms)
    return removed == subscriptions.REMOVED_TOGETHER


async def drop_forgotten_setups(world: World, _rest: Rest) -> bool:
    """Remove the secrets of one-time codes whose first code has never come."""
    now_ms = world.clock.now_ms()
    if not await world.database.read(totp.any_forgotten, now_ms=now_ms):
        return False
    drop = world.database.write_in_thread
    return await drop(totp.drop_forgotten, now_ms=now_ms, limit=FORGOTTEN_TOGETHER) == FORGOTTEN_TOGETHER


async def end_browser_sessions(world: World, _rest: Rest) -> bool:
    """Remove browser sessions that have expired, sign-ins that were never completed, and used challenges."""
    now_ms, more = world.clock.now_ms(), False
    for verbs, together in (
        (browser_sessions, browser_sessions.REMOVED_TOGETHER),
        (sign_in_steps, sign_in_steps.REMOVED_TOGETHER),
        (used_challenges, used_challenges.REMOVED_TOGETHER),
    ):
        if await world.database.read(verbs.any_expired, now_ms=now_ms):
            removed = await world.database.write_in_thread(verbs.remove_expired, now_ms=now_ms)
            more = more or removed == together
    return more


async def drop_reset_links(world: World, _rest: Rest) -> bool:
    """Remove links for a new password that have expired, and those that confirm a recovery address."""
    now_ms, more = world.clock.now_ms(), False
    for verbs, together in (
        (reset_links, reset_links.REMOVED_TOGETHER),
        (recovery_addresses, recovery_addresses.REMOVED_TOGETHER),
    ):
        if await world.database.read(verbs.any_expired, now_ms=now_ms):
            removed = await world.database.write_in_thread(verbs.remove_expired, now_ms=now_ms)
            more = more or removed >= together
    return more


FORGOTTEN_TOGETHER: Final = 200
FORGET_EVERY_S: Final = 600.0
BROUGHT_BACK_TOGETHER: Final = 1_000
"""Emails of one run of the chore, a millisecond or two each."""
DUE_TOGETHER: Final = 100
SUBSCRIPTIONS_EVERY_S: Final = 60.0
SETUPS_EVERY_S: Final = 600.0
SESSIONS_EVERY_S: Final = 60.0
RESET_LINKS_EVERY_S: Final = 600.0
EXPUNGED_TOGETHER: Final = 2_000
"""Messages of an unfinished copy that are expunged in one transaction, some 50 milliseconds."""
LEFTOVERS_EVERY_S: Final = 3600.0
KEYS_EVERY_S: Final = 3600.0

CHORES: Final = (
    Chore(bring_back_snoozed),
    Chore(undo_copies),
    Chore(drop_undo_tokens),
    Chore(drop_orphans),
    Chore(drop_uploads),
    Chore(drop_files),
    Chore(index_mail),
    Chore(forget_submissions, every_s=FORGET_EVERY_S),
    Chore(drop_subscriptions, every_s=SUBSCRIPTIONS_EVERY_S),
    Chore(drop_forgotten_setups, every_s=SETUPS_EVERY_S),
    Chore(end_browser_sessions, every_s=SESSIONS_EVERY_S),
    Chore(drop_reset_links, every_s=RESET_LINKS_EVERY_S),
    Chore(drop_leftovers, every_s=LEFTOVERS_EVERY_S),
    Chore(rotate_keys, every_s=KEYS_EVERY_S),
)
"""All of them, in the order of a round."""
