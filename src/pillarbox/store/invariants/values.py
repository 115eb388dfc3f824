"""The values of every row have their types and are within bounds: what is computed from them relies on that.

They are repaired before all others, and with values that the others then put right: a count of 0 is counted again, a
counter of 0 continues above what is in use. Rendered data of emails is mended from their octets: see `admin.fsck`.
"""

from typing import Final

from pillarbox.mail.mailbox_name import INBOX
from pillarbox.store.account_counters import EMAIL_BITS, MAX_MODSEQ, MAX_UID
from pillarbox.store.changes import ChangeKind
from pillarbox.store.mailbox import MAX_SORT_ORDER, Role
from pillarbox.store.signature_verdicts import STATUSES
from pillarbox.store.undo_tokens import TOKEN_OCTETS, Kind
from pillarbox.world.database.values import (
    MAX_ID,
    MAX_NUMBER,
    Rule,
    TableValues,
    date,
    integer,
    octets,
    optional,
    text,
)

_FIRST_EMAIL: Final = f"account << {EMAIL_BITS}"
_ACCOUNT: Final = integer(1, MAX_NUMBER >> EMAIL_BITS)
_OF_ACCOUNT: Final = "account = ?"


def _id() -> Rule:
    return integer(0, MAX_NUMBER)


def _count() -> Rule:
    return integer(-MAX_NUMBER, MAX_NUMBER, "0")


def _told(instead: str) -> Rule:
    """Of destroyed emails alone."""
    return Rule(f"kind <> {Kind.DESTROYED.value} OR ({_id().condition})", instead)


_AS_NUMBERS: Final = "CAST(mailbox AS INTEGER), CAST(uid AS INTEGER)"
"""What names a row may be damaged itself, and not even be a text."""

_LEDGERS: Final = TableValues(
    name="account-numbers-valid",
    table="ledgers",
    of_account=_OF_ACCOUNT,
    columns={
        "account": _ACCOUNT,
        "modseq": integer(0, MAX_MODSEQ, "1"),
        "octets": _count(),
        "messages": _count(),
        "last_email": integer(0, MAX_NUMBER, _FIRST_EMAIL),
        "last_mailbox": integer(0, MAX_NUMBER, "0"),
        "last_uid_validity": integer(0, MAX_UID, "0"),
        "indexed_email": integer(0, MAX_NUMBER, _FIRST_EMAIL),
        **dict.fromkeys(
            ("email_modseq", "mailbox_modseq", "thread_modseq", "logged_from"), integer(0, MAX_MODSEQ, "1")
        ),
    },
    rule="The counters of an account are numbers within bounds.",
    named="CAST(account AS INTEGER)",
    message="a counter of account {0} is not a number, or too high",
    remedy="Continue above the highest in use, and count its mail.",
)

_BY_UID: Final = (ChangeKind.APPENDED, ChangeKind.EXPUNGED, ChangeKind.COPIED)
_OF_MESSAGES: Final = f"({', '.join(str(kind.value) for kind in _BY_UID)})"
_CHANGES: Final = TableValues(
    name="change-numbers-valid",
    table="changes",
    of_account=_OF_ACCOUNT,
    columns={
        "account": _ACCOUNT,
        "modseq": integer(0, MAX_MODSEQ),
        "mailbox": _id(),
        "kind": integer(min(ChangeKind).value, max(ChangeKind).value),
        "first": _id(),
        "last": Rule(f"{_id().condition} AND (kind NOT IN {_OF_MESSAGES} OR {{0}} <= {MAX_UID})", None),
        "email": optional(_id()),
    },
    rule="Every row of the change log has numbers within bounds, and a known kind of change.",
    named="CAST(account AS INTEGER), CAST(modseq AS INTEGER)",
    message="a change of account {0}, with MODSEQ {1}, has a value that is not a number, or too high",
    remedy="Drop it, and log what is then missing.",
)

_LOGGED: Final = (
    "coalesce((SELECT max(modseq) FROM changes c"
    " WHERE c.account = mailboxes.account AND c.mailbox = mailboxes.id), 1)"
)
_NEW_VALIDITY: Final = (
    "1 + coalesce((SELECT last_uid_validity FROM ledgers l WHERE l.account = mailboxes.account), 0)"
)
_MAILBOXES: Final = TableValues(
    name="mailbox-numbers-valid",
    table="mailboxes",
    of_account=_OF_ACCOUNT,
    columns={
        "account": _ACCOUNT,
        "id": integer(0, MAX_NUMBER),
        "uid_validity": integer(1, MAX_UID, _NEW_VALIDITY),
        "uid_next": integer(1, MAX_UID + 1, "1"),
        "first_recent": integer(0, MAX_UID + 1, "1"),
        "highest_modseq": integer(0, MAX_MODSEQ, _LOGGED),
        **dict.fromkeys(("messages", "unseen", "deleted", "octets"), _count()),
        "name": text(f"CASE WHEN role = 'inbox' THEN '{INBOX}' ELSE 'Recovered ' || id END"),
        "role": optional(text(f"CASE WHEN name = '{INBOX}' THEN 'inbox' END", among=tuple(Role))),
        "sort_order": optional(integer(0, MAX_SORT_ORDER, "NULL")),
    },
    rule="The name, role and numbers of a mailbox are texts, and numbers within bounds.",
    named="CAST(account AS INTEGER), CAST(id AS INTEGER)",
    message="mailbox {1} of account {0} has a name, role, UIDVALIDITY, UIDNEXT, MODSEQ, count or place in the order of"
    " a wrong type, or too high",
    remedy="Continue above the highest in use, count again; a UIDVALIDITY becomes a new one, a name 'Recovered' and its"
    " number.",
)

_PLACEMENTS: Final = TableValues(
    name="message-numbers-valid",
    table="placements",
    of_account=_OF_ACCOUNT,
    columns={
        "account": _ACCOUNT,
        "mailbox": integer(0, MAX_NUMBER),
        "uid": integer(1, MAX_UID),
        "email": _id(),
        "thread": integer(0, MAX_NUMBER, "email"),
        "size": integer(0, MAX_NUMBER, "0"),
        "received_at_ms": date("0"),
        "saved_at_ms": date("0"),
        "sent_at_ms": optional(date()),
        "sent_day": optional(integer(-MAX_NUMBER)),
    },
    rule="The UID, size, ids and dates of a message are numbers within bounds.",
    named=f"CAST(account AS INTEGER), {_AS_NUMBERS}",
    message="message {2} of mailbox {1} of account {0} has a UID, size, id or date that is not a number, or too high",
    remedy="Record the size of its octets, a thread of its own or the date 1970. Without UID, put it into 'Recovered'.",
)

_FLAGS: Final = TableValues(
    name="flag-numbers-valid",
    table="flags",
    of_account=_OF_ACCOUNT,
    columns={
        "account": _ACCOUNT,
        "mailbox": integer(0, MAX_NUMBER),
        "uid": integer(1, MAX_UID),
        # A run ends before the next one, or with the last message: it is cut to that
        "more": integer(-MAX_NUMBER, MAX_NUMBER, f"{MAX_UID} - uid"),
        # With the MODSEQ 0, its messages get a new one, so that clients learn of it
        "modseq": Rule(f"{integer(0, MAX_MODSEQ).condition} AND typeof(flags) = 'text'", "0"),
        "flags": text("CAST(coalesce(flags, '') AS TEXT)"),
    },
    rule="The UIDs and MODSEQ of a run of flags are numbers within bounds.",
    named=f"CAST(account AS INTEGER), {_AS_NUMBERS}",
    message="the run of flags from message {2} on, in mailbox {1} of account {0}, has a UID, number or MODSEQ that is"
    " not a number, or too high",
    remedy="Take a new MODSEQ; end it before the next run. Without UID, drop it: its messages become unseen.",
)

_FLAG_TEXTS: Final = TableValues(
    name="flag-text-values-valid",
    table="flag_texts",
    of_account=_OF_ACCOUNT,
    columns={"account": _ACCOUNT, "mailbox": _id(), "flags": text(), "messages": integer()},
    rule="Long flags are counted by numbers.",
    named="CAST(account AS INTEGER)",
    message="long flags of account {0} are not counted by numbers",
    remedy="Count again.",
)

_SUBSCRIPTIONS: Final = TableValues(
    name="subscription-values-valid",
    table="subscriptions",
    of_account=_OF_ACCOUNT,
    columns={"account": _ACCOUNT, "name": text()},
    rule="The name of a subscription is a text.",
    named="CAST(account AS INTEGER)",
    message="a subscription of account {0} has a name that is no text",
    remedy="Drop it: its owner can subscribe to the mailbox again.",
)

_THREAD_KEYS: Final = TableValues(
    name="thread-key-values-valid",
    table="thread_keys",
    of_account=_OF_ACCOUNT,
    columns={"account": _ACCOUNT, "hash": integer(-MAX_ID - 1, MAX_ID), "thread": _id()},
    rule="The keys by which replies find their threads are numbers.",
    named="CAST(account AS INTEGER)",
    message="a key of a thread of account {0} is not a number",
    remedy="Drop it, and record what is then missing.",
)

_SEARCH_ATTEMPTS: Final = TableValues(
    name="search-attempt-values-valid",
    table="search_attempts",
    of_account=_OF_ACCOUNT,
    columns=dict.fromkeys(("upto", "singly_upto"), integer(0, MAX_NUMBER, "0")),
    rule="How far reading for the search index was begun is told by numbers.",
    named="CAST(account AS INTEGER)",
    message="how far reading for the search index of account {0} was begun is not a number",
    remedy="Begin where the index ends.",
)

_LEASES: Final = TableValues(
    name="maildrop-lease-values-valid",
    table="maildrop_leases",
    of_account=_OF_ACCOUNT,
    columns={"holder": octets(), "until_ms": integer()},
    rule="Who has locked a maildrop is told by octets, and until when by a number.",
    named="CAST(account AS INTEGER)",
    message="the lock of the maildrop of account {0} has a holder or time of a wrong type",
    remedy="Drop it.",
)

_UPLOADS: Final = TableValues(
    name="upload-values-valid",
    table="uploads",
    of_account=_OF_ACCOUNT,
    columns={
        "account": _ACCOUNT,
        "blob": octets(length=32),
        "size": integer(0, MAX_NUMBER),
        "type": text("'application/octet-stream'"),
        "at_ms": integer(0, MAX_NUMBER, "0"),
    },
    rule="An upload has a digest, a size, a media type and a time.",
    named="CAST(account AS INTEGER)",
    message="an upload of account {0} has a digest, size, type or time of a wrong type",
    remedy="Drop it: its client uploads it again.",
)

_SIGNATURE_VERDICTS: Final = TableValues(
    name="signature-verdict-values-valid",
    table="signature_verdicts",
    of_account=f"email BETWEEN ? << {EMAIL_BITS} AND ((? + 1) << {EMAIL_BITS}) - 1",
    columns={
        "email": integer(0, MAX_NUMBER),
        "status": text(among=STATUSES),
        "errors": text("''"),
        "verified_at_ms": integer(0, MAX_NUMBER, "0"),
        "at_delivery": text(among=STATUSES),
    },
    rule="What was found of a signature has a status, texts and a time.",
    named="CAST(email AS INTEGER)",
    message="what was found of the signature of email {0} has a status, text or time of a wrong type",
    remedy="Delete it: it is found again.",
)

_TOKEN: Final = octets(length=TOKEN_OCTETS)
_UNDO_TOKENS: Final = TableValues(
    name="undo-token-values-valid",
    table="undo_tokens",
    of_account=_OF_ACCOUNT,
    columns={
        "account": _ACCOUNT,
        "token": _TOKEN,
        **dict.fromkeys(("number", "until_ms", "octets", "text_octets"), integer(0, MAX_NUMBER, "0")),
    },
    rule="A token for undoing has octets, a time and sizes.",
    named="CAST(account AS INTEGER)",
    message="a token for undoing of account {0} has octets, a time or a size of a wrong type",
    remedy="End it: what was changed can't be undone any more.",
)
_UNDO_EMAILS: Final = TableValues(
    name="undo-email-values-valid",
    table="undo_emails",
    of_account=_OF_ACCOUNT,
    columns={
        "account": _ACCOUNT,
        "token": _TOKEN,
        "kind": integer(min(Kind).value, max(Kind).value),
        "email": _id(),
        **dict.fromkeys(
            ("mailboxes_before", "flags_before", "mailboxes_after", "flags_after"), optional(text())
        ),
        "thread": _told("email"),
        "size": _told("0"),
        "received_at_ms": Rule(f"kind <> {Kind.DESTROYED.value} OR ({date().condition})", "0"),
        "sent_at_ms": optional(date()),
        "sent_day": optional(integer(-MAX_NUMBER)),
        "snoozed_in": optional(integer(0, MAX_NUMBER, "NULL")),
        "until_ms": Rule(f"snoozed_in IS NULL OR ({integer(0, MAX_NUMBER).condition})", "0"),
        "move_to": optional(integer(0, MAX_NUMBER, "NULL")),
        **dict.fromkeys(
            ("set_flags", "unset_flags"), Rule(f"snoozed_in IS NULL OR ({text().condition})", "''")
        ),
    },
    rule="What is kept of an email that can be undone has its types.",
    named="CAST(account AS INTEGER)",
    message="what a client of account {0} can undo has an id, text or number of a wrong type",
    remedy="Drop it, or use what is certain: a thread of its own, the date 1970, the Inbox.",
)

_SAVED_SEARCHES: Final = TableValues(
    name="saved-search-values-valid",
    table="saved_searches",
    of_account=_OF_ACCOUNT,
    columns={
        "account": _ACCOUNT,
        "id": integer(1, MAX_NUMBER),
        "name": text("'Recovered ' || id"),
        "filter": optional(text()),
        "sort": optional(text()),
        "collapse_threads": integer(0, 1, "0"),
        "sort_order": integer(0, MAX_SORT_ORDER, "0"),
        **dict.fromkeys(("created_modseq", "modseq"), integer(0, MAX_MODSEQ, "1")),
        "destroyed": integer(0, 1, "0"),
    },
    rule="What an account has saved to search for has its types.",
    named="CAST(account AS INTEGER), CAST(id AS INTEGER)",
    message="the saved search {1} of account {0} has a name, filter, order or number of a wrong type, or too high",
    remedy="A filter becomes one of all emails, a name 'Recovered' and its number. Without a number, drop it.",
)

_SAVED_SEARCH_COUNTERS: Final = TableValues(
    name="saved-search-counters-valid",
    table="saved_search_counters",
    of_account=_OF_ACCOUNT,
    columns={
        "account": _ACCOUNT,
        "latest": integer(
            0,
            MAX_NUMBER,
            "coalesce((SELECT max(id) FROM saved_searches s WHERE s.account = saved_search_counters.account), 0)",
        ),
        "complete_from": integer(
            0,
            MAX_MODSEQ,
            "coalesce((SELECT max(modseq) FROM saved_searches s WHERE s.account = saved_search_counters.account), 0)",
        ),
    },
    rule="The last number of an account's saved searches is a number.",
    named="CAST(account AS INTEGER)",
    message="the last number of a saved search of account {0} is not a number, or too high",
    remedy="Continue above the highest in use; clients read all of them again.",
)

_SNOOZES: Final = TableValues(
    name="snooze-values-valid",
    table="snoozes",
    of_account=_OF_ACCOUNT,
    columns={
        "email": integer(1 << EMAIL_BITS, MAX_NUMBER),
        "account": _ACCOUNT,
        "is_waiting": integer(0, 1, "1"),
        "mailbox": integer(0, MAX_NUMBER),
        "uid": integer(1, MAX_UID),
        "until_ms": integer(0, MAX_NUMBER, "0"),
        "move_to": optional(integer(0, MAX_NUMBER, "NULL")),
        "set_flags": text("''"),
        "unset_flags": text("''"),
    },
    rule="Until when an email is away, and what becomes of it then, is told by numbers and flags.",
    named="CAST(email AS INTEGER)",
    message="email {0} is away until a time, or with a mailbox or flags, of a wrong type",
    remedy="It comes back at once, to the Inbox. Where the email or its message is not told, drop it: it stays where"
    " it is.",
)

_TEXTS: Final = ("base_subject", "sort_from", "sort_to", "sort_cc", "sort_display_from", "sort_display_to")
EMAILS: Final[TableValues] = TableValues(
    name="email-values-valid",
    table="emails",
    of_account=f"id BETWEEN ? << {EMAIL_BITS} AND ((? + 1) << {EMAIL_BITS}) - 1",
    columns={
        "id": integer(1 << EMAIL_BITS, MAX_NUMBER),
        "blob": octets("CAST(coalesce(blob, '') AS BLOB)"),
        "header_size": integer(0, MAX_NUMBER, "0"),
        "crlf_size": integer(0, MAX_NUMBER, "0"),
        "has_attachment": integer(0, 1, "0"),
        "is_reply": integer(0, 1, "0"),
        **dict.fromkeys((*_TEXTS, "subject", "links", "preview"), text("''")),
        "message_id": optional(text()),
        **dict.fromkeys(("envelope", "bodystructure", "digest", "body"), octets("x''")),
        "authentication": optional(octets()),
    },
    rule="What is kept of an email, beside its octets, has its types.",
    named="id",
    message="email {0} has a size, text or rendered part of a wrong type",
    remedy="Render it again from its octets.",
)
"""Repaired where the octets can be read."""

INDICATORS: Final[TableValues] = TableValues(
    name="indicator-values-valid",
    table="indicators",
    columns={
        **dict.fromkeys(
            ("organization", "location", "evidence", "roots", "authority", "names", "digest"), text()
        ),
        "problem": text("''"),
        **dict.fromkeys(("until_s", "claimed_until_s", "kept_until_s"), integer()),
        "octets": integer(instead="length(image)"),
        "image": octets(),
    },
    rule="What is kept of the images of senders (BIMI) has its types.",
    named="quote(organization)",
    message="the image of {0} has a text, time or size of a wrong type",
    remedy="Delete it: it is fetched again.",
)
"""Of no account: nobody's mail is harder to read by it."""

TABLES: Final[tuple[TableValues, ...]] = (
    _LEDGERS,
    _CHANGES,
    _MAILBOXES,
    _PLACEMENTS,
    _FLAGS,
    _FLAG_TEXTS,
    _SUBSCRIPTIONS,
    _THREAD_KEYS,
    _SEARCH_ATTEMPTS,
    _LEASES,
    _UPLOADS,
    _SIGNATURE_VERDICTS,
    _UNDO_TOKENS,
    _UNDO_EMAILS,
    _SAVED_SEARCHES,
    _SAVED_SEARCH_COUNTERS,
    _SNOOZES,
)
INVARIANTS = tuple(values.invariant() for values in (*TABLES, INDICATORS))
"""In the order of repair."""
