"""Reading an account's mailboxes by IMAP, over one connection that is kept open."""

import imaplib
import re
from collections.abc import Iterator
from typing import Any, Final

from pillarbox.testing.message import Message

TIMEOUT_S = 10.0
_HEAD: Final = re.compile(rb"UID (\d+) FLAGS \(([^)]*)\)")
_NAME: Final = re.compile(rb'\((?P<flags>[^)]*)\) (?:"."|NIL) (?P<name>.+)')


class Reader:
    """One account's connection. Not thread-safe."""

    def __init__(self, host: str, port: int, *, address: str, login: str, password: str) -> None:
        self._address = address
        self._client = imaplib.IMAP4(host, port, TIMEOUT_S)
        self._client.login(login, password)

    def messages(self, mailbox: str, *, after_uid: int = 0) -> list[Message]:
        """The messages of a mailbox with a higher UID, oldest first; they stay unread.

        Raises `LookupError` where there is no such mailbox.
        """
        status, answer = self._client.select(_quoted(mailbox), readonly=True)
        if status != "OK":
            raise LookupError(f"{self._address} has no mailbox '{mailbox}': {_text(answer)}")
        # n:* always names the last message, even when its UID is lower (RFC 9051 §9, seq-range)
        _, found = self._client.uid("FETCH", f"{after_uid + 1}:*", "(UID FLAGS BODY.PEEK[])")
        read = (self._message(mailbox, item) for item in found if isinstance(item, tuple))
        return sorted(
            (message for message in read if message.uid > after_uid), key=lambda message: message.uid
        )

    def mailboxes(self) -> Iterator[str]:
        """The names of all mailboxes that can be selected."""
        _, found = self._client.list()
        for line in found:
            match = _NAME.match(line) if isinstance(line, bytes) else None
            if match and b"\\NonExistent" not in match["flags"] and b"\\Noselect" not in match["flags"]:
                name = match["name"].decode("ascii")
                yield name[1:-1].replace('\\"', '"').replace("\\\\", "\\") if name[0] == '"' else name

    def empty(self) -> None:
        """Delete all messages in all mailboxes."""
        for name in list(self.mailboxes()):
            _, (count, *_rest) = self._client.select(_quoted(name))
            if count and int(count):
                self._client.store("1:*", "+FLAGS.SILENT", r"(\Deleted)")
                self._client.expunge()
            self._client.unselect()

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
    escaped = mailbox.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _text(answer: list[Any]) -> str:
    return b" ".join(item for item in answer if isinstance(item, bytes)).decode("ascii", "replace")
