"""Reading an account's mailboxes by IMAP, over one connection that is kept open."""

import imaplib
import re
from typing import Any, Final

from pillarbox.mail import mailbox_name
from pillarbox.testing.message import Message

TIMEOUT_S = 10.0
_HEAD: Final = re.compile(rb"UID (\d+) FLAGS \(([^)]*)\)")


class Reader:
    """One account's connection. Not thread-safe."""

    def __init__(self, host: str, port: int, *, address: str, login: str, password: str) -> None:
        self._address = address
        self._host, self._port, self._login, self._password = host, port, login, password
        self._client = self._connected()

    def messages(self, mailbox: str, *, after_uid: int = 0) -> list[Message]:
        """The messages of a mailbox with a higher UID, oldest first; they stay unread.

        Raises `LookupError` where there is no such mailbox.
        """
        try:
            return self._messages(mailbox, after_uid)
        except imaplib.IMAP4.abort:  # the server has ended the connection, as after half an hour without use
            self._client.shutdown()
            self._client = self._connected()
            return self._messages(mailbox, after_uid)

    def _connected(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4(self._host, self._port, TIMEOUT_S)
        client.login(self._login, self._password)
        return client

    def _messages(self, mailbox: str, after_uid: int) -> list[Message]:
        status, answer = self._client.select(_quoted(mailbox), readonly=True)
        if status != "OK":
            raise LookupError(f"{self._address} has no mailbox '{mailbox}': {_text(answer)}")
        # n:* always names the last message, even when its UID is lower (RFC 9051 §9, seq-range)
        _, found = self._client.uid("FETCH", f"{after_uid + 1}:*", "(UID FLAGS BODY.PEEK[])")
        read = (self._message(mailbox, item) for item in found if isinstance(item, tuple))
        return sorted(
            (message for message in read if message.uid > after_uid), key=lambda message: message.uid
        )

    def close(self) -> None:
        """Close the connection."""
        try:
            self._client.logout()
        except (OSError, imaplib.IMAP4.error):  # the server is gone already
            self._client.shutdown()

    def _message(self, mailbox: str, fetched: tuple[bytes, bytes]) -> Message:
        head = _HEAD.search(fetched[0])
        assert head is not None, f"an answer to FETCH without UID and FLAGS: {fetched[0]!r}"
        flags = frozenset(head[2].decode("ascii").split())
        return Message(self._address, mailbox, int(head[1]), flags, fetched[1])


def _quoted(mailbox: str) -> str:
    mailbox = mailbox_name.encode(mailbox, utf8=False).decode("ascii")
    escaped = mailbox.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _text(answer: list[Any]) -> str:
    return b" ".join(item for item in answer if isinstance(item, bytes)).decode("ascii", "replace")
