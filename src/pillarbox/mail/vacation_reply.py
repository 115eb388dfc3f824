"""The answer of somebody who is away: when one is proper (RFC 3834 §2), and what it looks like (§3).

Pure: who is away, and who has had an answer already, is known elsewhere (`delivery.responding`).
"""

import base64
from typing import Final

from msgspec import Struct

from pillarbox.mail import encoded_word, html_text
from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.address_list import mailboxes, parse_address_list
from pillarbox.mail.date import rfc5322
from pillarbox.mail.header import Header
from pillarbox.mail.threading import message_ids

MAX_RECIPIENTS: Final = 50
"""Addresses of a header among which those of the one who is away are looked for."""
MAX_REFERENCES: Final = 20
MAX_ID_CHARACTERS: Final = 250
MAX_SUBJECT_CHARACTERS: Final = 200
DEFAULT_TEXT: Final = "I am away, and will read your message when I am back.\n"

_RECIPIENTS: Final = ("To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc")
_ROLES: Final = frozenset(
    {
        *("mailer-daemon", "postmaster", "noreply", "no-reply", "no_reply", "donotreply", "do-not-reply"),
        *("listserv", "majordomo", "nobody", "bounce", "bounces", "root", "daemon"),
    }
)
_ROLE_BEGINNINGS: Final = (
    "owner-",
    "noreply-",
    "no-reply-",
    "noreply+",
    "no-reply+",
    "bounce-",
    "bounces-",
    "bounce+",
)
_ROLE_ENDINGS: Final = ("-request", "-owner", "-bounces", "-bounce", "-noreply", "-no-reply")
_NOT_PERSONAL: Final = frozenset({"bulk", "list", "junk"})


class SubjectMessage(Struct, frozen=True, gc=False):
    """What must be known of a message to answer it."""

    sender: Address
    """Where the answer goes: the reverse-path, and no other address (§4)."""
    recipients: tuple[Address, ...]
    """To, Cc and the like."""
    message_id: str | None
    references: tuple[str, ...]
    subject: str


class VacationReply(Struct, frozen=True, gc=False):
    """An answer. `identity`: a random token for the Message-ID and the boundary: letters, digits, "-" and "_"."""

    author: Address
    name: str
    about: SubjectMessage
    subject: str | None
    text: str | None
    html: str | None
    identity: str
    now_ms: int


def subject_message(header: Header, reverse_path: Address) -> SubjectMessage | None:
    """What is to be answered, or `None` where no person has written to another."""
    if header.cut or _is_role(reverse_path.local) or is_automatic(header):
        return None
    found = []
    for name in _RECIPIENTS:
        for value in header.all(name):
            for mailbox in mailboxes(parse_address_list(value)):
                try:
                    text = str(Address(mailbox.local.decode(), mailbox.domain.decode()))
                    found.append(Address.parse(text))
                except (InvalidAddress, UnicodeDecodeError):
                    continue
                if len(found) >= MAX_RECIPIENTS:
                    break
    ids = [each for each in message_ids(header.first("Message-ID") or b"") if _is_writable(each)]
    references = [each for each in message_ids(header.first("References") or b"") if _is_writable(each)]
    return SubjectMessage(
        reverse_path,
        tuple(found[:MAX_RECIPIENTS]),
        ids[0] if ids else None,
        tuple(references[-MAX_REFERENCES:]),
        encoded_word.decode((header.first("Subject") or b"")[: 4 * MAX_SUBJECT_CHARACTERS]),
    )


def _is_role(local: str) -> bool:
    lower = local.lower()
    return lower in _ROLES or lower.startswith(_ROLE_BEGINNINGS) or lower.endswith(_ROLE_ENDINGS)


def is_automatic(header: Header) -> bool:
    """Whether a message says that a program has sent it, or that many get it (RFC 3834 §2)."""
    submitted = _word(header, "Auto-Submitted")
    suppress = (header.first("X-Auto-Response-Suppress") or b"").lower()
    return (
        submitted not in ("", "no")
        or _word(header, "Precedence") in _NOT_PERSONAL
        or any(name.lower().startswith(b"list-") for name in header.names)
        or b"oof" in suppress
        or b"all" in suppress
        or _word(header, "Content-Type") == "multipart/report"
    )


def _word(header: Header, name: str) -> str:
    value = (header.first(name) or b"")[:200].decode("latin-1").lower()
    return value.partition(";")[0].partition("(")[0].strip()


def _is_writable(message_id: str) -> bool:
    return (
        len(message_id) <= MAX_ID_CHARACTERS
        and message_id.isascii()
        and message_id.isprintable()
        and " " not in message_id
    )


def compose(reply: VacationReply) -> bytes:
    """The answer as a message."""
    about, author = reply.about, reply.author
    fields = [
        f"From: {_display_name(reply.name)}<{author}>",
        f"To: <{about.sender}>",
        f"Subject: {_unstructured(_subject(reply))}",
        f"Date: {rfc5322(reply.now_ms)}",
        f"Message-ID: <{reply.identity}@{author.with_ascii_domain().domain.strip('[]')}>",
    ]
    if about.message_id:
        references = [*about.references, about.message_id]
        fields += [
            f"In-Reply-To: <{about.message_id}>",
            "References: " + "\r\n ".join(f"<{each}>" for each in dict.fromkeys(references)),
        ]
    fields += ["Auto-Submitted: auto-replied (vacation)", "MIME-Version: 1.0"]  # RFC 3834 §5.1
    text = reply.text if reply.text is not None else _text_of(reply.html)
    parts = [_part("plain", text)]
    if reply.html is not None:
        parts.append(_part("html", reply.html))
    top = "".join(f"{field}\r\n" for field in fields).encode()
    if len(parts) == 1:
        return top + parts[0]
    boundary = f"away-{reply.identity}"
    head = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode()
    between = f"--{boundary}\r\n".encode()
    return b"".join((top, head, *(between + part for part in parts), f"--{boundary}--\r\n".encode()))


def _subject(reply: VacationReply) -> str:
    if reply.subject:
        return reply.subject
    return f"Auto: {reply.about.subject.strip()}" if reply.about.subject.strip() else "Auto: away"


def _text_of(html: str | None) -> str:
    if html is None:
        return DEFAULT_TEXT
    return html_text.words_of(html) + "\n"


def _part(subtype: str, text: str) -> bytes:
    octets = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode("utf-8", "replace")
    body = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
        + body
    )


def _display_name(name: str) -> str:
    clean = _one_line(name)
    if not clean:
        return ""
    if clean.isascii():
        escaped = clean.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"\r\n '
    return f"{_encoded_words(clean)}\r\n "


def _unstructured(text: str) -> str:
    clean = _one_line(text)[:MAX_SUBJECT_CHARACTERS]
    return clean if clean.isascii() and "=?" not in clean else _encoded_words(clean)


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)[
        :MAX_SUBJECT_CHARACTERS
    ].strip()


def _encoded_words(text: str) -> str:
    """RFC 2047 §2: words of at most 75 characters, of whole characters each."""
    words, octets = [], b""
    for character in text:
        more = character.encode("utf-8", "replace")
        if len(octets) + len(more) > 42:
            words.append(octets)
            octets = b""
        octets += more
    words.append(octets)
    return "\r\n ".join(f"=?utf-8?B?{base64.b64encode(word).decode()}?=" for word in words)
