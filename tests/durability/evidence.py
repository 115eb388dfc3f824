"""Compares what the server holds, as its users see it, with what was acknowledged."""

import imaplib
import re
from dataclasses import dataclass, field

from tests.durability.load import Promises, logged_in
from tests.durability.provider import USERS

_MARK = re.compile(rb"^X-Mark: (\S+)\r\n", re.MULTILINE)
_UID = re.compile(rb"UID (\d+)")


@dataclass
class Seen:
    """One user's INBOX as it was last seen."""

    uid_validity: int = 0
    marks: dict[int, str] = field(default_factory=dict)
    """By UID."""


@dataclass
class Witness:
    """Remembers every INBOX between two looks, so that each look reads only what is new."""

    promises: Promises
    inboxes: list[Seen] = field(default_factory=lambda: [Seen() for _ in range(USERS)])

    def look(self, imap_port: int) -> None:
        """Read what is new in every INBOX and check all that must be true. Raises AssertionError."""
        for user, seen in enumerate(self.inboxes):
            self._read(imap_port, user, seen)
        self._check()

    def _read(self, port: int, user: int, seen: Seen) -> None:
        with logged_in(port, user) as client:
            client.select("INBOX", readonly=True)
            validity = int(client.response("UIDVALIDITY")[1][0])
            uid_next = int(client.response("UIDNEXT")[1][0])
            assert seen.uid_validity in (0, validity), f"u{user}: UIDVALIDITY changed"
            seen.uid_validity = validity
            _, (listed,) = client.uid("SEARCH", "ALL")
            uids = [int(uid) for uid in (listed or b"").split()]
            gone = seen.marks.keys() - set(uids)
            assert not gone, f"u{user}: UIDs {sorted(gone)} are gone"
            assert all(uid < uid_next for uid in uids), f"u{user}: a UID is not below UIDNEXT"
            before = max(seen.marks, default=0)
            new = [uid for uid in uids if uid > before]
            assert set(uids) == seen.marks.keys() | set(new), f"u{user}: a UID came below one that was seen"
            for start in range(0, len(new), 50):
                self._fetch(client, user, seen, new[start : start + 50])

    def _fetch(self, client: imaplib.IMAP4, user: int, seen: Seen, uids: list[int]) -> None:
        _, parts = client.uid("FETCH", f"{uids[0]}:{uids[-1]}", "(UID BODY.PEEK[])")
        for part in parts:
            if isinstance(part, tuple):
                uid = _UID.search(part[0])
                assert uid, part[0]
                seen.marks[int(uid[1])] = self._recognized(user, part[1])
        assert set(uids) <= seen.marks.keys(), f"u{user}: not all of {uids} were given"

    def _recognized(self, user: int, octets: bytes) -> str:
        """The mark of a message that is, octet for octet, one that was sent."""
        found = _MARK.search(octets)
        assert found, f"u{user}: a message that nobody sent: {octets[:300]!r}"
        mark = found[1].decode()
        sent = self.promises.sent[mark]
        assert user in sent.users, f"u{user}: {mark} was for {sent.users}"
        trace = octets.removesuffix(sent.octets)
        assert len(trace) == len(octets) - len(sent.octets), f"u{user}: {mark} is torn"
        assert not trace or trace.startswith(b"Return-Path: "), f"u{user}: {mark} has grown: {trace!r}"
        return mark

    def _check(self) -> None:
        for user, seen in enumerate(self.inboxes):
            marks = list(seen.marks.values())
            twice = {mark for mark in marks if marks.count(mark) > 1} if len(marks) != len(set(marks)) else ()
            assert not twice, f"u{user}: twice: {twice}"
            there = set(marks)
            promised = {mark for mark, users in self.promises.acknowledged.items() if user in users}
            lost = promised - there
            assert not lost, f"u{user}: acknowledged and lost: {sorted(lost)}"

    @property
    def messages(self) -> int:
        """Messages seen."""
        return sum(len(seen.marks) for seen in self.inboxes)
