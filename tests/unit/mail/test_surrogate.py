"""Headers for clients that support only ASCII."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.mail import encoded_word, surrogate
from pillarbox.mail.address_list import mailboxes, parse_address_list
from pillarbox.mail.header import Header


def shown(text: str) -> Header:
    octets = surrogate.ascii_header(text.replace("\n", "\r\n").encode())
    assert octets.isascii()
    return Header.parse(octets)[0]


@pytest.mark.parametrize(
    ("header", "answer"),
    [(b"Subject: x\r\n", False), ("Subject: grün\r\n".encode(), True), (b"Subject: gr\xfcn\r\n", False)],
)
def test_which_headers_need_one(header: bytes, answer: bool) -> None:
    assert surrogate.is_internationalized(header) is answer


def test_what_is_ascii_stays_octet_for_octet() -> None:
    text = 'Received: by x\n\tfor <a@b>\nTo: "A, B" <a@b>,\n c@d\nSubject: grün\nX-A: b\n\n'
    octets = surrogate.ascii_header(text.encode())
    assert octets.startswith(b'Received: by x\n\tfor <a@b>\nTo: "A, B" <a@b>,\n c@d\nSubject: =?utf-8?b?')
    assert octets.endswith(b"X-A: b\n\n")


@pytest.mark.rfc("6858 §2.3", "MUST")
@pytest.mark.parametrize(
    "subject", ["grün", "日本語" * 40, "x" * 100 + "é", "=?utf-8?q?gr=C3=BCn?= ü", "👩‍👩‍👧" * 30]
)
def test_subject(subject: str) -> None:
    header = shown(f"Subject: {subject}\n\n")
    assert encoded_word.decode(header.first("subject") or b"") == encoded_word.decode(subject)
    assert all(len(line) <= 76 + len("Subject: ") for line in header.octets.splitlines())


@pytest.mark.rfc("2606 §2", "MAY")
@pytest.mark.rfc("6858 §2.1", "MUST")
def test_addresses() -> None:
    header = shown(
        "From: Jörg <joerg@one.example>\nTo: jörg@one.example, Ann <ann@bücher.example>, bob@x\n\n"
    )
    (sender,) = mailboxes(parse_address_list(header.first("from") or b""))
    assert (sender.local, sender.domain) == (b"joerg", b"one.example")
    assert encoded_word.decode(sender.display or b"") == "Jörg"
    first, second, third = mailboxes(parse_address_list(header.first("to") or b""))
    assert first.domain == second.domain == b"internationalized-address.invalid"
    assert encoded_word.decode(first.display or b"") == "jörg@one.example"
    assert encoded_word.decode(second.display or b"") == "ann@bücher.example"
    assert (third.local, third.domain) == (b"bob", b"x")


def test_groups_and_quoted_names() -> None:
    header = shown('To: Freunde äöü: "a, b" <a@x>, jö@x;, "q\\"uote" <"odd local"@x>\n\n')
    people = mailboxes(parse_address_list(header.first("to") or b""))
    assert [person.local for person in people] == [b"a", b"invalid", b"odd local"]


@pytest.mark.rfc("6858 §2.2", "MUST")
def test_parameters_that_cannot_be_shown_are_left_out() -> None:
    header = shown(
        'Content-Type: text/plain; name="grün; x=y"; charset=utf-8\nContent-Disposition: attachment; filename=ü\n\n'
    )
    assert header.first("content-type") == b"text/plain; charset=utf-8"
    assert header.first("content-disposition") == b"attachment"


@pytest.mark.rfc("6858 §2.4", "MUST")
def test_other_fields_that_cannot_be_shown_are_left_out() -> None:
    assert shown("Received: from grün\nX-Ü: a\nComments: ü\nDate: x\n\n").octets == b"Date: x\r\n\r\n"


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["Subject", "To", "From", "Content-Type", "X", "Ü"]), st.text(max_size=40)),
        max_size=6,
    )
)
def test_never_anything_but_ascii(fields: list[tuple[str, str]]) -> None:
    text = "".join(f"{name}: {value}\n" for name, value in fields) + "\n"
    octets = text.encode("utf-8", "replace")
    if surrogate.is_internationalized(octets[: Header.parse(octets)[1]]):
        assert surrogate.ascii_header(octets[: Header.parse(octets)[1]]).isascii()


def test_hostile_headers_cost_little() -> None:
    for evil in (b";" * 200_000, b";a=" * 70_000, b';a="' * 50_000, b"; " * 100_000, b"<" * 100_000):
        for name in (b"Content-Type", b"To", b"Subject"):
            assert surrogate.ascii_header(name + b": \xc3\xbc" + evil + b"\r\n\r\n").isascii()
