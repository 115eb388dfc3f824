import pytest

from pillarbox.mail import envelope
from pillarbox.mail.address_field import MAX_VALUE_OCTETS
from pillarbox.mail.header import Header
from tests.kit.imap.grammar import read_envelope


def rendered(*lines: str | bytes) -> bytes:
    octets = b"".join((line.encode() if isinstance(line, str) else line) + b"\r\n" for line in lines)
    return envelope.render(Header.parse(octets + b"\r\n")[0])


@pytest.mark.rfc("9051 §7.5.2", "MUST")
def test_every_field_in_its_place() -> None:
    assert rendered(
        "Message-ID: <msg@id>",
        "In-Reply-To: <reply@to.id>",
        "Date: Sat, 01 Feb 2007 01:02:03 +0200",
        "Subject: subject header",
        "From: From Real <fromuser@fromdomain.org>",
        "To: To Real <touser@todomain.org>",
        "Cc: Cc Real <ccuser@ccdomain.org>",
        "Bcc: Bcc Real <bccuser@bccdomain.org>",
        "Sender: Sender Real <senderuser@senderdomain.org>",
        "Reply-To: ReplyTo Real <replytouser@replytodomain.org>",
    ) == (
        b'("Sat, 01 Feb 2007 01:02:03 +0200" "subject header" (("From Real" NIL "fromuser" "fromdomain.org"))'
        b' (("Sender Real" NIL "senderuser" "senderdomain.org"))'
        b' (("ReplyTo Real" NIL "replytouser" "replytodomain.org")) (("To Real" NIL "touser" "todomain.org"))'
        b' (("Cc Real" NIL "ccuser" "ccdomain.org")) (("Bcc Real" NIL "bccuser" "bccdomain.org"))'
        b' "<reply@to.id>" "<msg@id>")'
    )


@pytest.mark.rfc("9051 §7.5.2", "MUST")
@pytest.mark.parametrize("empty", [[], ["Sender:", "Reply-To: "], ["Sender: ,", "Reply-To: (nobody)"]])
def test_sender_and_reply_to_default_to_from(empty: list[str]) -> None:
    from_ = b'(("Real Name" NIL "user" "domain"))'
    expected = b"(NIL NIL %b %b %b NIL NIL NIL NIL NIL)" % (from_, from_, from_)
    assert expected == rendered("From: user@domain (Real Name)", *empty)


@pytest.mark.rfc("9051 §7.5.2", "MUST")
def test_absent_is_nil_and_present_but_empty_is_empty() -> None:
    assert rendered("X: y") == envelope.EMPTY
    assert rendered("From:", "To:", "Cc:", "Bcc: ") == envelope.EMPTY
    assert rendered("Date:", "Subject:", "In-Reply-To: ", "Message-ID:") == (
        b'("" "" NIL NIL NIL NIL NIL NIL "" "")'
    )


@pytest.mark.rfc("9051 §7.5.2", "MUST")
def test_groups_begin_with_a_name_and_end_with_nils() -> None:
    assert rendered("To: group: g1@d1.org, g2@d2.org;, group2: g3@d3.org;, none:;") == (
        b'(NIL NIL NIL NIL NIL ((NIL NIL "group" NIL)(NIL NIL "g1" "d1.org")(NIL NIL "g2" "d2.org")'
        b'(NIL NIL NIL NIL)(NIL NIL "group2" NIL)(NIL NIL "g3" "d3.org")(NIL NIL NIL NIL)'
        b'(NIL NIL "none" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)'
    )


def test_source_route() -> None:
    assert read_envelope(rendered("From: <@route:user@domain>"))[2] == [[None, b"@route", b"user", b"domain"]]


def test_no_host_is_not_a_group() -> None:
    assert read_envelope(rendered("From: root"))[2] == [[None, None, b"root", b""]]


@pytest.mark.rfc("5322 §4.5.3", "SHOULD")
def test_fields_that_occur_twice_are_one_list() -> None:
    assert read_envelope(rendered("To: a@b", "To: c@d"))[5] == [
        [None, None, b"a", b"b"],
        [None, None, b"c", b"d"],
    ]


def test_encoded_words_stay_as_they_are() -> None:
    subject = "=?utf-8?q?=C3=A4?= =?utf-8?q?b?="
    assert read_envelope(rendered(f"Subject: {subject}"))[1] == subject.encode()


def test_endless_values_are_cut() -> None:
    limit = MAX_VALUE_OCTETS
    value = b"x" * limit
    assert read_envelope(rendered(b"Subject: " + value + b"y"))[1] == value
    assert len(read_envelope(rendered(b"To: " + b"a@b, " * limit))[5]) <= limit // 5


def test_folding_is_gone() -> None:
    assert b'"a b\tc"' in rendered("Subject: a\r\n b\r\n\tc")


def test_eight_bit_travels_as_a_literal() -> None:
    assert b" {3}\r\na\xffb " in rendered(b"Subject: a\xffb")


def test_quoting_in_the_header_is_not_quoting_on_the_wire() -> None:
    rendered_from = rendered('From: "A \\"B\\" C" <"d e"@f>')
    assert b'(("A \\"B\\" C" NIL "d e" "f"))' in rendered_from


def test_an_envelope_that_would_be_too_long_shows_the_beginning_of_each_field() -> None:
    long = b"From", b"Sender", b"Reply-To", b"To", b"Cc", b"Bcc"
    value = b"".join(b"Somebody %d <somebody%d@b.example>, " % (each, each) for each in range(4000))
    octets = rendered(*(field + b": " + value for field in long))
    fields = read_envelope(octets)

    assert len(octets) <= envelope.MAX_ENVELOPE_OCTETS
    assert all(100 < len(fields[place]) < 400 for place in range(2, 8))
    assert fields[2][-1][3] == b"b.example"  # no half address at the end
    short = read_envelope(rendered(b"To: " + value))
    assert len(short[5]) == 4000


def test_of_an_enclosed_message_the_beginning_of_each_field_is_shown() -> None:
    header, _ = Header.parse(b"To: " + b"a@bcd, " * 4000 + b"\r\nSubject: " + b"x" * 20_000 + b"\r\n\r\n")
    fields = read_envelope(envelope.render(header, enclosed=True))

    assert fields[1] == b"x" * envelope.SHORT_VALUE_OCTETS
    assert fields[5] == [[None, None, b"a", b"bcd"]] * (envelope.SHORT_VALUE_OCTETS // 7)
