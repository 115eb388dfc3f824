import pytest

from pillarbox.mail import imap_string
from pillarbox.mail.imap_string import nstring, string


@pytest.mark.rfc("3501 §9", "MUST")
@pytest.mark.parametrize(
    ("wire", "octets"),
    [
        (b'""', b""),
        (b'"a b"', b"a b"),
        (b'"a \\"b\\" \\\\"', b'a "b" \\'),
        (b'"a\tb\x7f"', b"a\tb\x7f"),
        (b"{2}\r\n\xc3\xa4", "ä".encode()),
        (b"{4}\r\na\r\nb", b"a\r\nb"),
        (b"{3}\r\na?b", b"a\x00b"),
    ],
)
def test_strings(wire: bytes, octets: bytes) -> None:
    assert wire == string(octets)
    assert wire == nstring(octets)


def test_no_value_is_nil() -> None:
    assert nstring(None) == b"NIL"


def test_long_strings_are_literals() -> None:
    longest = b"x" * imap_string.MAX_QUOTED_OCTETS
    assert string(longest) == b'"%b"' % longest
    assert string(longest + b"x") == b"{%d}\r\n%bx" % (len(longest) + 1, longest)
