"""Makes the mailboxes of an account what Mailbox/set has found that they may be, in its transaction."""

from collections.abc import Mapping

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.mailbox_name import SEPARATOR
from pillarbox.server.jmap.mailboxes.forest import Forest, Key
from pillarbox.store import mailbox_arrangement, mailboxes
from pillarbox.store.mailbox import Mailbox
from pillarbox.world.database import Transaction


class Arranging:
    """From the mailboxes that there are, to those of a forest."""

    def __init__(
        self, tx: Transaction, account: AccountId, forest: Forest, before: Mapping[MailboxId, Mailbox]
    ) -> None:
        self._tx, self._account = tx, account
        self._before, self._nodes, self._paths = before, forest.nodes, forest.paths()

    def arrange(self, now_ms: int) -> dict[str, MailboxId]:
        """Do it; the numbers of new mailboxes by creation id."""
        tx, account, before = self._tx, self._account, self._before
        for one in before.keys() - self._nodes.keys():
            mailboxes.delete(tx, account, one)
        kept = {one: self._nodes[one] for one in before if one in self._nodes}
        mailbox_arrangement.rename(
            tx, account, {one: self._paths[one] for one in kept if self._paths[one] != before[one].name}
        )
        mailbox_arrangement.set_roles(
            tx, account, {one: node.role for one, node in kept.items() if node.role != before[one].role}
        )
        made = self._create(now_ms)
        numbers: dict[Key, MailboxId] = {one: one for one in kept}
        numbers.update((creation, one) for creation, one in made.items())
        orders = {numbers[key]: node.sort_order for key, node in self._nodes.items()}
        unset = {one: before[one].sort_order for one in kept}
        mailbox_arrangement.set_sort_orders(
            tx, account, {one: order for one, order in orders.items() if order != unset.get(one)}
        )
        self._subscribe()
        return made

    def _create(self, now_ms: int) -> dict[str, MailboxId]:
        new = [key for key in self._nodes if isinstance(key, str)]
        made = {}
        for key in sorted(new, key=lambda key: self._paths[key].count(SEPARATOR)):  # parents first
            role = self._nodes[key].role
            made[key] = mailboxes.create(
                self._tx, self._account, self._paths[key], role=role, now_ms=now_ms
            ).id
        return made

    def _subscribe(self) -> None:
        before = {*mailboxes.subscriptions(self._tx, self._account)}
        # Of others' names, which no mailbox has had, nothing changes
        known = {mailbox.name for mailbox in self._before.values()} | {*self._paths.values()}
        after = {self._paths[key] for key, node in self._nodes.items() if node.subscribed}
        changed = (before & known) ^ after
        mailbox_arrangement.set_subscriptions(
            self._tx, self._account, {name: name in after for name in sorted(changed)}
        )
