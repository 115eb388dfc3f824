"""The states of JMAP: up to where in the change log a client knows an account's emails, mailboxes or threads.

The state of a type is the MODSEQ at which anything of that type last changed, and so the same string in every process.
A client that is given a part of the changes gets a state between two: a place within a MODSEQ, where so much changed
with that one that a client can't be told of it at once. RFC 8620 §5.2.

Of a MODSEQ, changes are told by mailbox, and in a mailbox by number: a UID, or an id of what belongs to no mailbox. As
far as mailboxes themselves are concerned, there is one change of each.
"""

from typing import Final, NamedTuple

from pillarbox.mail.identifiers import AccountId, ModSeq
from pillarbox.store import account_counters
from pillarbox.store.account_counters import MAX_MODSEQ, NoSuchAccount
from pillarbox.world.database import Transaction
from pillarbox.world.database.values import MAX_NUMBER

_ALL: Final = MAX_NUMBER + 1
_MAX_DIGITS: Final = len(str(MAX_NUMBER))


class CannotCalculateChanges(Exception):
    """What changed since a state is not known (RFC 8620 §5.2): the client has to read everything again."""


class State(NamedTuple):
    """A place in the change log; what is up to there was told. The later is the greater."""

    modseq: ModSeq
    mailbox: int = _ALL
    """Of what happened with this MODSEQ, the changes of the mailboxes with lower ids were told."""
    number: int = _ALL
    """And those of this mailbox up to this number."""

    @property
    def text(self) -> str:
        """As clients have it."""
        if self.is_whole:
            return str(self.modseq)
        return f"{self.modseq}.{self.mailbox}.{self.number}"

    @property
    def is_whole(self) -> bool:
        """Whether all that happened with its MODSEQ was told."""
        return self.mailbox == _ALL

    @property
    def told(self) -> ModSeq:
        """The last MODSEQ of which all was told."""
        return self.modseq if self.is_whole else ModSeq(self.modseq - 1)


class States(NamedTuple):
    """Where an account is."""

    email: State
    mailbox: State
    thread: State
    logged_from: ModSeq
    """From where on the change log says which emails it is about."""


def parse(text: str) -> State | None:
    """A state from what `State.text` gave; `None` for any other text."""
    parts = text.split(".", 3)
    if len(parts) not in (1, 3) or not all(map(_is_number, parts)):
        return None
    numbers = [int(part) for part in parts]
    if numbers[0] > MAX_MODSEQ or max(numbers) > MAX_NUMBER:
        return None
    return State(ModSeq(numbers[0]), *numbers[1:])


def _is_number(part: str) -> bool:
    in_digits = len(part) <= _MAX_DIGITS and part.isascii() and part.isdigit()
    return in_digits and (part == "0" or part[0] != "0")


def read(tx: Transaction, account: AccountId) -> States:
    """The states of an account. Raises `NoSuchAccount`, `ValuesDamaged`."""
    row = tx.row(_STATES, (account,))
    if row is None:
        raise NoSuchAccount(account)
    if any(type(number) is not int or not 0 <= number <= MAX_MODSEQ for number in row):
        raise account_counters.damaged(account)
    email, mailbox, thread, logged_from = row
    return States(State(email), State(mailbox), State(thread), logged_from)


_STATES: Final = (
    "SELECT email_modseq, mailbox_modseq, thread_modseq, logged_from FROM ledgers WHERE account = ?"
)


def check(since: State, now: State, logged_from: ModSeq) -> None:
    """Raises `CannotCalculateChanges` where the log does not lead from one state to the other."""
    if since > now or since.modseq < logged_from:
        raise CannotCalculateChanges(since.text)
