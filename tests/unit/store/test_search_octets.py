"""What octets rule out: never a message whose decoded text contains what is searched for."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pillarbox.mail import charset_label
from pillarbox.mail.charset import reads_ascii
from pillarbox.mail.header import MAX_FIELDS
from pillarbox.mail.normalization import fold
from pillarbox.mail.part_parser import parse
from pillarbox.store.search.octets import CHARSETS, excludes
from pillarbox.store.search.text import any_header_contains, body_contains

PLAIN = b"Subject: Garden\r\n\r\nthe quick brown fox\r\n"
HTML = (
    b"Content-Type: text/html; charset=utf-8\r\n\r\n<html><p>quick <b>bro</b>wn</p>&nbsp;f&amp;ox</html>\r\n"
)
PARTS = (
    b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nquick\r\n"
    b"--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: 7bit\r\n\r\n<p>fox\r\n--b--\r\n"
)


def is_excluded(octets: bytes, text: str, *, in_header: bool = False) -> bool:
    return excludes(fold(text), in_header=in_header)(octets, parse(octets).body_start)


def contains(octets: bytes, text: str, *, in_header: bool) -> bool:
    root, folded = parse(octets), fold(text)
    return (in_header and any_header_contains(root, folded)) or body_contains(octets, root, folded)


@pytest.mark.parametrize("octets", [PLAIN, HTML, PARTS])
@pytest.mark.parametrize("text", ["needle", "quick needle", "z", "büro", "東京"])
def test_what_stands_as_it_is_and_has_no_such_word_is_excluded(octets: bytes, text: str) -> None:
    assert is_excluded(octets, text)
    assert is_excluded(octets, text, in_header=True)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (PLAIN, "Quick"),
        (PLAIN, "ick bro"),
        (PLAIN, "..."),
        (PLAIN, ""),
        (PLAIN.replace(b"fox", "fox\N{LATIN SMALL LIGATURE FI}".encode()), "fi"),
        (HTML, "brown"),
        (HTML.replace(b"f&amp;ox", b"&#110;eedle"), "needle"),
        (HTML.replace(b"<b>bro</b>wn", b"n<!-- > -->eed<i\r\n>l<style>x</style>e"), "needle"),
        (b"Content-Transfer-Encoding: quoted-printable\r\n\r\nnee=\r\ndle", "needle"),
        (b"Content-Transfer-Encoding: base64\r\n\r\nbmVlZGxl\r\n", "needle"),
        (b"Content-Transfer-Encoding:base64\r\n\r\nbmVlZGxl\r\n", "needle"),
        (b"Content-Transfer-Encoding: (x) base64\r\n\r\nbmVlZGxl\r\n", "needle"),
        (b"content-transfer-encoding : BASE64\r\n\r\nbmVlZGxl\r\n", "needle"),
        (PARTS.replace(b"7bit", b"base64").replace(b"<p>fox", b"bmVlZGxl"), "needle"),
        (b"Content-Type: text/plain; charset=utf-7\r\n\r\n+AG4-eedle", "needle"),
        (b"Content-Type: text/plain; charset*0=utf-; charset*1=7\r\n\r\n+AG4-eedle", "needle"),
        (b"Content-Type: text/html\r\n\r\n<meta charset=iso-2022-jp><p>\x1b$B#n#e\x1b(Bedle", "needle"),
        (
            b"Content-Type: message/rfc822\r\n\r\nSubject: =?us-ascii?q?n?=\r\n =?us-ascii?q?eedle?=\r\n\r\n",
            "needle",
        ),
        (b"a\n" * (MAX_FIELDS // 2) + b"x:\n" * MAX_FIELDS + b"nee\ndle\n\n", "needle"),
    ],
)
def test_what_may_contain_the_text_is_not_excluded(octets: bytes, text: str) -> None:
    assert not is_excluded(octets, text)


def test_what_looks_like_mime_in_the_body_of_a_lone_part_is_text() -> None:
    body = b"Content-Transfer-Encoding: base64\r\n\r\n=?us-ascii?q?x?= a & b; charset=utf-7\r\n"
    assert is_excluded(b"Message-ID: <a@b>\r\n\r\n" + body, "needle")
    assert not is_excluded(b"Content-Type: message\r\n\r\n" + body, "needle")
    assert not is_excluded(b"Content-Type: message / rfc822\r\n\r\n" + body, "needle")


def test_encoded_words_are_looked_at_in_the_header() -> None:
    octets = b"Subject: =?us-ascii?q?need?= =?us-ascii?q?le?=\r\n\r\ntext\r\n"
    assert not is_excluded(octets, "needle", in_header=True)
    assert is_excluded(octets, "needle")


def test_a_header_of_too_many_fields_is_not_excluded() -> None:
    octets = b"a: b\n" * (MAX_FIELDS + 1) + b"nee\ndle: x\n\ntext"
    assert contains(octets, "needle", in_header=True)
    assert not is_excluded(octets, "needle", in_header=True)


def test_every_charset_whose_label_begins_so_has_us_ascii_as_it_is() -> None:
    labels = [
        *charset_label._NAMES,
        *(label for labels in charset_label._NAMES.values() for label in labels.split()),
    ]

    def letters(label: str) -> str:
        return re.sub("[^a-z0-9]", "", label.lower())

    begun = [label for label in labels if letters(label).startswith(tuple(map(letters, CHARSETS)))]
    assert "utf-8" in begun
    assert all(map(reads_ascii, begun))


FRAGMENTS = st.sampled_from(
    [
        b"nee",
        b"dle",
        b"needle",
        b"NEE",
        b" ",
        b"\r\n",
        b"\r\n ",
        b"\r\n\r\n",
        b"<",
        b">",
        b"<b>",
        b"</b>",
        b"<p>",
        b"<!--",
        b"-->",
        b"<style>",
        b"</style>",
        b"&amp;",
        b"&#101;",
        b"&nbsp",
        b"=\r\n",
        b"=64",
        b"=?us-ascii?q?dle?=",
        b"--b\r\n",
        b"--b--\r\n",
        b"Content-Type: text/html\r\n",
        b'Content-Type: text/html; charset="utf-8"\r\n',
        b"Content-Type: text/plain; charset=utf-7\r\n",
        b"Content-Type: text/plain; charset=us-ascii\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Transfer-Encoding: 7bit\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"Subject: nee",
        b"+AG4-",
        b":",
        "\N{KELVIN SIGN}".encode(),
        b"\0",
    ]
)


@given(
    st.lists(FRAGMENTS, max_size=30).map(b"".join),
    st.booleans(),
    st.sampled_from(["needle", "nee dle", "needle>"]),
)
@example(b"Content-Type: text/html\r\n\r\nnee<b>dle", False, "needle")
def test_nothing_that_contains_the_text_is_excluded(octets: bytes, in_header: bool, text: str) -> None:
    if is_excluded(octets, text, in_header=in_header):
        assert not contains(octets, text, in_header=in_header)


@given(
    st.lists(
        st.sampled_from([b"a", b"b", b"<i>", b"</i>", b"<!-- a -->", b"&gt;", b" ", b"<", b">"]), max_size=12
    )
)
def test_tags_within_words_are_seen(pieces: list[bytes]) -> None:
    octets = b"Content-Type: text/html\r\n\r\n" + b"".join(pieces)
    for text in ("ab", "aba", "bb"):
        if is_excluded(octets, text):
            assert not contains(octets, text, in_header=False)


def test_the_order_of_words_does_not_matter() -> None:
    words = ["quick", "brown", "fox", "needle"]
    assert all(
        is_excluded(PLAIN, " ".join(pair)) for pair in pairwise([*words, "needle"]) if "needle" in pair
    )
