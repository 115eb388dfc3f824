"""How many different flags the messages of a mailbox may have together.

Messages with the same flags share one text in memory (`mailbox_cache`), and no quota counts it. So a mailbox has at
most `MAX_MAILBOX_OCTETS` of different texts longer than `flags.SHORT_TEXT_OCTETS`; a shorter one takes no more memory
than the message itself may, and is not counted: most messages cost nothing here.

Always true: the table `flag_texts` has each long text that messages of a mailbox have, with their number. A mailbox
that exceeds the limit, from a time before there was one, is read as ever; it only may not grow.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from pillarbox.mail import flags as flag_text
from pillarbox.mail.flags import SHORT_TEXT_OCTETS, MailboxFlagsFull
from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.world.database import Transaction

MAX_MAILBOX_OCTETS: Final = 256 * 1024
"""Long texts of a mailbox, each counted once: thousands of combinations of keywords. System flags change whatever
there is; so at worst, each of these keywords being there with all 32 sets of them, a mailbox has 8 MiB."""


def long(texts: Iterable[str]) -> list[str]:
    """Those of these texts that are counted."""
    return [text for text in texts if len(text) > SHORT_TEXT_OCTETS]


def check(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    texts: Sequence[str],
    *,
    replaced: Callable[[], int] = lambda: 0,
    max_octets: int = MAX_MAILBOX_OCTETS,
) -> None:
    """Raises `flags.MailboxFlagsFull` where messages with these long texts would exceed the limit of a mailbox.

    `replaced`: the octets of the long texts that no message has any more then; called only where it matters. What
    replaces as many octets is within the limit.
    """
    if not texts:
        return
    more = sum(map(len, _new(tx, account, mailbox, texts)))
    if not more or (over := more - _room(tx, account, mailbox, max_octets)) <= 0:
        return
    less = replaced()
    if over > less and more > less:
        raise MailboxFlagsFull("the messages of this mailbox have too many different keywords")


def fitting(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    texts: Sequence[str],
    *,
    max_octets: int = MAX_MAILBOX_OCTETS,
) -> dict[str, str]:
    """Those of these long texts that a mailbox has no room for, after those before them, each with a short one."""
    new = _new(tx, account, mailbox, texts)
    room = _room(tx, account, mailbox, max_octets) if new else 0
    shorter = {}
    for text in new:
        if len(text) <= room:
            room -= len(text)
        else:
            shorter[text] = flag_text.shortened(text)
    return shorter


_COUNT: Final = """
INSERT INTO flag_texts VALUES (?, ?, ?, ?)
ON CONFLICT (account, mailbox, flags) DO UPDATE SET messages = flag_texts.messages + excluded.messages"""
_FORGET: Final = "DELETE FROM flag_texts WHERE account = ? AND mailbox = ? AND flags = ? AND messages <= 0"
_MESSAGES: Final = "SELECT messages FROM flag_texts WHERE account = ? AND mailbox = ? AND flags = ?"
_OCTETS: Final = "SELECT coalesce(sum(length(flags)), 0) FROM flag_texts WHERE account = ? AND mailbox = ?"


def count(
    tx: Transaction, account: AccountId, mailbox: MailboxId, texts: Sequence[str], *, removed: bool = False
) -> None:
    """A message more has each of these long texts; or fewer, where they were `removed`."""
    if texts:
        change(tx, account, mailbox, {text: -n if removed else n for text, n in Counter(texts).items()})


def change(tx: Transaction, account: AccountId, mailbox: MailboxId, messages: dict[str, int]) -> None:
    """So many messages more have these long texts; where negative, fewer."""
    tx.execute_many(_COUNT, [(account, mailbox, text, number) for text, number in messages.items()])
    tx.execute_many(_FORGET, [(account, mailbox, text) for text, number in messages.items() if number < 0])


def messages(tx: Transaction, account: AccountId, mailbox: MailboxId, text: str) -> int:
    """How many messages have a long text."""
    number: int | None = tx.value(_MESSAGES, (account, mailbox, text))
    return number or 0


def _new(tx: Transaction, account: AccountId, mailbox: MailboxId, texts: Sequence[str]) -> list[str]:
    """Those that no message of the mailbox has, each once."""
    return [text for text in dict.fromkeys(texts) if not messages(tx, account, mailbox, text)]


def _room(tx: Transaction, account: AccountId, mailbox: MailboxId, max_octets: int) -> int:
    octets: int = tx.value(_OCTETS, (account, mailbox))
    return max_octets - octets
