"""For any octets: they parse to a tree, headers are written back unchanged, and generated parts are found."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.mail import charset, charset_label, encoded_word, mbox, parameter
from pillarbox.mail.header import Header
from pillarbox.mail.part_parser import parse
from tests.kit.mail.invariants import check_header, check_message

# Octets that mean something to mail, so that chance meets the interesting cases.
FRAGMENTS = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"--b", b"--b--", b"--bb", b"--", b" ", b"\t", b";", b'"', b"(",
        b"\\", b"=", b":", b"From x 1:00\n", b"Content-Type: message/rfc822\r\n\r\n",
        b"Subject: =?utf-8?b?w6k?=\r\n", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Type: text/html; charset=utf-7\r\n",
    ]
)  # fmt: skip
MAIL = st.lists(FRAGMENTS | st.binary(max_size=6), max_size=40).map(b"".join)


@given(MAIL)
@settings(max_examples=200)
def test_any_octets_are_a_message(octets: bytes) -> None:
    check_message(octets)


@given(MAIL)
@settings(max_examples=200)
def test_any_header_is_written_back_as_it_was_read(octets: bytes) -> None:
    header, body_start = Header.parse(octets)

    assert header.octets == octets[:body_start]
    check_header(header)
    assert header.without("no-such-name").octets == header.octets


@given(
    st.lists(
        st.tuples(st.sampled_from(["A", "b", "X-y"]), st.from_regex(r"[!-~]( [!-~]){0,3}", fullmatch=True))
    )
)
def test_fields_that_were_written_are_read(fields: list[tuple[str, str]]) -> None:
    octets = b"".join(f"{name}: {value}\r\n".encode() for name, value in fields) + b"\r\n"
    header, body_start = Header.parse(octets)

    assert body_start == len(octets)
    assert [(field.name.decode(), field.body.decode()) for field in header.fields] == fields


BODY = st.binary(max_size=60).filter(lambda octets: b"--" not in octets)


@given(st.lists(BODY, min_size=1, max_size=8), st.sampled_from([b"\r\n", b"\n"]))
def test_parts_that_were_written_are_found(bodies: list[bytes], line_end: bytes) -> None:
    lines = [b"Content-Type: multipart/mixed; boundary=b", b""]
    for body in bodies:
        lines += [b"--b", b"Content-Type: application/octet-stream", b"", body]
    octets = line_end.join([*lines, b"--b--", b""])
    root = parse(octets)

    # With LF alone a CR before the boundary cannot be told from its line end.
    kept = [body.removesuffix(b"\r") if line_end == b"\n" else body for body in bodies]
    assert [octets[part.body_start : part.end] for part in root.children] == kept


@given(st.binary(max_size=200), st.sampled_from(sorted(charset_label._NAMES)))
def test_any_octets_are_text_in_any_charset(octets: bytes, label: str) -> None:
    charset.decode(octets, label).encode()


@given(st.text(max_size=60))
def test_any_text_is_a_field_value(value: str) -> None:
    encoded_word.decode(value).encode()


@given(
    st.lists(
        st.sampled_from(
            [b"x", b" ", b";", b"=", b'"', b"(", b")", b"\\", b"*0*", b"*1", b"%41", b"'", b"\xff", b"/"]
        )
    )
)
@settings(max_examples=200)
def test_any_octets_are_parameters(octets: list[bytes]) -> None:
    found = parameter.parse(b"".join(octets))
    for name, value in parameter.decode(found.parameters).items():
        assert (name + value).encode()


@given(MAIL, st.integers(1, 20))
def test_an_mbox_is_the_same_however_it_is_cut(octets: bytes, size: int) -> None:
    chunks = (octets[at : at + size] for at in range(0, len(octets), size))

    assert list(mbox.messages(chunks)) == list(mbox.messages([octets]))
