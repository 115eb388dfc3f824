"""vCards to octets."""

import pytest

from pillarbox.cards.vcard import Parameter, Property, VCard, read, write
from pillarbox.cards.vcard.writing import folded


def line(row: Property) -> str:
    text = write([VCard((row,))]).decode()
    return text.removeprefix("BEGIN:VCARD\r\nVERSION:4.0\r\n").removesuffix("END:VCARD\r\n")


@pytest.mark.rfc("6350 §3.2", "SHOULD")
@pytest.mark.parametrize("text", ["x" * 1000, "ä" * 500, "€" * 300, "😀" * 300, "x" + "😀" * 300, " " * 200])
def test_lines_have_at_most_75_octets_and_folds_stand_between_code_points(text: str) -> None:
    octets = folded(text.encode())
    lines = octets.split(b"\r\n")
    assert all(len(each) <= 75 for each in lines)
    assert all(each.decode() is not None for each in lines)
    assert octets.replace(b"\r\n ", b"").removesuffix(b"\r\n").decode() == text
    assert len(lines) <= len(text.encode()) // 70 + 2


def test_a_line_that_fits_is_not_folded() -> None:
    assert folded(b"x" * 75) == b"x" * 75 + b"\r\n"
    assert folded(b"x" * 76) == b"x" * 75 + b"\r\n x\r\n"


@pytest.mark.rfc("6868 §3.1", "MUST")
def test_parameters_are_quoted_and_escaped_where_they_need_it() -> None:
    row = Property(
        "note", "x", (Parameter("x", ('a"b^c\nd', "e,f", "g")), Parameter("jsptr", ("a",))), "item1"
    )
    assert line(row) == 'item1.NOTE;X=a^\'b^^c^nd,"e,f",g;JSPTR="a":x\r\n'
    assert read(write([VCard((row,))])) == [VCard((row,))]


def test_nothing_in_a_value_ends_its_line() -> None:
    assert line(Property("note", "a\nEND:VCARD\r\nb\x00", (Parameter("x", ("a\rb\nc",)),))) == (
        "NOTE;X=ab^nc:a\\nEND:VCARD\\nb\r\n"
    )


def test_several_cards() -> None:
    cards = [VCard((Property("fn", name),)) for name in "ab"]
    assert read(write(cards)) == cards
    assert write([]) == b""
