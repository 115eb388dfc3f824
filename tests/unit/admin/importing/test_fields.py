"""The fields that other programs write about a message: flags, tags, deletions, and what is the message's own."""

import pytest

from pillarbox.admin.importing.fields import Unpacked, unpack
from pillarbox.mail.mbox import Entry

REST = b"Subject: a\r\n\r\nx\r\n"


def unpacked(*fields: bytes) -> Unpacked:
    return unpack(Entry(b"From - ", b"".join(field + b"\r\n" for field in fields) + REST))


@pytest.mark.parametrize(
    ("fields", "flags"),
    [
        ((b"Status: RO",), "\\Seen"),
        ((b"Status: O",), ""),
        ((b"Status: ROD",), "\\Deleted \\Seen"),
        ((b"Status: RO", b"X-Status: AFT"), "\\Answered \\Flagged \\Seen \\Draft"),
        ((b"X-Keywords: $Forwarded  Work                 ",), "$Forwarded Work"),
        ((b"Status: O", b"X-Keywords: $Forwarded, No)thing Work"), "$Forwarded No_thing Work"),
        ((b"Status: O", b'X-Keywords: "a b", c, "d,e", "", f"g'), "a_b c d,e f_g"),
        ((b"Status: O", "X-Keywords: Büro R&D".encode()), "B&APw-ro R&D"),
        ((b"Status: O", b"X-Keywords: B\xfcro"), "B&APw-ro"),
        ((b"X-Mozilla-Keys: to(do) $label1",), "$label1 to_do_"),
        ((b"X-Mozilla-Status: 0001", b"X-Mozilla-Status2: 00000000"), "\\Seen"),
        ((b"X-Mozilla-Status: 1007",), "\\Answered \\Flagged \\Seen $Forwarded"),
        ((b"X-Mozilla-Status: 0000", b"X-Mozilla-Status2: 00200000"), "\\Deleted"),
        ((b"X-Mozilla-Status2: 06000000",), "$label3"),
        ((b"X-Mozilla-Keys: $label1 work           ",), "$label1 work"),
        ((b"X-UID: 17", b"X-IMAPbase: 1027453163 0000000017 Work", b"Status: R"), "\\Seen"),
    ],
)
def test_flags_are_read_and_their_fields_removed(fields: tuple[bytes, ...], flags: str) -> None:
    assert unpacked(*fields) == Unpacked(REST, flags)


@pytest.mark.parametrize(
    "field", [b"Status: in progress", b"Status: RO, they say", b"X-Status: open", b"X-Mozilla-Status: nine"]
)
def test_a_field_with_another_value_is_the_messages_own(field: bytes) -> None:
    assert unpacked(field) == Unpacked(field + b"\r\n" + REST)
    assert unpacked(field, b"Status: R", b"X-Status: F", b"X-Mozilla-Status: 0002") == Unpacked(
        field + b"\r\n" + REST, "\\Answered \\Flagged \\Seen"
    )


def test_a_length_that_was_believed_is_not_the_messages_own() -> None:
    octets = b"Content-Length: 3\r\n" + REST
    assert unpack(Entry(b"", octets)).octets == octets
    assert unpack(Entry(b"", octets, counted=True)).octets == REST


def test_keywords_of_a_sender_are_the_messages_own() -> None:
    field = b"X-Keywords: sale, shoes\r\n"
    assert unpack(Entry(b"", field + REST)) == Unpacked(field + REST)


def test_of_a_field_that_is_there_twice_the_topmost_counts() -> None:
    assert unpacked(b"Status: O", b"Status: RO") == Unpacked(b"Status: RO\r\n" + REST)


@pytest.mark.parametrize("status", [b"0008", b"0009", b"1fff"])
def test_what_thunderbird_has_deleted_is_no_mail(status: bytes) -> None:
    assert not unpacked(b"X-Mozilla-Status: " + status).is_mail


def test_a_programs_own_notes_are_no_mail() -> None:
    notes = (
        b"From: Mail System Internal Data <MAILER-DAEMON@a.example>\r\n"
        b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\r\n"
    )
    imap = b"X-IMAP: 1027453163 0000000017\r\n"
    assert not unpack(
        Entry(b"", notes + imap + b"Status: RO\r\n\r\nThis text is part of the format.\r\n")
    ).is_mail
    assert unpack(Entry(b"", notes + b"\r\nWhat does that mean?\r\n")).is_mail


def test_labels_give_mailboxes_and_flags() -> None:
    found = unpacked(b"X-GM-THRID: 1864464279665606918", b"X-Gmail-Labels: Inbox,Work/A,Starred")
    assert found == Unpacked(REST, "\\Flagged \\Seen", None, (("INBOX",), ("Work", "A")))
