"""The fields that make a message an answer to another one (RFC 5322 §3.6.4)."""

from typing import Final

from pillarbox.mail.composing.folding import NotWritable, field
from pillarbox.mail.composing.values import message_ids
from pillarbox.mail.header import Header
from pillarbox.mail.threading import message_ids as read_ids

MAX_REFERENCES: Final = 50
"""Ids in References: the first, which is that of the thread, and the last ones."""


def reply_fields(header: Header) -> bytes:
    """In-Reply-To and References of an answer to the message with this header; nothing if it has no Message-ID.

    Ids that are not ASCII are left out, so that the answer needs no SMTPUTF8.
    """
    own = _ids(header, "Message-ID")[:1]
    if not own:
        return b""
    parents = _ids(header, "References")
    if not parents and len(replied := _ids(header, "In-Reply-To")) == 1:
        parents = replied
    ids = [*dict.fromkeys([*(each for each in parents if each not in own), *own])]
    if len(ids) > MAX_REFERENCES:
        ids = [ids[0], *ids[1 - MAX_REFERENCES :]]
    return field("In-Reply-To", message_ids(own)) + field("References", message_ids(ids))


def _ids(header: Header, name: str) -> list[str]:
    return [each for each in read_ids(header.first(name) or b"") if each.isascii() and _is_writable(each)]


def _is_writable(each: str) -> bool:
    try:
        message_ids([each])
    except NotWritable:
        return False
    return True
