"""ContactCard/copy (RFC 9610 §3.6, RFC 8620 §5.4): from one account to another, with images and sounds."""

from typing import Any

from pillarbox.contacts import cards
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import arguments, errors
from pillarbox.protocol.jmap.arguments import CopyArguments, SetArguments
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.types.contact_card import ID
from pillarbox.server.jmap.contacts import making, states, writing
from pillarbox.server.jmap.contacts.making import Made
from pillarbox.server.jmap.contacts.media import MediaKeeper
from pillarbox.server.jmap.contacts.set import CardWrites, in_parts
from pillarbox.server.jmap.context import Context, Named


async def copy(context: Context, given: dict[str, Any]) -> list[Named]:
    """§3.6, and the ContactCard/set that it implies. The client says which address books a copy is in: those of the
    original are none of the other account."""
    call = arguments.read(CopyArguments, given)
    call.check(context.limits)
    account, origin = context.account_id(given), context.account_id(given, "fromAccountId")
    if call.on_success_destroy_original and context.accesses[call.from_account_id].is_read_only:
        raise errors.MethodError(errors.ACCOUNT_READ_ONLY)
    if call.if_from_in_state is not None:
        current = await context.world.database.read(states.of_cards, origin)
        if current != call.if_from_in_state:
            raise errors.state_mismatch()
    writes = CardWrites(
        context, account, SetArguments(account_id=call.account_id, if_in_state=call.if_in_state)
    )
    copies = _Copies(context, account, origin, writes)

    async def carry_out() -> None:
        for keys in in_parts(list(call.create)):
            await copies.add({key: call.create[key] for key in keys})

    new_state = await writes.all(carry_out)
    outcome = writes.outcome
    answer = outcome.copy_response(call.from_account_id, call.account_id, writes.old_state, new_state)
    answers: list[Named] = [("ContactCard/copy", answer)]
    if call.on_success_destroy_original and outcome.created:
        destroy = {
            "accountId": call.from_account_id,
            "ifInState": call.destroy_from_if_in_state,
            "destroy": [*dict.fromkeys(copies.originals[key] for key in outcome.created)],
        }
        answers += await context.implicit("ContactCard/set", destroy)
    return answers


class _Copies:
    """The copies of one call."""

    def __init__(self, context: Context, account: AccountId, origin: AccountId, writes: CardWrites) -> None:
        self._context, self._origin, self._writes = context, origin, writes
        self._keeper = MediaKeeper(context, account)
        self.originals: dict[str, str] = {}
        """Ids, by creation id."""

    async def add(self, given: dict[str, dict[str, Any]]) -> None:
        """Copy some."""
        outcome, ready = self._writes.outcome, dict[str, Made]()
        for key, record in given.items():
            await self._context.give_way()
            original = arguments.copied_id(record, self._context.created)
            made = await self._made(original, record) if isinstance(original, str) else original
            if isinstance(made, SetError):
                outcome.not_created[key] = made
            else:
                self.originals[key] = str(original)
                ready[key] = made
        await self._writes.create(ready)
        for key in ready:
            refused = outcome.not_created.get(key)
            if refused is not None and "existingId" in refused.extra:
                outcome.not_created[key] = errors.already_exists(refused.extra["existingId"])

    async def _made(self, original: str, record: dict[str, Any]) -> Made | SetError:
        card = object_id.card(original)
        read = await self._context.world.database.read(
            writing.read, self._origin, [] if card is None else [card]
        )
        if card is None or card not in read:
            return errors.NOT_FOUND
        before, media = read[card]
        others = {name: value for name, value in record.items() if name != ID}
        content = {**cards.decoded(before), **others}
        kept = {name: value for name, value in content.items() if value is not None}
        return await making.made(self._context, self._keeper, kept, media)
