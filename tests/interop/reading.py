"""The contents of a mailbox, read by the standard library's IMAP client."""

import imaplib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.interop.demo import Demo, Person


@contextmanager
def logged_in(provider: Demo, person: Person) -> Iterator[imaplib.IMAP4_SSL]:
    """An IMAP session of that person."""
    with imaplib.IMAP4_SSL(
        "localhost", provider.ports["imaps"], ssl_context=provider.context(), timeout=60
    ) as client:
        client.login(person.login, person.password)
        yield client


def messages(provider: Demo, person: Person, mailbox: str = "INBOX") -> list[bytes]:
    """All messages, in their order."""
    return [octets for _, octets in flagged(provider, person, mailbox)]


def flagged(provider: Demo, person: Person, mailbox: str = "INBOX") -> list[tuple[set[str], bytes]]:
    """All messages with their flags, but for \\Recent."""
    with logged_in(provider, person) as client:
        word, [count] = client.select(mailbox, readonly=True)
        assert word == "OK"
        if count == b"0":
            return []  # RFC 9051 §9, seq-number: any number is an error in an empty mailbox
        word, found = client.fetch("1:*", "(FLAGS BODY.PEEK[])")
        assert word == "OK"
    return [(_flags(item[0] + after), item[1]) for item, after in _pairs(found)]


def _pairs(
    found: Sequence[tuple[bytes, bytes] | bytes | None],
) -> Iterator[tuple[tuple[bytes, bytes], bytes]]:
    for place, item in enumerate(found):
        if isinstance(item, tuple):
            after = found[place + 1]
            yield item, after if isinstance(after, bytes) else b""


def _flags(octets: bytes) -> set[str]:
    found = re.search(rb"FLAGS \(([^)]*)\)", octets)
    return set(found[1].decode().split()) - {r"\Recent"} if found else set()
