"""One-time codes: six digits that an app on a phone computes from a secret and the time (TOTP, RFC 6238).

A secret is made, shown, and counts once a code has proven that the app has it. Until then it is kept apart, so that
one which counts stays the one until the next does. It is shown in the browser session for which it was made, and in no
other: whoever else is signed in may not know a secret that the owner is about to let count.

A code is good once: the step of the last one is kept, and neither that one nor one before it is taken again (RFC 6238
§5.2). It is compared and set in one statement, so of two who show the same code at the same moment one is let in.
"""

import base64
import hmac
from dataclasses import dataclass, field
from typing import Final

from pillarbox.directory.sign_in import second_factors
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

SECRET_OCTETS: Final = 20
"""RFC 4226 §4, R6: 160 bits are recommended."""
DIGITS: Final = 6
STEP_MS: Final = 30_000
"""RFC 6238 §5.2: the recommended step."""
TOLERATED_STEPS: Final = 1
"""Before and after the present one, for clocks that differ, and for people who type (RFC 6238 §5.2, §6)."""
SETUP_MS: Final = 3_600_000
"""How long a secret waits for its first code."""
_MAX_TYPED: Final = 32
"""Characters of what somebody typed that are looked at."""


@dataclass(frozen=True, slots=True)
class Secret:
    """What codes are computed from."""

    octets: bytes = field(repr=False)
    last_step: int
    """That of the last code that was used."""


def begin(tx: Transaction, account: AccountId, secret: bytes, *, now_ms: int, session: str = "") -> None:
    """Keep a secret that does not count yet, instead of another such one. `session`: where it is shown, by its id."""
    assert len(secret) == SECRET_OCTETS
    tx.execute(
        "INSERT INTO totp_setups (account, secret, made_at_ms, session) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (account) DO UPDATE SET secret = excluded.secret, made_at_ms = excluded.made_at_ms,"
        " session = excluded.session",
        (account, secret, now_ms, session),
    )


def begun(tx: Transaction, account: AccountId, *, now_ms: int, session: str = "") -> bytes | None:
    """The secret of this session that waits for its first code, unless it has waited for too long."""
    row = tx.row(
        "SELECT secret, made_at_ms FROM totp_setups WHERE account = ? AND session = ?", (account, session)
    )
    if row is None or not _is_secret(row[0]) or not isinstance(row[1], int):
        return None
    octets: bytes = row[0]
    return octets if 0 <= now_ms - row[1] < SETUP_MS else None


def confirm(
    tx: Transaction, account: AccountId, secret: bytes, step: int, *, now_ms: int, session: str = ""
) -> bool:
    """Let the secret count from now on, whose code of this step was shown, instead of one that has counted so far.
    False where that secret waits no more."""
    if begun(tx, account, now_ms=now_ms, session=session) != secret:
        return False
    tx.execute("DELETE FROM totp_setups WHERE account = ?", (account,))
    tx.execute(
        "INSERT INTO totp_secrets (account, secret, last_step, confirmed_at_ms) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (account) DO UPDATE SET secret = excluded.secret, last_step = excluded.last_step,"
        " confirmed_at_ms = excluded.confirmed_at_ms",
        (account, secret, step, now_ms),
    )
    second_factors.added(tx)
    return True


def confirmed_at_ms(tx: Transaction, account: AccountId) -> int | None:
    """Since when the account has one-time codes; `None`: it has none, or nobody knows."""
    at_ms: object = tx.value("SELECT confirmed_at_ms FROM totp_secrets WHERE account = ?", (account,))
    return at_ms if isinstance(at_ms, int) else None


def has(tx: Transaction, account: AccountId) -> bool:
    """Whether the account has one-time codes that count."""
    return tx.row("SELECT 1 FROM totp_secrets WHERE account = ?", (account,)) is not None


def find(tx: Transaction, account: AccountId) -> Secret | None:
    """The secret that counts; `None` also where it is damaged: an empty one would be anybody's."""
    row = tx.row("SELECT secret, last_step FROM totp_secrets WHERE account = ?", (account,))
    if row is None or not _is_secret(row[0]) or not isinstance(row[1], int):
        return None
    return Secret(row[0], row[1])


def use(tx: Transaction, account: AccountId, secret: bytes, step: int) -> bool:
    """Use up the code of this step, with all before it; false where that was done already, or the secret is another
    one by now."""
    used = tx.execute(
        "UPDATE totp_secrets SET last_step = ? WHERE account = ? AND secret = ? AND last_step < ?",
        (step, account, secret, step),
    )
    return used == 1


def remove(tx: Transaction, account: AccountId) -> bool:
    """Remove the secret, and one that waits; returns whether there was one that counted."""
    tx.execute("DELETE FROM totp_setups WHERE account = ?", (account,))
    existed = tx.execute("DELETE FROM totp_secrets WHERE account = ?", (account,)) == 1
    second_factors.removed(tx, account)
    return existed


def any_forgotten(tx: Transaction, *, now_ms: int) -> bool:
    """Whether a secret has waited for too long."""
    return tx.row("SELECT 1 FROM totp_setups WHERE made_at_ms <= ? LIMIT 1", (now_ms - SETUP_MS,)) is not None


def drop_forgotten(tx: Transaction, *, now_ms: int, limit: int) -> int:
    """Remove secrets that have waited for too long, so many at most; returns how many."""
    return tx.execute(
        "DELETE FROM totp_setups WHERE account IN"
        " (SELECT account FROM totp_setups WHERE made_at_ms <= ? ORDER BY made_at_ms LIMIT ?)",
        (now_ms - SETUP_MS, limit),
    )


def read_code(typed: str) -> str | None:
    """The code that somebody typed, perhaps in groups; `None` for what is none."""
    code = typed[:_MAX_TYPED].replace(" ", "").replace("-", "")
    is_code = len(typed) <= _MAX_TYPED and len(code) == DIGITS and code.isascii() and code.isdigit()
    return code if is_code else None


def step_at(now_ms: int) -> int:
    """The number of steps since 1970 (RFC 6238 §4.2)."""
    return now_ms // STEP_MS


def code_of(secret: bytes, step: int) -> str:
    """The code of this step: HMAC-SHA-1 of its number, truncated (RFC 4226 §5.3)."""
    from pyotp import HOTP

    return HOTP(text_of(secret), digits=DIGITS).at(step)


def matching_step(secret: bytes, code: str, now_ms: int, *, tolerated: int = TOLERATED_STEPS) -> int | None:
    """The step near this time whose code that is, the latest of several; the same work for each code."""
    now, found = step_at(now_ms), None
    for step in range(max(now - tolerated, 0), now + tolerated + 1):
        if hmac.compare_digest(code_of(secret, step), code):
            found = step
    return found


def text_of(secret: bytes) -> str:
    """A secret as apps take it: 32 letters and digits (base32, RFC 4648 §6)."""
    return base64.b32encode(secret).decode("ascii")


def uri_of(secret: bytes, *, issuer: str, label: str) -> str:
    """What a QR code has for an app: whose codes these are, and the secret."""
    from pyotp import TOTP

    return TOTP(text_of(secret), digits=DIGITS, name=label, issuer=issuer).provisioning_uri()


def _is_secret(found: object) -> bool:
    return isinstance(found, bytes) and len(found) == SECRET_OCTETS
