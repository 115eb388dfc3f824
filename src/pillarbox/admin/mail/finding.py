"""Finding messages of one account, of some, or of all, in pages: in bounded memory, and in short transactions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pillarbox.admin import accounts as admin_accounts
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account
from pillarbox.mail import encoded_word, object_id
from pillarbox.mail.header import Header
from pillarbox.mail.identifiers import EmailId
from pillarbox.mail.number_set import NumberSet
from pillarbox.mail.query import Query
from pillarbox.store import fetch, mailbox_cache, mailboxes
from pillarbox.store.account_counters import NoSuchMailbox, account_of
from pillarbox.store.cached_mailbox import CachedMailbox
from pillarbox.store.fetch import Column
from pillarbox.store.mailbox import DEFAULT_MAILBOXES, Mailbox
from pillarbox.store.search import evaluate
from pillarbox.world.blobs import Blobs
from pillarbox.world.database import Database, Transaction

PAGE_MESSAGES: Final = 5_000
"""Messages searched in one transaction."""
PAGE_ROWS: Final = 200
"""Messages whose fields are read together."""
MAX_FIELD_OCTETS: Final = 1_000
"""Of the From field, so much is read."""

_COLUMNS: Final = (
    Column.EMAIL,
    Column.RECEIVED_AT_MS,
    Column.SIZE,
    Column.FLAGS,
    Column.SUBJECT,
    Column.CACHED_FIELDS,
)


class NoSuchEmail(LookupError):
    """No mailbox has a message with this id; the text is for the operator."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which messages of an account."""

    query: Query
    mailbox: str | None = None
    """Only in the mailbox that `find_mailbox` finds by this canonical name."""


@dataclass(frozen=True, slots=True)
class Match:
    """Messages of one mailbox."""

    account: Account
    mailbox: Mailbox
    uids: NumberSet


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """A message in a mailbox."""

    id: str
    """EMAILID (RFC 8474): the same for all copies in an account."""
    account: str
    mailbox: str
    uid: int
    received_at_ms: int
    size_octets: int
    flags: str
    sender: str
    """The From field, decoded."""
    subject: str


@may(OPERATOR)
def chosen_accounts(tx: Transaction, logins: Sequence[str]) -> list[Account]:
    """These accounts. Raises `NameRefused`."""
    return list({account.id: account for account in (admin_accounts.find(tx, it) for it in logins)}.values())


@may(OPERATOR)
def all_accounts(database: Database) -> Iterator[Account]:
    """All accounts by number, some at a time."""
    page: list[Account] = []
    while page := database.read_now(accounts.listing, after=page[-1].id if page else 0):
        yield from page


@may(OPERATOR)
def search(
    database: Database,
    blobs: Blobs,
    among: Iterable[Account],
    criteria: Criteria,
    *,
    now_ms: int,
    page: int = PAGE_MESSAGES,
) -> Iterator[Match]:
    """What matches in these accounts: by account and mailbox, new messages first.

    Raises `NoSuchMailbox` where no account has the mailbox, when it has gone through all.
    """
    searched = 0
    for account in among:
        for mailbox in database.read_now(_mailboxes, account, criteria.mailbox):
            searched += 1
            for cached in _pages(database, account, mailbox, page):
                if found := database.read_now(evaluate, blobs, cached, criteria.query, now_ms=now_ms):
                    yield Match(account, mailbox, NumberSet.of(found))
    if criteria.mailbox is not None and not searched:
        raise NoSuchMailbox(criteria.mailbox)


@may(OPERATOR)
def by_ids(tx: Transaction, ids: Iterable[str], mailbox: str | None = None) -> list[Match]:
    """All copies of the messages with these ids, or those in one mailbox. Raises `NoSuchEmail`."""
    found: dict[tuple[int, int], Match] = {}
    for text in dict.fromkeys(ids):
        email = object_id.email(text)
        matches = _copies(tx, email, mailbox) if email is not None else []
        if not matches:
            where = "" if mailbox is None else f" in {mailbox}"
            raise NoSuchEmail(f"No such message{where}: {text}. See: pillarbox mail search")
        for match in matches:
            key = match.account.id, match.mailbox.id
            known = found.get(key)
            found[key] = replace(known, uids=known.uids | match.uids) if known else match
    return list(found.values())


@may(OPERATOR)
def listed(database: Database, match: Match) -> Iterator[FoundMessage]:
    """The messages of a match, new ones first; without those that are gone."""
    uids = list(match.uids)
    for end in range(len(uids), 0, -PAGE_ROWS):
        some = NumberSet.of(uids[max(0, end - PAGE_ROWS) : end])
        rows = database.read_now(fetch.rows, match.account.id, match.mailbox.id, some, _COLUMNS)
        for uid, email, received_at_ms, size, flags, subject, fields in reversed(rows):
            yield FoundMessage(
                object_id.of_email(email),
                match.account.login,
                match.mailbox.name,
                uid,
                received_at_ms,
                size,
                flags,
                _sender(fields),
                subject,
            )


@may(OPERATOR)
def find_mailbox(tx: Transaction, account: Account, name: str) -> Mailbox | None:
    """The mailbox of this canonical name; for `Trash` and the like also the one that has its role."""
    try:
        return mailboxes.by_name(tx, account.id, name)
    except NoSuchMailbox:
        role = DEFAULT_MAILBOXES.get(name)
        return mailboxes.by_role(tx, account.id, role) if role else None


def _mailboxes(tx: Transaction, account: Account, name: str | None) -> list[Mailbox]:
    if name is None:
        return mailboxes.listing(tx, account.id)
    found = find_mailbox(tx, account, name)
    return [found] if found else []


def _pages(database: Database, account: Account, mailbox: Mailbox, page: int) -> Iterator[CachedMailbox]:
    """Parts of a mailbox, new messages first."""
    try:
        cached = database.read_now(mailbox_cache.load, account.id, mailbox.id)
    except NoSuchMailbox:  # deleted meanwhile
        return
    for end in range(len(cached.uids), 0, -page):
        part = slice(max(0, end - page), end)
        yield replace(cached, uids=cached.uids[part], flags=cached.flags[part], modseqs=cached.modseqs[part])


def _copies(tx: Transaction, email: EmailId, mailbox: str | None) -> list[Match]:
    account = accounts.get(tx, account_of(email))
    if account is None:
        return []
    only = None if mailbox is None else find_mailbox(tx, account, mailbox)
    if mailbox is not None and only is None:
        return []
    return [
        Match(account, mailboxes.by_id(tx, account.id, place), NumberSet(((uid, uid),)))
        for place, uid in fetch.find(tx, account.id, email)
        if only is None or place == only.id
    ]


def _sender(fields: bytes) -> str:
    value = Header(fields).first("from")
    return encoded_word.decode(value[:MAX_FIELD_OCTETS]).strip() if value else ""
