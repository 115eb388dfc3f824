"""Sign-ins that are not complete yet: the password was right and a second factor is missing, or who has signed in
is to prove who they are, or makes a passkey. A step has a token of its own, in a cookie; its row has only the token's
SHA-256.

A step lasts ten minutes, allows few attempts, and is used once: attempts are counted before they are checked, and the
row is deleted in the transaction that completes the sign-in, so that of two who complete it at once one is too late.

Whoever has found out the password begins steps as they like, and can complete none. So that theirs do not end the
owner's, those of one network have room of their own, and those of clients that the account knows go last.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from pillarbox.directory.sign_in import known_clients
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

LASTS_MS: Final = 10 * 60 * 1000
MAX_TRIES: Final = 5
MAX_PER_NETWORK: Final = 20
"""Open at once for one account from one network (a /24 or a /48); the oldest goes when there is one more."""
MAX_PER_ACCOUNT: Final = 400
"""The same from all networks: first go those of clients that the account does not know."""
REMOVED_TOGETHER: Final = 1000


class Purpose(StrEnum):
    """What the step leads to."""

    SIGN_IN = "sign in"
    PROVE = "prove"
    """That it is still the same person (`session`)."""
    ENROL = "enrol"
    """A new passkey for the account."""


class Step(Struct, frozen=True, gc=False):
    """One step."""

    account: AccountId
    purpose: str
    """A `Purpose`."""
    session: str
    """The session whose owner is asked; empty for a sign-in."""
    credential: str
    """The mark of the password that was right; empty where none was given."""
    challenge: bytes
    """What a passkey has to sign; empty where none is asked for."""
    tries: int
    """Attempts that were made, this one included."""
    expires_at_ms: int
    sign_in: int | None
    """The row that says that this sign-in is not complete (`sign_ins.add_unfinished`)."""


class NewStep(Struct, frozen=True, gc=False):
    """What a step is begun with; see `Step`."""

    account: AccountId
    purpose: Purpose
    session: str = ""
    credential: str = ""
    challenge: bytes = b""
    client: str = ""
    """Who begins it (`known_clients.client_key`); empty where it is somebody who has a session."""
    sign_in: int | None = None


_COLUMNS: Final = "account, purpose, session, credential, challenge, tries, expires_at_ms, sign_in"


def begin(tx: Transaction, digest: bytes, new: NewStep, *, now_ms: int) -> None:
    """Begin a step whose token has this digest (`browser_sessions.digest_of`)."""
    account, client = new.account, new.client
    network = known_clients.network_key(client)
    known = not client or known_clients.last_seen_at_ms(tx, account, client, now_ms=now_ms) is not None
    _make_room(tx, account, network)
    tx.execute(
        "INSERT INTO sign_in_steps (digest, account, purpose, session, credential, challenge, tries, expires_at_ms,"
        " network, known, sign_in) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?)",
        (
            digest,
            account,
            new.purpose.value,
            new.session,
            new.credential,
            new.challenge,
            now_ms + LASTS_MS,
            network,
            int(known),
            new.sign_in,
        ),
    )


def _make_room(tx: Transaction, account: AccountId, network: str) -> None:
    tx.execute(
        "DELETE FROM sign_in_steps WHERE account = ? AND network = ? AND digest NOT IN (SELECT digest"
        " FROM sign_in_steps WHERE account = ? AND network = ? ORDER BY known DESC, expires_at_ms DESC LIMIT ?)",
        (account, network, account, network, MAX_PER_NETWORK - 1),
    )
    count = tx.value("SELECT COUNT(*) FROM sign_in_steps WHERE account = ?", (account,))
    if count >= MAX_PER_ACCOUNT:
        tx.execute(
            "DELETE FROM sign_in_steps WHERE account = ? AND digest NOT IN (SELECT digest FROM sign_in_steps"
            " WHERE account = ? ORDER BY known DESC, expires_at_ms DESC LIMIT ?)",
            (account, account, MAX_PER_ACCOUNT - 1),
        )


def find(tx: Transaction, digest: bytes, *, now_ms: int) -> Step | None:
    """A step that is open, as it stands."""
    row = tx.row(
        f"SELECT {_COLUMNS} FROM sign_in_steps WHERE digest = ? AND tries < ? AND expires_at_ms > ?",  # noqa: S608 - a constant
        (digest, MAX_TRIES, now_ms),
    )
    return None if row is None else Step(*row)


def set_challenge(tx: Transaction, digest: bytes, challenge: bytes, *, now_ms: int) -> bool:
    """Ask for a passkey, in the place of the one that was asked for before; returns whether the step is open."""
    changed = tx.execute(
        "UPDATE sign_in_steps SET challenge = ? WHERE digest = ? AND tries < ? AND expires_at_ms > ?",
        (challenge, digest, MAX_TRIES, now_ms),
    )
    return changed == 1


def attempt(tx: Transaction, digest: bytes, *, now_ms: int) -> Step | None:
    """Count an attempt that is about to be checked; None where the step has ended or allows no more."""
    row = tx.row(
        "UPDATE sign_in_steps SET tries = tries + 1 WHERE digest = ? AND tries < ? AND expires_at_ms > ?"  # noqa: S608 - a constant
        f" RETURNING {_COLUMNS}",
        (digest, MAX_TRIES, now_ms),
    )
    return None if row is None else Step(*row)


def use(tx: Transaction, digest: bytes, *, now_ms: int) -> Step | None:
    """Take a step whose attempt was right, in the transaction that completes it; None where somebody else was
    faster, or it has ended meanwhile."""
    row = tx.row(
        f"DELETE FROM sign_in_steps WHERE digest = ? AND expires_at_ms > ? RETURNING {_COLUMNS}",  # noqa: S608 - a constant
        (digest, now_ms),
    )
    return None if row is None else Step(*row)


def drop_all(tx: Transaction, account: AccountId) -> None:
    """End those of an account, whose password has changed."""
    tx.execute("DELETE FROM sign_in_steps WHERE account = ?", (account,))


def drop_everybodys(tx: Transaction) -> None:
    """End all: after a restore, one that was used would be there again, with the challenge that was signed."""
    tx.execute("DELETE FROM sign_in_steps", ())


def any_expired(tx: Transaction, *, now_ms: int) -> bool:
    """Whether there is something that `remove_expired` would remove."""
    return tx.row("SELECT 1 FROM sign_in_steps WHERE expires_at_ms <= ? LIMIT 1", (now_ms,)) is not None


def remove_expired(tx: Transaction, *, now_ms: int) -> int:
    """Remove some of those that have expired; returns how many."""
    return tx.execute(
        "DELETE FROM sign_in_steps WHERE digest IN"
        " (SELECT digest FROM sign_in_steps WHERE expires_at_ms <= ? LIMIT ?)",
        (now_ms, REMOVED_TOGETHER),
    )
