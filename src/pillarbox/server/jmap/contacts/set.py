"""ContactCard/set: RFC 9610 §3.5. What is created comes first, then what is updated, then what is destroyed.

Cards are checked outside of transactions, and written several at once. A card that somebody else has changed in
between is read and changed once more.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pillarbox.contacts.cards import Card
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, CardId
from pillarbox.protocol.jmap import arguments, errors
from pillarbox.protocol.jmap.arguments import SetArguments
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.responses import SetOutcome
from pillarbox.server.jmap.contacts import making, states, writing
from pillarbox.server.jmap.contacts.making import Made
from pillarbox.server.jmap.contacts.media import MediaKeeper
from pillarbox.server.jmap.contacts.writing import TOGETHER
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.guarded_writes import GuardedWrites, RecordRefused
from pillarbox.world.database import Transaction

T = TypeVar("T")


async def set_cards(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§3.5."""
    call = arguments.read(SetArguments, given)
    call.check(context.limits)
    return await _Set(context, call, context.account_id(given)).run()


class CardWrites:
    """The transactions of one call, each of some cards."""

    def __init__(self, context: Context, account: AccountId, call: SetArguments) -> None:
        self._context, self._account = context, account
        self._guarded = GuardedWrites(context, account, call, states.of_cards)
        self.outcome = SetOutcome()

    @property
    def old_state(self) -> str:
        """The state before the first one."""
        return self._guarded.old_state

    async def all(self, carry_out: Callable[[], Any]) -> str:
        """See `GuardedWrites.all`."""
        return await self._guarded.all(carry_out)

    async def some(
        self, verb: Callable[[Transaction, AccountId, Sequence[T]], list[Any]], several: Sequence[T]
    ) -> list[Any]:
        """Write some; what became of each. Raises stateMismatch, and what the database raises at first."""
        try:
            return await self._guarded.one(lambda tx: verb(tx, self._account, several))
        except RecordRefused as refused:
            return [refused.error] * len(several)

    async def create(self, several: Mapping[str, Made]) -> None:
        """Create cards, by creation id."""
        for keys in in_parts(list(several)):
            made = [several[key] for key in keys]
            for key, one, became in zip(keys, made, await self.some(writing.create, made), strict=True):
                if isinstance(became, SetError):
                    self.outcome.not_created[key] = became
                    continue
                name = object_id.of_card(became)
                self._context.created.add(key, name)
                self.outcome.created[key] = {"id": name, **one.told}


class _Set:
    """One call."""

    def __init__(self, context: Context, call: SetArguments, account: AccountId) -> None:
        self._context, self._call, self._account = context, call, account
        self._writes = CardWrites(context, account, call)
        self._outcome = self._writes.outcome
        self._keeper = MediaKeeper(context, account)

    async def run(self) -> dict[str, Any]:
        new_state = await self._writes.all(self._carry_out)
        return self._outcome.set_response(self._call.account_id, self._writes.old_state, new_state)

    async def _carry_out(self) -> None:
        call, known = self._call, self._context.created.known
        for keys in in_parts(list(call.create or {})):
            await self._create({key: (call.create or {})[key] for key in keys})
        destroyed = dict.fromkeys(map(known, call.destroy or ()))
        for references in in_parts(list(call.update or {})):
            await self._update({one: (call.update or {})[one] for one in references}, destroyed)
        for names in in_parts(list(destroyed)):
            await self._destroy(names)

    async def _create(self, given: Mapping[str, dict[str, Any]]) -> None:
        ready: dict[str, Made] = {}
        for key, record in given.items():
            await self._context.give_way()
            made = await making.created(self._context, self._keeper, record)
            if isinstance(made, SetError):
                self._outcome.not_created[key] = made
            else:
                ready[key] = made
        await self._writes.create(ready)

    async def _update(self, given: Mapping[str, dict[str, Any]], destroyed: Collection[str]) -> None:
        left: list[tuple[str, dict[str, Any]]] = []
        for reference, patch in given.items():
            name = self._context.created.known(reference)
            if name in destroyed:
                self._outcome.not_updated[name] = errors.WILL_DESTROY
            elif object_id.card(name) is None:
                self._outcome.not_updated[name] = errors.NOT_FOUND
            else:
                left.append((name, patch))
        while left:
            left = await self._updated(left)

    async def _updated(self, patches: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
        """Those that others have changed meanwhile, and are to be done again."""
        ids = [card for name, _ in patches if (card := object_id.card(name)) is not None]
        read = await self._context.world.database.read(writing.read, self._account, ids)
        ready: list[tuple[Card, Made]] = []
        waiting: list[tuple[str, dict[str, Any]]] = []
        for (name, patch), card in zip(patches, ids, strict=True):
            await self._context.give_way()
            if card not in read:
                self._outcome.not_updated[name] = errors.NOT_FOUND
                continue
            before, media = read[card]
            made = await making.updated(self._context, self._keeper, before, media, patch)
            if isinstance(made, SetError):
                self._outcome.not_updated[name] = made
            elif made is None:
                self._outcome.updated.setdefault(name, None)
            else:
                ready.append((before, made))
                waiting.append((name, patch))
        again = []
        became = await self._writes.some(writing.update, ready) if ready else []
        for (name, patch), (_, made), done in zip(waiting, ready, became, strict=True):
            if isinstance(done, SetError):
                self._outcome.not_updated[name] = done
            elif done:
                self._outcome.updated[name] = made.told or None
            else:
                again.append((name, patch))
        return again

    async def _destroy(self, names: Sequence[str]) -> None:
        ids: list[CardId] = []
        for name in names:
            card = object_id.card(name)
            if card is None:
                self._outcome.not_destroyed[name] = errors.NOT_FOUND
            else:
                ids.append(card)
        became = await self._writes.some(writing.destroy, ids) if ids else []
        for card, done in zip(ids, became, strict=True):
            name = object_id.of_card(card)
            if done is True:
                self._outcome.destroyed.append(name)
            else:
                self._outcome.not_destroyed[name] = done or errors.NOT_FOUND


def in_parts(several: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many as one transaction writes."""
    return (several[at : at + TOGETHER] for at in range(0, len(several), TOGETHER))
