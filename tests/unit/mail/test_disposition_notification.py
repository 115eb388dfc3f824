"""Message disposition notifications (RFC 8098)."""

from typing import Any

import msgspec
import pytest

from pillarbox.mail.composing.addresses import Mailbox
from pillarbox.mail.composing.folding import NotWritable
from pillarbox.mail.disposition_notification import MAX_ERRORS, Disposition, DispositionNotification, compose
from pillarbox.mail.header import Header
from pillarbox.mail.part_parser import parse
from pillarbox.mail.transfer import decode


class Octets(msgspec.Struct):
    octets: bytes

    @property
    def size(self) -> int:
        return len(self.octets)

    def read(self, start: int, end: int) -> bytes:
        return self.octets[start:end]


MESSAGE = b"Message-ID: <a@b>\r\nSubject: x\r\nDisposition-Notification-To: ann@two.example\r\n\r\nhi\r\n"
NOTIFICATION = DispositionNotification(
    sender=Mailbox("Jörg", "joerg@one.example"),
    to=[Mailbox(None, "ann@two.example")],
    about=Header.parse(MESSAGE)[0],
    subject="Read: x",
    text="Your message was shown.\n",
    disposition=Disposition(action_mode="manual-action", sending_mode="mdn-sent-manually", type="displayed"),
    final_recipient="joerg@one.example",
    message_id="made@one.example",
    now_ms=0,
    boundary_seed="seed",
)


def written(**changes: Any) -> bytes:
    return compose(msgspec.structs.replace(NOTIFICATION, **changes)).octets()


def content(octets: bytes) -> str:
    part = parse(octets).children[1]
    return decode(octets[part.body_start : part.end], part.encoding).decode()


@pytest.mark.rfc("8098 §3", "MUST")
def test_its_structure() -> None:
    octets = written(original=Octets(MESSAGE))
    root = parse(octets)
    assert root.content_type == "multipart/report"
    assert root.parameters["report-type"] == "disposition-notification"
    assert [(part.content_type, part.encoding) for part in root.children] == [
        ("text/plain", "7bit"),
        ("message/disposition-notification", "7bit"),
        ("message/rfc822", "7bit"),
    ]
    last = root.children[2]
    assert octets[last.body_start : last.end] == MESSAGE
    assert root.header.first("In-Reply-To") == b"<a@b>"
    assert root.header.first("To") == b"ann@two.example"
    assert len(parse(written()).children) == 2


@pytest.mark.rfc("8098 §3.1", "MUST")
def test_its_fields() -> None:
    assert content(written()) == (
        "Final-Recipient: rfc822; joerg@one.example\r\nOriginal-Message-ID: <a@b>\r\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\r\n"
    )
    everything = written(
        reporting_ua="mail.example; Webmail 1.0",
        original_recipient="info@one.example",
        errors=["odd", "very odd"],
        extension_fields={"X-Extra": "y"},
        about=Header.parse(b"\r\n")[0],
    )
    assert content(everything) == (
        "Reporting-UA: mail.example; Webmail 1.0\r\nOriginal-Recipient: rfc822; info@one.example\r\n"
        "Final-Recipient: rfc822; joerg@one.example\r\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\r\n"
        "Error: odd\r\nError: very odd\r\nX-Extra: y\r\n"
    )


@pytest.mark.rfc("6533 §5", "MUST")
def test_an_address_outside_ascii() -> None:
    octets = written(final_recipient="jörg@one.example")
    part = parse(octets).children[1]
    assert part.content_type == "message/global-disposition-notification"
    assert octets.isascii()
    assert content(octets).startswith("Final-Recipient: utf-8; jörg@one.example\r\n")


@pytest.mark.rfc("3834 §5", "MUST NOT")
def test_only_a_program_marks_it_as_its_own() -> None:
    assert "Auto-Submitted" not in parse(written()).header
    automatic = msgspec.structs.replace(NOTIFICATION.disposition, sending_mode="mdn-sent-automatically")
    octets = written(disposition=automatic)
    assert parse(octets).header.first("Auto-Submitted") == b"auto-replied"
    assert "manual-action/MDN-sent-automatically;" in content(octets)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "a\nb"},
        {"final_recipient": "a\r\nError: x"},
        {"original_recipient": "a\nb"},
        {"errors": ["a\nb"]},
        {"errors": ["a"] * (MAX_ERRORS + 1)},
        {"extension_fields": {"X": "a\nb"}},
        {"extension_fields": {"X:": "a"}},
        {"extension_fields": {"Disposition": "a"}},
        {"reporting_ua": "a\0"},
    ],
)
def test_what_cannot_be_written(changes: dict[str, Any]) -> None:
    with pytest.raises(NotWritable):
        written(**changes)
