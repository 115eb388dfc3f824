"""ISO-2022-JP, -KR and -CN: escape sequences and what they lead to."""

import pytest

from pillarbox.mail.charset import decode


@pytest.mark.rfc("1468", "MUST")
@pytest.mark.rfc("1554", "MUST")
@pytest.mark.rfc("2237", "MUST")
@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"a \x1b$B$3\x1b(B b", "a こ b"),
        (b"\x1b$@$3\x1b(J\\~\x1b(B\\~", "こ¥‾\\~"),
        (b"\x1b$B-!-b|by!||\x1b(B", "①№髙纊￤"),  # rows of NEC and IBM
        (b"\x1b$B!A!B!]!q!r\x22L\x1b(B", "～∥－￠￡￢"),
        (b"\x1b(I\x211_\x1b(B1", "｡ｱﾟ1"),
        (b"1\x0e1\x0f1", "1ｱ1"),
        (b"\x1b$(D0!\x1b(B", "丂"),
        (b"\x1b$(O!!.!\x1b$(P!!\x1b(B", "\u3000俱𠂉"),
        (b"\x1b$(Q.!\x1b(B", "俱"),
        (b"\x1b$AVP\x1b$(C0!\x1b(B", "中가"),
        (b"\x1b.A\x1bNi\x1b.F\x1bNa", "éα"),
        (b"\x1b$B$3\r\n$3\x1b(B", "こ\r\nこ"),  # a line end that no sequence precedes
        (b"\x1b$B$3", "こ"),
        (b"\x1b$B$3$", "こ\ufffd"),
        (b"\x1b$B$3$\x1b(B", "こ\ufffd"),
        (b"\x1b$B~~\x1b(B", "\ufffd"),
        (b"\x1b(I~a\x1b(B", "\ufffd\ufffd"),
        (b"\x1b$3ab", "\ufffd$3ab"),
        (b"\x1b", "\ufffd"),
        (b"\x1b$", "\ufffd$"),
        (b"\x82\xb1", "\ufffd\ufffd"),
    ],
)
def test_japanese(octets: bytes, text: str) -> None:
    for label in ("iso-2022-jp", "iso-2022-jp-1", "iso-2022-jp-2", "iso-2022-jp-3", "cp50220"):
        assert decode(octets, label) == text


@pytest.mark.rfc("1557", "MUST")
@pytest.mark.rfc("1922", "MUST")
@pytest.mark.parametrize(
    ("label", "octets", "text"),
    [
        ("iso-2022-kr", b"\x1b$)C\x0e0!\x0f a", "가 a"),
        ("iso-2022-kr", b"\x0e0!\x0f", "가"),
        ("iso-2022-cn", b"\x1b$)A\x0eVP\x0f a", "中 a"),
        ("iso-2022-cn", b"\x1b$)G\x0e!!\x0f", "\ufffd"),
    ],
)
def test_korean_and_chinese(label: str, octets: bytes, text: str) -> None:
    assert decode(octets, label) == text
