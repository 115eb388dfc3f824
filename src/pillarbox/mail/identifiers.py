"""The numbers that must not be mixed up.

Each is an `int` at run time and a type of its own to the checker.
"""

from typing import NewType

AccountId = NewType("AccountId", int)
"""One person's (or role's) store of mail. Never given twice within a shard."""

MailboxId = NewType("MailboxId", int)
"""A mailbox as IMAP and JMAP mean it: a container of messages, never an address (RFC 8474 §4)."""

EmailId = NewType("EmailId", int)
"""The immutable message in an account; in three mailboxes it is one email (RFC 8474 §5.1)."""

ThreadId = NewType("ThreadId", int)
"""A conversation across an account's mailboxes (RFC 8474 §5.2)."""

Uid = NewType("Uid", int)
"""Names a message within a mailbox; only ever rises (RFC 9051 §2.3.1.1)."""

UidValidity = NewType("UidValidity", int)
"""The epoch in which a mailbox's UIDs hold (RFC 9051 §2.3.1.1)."""

ModSeq = NewType("ModSeq", int)
"""An account's change counter; IMAP's mod-sequence and JMAP's state (RFC 7162 §3)."""

SequenceNumber = NewType("SequenceNumber", int)
"""A message's place, from 1, in what one IMAP session has been told (RFC 9051 §2.3.1.2)."""
