"""SASL messages as base64 lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.sasl.line import (
    MAX_LINE_OCTETS,
    LineNotBase64,
    decode_initial,
    decode_response,
    encode_challenge,
)


@pytest.mark.rfc("4648 §4", "MUST")
@given(st.binary(max_size=200))
def test_what_is_encoded_is_decoded(octets: bytes) -> None:
    assert decode_response(encode_challenge(octets)) == octets


@pytest.mark.rfc("4648 §3.5", "MAY")
@pytest.mark.rfc("4954 §4", "MUST")
@pytest.mark.parametrize(
    "line",
    [b"YQ", b"YQ=", b"YR==", b"Y Q==", b"YQ==YQ==", b"*", b"=", b"====", b"YQ==\r", b"\xff\xff\xff\xff"],
)
def test_what_is_not_canonical_is_refused(line: bytes) -> None:
    with pytest.raises(LineNotBase64):
        decode_response(line)


def test_a_line_has_a_limit() -> None:
    assert len(decode_response(b"A" * MAX_LINE_OCTETS)) == 9216
    with pytest.raises(LineNotBase64):
        decode_response(b"A" * (MAX_LINE_OCTETS + 4))


@pytest.mark.rfc("4954 §4", "MUST")
def test_an_equals_sign_is_an_empty_initial_response() -> None:
    assert decode_initial(b"=") == b""
    assert decode_initial(b"YQ==") == b"a"
