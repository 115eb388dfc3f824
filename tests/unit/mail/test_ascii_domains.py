"""Domains of a header as A-labels."""

import pytest

from pillarbox.mail.ascii_domains import MAX_DOMAINS, with_ascii_domains


@pytest.mark.rfc("5890 §2.3.2.1", "MUST")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("To: a@bücher.example", "To: a@xn--bcher-kva.example"),
        ("FROM: A <a@BÜCHER.example>, b@two.example", "FROM: A <a@xn--bcher-kva.example>, b@two.example"),
        ("Cc: x:a@ü.example,\r\n\tb@ä.example;", "Cc: x:a@xn--tda.example,\r\n\tb@xn--4ca.example;"),
        ("Resent-To: Ä <a@ä.example>", "Resent-To: Ä <a@xn--4ca.example>"),
        ("To: ä@bücher.example", "To: ä@xn--bcher-kva.example"),
        ("Subject: a@bücher.example", "Subject: a@bücher.example"),
        ("Received: from x for <a@bücher.example>", "Received: from x for <a@bücher.example>"),
        ("To: a@ü..example, a@-ü-.example", "To: a@ü..example, a@-ü-.example"),
    ],
)
def test_addresses_are_converted(before: str, after: str) -> None:
    body = "\r\n\r\nTo: a@ü.example\r\n"
    assert with_ascii_domains(f"{before}{body}".encode()).decode() == f"{after}{body}"


def test_what_is_not_utf_8_or_too_much_stays() -> None:
    octets = b"To: a@\xff.example\r\n\r\n"
    assert with_ascii_domains(octets) == octets
    many = "To: " + ",\r\n ".join(f"a@{number}ü.example" for number in range(MAX_DOMAINS + 1)) + "\r\n\r\n"
    assert with_ascii_domains(many.encode()).decode().count("ü") == 1
    long = f"To: {'a@ü.example, ' * 70}a@b.example\r\n\r\n".encode()
    assert with_ascii_domains(long) == long


def test_what_is_ascii_is_the_same_object() -> None:
    octets = "To: a@two.example\r\n\r\nü".encode()
    assert with_ascii_domains(octets) is octets
