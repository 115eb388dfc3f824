"""Reading disposition notifications that others have sent (RFC 8098, RFC 9007 §2.2)."""

import pytest

from pillarbox.mail.disposition_notification import MAX_ERRORS
from pillarbox.mail.disposition_reading import MAX_FIELD_OCTETS, MAX_TEXT_CHARACTERS, read

FIELDS = b"Final-Recipient: rfc822;joerg@one.example\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n"


def mail(
    fields: bytes = FIELDS, *, text: bytes = b"Shown.", kind: bytes = b"message/disposition-notification"
) -> bytes:
    return (
        b"Subject: =?utf-8?q?Gelesen=3A_x?=\r\n"
        b'Content-Type: multipart/report; report-type=disposition-notification; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\n" + text + b"\r\n--b\r\n"
        b"Content-Type: " + kind + b"\r\n\r\n" + fields + b"\r\n--b--\r\n"
    )


def test_everything_that_it_may_say() -> None:
    found = read(
        mail(
            b"Reporting-UA: joes-pc.example;\r\n Foomail 97.1\r\nMDN-Gateway: dns; gate.example\r\n"
            b"Original-Recipient:   RFC822 ;info@one.example\r\nFinal-Recipient: rfc822;joerg@one.example\r\n"
            b"Original-Message-ID: <a@b>\r\nDisposition: automatic-action/MDN-sent-manually; deleted/error\r\n"
            b"Error: odd\r\nError: very odd\r\nX-Extra: =?utf-8?q?=C3=BC?=\r\nx-extra: again\r\n"
        )
    )
    assert found is not None
    assert (found.subject, found.text, found.has_original) == ("Gelesen: x", "Shown.", False)
    assert found.reporting_ua == "joes-pc.example; Foomail 97.1"
    assert found.mdn_gateway == "dns; gate.example"
    assert found.original_recipient == "rfc822; info@one.example"
    assert found.final_recipient == "rfc822; joerg@one.example"
    assert found.original_message_id == "a@b"
    assert found.errors == ("odd", "very odd")
    assert found.extension_fields == {"X-Extra": "ü"}
    said = found.disposition
    assert (said.action_mode, said.sending_mode, said.type) == (
        "automatic-action",
        "mdn-sent-manually",
        "deleted",
    )


@pytest.mark.rfc("9007 §2", "MUST")
@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (b"MANUAL-ACTION/MDN-SENT-MANUALLY; Displayed", ("manual-action", "mdn-sent-manually", "displayed")),
        (b"manual-action (x) /\r\n MDN-sent-automatically ; processed / error, warning (;)",
         ("manual-action", "mdn-sent-automatically", "processed")),
        (b"automatic-action; dispatched", ("automatic-action", "mdn-sent-automatically", "dispatched")),
        (b"; displayed", ("manual-action", "mdn-sent-manually", "displayed")),
    ],
)  # fmt: skip
def test_the_disposition_in_any_spelling(written: bytes, read_as: tuple[str, str, str]) -> None:
    found = read(mail(b"Disposition: " + written + b"\r\n"))
    assert found is not None
    said = found.disposition
    assert (said.action_mode, said.sending_mode, said.type) == read_as


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"Subject: x\r\n\r\nhello\r\n",
        mail(b""),
        mail(b"Final-Recipient: rfc822;a@b\r\n"),
        mail(b"Disposition: manual-action/MDN-sent-manually; eaten\r\n"),
        mail(b"Disposition: a/b; displayed\r\n"),
        mail(kind=b"message/delivery-status"),
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
    ],
)
def test_what_is_no_notification(octets: bytes) -> None:
    assert read(octets) is None


def test_much_is_read_in_part() -> None:
    many = b"".join(b"Error: %d\r\nX-%d: y\r\n" % (number, number) for number in range(3 * MAX_ERRORS))
    long = b"Reporting-UA: " + b"a" * 2 * MAX_FIELD_OCTETS + b"\r\n"
    found = read(mail(FIELDS + long + many, text=b"a " * MAX_TEXT_CHARACTERS))
    assert found is not None
    assert len(found.errors) == len(found.extension_fields) == MAX_ERRORS
    assert found.reporting_ua == "a" * MAX_FIELD_OCTETS
    assert len(found.text or "") == MAX_TEXT_CHARACTERS


def test_the_returned_message_and_markup() -> None:
    octets = mail().replace(b"text/plain", b"text/html").replace(b"Shown.", b"<p>Shown &amp; read</p>")
    octets = octets.replace(b"--b--", b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n--b--")
    found = read(octets)
    assert found is not None
    assert found.has_original
    assert (found.text or "").strip() == "Shown & read"
