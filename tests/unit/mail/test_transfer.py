"""Decoding of transfer encodings, leniently and strictly."""

import base64
import binascii
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail import transfer


@pytest.mark.parametrize(
    ("octets", "meant"),
    [
        pytest.param(b"aGVsbG8=\r\n", b"hello", id="plain"),
        pytest.param(b"aGVs\r\nbG8=", b"hello", id="lines"),
        pytest.param(b"a G\tV!s-bG8", b"hello", id="other characters, padding missing"),
        pytest.param(b"aGVsbG8=\r\n_____\r\nlist footer", b"hello", id="footer after the padding"),
        pytest.param(b"aGVsbG8x\r\nA", b"hello1", id="a lone digit at the end"),
        pytest.param(b"", b"", id="nothing"),
        pytest.param(b"=", b"", id="padding only"),
    ],
)
def test_base64_gives_what_can_be_had(octets: bytes, meant: bytes) -> None:
    assert transfer.decode(octets, "base64") == meant


@pytest.mark.rfc("2045 §6.7", "MUST")
@pytest.mark.parametrize(
    ("octets", "meant"),
    [
        pytest.param(b"a=3Db=3db", b"a=b=b", id="either case"),
        pytest.param(b"a=\r\nb=\nc", b"abc", id="soft line ends"),
        pytest.param(b"a= \t\r\nb", b"ab", id="white space after a soft line end"),
        pytest.param(b"a \t\r\nb ", b"a\r\nb", id="white space at a line's end"),
        pytest.param(b"a=20\r\n", b"a \r\n", id="white space that is meant"),
        pytest.param(b"a=ZZ=", b"a=ZZ", id="no code"),
        pytest.param(b"caf\xe9", b"caf\xe9", id="8 bit"),
    ],
)
def test_quoted_printable_by_its_five_rules(octets: bytes, meant: bytes) -> None:
    assert transfer.decode(octets, "quoted-printable") == meant


UUENCODED = b"begin 644 cat.txt\n#0V%T\n`\nend\ntrailer\n"


@pytest.mark.parametrize("encoding", ["x-uuencode", "UUENCODE", "x-uue"])
@pytest.mark.parametrize("octets", [UUENCODED, UUENCODED.replace(b"\n", b"\r\n"), b"preface\n" + UUENCODED])
def test_uuencode(octets: bytes, encoding: str) -> None:
    assert transfer.decode(octets, encoding) == b"Cat"
    assert transfer.decode_strict(octets, encoding) == b"Cat"


def test_invalid_uuencode_lines_are_skipped() -> None:
    assert transfer.decode(b"begin 644 x\n#0V%T\n\xff\xff\n#0V%Trubbish\n\nend\n", "x-uuencode") == b"CatCat"


@pytest.mark.parametrize("encoding", ["7bit", "8BIT", "binary", "x-unknown", ""])
def test_other_encodings_leave_octets_alone(encoding: str) -> None:
    assert transfer.decode(b"a=3D\0\xff", encoding) == b"a=3D\0\xff"


@pytest.mark.rfc("3516 §4.3", "MUST")
@pytest.mark.parametrize(
    ("octets", "encoding"), [(b"x", "x-unknown"), (b"aGVsbG8", "base64"), (b"no begin line", "x-uuencode")]
)
def test_strict_decoding_raises_what_it_cannot_decode(octets: bytes, encoding: str) -> None:
    with pytest.raises(transfer.UnknownEncoding):
        transfer.decode_strict(octets, encoding)


@given(st.binary(max_size=500))
def test_what_was_encoded_is_decoded(octets: bytes) -> None:
    for encoding, encoded in (
        ("base64", base64.encodebytes(octets)),
        ("quoted-printable", quopri.encodestring(octets)),
        ("8bit", octets),
    ):
        if encoding != "quoted-printable" or b"\r" not in octets:  # quopri takes CR for part of a line end
            assert transfer.decode(encoded, encoding) == octets
            assert transfer.decode_strict(encoded, encoding) == octets
    lines = (octets[at : at + 45] for at in range(0, len(octets), 45))
    uuencoded = b"begin 644 x\n" + b"".join(map(binascii.b2a_uu, lines)) + b"`\nend\n"
    assert transfer.decode(uuencoded, "x-uuencode") == octets


def test_hostile_white_space_takes_linear_time() -> None:
    transfer.decode(b" " * 1_000_000 + b"x \r\n", "quoted-printable")


# --- in pieces

UNITS = ["aGVs", "bG8", "=", "==", "\r\n", "\n", "=20", "=3D", "=\r\n", " ", " \t", "\xff", "word"]
UU_UNITS = ["begin 644 x\n", "#0V%T\n", "!!\n", "`\n", "end\n", "\xff\xff\n"]
ENCODED = st.lists(st.sampled_from([*UNITS, *UU_UNITS]), max_size=60).map(
    lambda units: "".join(units).encode("latin-1")
)


@given(ENCODED, st.integers(20, 40))
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "x-uuencode", "8bit"])
def test_pieces_decode_as_the_whole_does(encoding: str, octets: bytes, size: int) -> None:
    if any(len(line) >= size for line in octets.splitlines()) and encoding != "base64":
        return  # a line longer than a piece is cut
    assert b"".join(transfer.pieces(octets, 0, len(octets), encoding, size=size)) == transfer.decode(
        octets, encoding
    )


def test_a_code_in_a_line_longer_than_a_piece_is_not_cut() -> None:
    octets = b"=C3=A9" * 1_000 + b" \t" * 10 + b"=\r\nx" * 100
    for size in range(20, 40):
        decoded = b"".join(transfer.pieces(octets, 0, len(octets), "quoted-printable", size=size))
        assert decoded == transfer.decode(octets, "quoted-printable")


def test_the_rest_of_a_long_uuencoded_line_is_no_line() -> None:
    octets = b"begin 644 x\n#0V%T" + b"#0V%T" * 10 + b"\n#0V%T\nend\n"
    assert b"".join(transfer.pieces(octets, 0, len(octets), "x-uuencode", size=20)) == b"CatCat"


def test_strict_base64_of_any_size_is_as_strict() -> None:
    text = base64.b64encode(bytes(range(256)) * 1_000)
    assert transfer.decode_strict(text, "base64") == bytes(range(256)) * 1_000
    assert transfer.decode_strict(text + b"\r\nfooter", "base64") == bytes(range(256)) * 1_000
    with pytest.raises(transfer.UnknownEncoding):
        transfer.decode_strict(text.rstrip(b"="), "base64")
