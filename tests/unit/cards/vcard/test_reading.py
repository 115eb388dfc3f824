"""Octets to vCards: the three versions, what real files hold, and all that is wrong with others."""

import pytest

from pillarbox.cards.vcard import BadCard, Limits, Parameter, Property, VCard, pieces, read, write
from tests.kit.cards.examples import content_lines, rfc_text
from tests.kit.linear import assert_linear


def one(text: str | bytes, version: str = "4.0") -> VCard:
    lines = text.encode() if isinstance(text, str) else text
    (card,) = read(b"BEGIN:VCARD\r\nVERSION:%b\r\n%b\r\nEND:VCARD\r\n" % (version.encode(), lines))
    assert isinstance(card, VCard), card
    return card


def first(text: str | bytes, version: str = "4.0") -> Property:
    return one(text, version).properties[0]


def bad(octets: bytes, limits: Limits | None = None) -> BadCard:
    found = [each for each in read(octets, limits or Limits()) if isinstance(each, BadCard)]
    return found[0]


CARD = b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:%b\r\nEND:VCARD\r\n"


# --- content lines


@pytest.mark.rfc("6350 §3.3", "MUST")
def test_names_parameters_and_groups() -> None:
    found = first('item1.Tel;TYPE=work,"a,b;c:d";PREF=1:+1:2;3')
    assert found == Property(
        "tel", "+1:2;3", (Parameter("type", ("work", "a,b;c:d")), Parameter("pref", ("1",))), "item1"
    )


def test_a_parameter_that_is_given_twice_has_all_values() -> None:
    assert first("TEL;type=CELL;type=VOICE:1", "3.0").parameters == (Parameter("type", ("CELL", "VOICE")),)


@pytest.mark.rfc("6868 §3.2", "MUST")
def test_escapes_of_parameter_values() -> None:
    assert first("NOTE;X=a^nb^^c^'d^e:x").parameters == (Parameter("x", ('a\nb^c"d^e',)),)


@pytest.mark.rfc("6350 §3.2", "MUST")
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_folds_are_joined_even_inside_a_code_point(end: bytes) -> None:
    folded = b"NOTE:a" + end + b"  b\xc3" + end + b" \xa4" + end + b"\tc"
    assert first(folded).value == "a bäc"


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("charset", ["utf-8", "utf-16-le", "utf-16-be"])
def test_line_ends_and_byte_order_marks(end: str, mark: str, charset: str) -> None:
    if charset != "utf-8" and not mark:
        return
    text = mark + CARD.decode().replace("%b", "Jörg").replace("\r\n", end)
    assert read(text.encode(charset)) == [VCard((Property("fn", "Jörg"),))]


def test_controls_are_no_part_of_a_value() -> None:
    assert first(b"NOTE:a\x00b\x07\tc\x7f").value == "ab\tc"


def test_version_4_has_no_encodings() -> None:
    assert first("NOTE;ENCODING=QUOTED-PRINTABLE:a=\r\n b=3D").value == "a=b=3D"
    assert first("NOTE;ENCODING=BASE64:a\r\nX-A:b").value == "a"


# --- version 2.1


def test_quoted_printable_with_soft_breaks() -> None:
    text = "N;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FC=\r\nller;J=F6rg=0D=0Ax"
    assert first(text, "2.1") == Property("n", "Müller;Jörg\\nx")


def test_a_soft_break_before_the_end_takes_no_card_away() -> None:
    assert one("NOTE;QUOTED-PRINTABLE:a=", "2.1").properties == (Property("note", "a"),)


def test_parameters_without_names() -> None:
    found = first("TEL;HOME;PREF;VOICE:1", "2.1")
    assert found.parameters == (Parameter("type", ("HOME", "VOICE")), Parameter("pref", ("1",)))


@pytest.mark.parametrize("indent", [" ", ""])
def test_base64_of_several_lines(indent: str) -> None:
    found = first(f"PHOTO;JPEG;ENCODING=BASE64:\r\n{indent}AAAA\r\n{indent}BBBB\r\n", "2.1")
    assert found == Property("photo", "data:image/jpeg;base64,AAAABBBB")


def test_commas_divide_nothing_in_names() -> None:
    assert first("ADR:;;Main St, 1\\;2;Town", "2.1").value == ";;Main St\\, 1\\;2;Town"
    assert first("NOTE:a;b,c", "2.1").value == "a\\;b\\,c"


def test_a_card_within_a_card_is_a_text() -> None:
    card = one("AGENT:\r\nBEGIN:VCARD\r\nVERSION:2.1\r\nFN:a,b\r\nEND:VCARD\r\nFN:x", "2.1")
    assert [each.name for each in card.properties] == ["agent", "fn"]
    assert card.properties[0].value == "BEGIN:VCARD\\nVERSION:2.1\\nFN:a\\,b\\nEND:VCARD"


@pytest.mark.parametrize(
    ("octets", "charset", "text"),
    [
        (b"\xfc", "", "ü"),
        (b"\x81\x5c", "shift_jis", "―"),
        (b"\x1b$B4A\x1b(B", "ISO-2022-JP", "漢"),
        (b"\xc3\xbc", "", "ü"),
    ],
)
def test_charsets(octets: bytes, charset: str, text: str) -> None:
    parameter = f";CHARSET={charset}".encode() if charset else b""
    assert first(b"X-FOO" + parameter + b":" + octets, "2.1").value == text


# --- version 3.0


def test_embedded_octets_become_data_uris() -> None:
    assert first("PHOTO;ENCODING=b;TYPE=JPEG:QUJD", "3.0") == Property("photo", "data:image/jpeg;base64,QUJD")
    assert first("KEY;ENCODING=b;TYPE=PGP:QUJD", "3.0") == Property(
        "key", "data:application/pgp-keys;base64,QUJD"
    )
    assert first("X-A;ENCODING=b:QUJD", "3.0") == Property(
        "x-a", "data:application/octet-stream;base64,QUJD", (Parameter("value", ("uri",)),)
    )


def test_preference_and_place() -> None:
    assert first("EMAIL;TYPE=INTERNET,PREF:a@b.c", "3.0").parameters == (
        Parameter("type", ("INTERNET",)),
        Parameter("pref", ("1",)),
    )
    assert first("GEO:37.38;-122.08", "3.0").value == "geo:37.38,-122.08"


# --- what is wrong

GOOD = CARD % b"x"


@pytest.mark.parametrize(
    ("octets", "line", "reason"),
    [
        (b"BEGIN:VCARD\nFN:x\nEND:VCARD\n", 1, "VERSION is missing"),
        (b"BEGIN:VCARD\nVERSION:5.0\nEND:VCARD\n", 1, "VERSION is not 2.1, 3.0 or 4.0"),
        (b"BEGIN:VCARD\nVERSION:4.0\nFN\nEND:VCARD\n", 3, "A line has no colon"),
        (
            b"BEGIN:VCARD\nVERSION:4.0\n\nF N:x\nEND:VCARD\n",
            4,
            "A line does not begin with the name of a property",
        ),
        (
            b"BEGIN:VCARD\nVERSION:4.0\na b.FN:x\nEND:VCARD\n",
            3,
            "A line does not begin with the name of a property",
        ),
        (b'BEGIN:VCARD\nVERSION:4.0\nFN;X="a:x\nEND:VCARD\n', 3, "A quote in a parameter is not closed"),
        (b"BEGIN:VCARD\nVERSION:4.0\nFN;\xc3\xbc=a:x\nEND:VCARD\n", 3, "A parameter has no proper name"),
        (b"BEGIN:VCARD\nVERSION:4.0\nFN;a b:x\nEND:VCARD\n", 3, "A parameter has no value"),
        (b"BEGIN:VCARD\nVERSION:4.0\nFN:\xff\nEND:VCARD\n", 3, "A line is not UTF-8"),
        (
            b"BEGIN:VCARD\nVERSION:3.0\nFN;CHARSET=punycode:x\nEND:VCARD\n",
            3,
            "A property is in a charset that is not known",
        ),
        (b"END:VCARD\n", 1, "END:VCARD without BEGIN:VCARD"),
        (b"FN:x\nFN:y\n", 1, "A line is in no card"),
        (b"BEGIN:VCARD\nVERSION:4.0\n", 1, "END:VCARD is missing"),
        (b"BEGIN:VCARD\nVERSION:4.0\nFN:x\n", 1, "END:VCARD is missing"),
    ],
)
def test_a_bad_card_takes_no_other_with_it(octets: bytes, line: int, reason: str) -> None:
    found = read(GOOD + octets + GOOD)
    good = VCard((Property("fn", "x"),))
    assert found[0] == good
    assert found[-1] == good
    assert found[1:-1] == [BadCard(line + 4, reason)]


def test_utf_16_that_is_none() -> None:
    assert bad(b"\xff\xfe\x00") == BadCard(1, "The file begins as UTF-16 and is not")


@pytest.mark.parametrize(
    ("limits", "octets", "reason"),
    [
        (Limits(max_octets=10), GOOD, "The file has more than 10 octets"),
        (Limits(max_lines=9), CARD % (b"x" + b"\n" * 9), "The file has more than 9 lines"),
        (Limits(max_cards=2), GOOD * 3, "More than 2 cards"),
        (
            Limits(max_card_octets=100),
            CARD % (b"x\r\nNOTE:" + b"y" * 90),
            "The card has more than 100 octets",
        ),
        (
            Limits(max_line_octets=100),
            CARD % (b"x" * 60 + b"\r\n " + b"y" * 60),
            "A line has more than 100 octets",
        ),
        (Limits(max_properties=3), CARD % b"x\nNOTE:\nNOTE:\nNOTE:", "The card has more than 3 properties"),
        (Limits(max_parameters=3), CARD % b"x\nTEL;TYPE=a,b;X=c;Y=d:1", "A property has too many parameters"),
        (Limits(max_parameters=3), CARD % b"x\nTEL;TYPE=a,b,c,d,e:1", "A property has too many parameters"),
        (Limits(max_nested=1), CARD % (b"x\nAGENT:\nBEGIN:VCARD\n" * 3), "Cards within cards are too deep"),
    ],
)
def test_limits(limits: Limits, octets: bytes, reason: str) -> None:
    assert bad(octets, limits).reason == reason


def test_beyond_the_number_of_cards_nothing_is_read() -> None:
    assert len(read(b"END:VCARD\n" * 50, Limits(max_cards=10))) == 11


# --- time

BEGIN, END = b"BEGIN:VCARD\nVERSION:2.1\n", b"\nEND:VCARD\n"
HOSTILE = {
    "folds": lambda size: BEGIN + b"NOTE:" + b"\n x" * (size // 3) + END,
    "parameters": lambda size: BEGIN + b"NOTE" + b";A=b" * (size // 4) + b":x" + END,
    "values": lambda size: BEGIN + b"NOTE;A=" + b"b," * (size // 2) + b":x" + END,
    "quotes": lambda size: BEGIN + b"NOTE;A=" + b'"b",' * (size // 4) + b":x" + END,
    "no colon": lambda size: BEGIN + b"NOTE;" + b"x" * size + END,
    "soft breaks": lambda size: BEGIN + b"NOTE;QUOTED-PRINTABLE:" + b"=\n" * (size // 2) + END,
    "quoted-printable": lambda size: BEGIN + b"NOTE;QUOTED-PRINTABLE:" + b"=41" * (size // 3) + END,
    "empty lines": lambda size: b"\n" * size,
    "ends": lambda size: b"END:VCARD\n" * (size // 10),
    "begins": lambda size: b"BEGIN:VCARD\n" * (size // 12),
    "cards": lambda size: (BEGIN + END) * (size // 30),
    "agents": lambda size: (BEGIN + b"AGENT:\n") * (size // 30),
    "properties": lambda size: BEGIN + b"A:\n" * (size // 3) + END,
    "backslashes": lambda size: BEGIN + b"NOTE:" + b"\\" * size + END,
    "carets": lambda size: BEGIN.replace(b"2.1", b"4.0") + b'NOTE;A="' + b"^" * size + b'":x' + END,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_takes_time_in_proportion_to_its_length(name: str) -> None:
    assert_linear(read, HOSTILE[name], 700_000)


def test_others_can_run_while_a_file_is_read() -> None:
    for name in ("folds", "soft breaks", "empty lines", "properties", "cards"):
        octets = HOSTILE[name](300_000)
        assert len(list(pieces(octets))) >= len(octets) // (16 * 1024 + 64), name
    many = b"BEGIN:VCARD\nVERSION:4.0\n" + b"NOTE:x\n" * 900 + END
    assert sum(1 for each in pieces(many) if each is None) > 20


# --- the examples


@pytest.mark.skipif(rfc_text(6350) is None, reason="no RFC texts beside the checkout")
@pytest.mark.rfc("6350 §6", "MUST")
@pytest.mark.parametrize(
    ("number", "version", "count"), [(6350, "4.0", 140), (9554, "4.0", 19), (2426, "3.0", 50)]
)
def test_the_lines_of_the_examples_are_read_and_written(number: int, version: str, count: int) -> None:
    lines = content_lines(number)
    assert len(lines) >= count
    for line in lines:
        card = one(line, version)
        assert read(write([card])) == [VCard(card.properties)]
