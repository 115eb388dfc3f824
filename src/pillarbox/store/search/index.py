"""The full-text index: fed after delivery (`feeding`), queried only to narrow a search.

The index holds trigrams without positions. It finds messages that have all the trigrams of the text searched
for; whether they contain it, their own text decides. So a result is exact however far the feed has come.

What is always true: an email with an id up to the account's `indexed_email` that is in no index row is in
`search_unindexed`, or has gone; rows of the index go with the email (`orphans.sweep`).
"""

from collections.abc import Iterable
from typing import Final

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.store import sqlite_fts
from pillarbox.store.account_counters import EMAIL_BITS, email_bounds
from pillarbox.world.database import DatabaseDamaged, Transaction

TRIGRAM: Final = 3
"""Characters; for shorter texts the index can't help."""

_MAX_TRIGRAMS: Final = 64
"""Trigrams of one text that are queried; enough to narrow."""


def backlog(tx: Transaction, *, limit: int) -> int:
    """How many emails are not indexed yet; counted up to `limit`."""
    number: int = tx.value(
        "SELECT count(*) FROM (SELECT 1 FROM ledgers l JOIN emails e ON e.id > l.indexed_email AND e.id <= l.last_email"
        " WHERE l.indexed_email < l.last_email LIMIT ?) counted",
        (limit,),
    )
    return number


def given_up(tx: Transaction) -> int:
    """How many emails could not be read for the index."""
    number: int = tx.value("SELECT count(*) FROM search_given_up", ())
    return number


def start_over(tx: Transaction) -> None:
    """Index all mail anew: the index is empty."""
    tx.execute("UPDATE ledgers SET indexed_email = account << ?", (EMAIL_BITS,))
    for table in ("search_unindexed", "search_given_up", "search_attempts"):
        tx.execute(f"DELETE FROM {table}")  # noqa: S608 - from the tuple


def narrow(
    tx: Transaction, account: AccountId, mailbox: MailboxId, between: tuple[int, int], folded: str
) -> set[int] | None:
    """UIDs, of those between two, of messages that may contain a folded text; `None`: any may."""
    if len(folded) < TRIGRAM:
        return None
    bounds = email_bounds(account)
    match = sqlite_fts.match_all(_trigrams(folded))
    try:
        rows = tx.rows(sqlite_fts.NARROW, (account, mailbox, *between, account, match, *bounds, *bounds))
    except DatabaseDamaged:
        return None  # the texts decide, if more slowly; feeding the index reports its damage
    return {uid for (uid,) in rows}


def _trigrams(folded: str) -> Iterable[str]:
    text = folded.replace("\0", " ")
    every = range(len(text) - TRIGRAM + 1)
    return dict.fromkeys(text[at : at + TRIGRAM] for at in every[:_MAX_TRIGRAMS])
