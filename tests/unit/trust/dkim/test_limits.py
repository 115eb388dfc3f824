"""What hostile signatures cost: little, and no exception (RFC 6376 §8.4)."""

import re
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.dns import Kind
from pillarbox.mail.header import MAX_FIELDS, Header
from pillarbox.trust import dkim
from pillarbox.trust.dkim.verification import MAX_READ, MAX_VERIFIED
from pillarbox.trust.results import Result
from pillarbox.trust.signatures import arithmetic
from tests.kit.asking import Answers
from tests.kit.linear import assert_linear
from tests.kit.signed_mail import MESSAGE, NOW_S, crafted, ed25519_key, rsa_key, signed, verified, zone

ZONE = zone(rsa_key(), ed25519_key())
FOREIGN = b"DKIM-Signature: v=1; a=rsa-sha256; d=a%d.example; s=s; h=from; bh=AAAA; b=AAAA\r\n"


def number_of(bits: int) -> int:
    return (1 << bits) - 1


def record_with(modulus: int, exponent: int = 65537) -> bytes:
    der = (
        RSAPublicNumbers(exponent, modulus)
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    return b"v=DKIM1; p=" + b64encode(der)


@pytest.mark.rfc("8301 §3.2", "MUST")
@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (record_with(number_of(16384)), "key has more than 4096 bits"),
        (record_with(number_of(8192)), "key has more than 4096 bits"),
        (record_with(number_of(4097)), "key has 4097 bits, more than 4096"),
        (record_with(number_of(1023)), "key has 1023 bits, fewer than 1024"),
        (record_with(number_of(512)), "key has 512 bits, fewer than 1024"),
        (record_with(number_of(2048), number_of(2000)), "exponent of the key is too large"),
    ],
)
def test_keys_that_are_too_long_or_too_short_are_refused_before_any_arithmetic(
    record: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arithmetic, "is_valid", None)
    (outcome,) = verified(crafted(MESSAGE, rsa_key()), {("rsa._domainkey.example.org", Kind.TXT): (record,)})
    assert (outcome.result, outcome.reason) == (Result.POLICY, reason)


@pytest.mark.parametrize(
    ("modulus", "exponent"),
    [
        (number_of(2048), 3),
        (number_of(2048), number_of(32)),
        ((1 << 2047) + 1, 65537),
        (3**1292, 65537),
        (number_of(4096), 65537),
    ],
)
def test_keys_of_which_no_honest_signature_can_be(modulus: int, exponent: int) -> None:
    record = record_with(modulus, exponent)
    octets = crafted(MESSAGE, rsa_key())
    for value in (b"b=AA==", b"b=" + b64encode(b"\0" * 512), b"b=" + b64encode(b"\xff" * 256)):
        other = re.sub(rb"b=[A-Za-z0-9+/]{60,}=*", value, octets, count=1)
        (outcome,) = verified(other, {("rsa._domainkey.example.org", Kind.TXT): (record,)})
        assert outcome.result is Result.FAIL


@pytest.mark.rfc("6376 §6.1", "MAY")
def test_of_many_signatures_some_are_verified_and_the_others_are_named() -> None:
    octets = b"".join(FOREIGN % place for place in range(MAX_READ - 1)) + crafted(MESSAGE, rsa_key())
    header, body_start = Header.parse(octets)
    answers = Answers(ZONE)
    outcomes = answers.to(dkim.verify(header, [octets[body_start:]], received_s=NOW_S))
    assert len(answers.asked) == MAX_VERIFIED
    assert [each.domain for each in outcomes[:2]] == ["a0.example", "a1.example"]
    assert [each.result for each in outcomes].count(Result.NEUTRAL) == MAX_READ - MAX_VERIFIED
    # The author's own is not crowded out
    assert outcomes[-1].result is Result.PASS
    assert outcomes[-2].reason == f"not verified: message has more than {MAX_VERIFIED} signatures"


def test_no_more_than_some_are_read() -> None:
    octets = FOREIGN % 1 * 4000 + MESSAGE
    assert len(verified(octets, {})) == MAX_READ


@pytest.mark.parametrize("line", [FOREIGN % 1, b"DKIM-Signature: " + b"a=1;" * 4000 + b"\r\n", b"To: x\r\n"])
def test_many_signatures_cost_next_to_nothing(line: bytes) -> None:
    body = MESSAGE.partition(b"\r\n\r\n")[2]

    def verify(octets: bytes) -> None:
        header, _ = Header.parse(octets)
        Answers({}).to(dkim.verify(header, [body], received_s=NOW_S))

    assert_linear(verify, lambda size: line * (size // len(line)) + signed(MESSAGE, ed25519_key()), 2**20)


def test_a_header_with_too_many_fields_is_not_believed() -> None:
    octets = signed(MESSAGE, ed25519_key())
    header, _, body = octets.partition(b"\r\n\r\n")
    cut = header + b"\r\n" + b"X: y\r\n" * MAX_FIELDS + b"From: x@evil.example\r\n\r\n" + body
    (outcome,) = verified(cut, ZONE)
    assert (outcome.result, outcome.reason) == (
        Result.PERMERROR,
        "header has too many fields to be verified",
    )


SIGNED = signed(crafted(MESSAGE, rsa_key(), {"l": "10", "i": "@example.org"}), ed25519_key())
PIECES = [
    b";",
    b"=",
    b":",
    b"\r\n",
    b" ",
    b"b=",
    b"v=1",
    b"\xff",
    b"\0",
    b"From: x\r\n",
    b"i=",
    b"h=",
    b"x" * 300,
]


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_whatever_happens_to_a_signed_message_nothing_is_raised(data: st.DataObject) -> None:
    octets = SIGNED
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(octets)))
        end = data.draw(st.integers(start, min(len(octets), start + 40)))
        octets = octets[:start] + data.draw(st.sampled_from(PIECES) | st.binary(max_size=4)) + octets[end:]
    for outcome in verified(octets, ZONE):
        assert outcome.reason.isascii()
        assert outcome.domain.isascii()
        if outcome.result is Result.PASS:
            assert outcome.covers_body
            assert outcome.covers_from
    dkim.method_results(verified(octets, ZONE))


@given(st.lists(st.binary(max_size=120) | st.sampled_from([b"v=DKIM1; p=", b"v=DKIM1; k=ed25519; p=AAAA"])))
def test_whatever_the_dns_says_nothing_is_raised(records: list[bytes]) -> None:
    for octets in (crafted(MESSAGE, rsa_key()), crafted(MESSAGE, ed25519_key())):
        for selector in ("rsa", "ed"):
            (outcome,) = verified(octets, {(f"{selector}._domainkey.example.org", Kind.TXT): records})
            assert outcome.result is not Result.PASS
            assert outcome.reason.isascii()


@given(st.binary(max_size=300))
def test_any_octets_as_a_key_are_a_key_or_none(der: bytes) -> None:
    record = b"p=" + b64encode(der)
    (outcome,) = verified(crafted(MESSAGE, rsa_key()), {("rsa._domainkey.example.org", Kind.TXT): (record,)})
    assert outcome.result is not Result.PASS
