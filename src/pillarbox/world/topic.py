"""What a signal is about: `Topic("queue")`, or with an account `Topic("account", 7)`.

Each room defines the topics of its own. In a datagram between processes a topic is its name and, where it has
one, its account in decimal, separated by a space.
"""

from functools import lru_cache
from typing import NamedTuple

from pillarbox.mail.identifiers import AccountId


class Topic(NamedTuple):
    """The subject of a signal. `name` is a word in ASCII."""

    name: str
    account: AccountId | None = None

    @classmethod
    def parse(cls, text: str) -> "Topic":
        """The topic that `str` gave. Raises ValueError."""
        name, _space, account = text.partition(" ")
        return cls(name, AccountId(int(account)) if account else None)

    def __str__(self) -> str:
        return self.name if self.account is None else f"{self.name} {self.account}"


@lru_cache(maxsize=4096)
def account_changed(account: AccountId) -> Topic:
    """Something in this account changed: mail, mailboxes, or its settings."""
    return Topic("account", account)
