"""Email/undo: what an Email/set has changed is as it was before. An extension of our own.

It is done in slices, each one transaction, so that nobody waits for all of it. What a slice has put back is out of the
token, so that after a crash the same call does the rest.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from pillarbox.directory import quota
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import arguments, errors
from pillarbox.protocol.jmap.email.keywords import keywords
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.types.email import too_many_keywords
from pillarbox.protocol.jmap.types.undo import UndoArguments, conflict, text_of, token_not_found, token_of
from pillarbox.server.jmap.context import Context, PartialFail
from pillarbox.store import states, undoing
from pillarbox.store.emails import Email
from pillarbox.store.undo_tokens import TOKEN_OCTETS, Kept, Undoable
from pillarbox.store.undoing import FLAGS, MAILBOXES, NotUndone, Undone, Why
from pillarbox.world.database import Transaction


def new_undoable(context: Context) -> Undoable:
    """A token that nobody has."""
    limits = context.limits
    return Undoable(
        token=context.world.entropy.token_bytes(TOKEN_OCTETS),
        kept_ms=limits.undo_kept_s * 1000,
        most=limits.max_undo_tokens,
    )


class Slice(Struct, frozen=True):
    """What became of one."""

    old_state: str
    new_state: str
    undone: Undone


def undo_slice(
    tx: Transaction,
    account: AccountId,
    token: bytes,
    redo: Undoable,
    *,
    after: tuple[int, int],
    expected: str | None,
    valid_at_ms: int,
    now_ms: int,
) -> Slice | None:
    """Undo a slice; `None`: there is no such token. Raises stateMismatch, where there is another state."""
    old = states.read(tx, account).email.text
    if expected is not None and expected != old:
        raise errors.state_mismatch()
    limit = quota.effective(tx, account)
    undone = undoing.undo(
        tx,
        account,
        token,
        redo.within(limit),
        after=after,
        valid_at_ms=valid_at_ms,
        now_ms=now_ms,
        quota_octets=limit,
    )
    return None if undone is None else Slice(old, states.read(tx, account).email.text, undone)


async def undo(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Email/undo."""
    call = arguments.read(UndoArguments, given)
    account = context.account_id(given)
    undoing_now = _Undoing(context, account, token_of(call.undo_token), call.if_in_state)
    await undoing_now.all()
    return undoing_now.response(call.account_id)


class _Undoing:
    """The slices of one call, and what becomes of them."""

    def __init__(self, context: Context, account: AccountId, token: bytes, if_in_state: str | None) -> None:
        self._context, self._account, self._token = context, account, token
        self._expected = if_in_state
        self._redo = msgspec.structs.replace(new_undoable(context), spared=token)
        self._old_state: str | None = None
        self._new_state = ""
        self._is_begun = False
        self._kept: set[Kept] = set()
        self._undone: dict[str, Any] = {}
        self._not_undone: dict[str, Any] = {}

    async def all(self) -> None:
        """Raises undoTokenNotFound, stateMismatch, or what the database raises, where nothing was undone; `PartialFail`
        otherwise."""
        valid_at_ms = self._context.world.clock.now_ms()
        after: tuple[int, int] | None = (0, 0)
        while after is not None:
            try:
                done = await self._slice(after, valid_at_ms)
            except Exception as failure:
                if self._is_begun:
                    raise PartialFail from failure
                raise
            if done is None:
                if not self._is_begun:
                    raise token_not_found()
                return  # another call has undone the rest
            self._note(done)
            after = done.undone.next
            await self._context.give_way()

    async def _slice(self, after: tuple[int, int], valid_at_ms: int) -> Slice | None:
        world = self._context.world
        return await world.database.write_in_thread(
            undo_slice,
            self._account,
            self._token,
            self._redo,
            after=after,
            expected=self._expected,
            valid_at_ms=valid_at_ms,
            now_ms=world.clock.now_ms(),
        )

    def _note(self, done: Slice) -> None:
        if not self._is_begun:
            self._old_state = done.old_state
        elif done.old_state != self._new_state:
            self._old_state = None
        self._new_state, self._is_begun = done.new_state, True
        if self._expected is not None:
            self._expected = done.new_state
        self._kept.add(done.undone.kept)
        for email, (now, what) in done.undone.emails.items():
            self._undone[object_id.of_email(email)] = None if now is None else _told(now, what)
        for email, refused in done.undone.refused.items():
            self._not_undone[object_id.of_email(email)] = _error(refused).as_object()

    def response(self, account_id: str) -> dict[str, Any]:
        """As of /set."""
        can_redo = Kept.ALL in self._kept and Kept.TOO_MUCH not in self._kept
        return {
            "accountId": account_id,
            "oldState": self._old_state,
            "newState": self._new_state,
            "undone": self._undone or None,
            "notUndone": self._not_undone or None,
            "undoToken": text_of(self._redo.token) if can_redo else None,
        }


def _told(email: Email, what: tuple[str, ...]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if MAILBOXES in what:
        told["mailboxIds"] = {object_id.of_mailbox(mailbox): True for mailbox in sorted(email.mailboxes)}
    if FLAGS in what:
        told["keywords"] = dict.fromkeys(keywords(email.flags), True)
    return told


_PROPERTIES: Final = {MAILBOXES: "mailboxIds", FLAGS: "keywords"}
_ERRORS: Final = {
    Why.NOT_FOUND: errors.NOT_FOUND,
    Why.OVER_QUOTA: errors.over_quota("Quota exceeded"),
    Why.TOO_MANY_KEYWORDS: too_many_keywords("There would be too many keywords"),
    Why.NO_MAILBOX: errors.invalid_properties(["mailboxIds"], "There is no mailbox for it"),
}


def _error(refused: NotUndone) -> SetError:
    if refused.why is Why.CHANGED_SINCE:
        return conflict([_PROPERTIES[name] for name in refused.what])
    return _ERRORS[refused.why]
