"""The transactions of one /set that changes record by record (RFC 8620 §5.3)."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.arguments import SetArguments
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.server.jmap.context import Context, PartialFail
from pillarbox.world.database import DatabaseUnavailable, Transaction

T = TypeVar("T")
State = Callable[[Transaction, AccountId], str]

_LATER: Final = SetError(errors.SERVER_FAIL, "The server cannot do it now; try again later")


class RecordRefused(Exception):
    """A record is not changed; raised in its transaction."""

    def __init__(self, error: SetError) -> None:
        super().__init__(error.type)
        self.error = error


class GuardedWrites:
    """One transaction for each record; the first that changes anything makes sure that the state is still that of
    `ifInState`."""

    def __init__(self, context: Context, account: AccountId, call: SetArguments, state: State) -> None:
        self._context, self._account, self._call, self._state = context, account, call, state
        self._has_changed = False
        self.old_state = ""

    async def all(self, carry_out: Callable[[], Awaitable[None]]) -> str:
        """Do all of it; return the state after it.

        Raises stateMismatch, and what else is raised: `PartialFail`, where something was changed before.
        """
        database = self._context.world.database
        self.old_state = await database.read(self._state, self._account)
        self._call.check_state(self.old_state)
        try:
            await carry_out()
        except Exception as failure:
            if self._has_changed:
                raise PartialFail from failure
            raise
        try:
            return await database.read(self._state, self._account)
        except DatabaseUnavailable:
            return self.old_state  # whoever asks what has changed since then, is told all of it once more

    async def one(self, verb: Callable[[Transaction], T], *, in_thread: bool = False) -> T:
        """Change a record. Raises stateMismatch, `RecordRefused`, and what the verb raises; then it has not changed.

        `in_thread`: for a verb that writes much, and touches nothing but the transaction.
        """
        await self._context.give_way()
        database = self._context.world.database
        write = database.write_in_thread if in_thread else database.write
        try:
            done = await write(self._checked, verb)
        except DatabaseUnavailable as failure:
            raise self.refused(failure) from failure
        self.note_change()
        return done

    def refused(self, failure: DatabaseUnavailable) -> Exception:
        """What to raise where the database fails: an error of the record, so that the client is told what was done
        with the others; of the call, where nothing was."""
        return RecordRefused(_LATER) if self._has_changed else failure

    def note_change(self) -> None:
        """A record was changed, here or elsewhere: the state is another one from now on."""
        self._has_changed = True

    def _checked(self, tx: Transaction, verb: Callable[[Transaction], T]) -> T:
        if self._call.if_in_state is not None and not self._has_changed:
            self._call.check_state(self._state(tx, self._account))
        return verb(tx)
