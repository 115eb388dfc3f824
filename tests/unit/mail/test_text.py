"""Text for searching and previews for listing."""

import pytest

from pillarbox.mail import html_text, text
from pillarbox.mail.part_parser import parse


def said(octets: bytes) -> str:
    return "".join(text.body_pieces(octets, parse(octets)))


def shown(octets: bytes) -> str:
    return text.preview(octets, parse(octets))


def multipart(subtype: str, *parts: bytes) -> bytes:
    return b"Content-Type: multipart/%s; boundary=b\r\n\r\n--b\r\n%s\r\n--b--\r\n" % (
        subtype.encode(),
        b"\r\n--b\r\n".join(parts),
    )


PLAIN = b"\r\nplain words"
HTML = b"Content-Type: text/html\r\n\r\n<p>html <b>wo</b>rds</p>"


@pytest.mark.rfc("9051 §6.4.4", "SHOULD")
def test_text_is_decoded_from_encoding_and_charset() -> None:
    octets = (
        b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"Gr=FC=\r\n=DFe"
    )

    assert said(octets) == "Grüße"


def test_all_text_parts_are_searched_and_nothing_else() -> None:
    image = b"Content-Type: image/png\r\n\r\nnot words"
    attached = b"Content-Type: text/x-patch\r\nContent-Disposition: attachment\r\n\r\n+ line"

    assert said(multipart("mixed", PLAIN, HTML, image, attached)) == "plain words\nhtml words\n+ line"


def test_enclosed_messages_are_searched_with_their_headers() -> None:
    message = b"Content-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?=C3=A9?=\r\n\r\ninner words"

    assert said(multipart("mixed", message)) == "Subject: é\ninner words"


def test_an_encoded_message_is_opened_for_searching() -> None:
    octets = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    octets += b"U3ViamVjdDogeA0KDQppbm5lcg=="

    assert said(octets) == "Subject: x\ninner"


def test_a_multipart_without_parts_is_searched_as_text() -> None:
    assert said(b"Content-Type: multipart/mixed\r\n\r\nlost words") == "lost words"
    assert shown(b"Content-Type: multipart/mixed\r\n\r\nlost words") == "lost words"


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>one</p><p>two</p>", "one two"),
        ("one<br>two<br/>three", "one two three"),
        ("w<b>or</b>d", "word"),
        ("<style>p { x }</style>a<script type='x'>b</script>c", "ac"),
        ("<STYLE>never closed", ""),
        ("a<!-- b --> c<!-- never closed", "a c"),
        ("1 &lt; 2 &amp; 3&nbsp;4 &eacute; &#233;", "1 < 2 & 3 4 é é"),
        ("1 < 2", "1 < 2"),
        ("a<td>b<prefix>c", "a bc"),
        ("a <b never closed", "a"),
        ("a<p><div</p>b", "a"),
        ("<a href='x' title='y'>z</a>", "z"),
    ],
)
def test_html_loses_its_markup(html: str, words: str) -> None:
    assert "".join(html_text.words([html])) == words
    assert "".join(html_text.words(html)) == words  # one character at a time
    assert html_text.words_of(html) == words


def test_a_reference_of_thousands_of_digits_stays() -> None:
    html = "&#" + "9" * 10_000 + ";"
    assert "".join(html_text.words([html])) == html


@pytest.mark.parametrize(
    "html", ["<", "<!--", "<style>", "<p", "<br ", "&#", "<a <b>", "</style", "<!-- <style>"]
)
def test_hostile_html_takes_linear_time(html: str) -> None:
    "".join(html_text.words([html * (300_000 // len(html))]))


def test_html_may_name_its_own_charset() -> None:
    octets = b'Content-Type: text/html\r\n\r\n<meta http-equiv=x content="text/html; charset=koi8-r"><p>\xf0'

    assert said(octets) == "П"


def test_html_that_was_read_as_ascii_is_not_utf_16_whatever_it_says() -> None:
    assert said("Content-Type: text/html\r\n\r\n<meta charset=utf-16><p>é".encode()) == "é"


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(PLAIN, "plain words", id="plain"),
        pytest.param(HTML, "html words", id="html"),
        pytest.param(multipart("alternative", HTML, PLAIN), "plain words", id="plain before html"),
        pytest.param(multipart("alternative", b"\r\n\r\n ", HTML), "html words", id="empty plain"),
        pytest.param(multipart("related", HTML, PLAIN), "html words", id="first of related"),
        pytest.param(
            multipart(
                "mixed", b"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nx", PLAIN
            ),
            "plain words",
            id="no attachment",
        ),
        pytest.param(
            multipart("mixed", b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nforwarded"),
            "forwarded",
            id="forward",
        ),
        pytest.param(b"Content-Type: image/png\r\n\r\nx", "", id="nothing to read"),
        pytest.param(
            b"\r\nOn Monday, Ann wrote:\r\n> old\r\n> older\r\n\r\nnew", "new", id="quotes left out"
        ),
        pytest.param(
            b"\r\nyes\r\n\r\nOn Monday, Ann wrote:\r\n\r\n> old\r\n", "yes", id="quotes below left out"
        ),
        pytest.param(b"\r\n> only\r\n> quotes", "> only > quotes", id="only quotes"),
        pytest.param(b"\r\n a \t\0 b\r\n\r\n\r\nc\x1b", "a b c", id="white space and controls"),
        pytest.param("\r\na\u200b\u200c\u202eb\ufeff \u00a0 c".encode(), "ab c", id="invisible characters"),
        pytest.param(b"\r\n" + b" " * 10_000 + b"late", "late", id="late"),
    ],
)
def test_previews_show_what_a_person_would_read_first(octets: bytes, expected: str) -> None:
    assert shown(octets) == expected


@pytest.mark.rfc("8970 §3.3", "MUST")
def test_a_preview_is_never_longer_than_its_limit() -> None:
    assert text.MAX_PREVIEW_CHARACTERS <= 256
    assert shown(b"\r\n" + "é ".encode() * 1_000) == ("é " * 100).rstrip()


FAR = b"This line says something else\r\n" * 40


@pytest.mark.parametrize(
    ("body", "fast"),
    [
        pytest.param(b"word " * 60 + b"\r\n" + FAR, True, id="long enough"),
        pytest.param(b"word " * 60, True, id="all of it"),
        pytest.param(b"word " * 10, False, id="short"),
        pytest.param(b"word\0" * 60 + FAR, False, id="control"),
        pytest.param(b"> quoted\r\n" + FAR, False, id="quotes first"),
        pytest.param(FAR + b"On Monday she wrote:\r\n\r\n> quoted\r\n", True, id="quotes far below"),
        pytest.param(b"word " * 60 + b"On x wrote:" + b"\r\n" * 500 + b"> quoted", False, id="introduced"),
        pytest.param(b"On Monday " + b"word " * 60 + b":\r\n" * 400 + b"> quoted", False, id="many colons"),
        pytest.param(b"word " * 60 + "\r\nGrüße\r\n".encode() + FAR, False, id="not ASCII"),
        pytest.param(FAR + "Grüße\r\n".encode(), True, id="not ASCII far below"),
    ],
)
def test_the_fast_preview_equals_the_full_one(
    monkeypatch: pytest.MonkeyPatch, body: bytes, fast: bool
) -> None:
    octets = b"Content-Type: text/plain\r\n\r\n" + body
    root = parse(octets)
    seen = text._fast_preview(octets, root)
    monkeypatch.setattr(text, "_fast_preview", lambda *_: None)

    assert (seen is not None) is fast
    assert seen in (None, text.preview(octets, root))


@pytest.mark.parametrize(
    "field",
    [
        b"Content-Type: text/html",
        b"Content-Type: text/plain; charset=utf-7",
        b"Content-Type: text/plain; charset=utf-16",
        b"Content-Transfer-Encoding: quoted-printable",
        b"Content-Transfer-Encoding: base64",
    ],
)
def test_encoded_text_has_no_fast_preview(field: bytes) -> None:
    octets = field + b"\r\n\r\n" + FAR

    assert text._fast_preview(octets, parse(octets)) is None


def test_only_what_introduces_a_quotation_is_left_out() -> None:
    quoted = b"> a\r\n> b\r\n"
    octets = b"\r\nSee:\r\nMax wrote:\r\n\r\nEva wrote:\r\n\r\n" + quoted + b"Yes.\r\n" + quoted + b"No."

    assert text.preview(octets, parse(octets)) == "See: Yes. No."


def test_of_alternatives_one_is_shown_and_no_attachment() -> None:
    message = (
        b'Content-Type: multipart/mixed; boundary="m"\r\n\r\n'
        b'--m\r\nContent-Type: multipart/alternative; boundary="a"\r\n\r\n'
        b"--a\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n--a\r\n\r\nplain\r\n--a--\r\n"
        b"--m\r\nContent-Disposition: attachment\r\n\r\nattached\r\n"
        b"--m\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nenclosed\r\n"
        b"--m\r\n\r\nfooter\r\n--m--\r\n"
    )
    shown = text.shown_parts(parse(message))
    assert ["".join(text.plain_pieces(message, part)) for part in shown] == ["plain", "footer"]


def test_an_alternative_without_text_falls_back_to_one_with_text() -> None:
    message = (
        b'Content-Type: multipart/alternative; boundary="a"\r\n\r\n'
        b"--a\r\nContent-Type: image/png\r\n\r\nx\r\n--a\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n--a--\r\n"
    )
    assert [part.content_type for part in text.shown_parts(parse(message))] == ["text/html"]
