"""Feeding the full-text index: what is read of the mail that has arrived, and written to the index.

Delivery never waits for it. While there is a backlog, a chore calls `begin`, then `gather` (reading, in a thread) and
`feed` (writing, bounded by its caller) in turn. Emails get their ids in the order of arrival, so one number an account
says how far the feed has come: what has a higher id is not indexed yet, and a search reads it without the index.

No email is read for the index for ever. `begin` records durably how far it will be read. What is recorded there and
has not been fed was being read when the process ended or failed: those emails are read again one by one, and one that
fails a second time is given up on: it is not indexed, and searches read it each time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.normalization import fold, slices
from pillarbox.store import account_counters, sqlite_fts
from pillarbox.store.search.index import TRIGRAM
from pillarbox.store.search.text import everything
from pillarbox.world.blobs import BlobDamaged, Blobs
from pillarbox.world.database import Transaction
from pillarbox.world.topic import Topic

MAX_INDEXED_CHARACTERS: Final = 1024 * 1024
"""Messages with more text are not indexed; searches read them each time."""

MAX_INDEXED_PIECES: Final = 1024
"""Nor are those whose text takes more pieces to read, each of 16 KiB at most: text that is mostly markup."""

MAX_FED_CHARACTERS: Final = 24 * 1024
"""Characters of one email that differ from each other: a longer text is fed without what repeats. The worst text takes
a millisecond for a thousand; other writers wait."""

MAX_GATHERED_CHARACTERS: Final = 512 * 1024
"""Characters after which no more emails are read at once."""

MAX_ATTEMPT_MESSAGES: Final = 128
"""Messages whose reading is recorded at once before it begins."""

MAX_BEHIND: Final = 1_000
"""Accounts that are looked at together."""


class Span(NamedTuple):
    """Emails of one account that are going to be read: those not indexed yet, up to one."""

    account: AccountId
    upto: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """Emails that are going to be read."""

    spans: tuple[Span, ...]


class Texts(NamedTuple):
    """Emails of one account, read and ready to be indexed."""

    account: AccountId
    after: int
    """The feed had come to here."""
    upto: int
    """It comes to here."""
    texts: tuple[tuple[int, str | None], ...]
    """Email and what is fed of its folded text; `None` where that is too much, or its octets are missing."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read at once."""

    accounts: tuple[Texts, ...]
    is_last: bool
    """Nothing of the attempt is left to be read."""


class Fed(NamedTuple):
    """What `feed` did."""

    emails: int
    rest: Batch | None
    """What it did not come to."""


def searched(account: AccountId) -> Topic:
    """Announced by a search that may have to read what is not indexed yet."""
    return Topic("search", account)


def behind(tx: Transaction, limit: int = MAX_BEHIND) -> list[AccountId]:
    """Accounts with emails that are not indexed yet, those with the fewest first."""
    rows = tx.rows(
        "SELECT account FROM ledgers WHERE indexed_email < last_email ORDER BY last_email - indexed_email LIMIT ?",
        (limit,),
    )
    return [account for (account,) in rows]


def begin(
    tx: Transaction, limit: int = MAX_ATTEMPT_MESSAGES, accounts: Sequence[AccountId] | None = None
) -> Attempt | None:
    """Record that at most `limit` emails will be read, of these accounts in this order; `None` where there are none.

    `accounts`: those that are `behind` unless given.
    """
    found = [_progress(tx, account) for account in (behind(tx) if accounts is None else accounts)[:limit]]
    spans: list[Span] = []
    # An email that is read alone may be given up on: it must be the only one
    for progress in sorted(filter(None, found), key=lambda each: not each.is_single):
        if spans and (progress.is_single or limit <= 0):
            break
        span, emails = _begun(tx, progress, limit)
        spans.append(span)
        limit = 0 if progress.is_single else limit - emails
    return Attempt(tuple(spans)) if spans else None


class _Progress(NamedTuple):
    """How far the feed of an account has come."""

    account: AccountId
    after: int
    last: int
    begun_upto: int
    singly_upto: int

    @property
    def is_single(self) -> bool:
        """Whether the next email was being read when the process ended or failed."""
        return self.after < max(self.begun_upto, self.singly_upto)


def _progress(tx: Transaction, account: AccountId) -> _Progress | None:
    row = tx.row(
        "SELECT l.account, l.indexed_email, l.last_email, a.upto, a.singly_upto"
        " FROM ledgers l LEFT JOIN search_attempts a ON a.account = l.account"
        " WHERE l.account = ? AND l.indexed_email < l.last_email",
        (account,),
    )
    if row is None:
        return None
    account, after, last, begun_upto, singly_upto = row
    if type(after) is not int or type(last) is not int:
        raise account_counters.damaged(account)
    return _Progress(account, after, last, begun_upto or 0, singly_upto or 0)


def _begun(tx: Transaction, progress: _Progress, limit: int) -> tuple[Span, int]:
    """What will be read of an account, and how many emails that is at most."""
    account, after, last, begun_upto, singly_upto = progress
    if after < begun_upto <= singly_upto:
        after = _give_up(tx, account, after, begun_upto)
    singly_upto = max(singly_upto, begun_upto)
    limit = 1 if after < singly_upto else limit
    emails = tx.rows(
        "SELECT id FROM emails WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", (after, last, limit)
    )
    upto = emails[-1][0] if len(emails) == limit else last
    tx.execute(
        "INSERT INTO search_attempts VALUES (?, ?, ?) ON CONFLICT (account) DO UPDATE"
        " SET upto = excluded.upto, singly_upto = excluded.singly_upto",
        (account, upto, singly_upto if after < singly_upto else 0),
    )
    return Span(account, upto), len(emails)


def _give_up(tx: Transaction, account: AccountId, after: int, upto: int) -> int:
    """Let the one email that was read for the second time be; return how far the feed has come with that."""
    for (email,) in tx.rows("SELECT id FROM emails WHERE id > ? AND id <= ?", (after, upto)):
        for table in ("search_unindexed", "search_given_up"):
            tx.execute(f"INSERT INTO {table} VALUES (?) ON CONFLICT DO NOTHING", (email,))  # noqa: S608 - from the tuple
    tx.execute("UPDATE ledgers SET indexed_email = ? WHERE account = ?", (upto, account))
    return upto


def release(tx: Transaction, attempt: Attempt) -> None:
    """An attempt ends early for a reason that is not in the emails."""
    for account, upto in attempt.spans:
        tx.execute("UPDATE search_attempts SET upto = 0 WHERE account = ? AND upto = ?", (account, upto))


def gather(
    tx: Transaction,
    blobs: Blobs,
    attempt: Attempt,
    limit: int = MAX_ATTEMPT_MESSAGES,
    *,
    max_characters: int = MAX_INDEXED_CHARACTERS,
    max_fed_characters: int = MAX_FED_CHARACTERS,
    max_gathered_characters: int = MAX_GATHERED_CHARACTERS,
) -> Batch | None:
    """Read some emails that are not indexed yet; `None` where the attempt is over.

    At most `limit` emails, and no more after `max_gathered_characters`; those with more than `max_characters` of text,
    or `max_fed_characters` of what does not repeat, are not to be indexed.
    """
    gathered: list[Texts] = []
    for account, upto in attempt.spans:
        after = tx.value("SELECT indexed_email FROM ledgers WHERE account = ?", (account,))
        if after is None or after >= upto:
            continue
        if limit <= 0 or max_gathered_characters <= 0:
            return Batch(tuple(gathered), is_last=False)
        texts: list[tuple[int, str | None]] = []
        emails = tx.rows(
            "SELECT id, blob FROM emails WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", (after, upto, limit)
        )
        for email, digest in emails:
            text = _text(tx, blobs, digest, max_characters, max_fed_characters)
            texts.append((email, text))
            max_gathered_characters -= len(text or "")
            if max_gathered_characters <= 0:
                break
        if not len(texts) == len(emails) < limit and texts[-1][0] < upto:
            gathered.append(Texts(account, after, texts[-1][0], tuple(texts)))
            return Batch(tuple(gathered), is_last=False)
        gathered.append(Texts(account, after, upto, tuple(texts)))
        limit -= len(texts)
    return Batch(tuple(gathered), is_last=True) if gathered else None


def _text(tx: Transaction, blobs: Blobs, digest: bytes, max_characters: int, max_fed: int) -> str | None:
    """What is fed of an email; `None` where that is too much, or where there are no octets."""
    try:
        octets = blobs.read(tx, digest)
    except BlobDamaged:
        return None
    gathered, characters = list[str](), 0
    for place, piece in enumerate(everything(octets)):
        gathered.append(piece)
        characters += len(piece)
        if characters > max_characters or place >= MAX_INDEXED_PIECES:
            return None
    # FTS5 would end the text at a NUL
    text = "".join(map(fold, slices(gathered))).replace("\0", " ")
    return text if len(text) <= max_fed else _without_repetitions(text, max_fed)


def _without_repetitions(text: str, max_characters: int) -> str | None:
    """A text with all trigrams of this one, and few others; `None` where it would be longer than `max_characters`."""
    seen: set[str] = set()
    kept: list[str] = []
    characters, start = 0, -1  # where the run of new trigrams begins
    for at in range(len(text) - TRIGRAM + 1):
        trigram = text[at : at + TRIGRAM]
        if trigram not in seen:
            seen.add(trigram)
            if start < 0:
                start = at
                characters += TRIGRAM
            characters += 1
            if characters > max_characters:
                return None
        elif start >= 0:
            kept.append(text[start : at + TRIGRAM - 1])
            start = -1
    if start >= 0:
        kept.append(text[start:])
    return "\n".join(kept)


def feed(tx: Transaction, batch: Batch, is_over: Callable[[], bool] = lambda: False) -> Fed:
    """Index what was gathered, until the time `is_over`, but one email at least.

    What another process has indexed meanwhile is left out.
    """
    fed, left = 0, list(batch.accounts)
    while left:
        some, rest = _feed_some(tx, left.pop(0), is_over)
        fed += some
        if rest is not None:
            left.insert(0, rest)
        if is_over():
            break
    return Fed(fed, Batch(tuple(left), batch.is_last) if left else None)


def _feed_some(tx: Transaction, given: Texts, is_over: Callable[[], bool]) -> tuple[int, Texts | None]:
    """How many emails of one account were indexed, and those that are left."""
    account, after, upto, texts = given
    if tx.value("SELECT indexed_email FROM ledgers WHERE account = ?", (account,)) != after:
        return 0, None
    there = {email for (email,) in tx.rows("SELECT id FROM emails WHERE id > ? AND id <= ?", (after, upto))}
    fed, rest = 0, None
    for place, (email, text) in enumerate(texts, 1):
        if email in there:
            _index(tx, email, text)
            fed += 1
        if place < len(texts) and is_over():
            rest = Texts(account, email, upto, texts[place:])
            upto = email
            break
    tx.execute("UPDATE ledgers SET indexed_email = ? WHERE account = ?", (upto, account))
    return fed, rest


def _index(tx: Transaction, email: int, text: str | None) -> None:
    if text is None:
        tx.execute("INSERT INTO search_unindexed VALUES (?) ON CONFLICT DO NOTHING", (email,))
    else:
        tx.execute(sqlite_fts.ADD, (email, text))
