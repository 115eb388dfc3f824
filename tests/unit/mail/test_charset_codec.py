"""Where the tables of the web differ from those of Python's codecs."""

import pytest

from pillarbox.mail.charset import decode


@pytest.mark.parametrize(
    ("label", "octets", "text"),
    [
        ("windows-1252", b"\x80\x81\x8d\x9f", "€\x81\x8dŸ"),
        ("windows-1250", b"\x83\xb1", "\x83±"),
        ("windows-1255", b"\xca\xd9", "\u05ba\ufffd"),
        ("tis-620", b"\xa1\x81\xdb", "ก\x81\ufffd"),
        ("koi8-u", b"\xa4\xae\xbe", "єўЎ"),
        ("viscii", b"\x02Ti\xaang Vi\xaet \xff", "ẲTiếng Việt Ữ"),
        ("x-user-defined", b"a\x80\xff", "a\uf780\uf7ff"),
        # EUC-JP: half-width katakana, JIS X 0212, row 13 of NEC, IBM's, the signs of code page 932
        ("euc-jp", b"a\x8e\xb1\x8f\xb0\xa1\xad\xa1\xf9\xa1\xfc\xfc", "aｱ丂①纊￤"),
        ("euc-jp", b"\xa1\xc1\xa1\xc2\xa1\xdd\xa1\xf1\xa1\xf2\xa2\xcc", "～∥－￠￡￢"),
        ("euc-jp", b"\xad\xa1\xa1\xc1", "①～"),
        ("shift_jis", b"\x87\x40\xed\x40\xfa\x40\xb1\x81\x60", "①纊ⅰｱ～"),
        ("shift_jis", b"\xf0\x40", "\ue000"),
        ("gb2312", b"\x80\xa2\xe3\x81\x40", "€€丂"),
        ("gbk", b"\xa8\xbc\xa3\xa0\xa6\xd9\xfe\x59", "ḿ\u3000︐龴"),
        ("gb18030", b"\x90\x30\x81\x30\xe3\x32\x9a\x35", "\U00010000\U0010ffff"),
        ("gb18030", b"\xe3\x32\x9a\x36", "\ufffd26"),
        ("big5", b"\xa7\x41\xa1\x45\xa1\xe3\xa3\xe1\xa3\xc0", "你‧～€\u2400"),
        ("big5", b"\x88\x62\x87\x7a\x87\xdf\x8e\x69\xfe\xdd", "Ê\u0304㡵鿋箸\u7809"),
        ("euc-kr", b"\xb0\xa1\x81\x41\xc6\x52", "가갂힣"),
        ("johab", b"\x88\x61", "가"),
    ],
)
def test_characters_are_those_of_the_web(label: str, octets: bytes, text: str) -> None:
    assert decode(octets, label) == text


@pytest.mark.parametrize(
    ("label", "octets", "text"),
    [
        ("euc-jp", b"\xa4<b>\xa4\xb3\xff", "\ufffd<b>こ\ufffd"),
        ("euc-jp", b"\x8f\xa1<", "\ufffd\ufffd<"),
        ("gb18030", b"\x81\x30<\xc4\xe3\xff", "\ufffd0<你\ufffd"),
        ("big5", b"\xa7<b>\xa7\x41\x80\x81\x40", "\ufffd<b>你\ufffd\ufffd@"),
        ("euc-kr", b"\xb0<b>\xb0\xa1", "\ufffd<b>가"),
        ("shift_jis", b"\x82<b>\x82\xb1", "\ufffd<b>こ"),
    ],
)
def test_what_has_no_meaning_takes_no_ascii_with_it(label: str, octets: bytes, text: str) -> None:
    assert decode(octets, label) == text
