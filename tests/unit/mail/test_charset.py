"""Charset labels and the text they make."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pillarbox.mail import charset, charset_label

NAMES = sorted({*charset_label._NAMES, *charset_label._PAGES.values()} - {"us-ascii"})
"""Of each codec, which is a label, too."""


@pytest.mark.rfc("2978 §2.3", "MUST")
@pytest.mark.rfc("2152", "MUST")
@pytest.mark.rfc("2781 §4.3", "SHOULD")
@pytest.mark.parametrize(
    ("label", "octets", "text"),
    [
        ("utf-8", b"\xc3\xa9\xf0\x9f\x93\xac", "é📬"),
        ("UTF8", b"\xef\xbb\xbfx", "x"),
        ("iso-8859-1", b"\x80\x93\xe9", "€“é"),
        (" Latin1\t", b"\xe9", "é"),
        ("iso-8859-2", b"\xb1", "ą"),
        ("ISO_8859-15", b"\xa4", "€"),
        ("iso8859-9", b"\xfe", "ş"),
        ("windows-1251", b"\xcf", "П"),
        ("koi8-r", b"\xf0", "П"),
        ("iso-8859-8-i", b"\xe0", "א"),
        ("gb2312", b"\xc4\xe3\x81\x30\x81\x30", "你\x80"),
        ("big5", b"\xa7\x41", "你"),
        ("iso-2022-jp", b"\x1b$B$3\x1b(B", "こ"),
        ("shift_jis", b"\x87\x40", "①"),
        ("euc-jp", b"\xa4\xb3", "こ"),
        ("ks_c_5601-1987", b"\xb0\xa1\x81\x41", "가갂"),
        ("iso-2022-kr", b"\x1b$)C\x0e0!\x0f", "가"),
        ("utf-16", b"\0h\0i", "hi"),
        ("utf-16", b"\xff\xfeh\0i\0", "hi"),
        ("utf-16le", b"h\0i\0", "hi"),
        ("utf-16le", b"\xfe\xff\0h\0i", "hi"),
        ("utf-32", b"\0\0\0h", "h"),
        ("utf-32", b"\xff\xfe\0\0h\0\0\0", "h"),
        ("utf-16", b"\xfe\xff\0h\0i", "hi"),
        ("utf-16be", b"\0h\0i", "hi"),
        ("utf-7", b"Hi Mom -+Jjo--!", "Hi Mom -☺-!"),
        ("cp850", b"\x82", "é"),
    ],
)
def test_labels_are_read_as_browsers_and_mailers_do(label: str, octets: bytes, text: str) -> None:
    assert charset.decode(octets, label) == text


@pytest.mark.parametrize(
    "label", [None, "", "us-ascii", "x-unknown", "unicode_escape", "base64", "idna", "\0"]
)
def test_without_a_true_label_the_best_guess_is_made(label: str | None) -> None:
    assert charset.decode("é".encode(), label) == "é"
    assert charset.decode(b"\xe9", label) == "é"
    assert charset.decode(b"\\u00e9", label) == "\\u00e9"


def test_what_means_nothing_is_replaced() -> None:
    assert charset.decode(b"a\xffb", "utf-8") == "a\ufffdb"
    assert charset.decode(b"\xff", "iso-8859-7") == "\ufffd"


def test_a_mark_says_more_than_a_label() -> None:
    for label in (None, "us-ascii", "iso-8859-1", "gb2312", "iso-2022-jp", "utf-16"):
        assert charset.decode("\ufeff\u00e9".encode(), label) == "\u00e9"
    # two letters of other charsets are no mark
    assert charset.decode(b"\xff\xfe", "windows-1251") == "яю"


def test_half_a_surrogate_pair_is_no_character() -> None:
    charset.decode(b"+2AA-", "utf-7").encode()
    charset.decode(b"\x00\xd8", "utf-16").encode()


def test_nothing_raises() -> None:
    for name in NAMES:
        for octets in (b"", bytes(range(256)), b"\x1b$B\x0e\xff", b"~{\xff", b"\x81", b"\x1b"):
            charset.decode(octets, name).encode()


def test_what_reads_ascii_reads_it_as_it_is() -> None:
    ascii_octets = bytes(range(128))
    for name in NAMES:
        decoded = charset._decode(ascii_octets + b"\xff\xfe", name)
        assert (decoded[:128] == ascii_octets.decode()) == charset.reads_ascii(name), name
    assert charset.reads_ascii(None)
    assert charset.reads_ascii("no such charset")


def test_strictly_an_octet_without_meaning_is_an_error() -> None:
    assert charset.decode_strict(b"\xff\xfe", "koi8-r") == "ЪЧ"
    assert charset.decode_strict("\ufffd".encode(), "utf-8") == "\ufffd"
    for octets, label in ((b"\xff", "utf-8"), (b"\x81", "gb2312"), (b"\x1b$B~~", "iso-2022-jp")):
        with pytest.raises(UnicodeError):
            charset.decode_strict(octets, label)


# --- in pieces

LABELS = [None, "unknown", *NAMES]
PARTS = (
    *(
        b"\x1b%b" % sequence
        for sequence in (b"$B", b"(B", b"(J", b"(I", b"$(D", b"$(O", b"$A", b"$)C", b".A", b"N")
    ),
    *(
        b"\x0e",
        b"\x0f",
        b"\x1b",
        b"\n",
        b"ab",
        b"~{",
        b"~}",
        b"-b",
        b"\xad\xe2",
        b"\x8f\xa2\xb7",
        b"\x8e\xb1",
    ),
    *(b"\x80", b"\xff", b"\x81\x30\x81\x30", b"\x87\x7a", b"\xa1\xc1", b"\xa8\xbc", b"\x81", b"0"),
)
"""What charsets of several octets are made of."""


@given(
    st.one_of(
        st.binary(max_size=80),
        st.text(max_size=40).map(str.encode),
        st.text(max_size=40).map(lambda t: t.encode("utf-7", "replace")),
        st.lists(st.sampled_from(PARTS), max_size=20).map(b"".join),
    ),
    st.integers(1, 9),
)
@example(b"\xef\xbb\xbfa\xc3\xa9", 1)
@example("\ufeffa\u00e9".encode("utf-16"), 1)
@example("\ufeffa\u00e9".encode("utf-32"), 1)
@example(b"caf\xe9 \xc3\xa9", 3)
@example(b"+2D3eAA- x", 2)
@example(b"\x1b\x00\x1b(B", 1)
def test_pieces_decode_as_the_whole_does(octets: bytes, size: int) -> None:
    pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
    for label in LABELS:
        decoded = "".join(charset.pieces(lambda: pieces, label))
        assert decoded == charset.decode(octets, label), label


def test_a_shift_sequence_without_an_end_is_not_kept() -> None:
    pieces = [b"+" + b"AOkA6QDp" * 1_000] + [b"AOkA6QDp" * 1_000] * 100
    longest = max(map(len, charset.pieces(lambda: pieces, "utf-7")))
    assert 0 < longest < charset.MAX_PENDING_OCTETS


@pytest.mark.parametrize(
    ("label", "is_known"),
    [
        ("utf-8", True),
        ("Latin 1", True),
        ("US-ASCII", True),
        ("ascii", True),
        ("x-unknown", False),
        ("", False),
    ],
)
def test_us_ascii_is_a_charset_that_is_known(label: str, is_known: bool) -> None:
    assert charset.is_known(label) is is_known


@pytest.mark.parametrize(
    ("octets", "label", "is_well_formed"),
    [
        (b"\xef\xbf\xbd", "utf-8", True),  # U+FFFD itself
        (b"\xff", "utf-8", False),
        (b"a\xc3", "utf-8", False),
        ("\ufffd".encode("utf-16"), "utf-16", True),
        (b"\x84\x31\xa4\x37", "gb18030", True),
        (b"\x81", "shift_jis", False),
        (b"\x82\xa0", "shift_jis", True),
        (b"\xe9", "iso-8859-1", True),
        (b"\xe9", "us-ascii", False),
        (b"\xe9", None, False),
        ("ä".encode(), None, True),
    ],
)
def test_octets_without_meaning_are_noticed(octets: bytes, label: str | None, is_well_formed: bool) -> None:
    for pieces in ([octets], [octets[at : at + 1] for at in range(len(octets))]):
        assert charset.is_well_formed(pieces, label) is is_well_formed
