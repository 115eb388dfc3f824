"""Charset labels and the text they make."""

import codecs

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pillarbox.mail import charset


@pytest.mark.rfc("2978 §2.3", "MUST")
@pytest.mark.rfc("2152", "MUST")
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
        ("utf-16", b"h\0i\0", "hi"),
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
    assert charset.decode(b"\x81", "iso-8859-1") == "\ufffd"


def test_half_a_surrogate_pair_is_no_character() -> None:
    charset.decode(b"+2AA-", "utf-7").encode()
    charset.decode(b"\x00\xd8", "utf-16").encode()


def test_every_codec_of_the_table_is_there() -> None:
    for name in {found for label in charset._CODECS if (found := charset.codec(label))}:
        codecs.lookup(name)
        for octets in (b"", bytes(range(256)), b"\x1b$B\x0e\xff", b"~{\xff"):
            charset.decode(octets, name).encode()


def test_what_reads_ascii_reads_it_as_it_is() -> None:
    ascii_octets = bytes(range(128))
    for label in charset._CODECS:
        name = charset.codec(label)
        assert name is not None
        if charset.reads_ascii(label):
            assert (ascii_octets + b"\xff\xfe").decode(name, "replace")[:128] == ascii_octets.decode("ascii")
    assert charset.reads_ascii(None)
    assert charset.reads_ascii("no such charset")
    assert not charset.reads_ascii("UTF-7")


# --- in pieces

LABELS = [None, "unknown", *{name: label for label, name in charset._CODECS.items()}.values()]
"""One for each codec."""


@given(
    st.one_of(
        st.binary(max_size=80),
        st.text(max_size=40).map(str.encode),
        st.text(max_size=40).map(lambda t: t.encode("utf-7", "replace")),
    ),
    st.integers(1, 9),
)
@example(b"\xef\xbb\xbfa\xc3\xa9", 1)
@example("\ufeffa\u00e9".encode("utf-16"), 1)
@example(b"caf\xe9 \xc3\xa9", 3)
@example(b"+2D3eAA- x", 2)
def test_pieces_decode_as_the_whole_does(octets: bytes, size: int) -> None:
    pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
    for label in LABELS:
        decoded = "".join(charset.pieces(lambda: pieces, label))
        assert decoded == charset.decode(octets, label), label


def test_a_shift_sequence_without_an_end_is_not_kept() -> None:
    pieces = [b"+" + b"AOkA6QDp" * 1_000] + [b"AOkA6QDp" * 1_000] * 100
    longest = max(map(len, charset.pieces(lambda: pieces, "utf-7")))
    assert 0 < longest < charset.MAX_PENDING_OCTETS
