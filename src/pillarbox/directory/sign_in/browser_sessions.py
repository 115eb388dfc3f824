"""Browser sessions: who has signed in with a browser, and shows it by the token of a cookie.

A row has only the SHA-256 of the token, which is 256 random bits and so needs no slow hash. What is opened or made
with a session (WebSockets, event streams, push subscriptions) is known by the session's mark, which stays when the
token is replaced, and ends with the row.

A session lasts as long as it is used, up to a longest time. Its row says when it was seen last, to within minutes.
"""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct, structs

from pillarbox.directory.withdrawal import announce_withdrawal
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

TOKEN_OCTETS: Final = 32
ID_OCTETS: Final = 10
DIGEST_OCTETS: Final = 32
_MARK_OCTETS: Final = 12
MAX_PER_ACCOUNT: Final = 50
"""Sessions of one account; the one that was not used for the longest time ends when there is one more."""
MAX_AGENT: Final = 200
"""Characters kept of what a browser calls itself."""
FORMER_MS: Final = 60_000
"""How long the token before the last is still good: requests with it may be on their way."""
REMOVED_TOGETHER: Final = 500


class Method(StrEnum):
    """How the person has signed in."""

    PASSWORD = "password"  # noqa: S105 - a name
    TOTP = "password+totp"
    RECOVERY = "password+recovery"
    SECOND_PASSKEY = "password+passkey"
    PASSKEY = "passkey"


class BrowserSession(Struct, frozen=True, gc=False):
    """A session, as its owner may see it. Times are milliseconds since 1970."""

    id: str
    """Tells it from others; no secret."""
    account: AccountId
    method: str
    """A `Method`."""
    agent: str
    """What the browser calls itself."""
    address: str
    """The IP address that it was used from last."""
    created_at_ms: int
    seen_at_ms: int
    proven_at_ms: int
    """When the person last proved who they are."""
    expires_at_ms: int
    """When it ends unless it is used before."""
    cookie_at_ms: int
    """When the browser was last given its cookie."""

    @property
    def mark(self) -> str:
        """See `credential_marks`."""
        return mark(self.id)


class Opening(Struct, frozen=True, gc=False, kw_only=True):
    """What a new session is made from."""

    id: str
    digest: bytes
    method: Method
    agent: str
    address: str
    device: bytes
    """The digest of the token by which the browser is known; empty where it has none."""


def digest_of(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def mark(identifier: str) -> str:
    """The mark of a session."""
    return hashlib.blake2b(
        identifier.encode(), digest_size=_MARK_OCTETS, person=b"browser session"
    ).hexdigest()


def shown_agent(text: str) -> str:
    """What is kept of a User-Agent field."""
    return "".join(one if one.isprintable() else " " for one in text[:MAX_AGENT]).strip()


_COLUMNS: Final = (
    "id, account, method, agent, address,"
    " created_at_ms, seen_at_ms, proven_at_ms, expires_at_ms, cookie_at_ms"
)
_SELECT: Final = f"SELECT {_COLUMNS} FROM browser_sessions WHERE"  # noqa: S608 - a constant
_BY_DIGEST: Final = f"{_SELECT} digest = ? AND expires_at_ms > ?"
_BY_FORMER: Final = f"{_SELECT} former = ? AND former_until_ms > ? AND expires_at_ms > ?"
_OF_ACCOUNT: Final = f"{_SELECT} account = ? AND expires_at_ms > ? ORDER BY seen_at_ms DESC, id"
_NUMBERS: Final = 5
"""The last columns are numbers."""


def open_session(
    tx: Transaction, account: AccountId, opening: Opening, *, now_ms: int, expires_at_ms: int
) -> BrowserSession:
    """Open a session."""
    _make_room(tx, account)
    made = BrowserSession(
        opening.id,
        account,
        opening.method.value,
        shown_agent(opening.agent),
        opening.address,
        now_ms,
        now_ms,
        now_ms,
        expires_at_ms,
        now_ms,
    )
    tx.execute(
        "INSERT INTO browser_sessions (id, account, digest, former, former_until_ms, method, agent, address, device,"
        " created_at_ms, seen_at_ms, proven_at_ms, expires_at_ms, cookie_at_ms)"
        " VALUES (?, ?, ?, NULL, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            made.id,
            account,
            opening.digest,
            made.method,
            made.agent,
            made.address,
            opening.device,
            now_ms,
            now_ms,
            now_ms,
            expires_at_ms,
            now_ms,
        ),
    )
    return made


def _make_room(tx: Transaction, account: AccountId) -> None:
    ended = tx.execute(
        "DELETE FROM browser_sessions WHERE account = ? AND id NOT IN (SELECT id FROM browser_sessions"
        " WHERE account = ? ORDER BY seen_at_ms DESC LIMIT ?)",
        (account, account, MAX_PER_ACCOUNT - 1),
    )
    if ended:
        announce_withdrawal(tx)


def find(tx: Transaction, digest: bytes, *, now_ms: int) -> BrowserSession | None:
    """The session whose token has this digest, unless it has expired. Found by its former token, it proves nothing:
    whoever has that one only is not who has proved who they are."""
    row = tx.row(_BY_DIGEST, (digest, now_ms))
    if row is not None:
        return _session(row)
    row = tx.row(_BY_FORMER, (digest, now_ms, now_ms))
    found = None if row is None else _session(row)
    return None if found is None else structs.replace(found, proven_at_ms=0)


def get(tx: Transaction, account: AccountId, identifier: str, *, now_ms: int) -> BrowserSession | None:
    """The account's session with this id, unless it has expired."""
    return next((one for one in listing(tx, account, now_ms=now_ms) if one.id == identifier), None)


def listing(tx: Transaction, account: AccountId, *, now_ms: int) -> list[BrowserSession]:
    """The account's sessions, the one that was used last first."""
    found = [_session(row) for row in tx.rows(_OF_ACCOUNT, (account, now_ms))]
    return [one for one in found if one is not None]


def _session(row: Sequence[Any]) -> BrowserSession | None:
    # A text is greater than every number: a damaged row would never expire
    if any(type(number) is not int for number in row[-_NUMBERS:]):
        return None
    return BrowserSession(*row)


def note_use(
    tx: Transaction, identifier: str, *, address: str, now_ms: int, expires_at_ms: int, cookie: bool
) -> None:
    """It is in use, from this IP address. `cookie`: the browser is given its cookie once more."""
    tx.execute(
        "UPDATE browser_sessions SET seen_at_ms = ?, address = ?, expires_at_ms = ?,"
        " cookie_at_ms = CASE WHEN ? = 1 THEN ? ELSE cookie_at_ms END WHERE id = ?",
        (now_ms, address, expires_at_ms, int(cookie), now_ms, identifier),
    )


def note_proof(
    tx: Transaction, account: AccountId, identifier: str, digest: bytes, *, now_ms: int
) -> BrowserSession | None:
    """The person has proved once more who they are: the session gets another token. None where it has ended."""
    tx.execute(
        "UPDATE browser_sessions SET former = digest, former_until_ms = ?, digest = ?, proven_at_ms = ?,"
        " cookie_at_ms = ? WHERE account = ? AND id = ? AND expires_at_ms > ?",
        (now_ms + FORMER_MS, digest, now_ms, now_ms, account, identifier, now_ms),
    )
    return get(tx, account, identifier, now_ms=now_ms)


# --- ending


def end(tx: Transaction, account: AccountId, identifier: str) -> bool:
    """End a session of the account at once; returns whether there was one."""
    ended = (
        tx.execute("DELETE FROM browser_sessions WHERE account = ? AND id = ?", (account, identifier)) == 1
    )
    if ended:
        announce_withdrawal(tx)
    return ended


def end_all(tx: Transaction, account: AccountId, *, but: str = "") -> int:
    """End all sessions of the account, but for one; returns how many."""
    ended = tx.execute("DELETE FROM browser_sessions WHERE account = ? AND id <> ?", (account, but))
    if ended:
        announce_withdrawal(tx)
    return ended


def end_by(tx: Transaction, account: AccountId, method: Method, *, but: str) -> int:
    """End the sessions of the account that were signed in to so, but for one; returns how many."""
    ended = tx.execute(
        "DELETE FROM browser_sessions WHERE account = ? AND method = ? AND id <> ?",
        (account, method.value, but),
    )
    if ended:
        announce_withdrawal(tx)
    return ended


def end_in(tx: Transaction, account: AccountId, device: bytes) -> int:
    """End the sessions of one browser, by the digest of the token by which it is known; returns how many."""
    ended = tx.execute("DELETE FROM browser_sessions WHERE account = ? AND device = ?", (account, device))
    if ended:
        announce_withdrawal(tx)
    return ended


def end_everybodys(tx: Transaction) -> int:
    """End the sessions of all accounts; returns how many."""
    ended = tx.execute("DELETE FROM browser_sessions")
    if ended:
        announce_withdrawal(tx)
    return ended


def any_expired(tx: Transaction, *, now_ms: int) -> bool:
    """Whether there is something that `remove_expired` would remove."""
    return tx.row("SELECT 1 FROM browser_sessions WHERE expires_at_ms <= ? LIMIT 1", (now_ms,)) is not None


def remove_expired(tx: Transaction, *, now_ms: int) -> int:
    """Remove some of those that have expired, and end what they have opened; returns how many."""
    removed = tx.execute(
        "DELETE FROM browser_sessions WHERE id IN"
        " (SELECT id FROM browser_sessions WHERE expires_at_ms <= ? LIMIT ?)",
        (now_ms, REMOVED_TOGETHER),
    )
    if removed:
        announce_withdrawal(tx)
    return removed
