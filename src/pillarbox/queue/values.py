"""The values that rows of the queue have, and what is put in the place of others.

A recipient whose address is lost gets one that no server has (RFC 2606 §2), so that its sender gets a report with the
message; times that are lost are over.
"""

from typing import Final

from pillarbox.protocol.smtp.commands import Body
from pillarbox.queue.schedule import NEVER_MS
from pillarbox.queue.spool import State
from pillarbox.queue.submissions import CANCELED, DSN, FINAL, MDN, NO, PENDING, QUEUED, UNKNOWN, YES
from pillarbox.world.database.values import (
    MAX_ID,
    NOW_MS,
    Rule,
    TableValues,
    date,
    integer,
    octets,
    optional,
    text,
)

LOST_ADDRESS: Final = "lost-recipient@damaged.invalid"


def _time(instead: str) -> Rule:
    return integer(0, NEVER_MS, instead)


_MESSAGES: Final = TableValues(
    name="queued-message-values-valid",
    table="queue_messages",
    columns={
        "blob": octets("CAST(coalesce(blob, '') AS BLOB)"),
        "size": integer(instead="coalesce((SELECT size FROM blobs WHERE digest = queue_messages.blob), 0)"),
        "reverse_path": optional(text()),
        "account": optional(integer()),
        "body": text(f"'{Body.EIGHT_BIT}'", among=tuple(Body)),
        "smtputf8": integer(0, 1, "1"),
        "require_tls": integer(0, 1, "1"),
        "envelope_id": optional(text()),
        "return_content": optional(text(among=("FULL", "HDRS"))),
        "queued_at_ms": date(NOW_MS),
        "expires_at_ms": date(NOW_MS),
        "release_at_ms": optional(date(NOW_MS)),
        "release_request": optional(text()),
    },
    rule="What is kept of a queued message has its types.",
    named="id",
    message="queued message {0} has a sender, size, option or time of a wrong type",
    remedy="Without sender, nobody gets a report; an option that is lost becomes the stricter one; without its time, it"
    " is tried once more.",
)

_RECIPIENTS: Final = TableValues(
    name="queued-recipient-values-valid",
    table="queue_recipients",
    columns={
        "message": integer(),
        "address": text(f"'{LOST_ADDRESS}'"),
        "destination": text("lower(substr(address, instr(address, '@') + 1))"),
        "notify": text("''"),
        "original": optional(text()),
        "state": text(f"'{State.WAITING}'", among=tuple(State)),
        "due_at_ms": _time("0"),
        "attempts": integer(instead="0"),
        "lease": integer(0, MAX_ID, "0"),
        "tell_at_ms": _time(NOW_MS),
        "last_attempt_ms": optional(date()),
        **dict.fromkeys(("last_status", "last_reply", "last_host"), optional(text())),
        "unfinished": integer(instead="0"),
    },
    rule="What is kept of a queued recipient has its types.",
    named="CAST(message AS INTEGER), quote(address)",
    message="recipient {1} of queued message {0} has an address, destination, state or time of a wrong type",
    remedy=f"Try it now. An address that is lost becomes {LOST_ADDRESS}, of which its sender gets a report. Without the"
    " number of its message, it is dropped.",
)

_DESTINATIONS: Final = TableValues(
    name="destination-values-valid",
    table="queue_destinations",
    columns={
        "name": text(),
        **dict.fromkeys(("turn_at_ms", "failures", "closed_until_ms"), _time("0")),
    },
    rule="Destinations of queued mail have a name and times.",
    named="quote(name)",
    message="destination {0} has a name or time of a wrong type",
    remedy="Try it now.",
)

_ATTEMPTS: Final = TableValues(
    name="attempt-values-valid",
    table="queue_attempts",
    columns={
        "recipient": integer(),
        "number": integer(),
        "at_ms": date("0"),
        "status": text("''"),
        "reply": text("''"),
        **dict.fromkeys(("host", "address", "tls"), optional(text())),
    },
    rule="What is kept of an attempt to deliver has its types.",
    named="CAST(recipient AS INTEGER)",
    message="an attempt for queued recipient {0} has a text or time of a wrong type",
    remedy="Leave the text out.",
)

_STS_POLICIES: Final = TableValues(
    name="mta-sts-policy-values-valid",
    table="mta_sts_policies",
    columns={
        "domain": text(),
        "policy": Rule("{0} IS NULL OR typeof({0}) = 'text'", None),
        **dict.fromkeys(("identity", "tried_identity"), text()),
        **dict.fromkeys(("fetched_at_s", "tried_at_s", "expires_at_s"), integer()),
        "failure": optional(text()),
        "failure_reason": text("''"),
    },
    rule="What is kept of other providers' MTA-STS policies has its types.",
    named="quote(domain)",
    message="the MTA-STS policy of {0} has a text or time of a wrong type",
    remedy="Delete it: it is fetched again.",
)

_SUBMISSIONS: Final = TableValues(
    name="submission-values-valid",
    table="submissions",
    columns={
        **dict.fromkeys(("account", "id", "email", "thread"), integer()),
        **dict.fromkeys(("identity", "envelope_id"), text("''")),
        "envelope": text("''"),
        "send_at_ms": _time("0"),
        "undo": text(f"'{FINAL}'", among=(PENDING, FINAL, CANCELED)),
        "message": optional(integer()),
        "message_id": optional(text()),
        **dict.fromkeys(("created_modseq", "modseq"), integer(instead="1")),
        "destroyed": integer(0, 1, "1"),
    },
    rule="What is kept of a submission has its types.",
    named="CAST(account AS INTEGER), CAST(id AS INTEGER)",
    message="submission {1} of account {0} has a text, number or time of a wrong type",
    remedy="What it has sent goes its way. What is lost of it is left out; without its number, it is dropped.",
)

_SUBMISSION_RECIPIENTS: Final = TableValues(
    name="submission-recipient-values-valid",
    table="submission_recipients",
    columns={
        **dict.fromkeys(("account", "submission", "position"), integer()),
        "address": text(f"'{LOST_ADDRESS}'"),
        "queued_as": optional(text()),
        "delivered": text(f"'{UNKNOWN}'", among=(QUEUED, YES, NO, UNKNOWN)),
        "reply": text("''"),
        "displayed": text(f"'{UNKNOWN}'", among=(YES, UNKNOWN)),
    },
    rule="What became of a recipient of a submission has its types.",
    named="CAST(account AS INTEGER), CAST(submission AS INTEGER)",
    message="a recipient of submission {1} of account {0} has a text of a wrong type",
    remedy="What became of it is not known.",
)

_SUBMISSION_REPORTS: Final = TableValues(
    name="submission-report-values-valid",
    table="submission_reports",
    columns={
        **dict.fromkeys(("account", "submission", "number"), integer()),
        "kind": text(among=(DSN, MDN)),
        "blob": octets(length=32),
    },
    rule="A report about a submission is named by its digest.",
    named="CAST(account AS INTEGER), CAST(submission AS INTEGER)",
    message="a report about submission {1} of account {0} has a kind or name of a wrong type",
    remedy="Drop the row: the report itself is in a mailbox.",
)

_SUBMISSION_COUNTERS: Final = TableValues(
    name="submission-counter-values-valid",
    table="submission_counters",
    columns={
        "latest": integer(
            instead="coalesce((SELECT max(s.id) FROM submissions s WHERE s.account = submission_counters.account), 0)"
        ),
        "recipients": integer(
            instead="(SELECT count(*) FROM submission_recipients r WHERE r.account = submission_counters.account)"
        ),
        "complete_from": integer(
            instead="coalesce((SELECT max(s.modseq) FROM submissions s"
            " WHERE s.account = submission_counters.account), 0)"
        ),
    },
    rule="The counters of submissions are numbers.",
    named="account",
    message="the number of the latest submission of account {0} is not a number",
    remedy="Continue above the highest.",
)

TABLES: Final[tuple[TableValues, ...]] = (
    _MESSAGES,
    _RECIPIENTS,
    _DESTINATIONS,
    _ATTEMPTS,
    _STS_POLICIES,
    _SUBMISSIONS,
    _SUBMISSION_RECIPIENTS,
    _SUBMISSION_REPORTS,
    _SUBMISSION_COUNTERS,
)
INVARIANTS = tuple(values.invariant() for values in TABLES)
"""In the order of repair."""
