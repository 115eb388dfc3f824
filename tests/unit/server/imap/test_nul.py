"""NUL in messages: a literal never has one, a literal8 may, and sizes are those of the message (RFC 9051 §9 (3))."""

import base64

import pytest

from pillarbox.server.imap.limits import ImapLimits
from tests.kit.imap.client import MESSAGE, open_imap

HEADER = (
    b"Subject: n\0l\r\nX-Odd: o\0d\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n"
)
PART_HEADER = b"Content-Type: image/x\0y\r\nContent-Transfer-Encoding: binary\r\n\r\n"
PART = bytes(range(256)) * 8
INNER_HEADER, INNER_TEXT = b"Subject: in\0ner\r\n\r\n", b"a\0b\r\n"
TEXT = (
    b"--b\r\n" + PART_HEADER + PART + b"\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + INNER_HEADER + INNER_TEXT
    + b"\r\n--b--\r\n"
)  # fmt: skip
BINARY = HEADER + TEXT
SECTIONS: list[tuple[bytes, bytes]] = [
    (b"BODY[]", BINARY),
    (b"RFC822", BINARY),
    (b"RFC822.HEADER", HEADER),
    (b"RFC822.TEXT", TEXT),
    (b"BODY[HEADER]", HEADER),
    (b"BODY[TEXT]", TEXT),
    (b"BODY[1]", PART),
    (b"BODY[1.MIME]", PART_HEADER),
    (b"BODY[2]", INNER_HEADER + INNER_TEXT),
    (b"BODY[2.HEADER]", INNER_HEADER),
    (b"BODY[2.TEXT]", INNER_TEXT),
    (b"BODY[HEADER.FIELDS (SUBJECT)]", b"Subject: n\0l\r\n\r\n"),
    (b"BODY[HEADER.FIELDS (X-Odd)]", b"X-Odd: o\0d\r\n\r\n"),
    (b"BODY[HEADER.FIELDS.NOT (Subject MIME-Version Content-Type)]",
     b"X-Odd: o\0d\r\nContent-Transfer-Encoding: binary\r\n\r\n"),
]  # fmt: skip
LIMITS = [ImapLimits(), ImapLimits(large_message_octets=0, piece_octets=700)]


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.rfc("9051 §9", "MUST")
def test_no_literal_has_nul_and_all_have_the_octets_that_are_announced(limits: ImapLimits) -> None:
    with open_imap(limits=limits) as mail:
        mail.deliver(MESSAGE, BINARY, MESSAGE)
        client = mail.client(select="INBOX")
        for label, octets in SECTIONS:
            shown = octets.replace(b"\0", b"\x80")
            asked = label.replace(b"BODY[", b"BODY.PEEK[")
            assert client.ok(b"FETCH 1:* " + asked).fetched[2][label] == shown, label
            if b"[" in label:
                partial = client.ok(b"FETCH 2 " + asked + b"<2.300>").fetched[2][label + b"<2>"]
                assert partial == shown[2:302], label
        items = client.ok("FETCH 2 (RFC822.SIZE BODYSTRUCTURE BODY.PEEK[1] ENVELOPE)").fetched[2]
        assert items[b"RFC822.SIZE"] == len(BINARY)
        assert items[b"BODYSTRUCTURE"][0][6] == len(items[b"BODY[1]"])


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.rfc("3516 §4.3", "SHOULD")
def test_binary_has_the_octets_themselves(limits: ImapLimits) -> None:
    with open_imap(limits=limits) as mail:
        mail.deliver(BINARY, MESSAGE)
        client = mail.client(select="INBOX")
        items = client.ok(
            "FETCH 1 (BINARY.PEEK[] BINARY.PEEK[1] BINARY.SIZE[1] BINARY.PEEK[1]<0.3>)"
        ).fetched[1]
        assert (items[b"BINARY[]"], items[b"BINARY[1]"]) == (BINARY, PART)
        assert (items[b"BINARY.SIZE[1]"], items[b"BINARY[1]<0>"]) == (len(PART), PART[:3])
        client.wire.send(b"a FETCH 1:2 BINARY.PEEK[1]\r\n")
        sent = client.wire.receive(0) or b""
        assert b"BINARY[1] ~{2048}\r\n" in sent
        assert b"BINARY[1] {8}\r\nHello.\r\n" in sent


@pytest.mark.parametrize("size", [1, 300])
@pytest.mark.rfc("9051 §4.3", "MUST")
def test_a_binary_part_that_is_appended_is_read_in_base64(size: int) -> None:
    picture = PART * size
    with open_imap() as mail:
        client = mail.client(select="INBOX")
        octets = (
            b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
            b"Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            + picture
            + b"\r\n--b--\r\n"
        )
        for literal in (b"~{%d}", b"{%d}"):  # a literal may not have NUL: as it is
            client.wire.send(b"a APPEND INBOX " + literal % len(octets) + b"\r\n")
            client.wire.receive(0)
            client.wire.send(octets + b"\r\n")
            assert b"a OK [APPENDUID" in (client.wire.receive(0) or b"")
        items = client.ok(
            "FETCH 1 (RFC822.SIZE BODY.PEEK[] BODY.PEEK[1] BINARY.PEEK[1] BODYSTRUCTURE)"
        ).fetched[1]
        assert base64.b64decode(items[b"BODY[1]"]) == items[b"BINARY[1]"] == picture
        assert items[b"BODYSTRUCTURE"][0][5] == b"BASE64"
        assert len(items[b"BODY[]"]) == items[b"RFC822.SIZE"]
        assert client.ok("FETCH 2 BINARY.PEEK[]").fetched[2][b"BINARY[]"] == octets


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.rfc("9051 §6.4.5", "MUST")
def test_nothing_is_sent_as_an_empty_quoted_string(limits: ImapLimits) -> None:
    # Mail on iOS asks for slices of a part up to the size of the message, and waits for more behind {0}
    with open_imap(limits=limits) as mail:
        mail.deliver(MESSAGE)
        client = mail.client(select="INBOX")
        for item in (
            b"BODY[]<393216>", b"BODY[1]<393216>", b"BODY[TEXT]<393216>", b"BODY[HEADER.FIELDS (FROM)]<393216>",
            b"BODY[HEADER.FIELDS (X-Odd)]<393216>", b"BODY[HEADER]<393216>", b"BINARY[1]<393216>",
        ):  # fmt: skip
            asked = item.replace(b"[", b".PEEK[", 1).replace(b">", b".393216>")
            client.wire.send(b"a UID FETCH 1 (UID " + asked + b")\r\n")
            assert client.wire.receive(0) == (
                b"* 1 FETCH (UID 1 " + item + b' "")\r\na OK FETCH completed\r\n'
            )
        mail.deliver(b"")
        client.ok("NOOP")
        client.wire.send(b"a FETCH 1:2 BODY.PEEK[]\r\n")
        sent = client.wire.receive(0) or b""
        assert b'* 2 FETCH (BODY[] "")\r\n' in sent
        assert b"* 1 FETCH (BODY[] {%d}\r\n%b)\r\n" % (len(MESSAGE), MESSAGE) in sent
