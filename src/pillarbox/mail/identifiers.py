"""Types for identifiers, so that they are not mixed up: each is an `int` at run time and a type of its own for mypy."""

from typing import NewType

AccountId = NewType("AccountId", int)
"""The mail of one person or role. Never assigned twice within a shard."""

MailboxId = NewType("MailboxId", int)
"""A mailbox in the sense of IMAP and JMAP: a container of messages, never an address (RFC 8474 §4)."""

EmailId = NewType("EmailId", int)
"""An immutable message in an account; in three mailboxes it is one email (RFC 8474 §5.1)."""

ThreadId = NewType("ThreadId", int)
"""A thread across the mailboxes of an account (RFC 8474 §5.2)."""

Uid = NewType("Uid", int)
"""Identifies a message within a mailbox; assigned in ascending order (RFC 9051 §2.3.1.1)."""

UidValidity = NewType("UidValidity", int)
"""The epoch in which a mailbox's UIDs are valid (RFC 9051 §2.3.1.1)."""

ModSeq = NewType("ModSeq", int)
"""An account's change counter; IMAP's mod-sequence and JMAP's state (RFC 7162 §3)."""

SequenceNumber = NewType("SequenceNumber", int)
"""A message's position, from 1, in the mailbox as one IMAP session sees it (RFC 9051 §2.3.1.2)."""

AddressBookId = NewType("AddressBookId", int)
"""An address book of an account (RFC 9610 §2). Never assigned twice in it."""

CardId = NewType("CardId", int)
"""A contact card of an account (RFC 9610 §3). Never assigned twice in it."""
