"""The values of every row have their types and are within bounds: what is computed from them relies on that.

SQLite keeps what a damaged page gives it, a text in a column of integers also. So these are repaired before all
others, and with values that the others then put right: a count of 0 is counted again, a counter of 0 continues above
what is in use.
"""

from typing import Final

from pillarbox.store.account_counters import EMAIL_BITS
from pillarbox.store.changes import ChangeKind
from pillarbox.world.database.invariant import Invariant

MAX_MODSEQ: Final = 2**48
"""Far above what an account reaches in its life, and so far below 2**63 (RFC 7162 §3.1) that it can go on."""
_MAX_UID: Final = 2**32 - 1
_MAX_ID: Final = 2**63 - 1
_MAX_COUNT: Final = 2**62
_FIRST_EMAIL: Final = f"account << {EMAIL_BITS}"


def _integer(column: str, low: int, high: int) -> str:
    return f"(typeof({column}) = 'integer' AND {column} BETWEEN {low} AND {high})"


_Column = tuple[int, int, str]
"""The smallest and the largest value, and what to put in the place of others, as SQL."""

_COUNTERS: Final[dict[str, _Column]] = {
    "modseq": (0, MAX_MODSEQ, "1"),
    "octets": (-_MAX_COUNT, _MAX_COUNT, "0"),
    "messages": (-_MAX_COUNT, _MAX_COUNT, "0"),
    "last_email": (0, _MAX_ID, _FIRST_EMAIL),
    "last_mailbox": (0, _MAX_COUNT, "0"),
    "last_uid_validity": (0, _MAX_UID, "0"),
    "indexed_email": (0, _MAX_ID, _FIRST_EMAIL),
}

_LOGGED: Final = (
    "coalesce((SELECT max(modseq) FROM changes c"
    " WHERE c.account = mailboxes.account AND c.mailbox = mailboxes.id), 1)"
)
_NEW_VALIDITY: Final = (
    "1 + coalesce((SELECT last_uid_validity FROM ledgers l WHERE l.account = mailboxes.account), 0)"
)
_MAILBOX: Final[dict[str, _Column]] = {
    "uid_validity": (1, _MAX_UID, _NEW_VALIDITY),
    "uid_next": (1, _MAX_UID + 1, "1"),
    "first_recent": (0, _MAX_UID + 1, "1"),
    "highest_modseq": (0, MAX_MODSEQ, _LOGGED),
    **dict.fromkeys(("messages", "unseen", "deleted", "octets"), (-_MAX_COUNT, _MAX_COUNT, "0")),
}

_MESSAGE_KEY: Final = f"{_integer('uid', 1, _MAX_UID)} AND {_integer('email', 0, _MAX_ID)}"
_MESSAGE: Final[dict[str, _Column]] = {
    "thread": (0, _MAX_ID, "email"),
    "size": (0, _MAX_COUNT, "0"),
    "received_at_ms": (-_MAX_COUNT, _MAX_COUNT, "0"),
    "saved_at_ms": (-_MAX_COUNT, _MAX_COUNT, "0"),
}

_FLAGS_KEY: Final = _integer("uid", 1, _MAX_UID)
_FLAGS: Final[dict[str, _Column]] = {
    # A run ends before the next one, or with the last message: it is cut to that
    "more": (-_MAX_COUNT, _MAX_COUNT, f"{_MAX_UID} - uid"),
    "modseq": (0, MAX_MODSEQ, "0"),
}

_OF_MESSAGES: Final = f"({ChangeKind.APPENDED.value}, {ChangeKind.EXPUNGED.value})"
_CHANGE_KEY: Final = " AND ".join(
    (
        _integer("modseq", 0, MAX_MODSEQ),
        _integer("mailbox", 0, _MAX_ID),
        _integer("kind", min(ChangeKind).value, max(ChangeKind).value),
        _integer("first", 0, _MAX_ID),
        _integer("last", 0, _MAX_ID),
        f"(kind NOT IN {_OF_MESSAGES} OR last <= {_MAX_UID})",
    )
)


def _invalid(key: str, columns: dict[str, _Column]) -> str:
    rules = [_integer(column, low, high) for column, (low, high, _) in columns.items()]
    return f"NOT ({' AND '.join([key, *rules])})"


def _replacing(table: str, columns: dict[str, _Column]) -> tuple[str, ...]:
    return tuple(
        f"UPDATE {table} SET {column} = {value} WHERE NOT {_integer(column, low, high)}"  # noqa: S608 - constants
        for column, (low, high, value) in columns.items()
    )


_AS_NUMBERS: Final = "CAST(mailbox AS INTEGER), CAST(uid AS INTEGER)"
"""What names a row may be damaged itself, and not even be a text."""

INVARIANTS = (
    Invariant(
        "account-numbers-valid",
        "The counters of an account are numbers within bounds.",
        f"SELECT account FROM ledgers WHERE {_invalid('1', _COUNTERS)}",  # noqa: S608 - a constant
        "a counter of account {0} is not a number, or too high",
        "Continue above the highest in use, and count its mail.",
        _replacing("ledgers", _COUNTERS),
    ),
    Invariant(
        "change-numbers-valid",
        "Every row of the change log has numbers within bounds, and a known kind of change.",
        f"SELECT account, CAST(modseq AS INTEGER) FROM changes WHERE NOT ({_CHANGE_KEY})",  # noqa: S608 - a constant
        "a change of account {0}, with MODSEQ {1}, has a value that is not a number, or too high",
        "Drop it, and log what is then missing.",
        (f"DELETE FROM changes WHERE NOT ({_CHANGE_KEY})",),  # noqa: S608 - a constant
    ),
    Invariant(
        "mailbox-numbers-valid",
        "The numbers of a mailbox are numbers within bounds.",
        f"SELECT account, CAST(id AS INTEGER) FROM mailboxes WHERE {_invalid('1', _MAILBOX)}",  # noqa: S608 - a constant
        "mailbox {1} of account {0} has a UIDVALIDITY, UIDNEXT, MODSEQ or count that is not a number, or too high",
        "Continue above the highest in use, count again; a UIDVALIDITY becomes a new one.",
        _replacing("mailboxes", _MAILBOX),
    ),
    Invariant(
        "message-numbers-valid",
        "The UID, size, ids and dates of a message are numbers within bounds.",
        f"SELECT account, {_AS_NUMBERS} FROM placements WHERE {_invalid(_MESSAGE_KEY, _MESSAGE)}",  # noqa: S608 - a constant
        "message {2} of mailbox {1} of account {0} has a UID, size, id or date that is not a number, or too high",
        "Record the size of its octets, a thread of its own or the date 1970. Without UID, put it into 'Recovered'.",
        (
            f"DELETE FROM placements WHERE NOT ({_MESSAGE_KEY})",  # noqa: S608 - a constant
            *_replacing("placements", _MESSAGE),
        ),
    ),
    Invariant(
        "flag-numbers-valid",
        "The UIDs and MODSEQ of a run of flags are numbers within bounds.",
        f"SELECT account, {_AS_NUMBERS} FROM flags WHERE {_invalid(_FLAGS_KEY, _FLAGS)}",  # noqa: S608 - a constant
        "the run of flags from message {2} on, in mailbox {1} of account {0}, has a UID, number or MODSEQ that is not a"
        " number, or too high",
        "Take a new MODSEQ; end it before the next run. Without UID, drop it: its messages become unseen.",
        (
            f"DELETE FROM flags WHERE NOT ({_FLAGS_KEY})",  # noqa: S608 - a constant
            *_replacing("flags", _FLAGS),
        ),
    ),
)
