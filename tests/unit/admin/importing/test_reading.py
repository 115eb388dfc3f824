"""What a file is, by its first octets."""

import pytest

from pillarbox.admin.importing.reading import Kind, is_mbox_of_old_mac, kind_of

SEPARATOR = b"From ann@else.example Tue Jul 23 19:39:23 2002"


@pytest.mark.parametrize(
    ("head", "is_mac"),
    [
        (SEPARATOR + b"\rSubject: a\r\rwords\r", True),
        (b"\r" + SEPARATOR + b"\r\r", False),
        (b"\r" + SEPARATOR + b"\rx", True),
        (SEPARATOR + b"\r", False),  # an LF may come behind
        (SEPARATOR + b"\r\nSubject: a\r\n", False),
        (SEPARATOR + b"\nSubject: a\rb\n", False),
        (b"From here\ron\r", False),
        (b"Subject: a\r" + SEPARATOR + b"\rSubject: b\r", False),
    ],
)
def test_an_mbox_of_an_old_mac_is_told(head: bytes, is_mac: bool) -> None:
    assert is_mbox_of_old_mac(head) is is_mac
    if is_mac:
        assert kind_of(head, "In") is Kind.MBOX
        assert kind_of(head, "1.eml") is Kind.MESSAGE
