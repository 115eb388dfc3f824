"""Limits of the IMAP service that no configuration changes; tests pass others.

Limits of the protocol's syntax are in `protocol.imap.limits`.
"""

from dataclasses import dataclass
from typing import Final

from pillarbox.protocol.imap.limits import MAX_APPEND_MESSAGES, MAX_APPEND_OCTETS
from pillarbox.store.mailbox import MAX_MAILBOXES


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapLimits:
    """How much one command may bring, and how much is read and written together."""

    max_append_messages: int = MAX_APPEND_MESSAGES
    """Messages of one APPEND; beyond: NO [LIMIT]."""
    max_append_octets: int = MAX_APPEND_OCTETS
    """Octets of all messages of one APPEND; beyond: NO [LIMIT]. A single message has its own limit."""
    max_append_octets_in_memory: int = 8 * 1024 * 1024
    """Octets of the small messages of one APPEND; beyond, they go to files as large ones do."""
    max_append_files: int = 100
    """Files that the messages of one APPEND are in; beyond: NO [LIMIT]."""
    commands_before_login: int = 100
    """Commands of a client that has not logged in; beyond: BYE."""
    large_message_octets: int = 512 * 1024
    """From this size on FETCH reads a message by ranges, and what must be computed from it is, in a thread."""
    piece_octets: int = 256 * 1024
    """Octets of a large message that are read and written together."""
    batch_rows: int = 1024
    """Messages in each batch of FETCH but the first: one or two milliseconds of the loop."""
    batch_octets: int = 1024 * 1024
    """Octets of ENVELOPE, BODYSTRUCTURE and flags after which a batch ends: more than it has of usual mail."""
    max_names: int = MAX_MAILBOXES
    """Mailboxes that an account can have, and subscriptions; beyond: NO [LIMIT]."""
    many_names: int = 500
    """Mailboxes and subscriptions of an account from which on a verb that goes through them is run in a thread."""
    batch_names: int = 200
    """Names of which LIST makes responses at a time: about a millisecond of the loop."""
    few_messages: int = 20
    """Messages up to which a verb that goes through them waits for no others of the account: about a millisecond."""
    many_messages: int = 500
    """Messages from which on a verb that goes through them is run in a thread."""
    max_rows_in_loop: int = 4_000
    """Messages that are read in the loop when the cached mailbox is brought up to date: some five milliseconds."""
    slice_messages: int = 2_000
    """Messages that COPY, MOVE, EXPUNGE, DELETE and RENAME write in one transaction, some 50 milliseconds for whoever
    else writes."""
    store_messages: int = 100_000
    """Messages whose flags STORE changes in one transaction: some milliseconds, or 100 where all have others than their
    neighbours."""
    max_saved_runs: int = 20_000
    """Runs of messages that a saved search result (`$`) may have, as many as a command can name; beyond: NO
    [NOTSAVED]."""
    quick_search_s: float = 0.005
    """How long a search of few messages may take in the loop; beyond that it is begun anew in a thread."""
    notice_s: float = 1.0
    """How often a client that has sent all it will is told that its search goes on, to find out whether it is gone."""
    progress_s: float = 10.0
    """How often any client is told so (RFC 9585 §4: every 10 to 15 seconds)."""
    idle_retry_s: float = 5.0
    """How long after a failed read an idling client's updates are read again."""


DEFAULT_LIMITS: Final = ImapLimits()
