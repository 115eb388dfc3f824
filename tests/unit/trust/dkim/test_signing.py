"""Our own signatures (RFC 6376 §5, RFC 8463 §6)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.mail.header import Header
from pillarbox.trust import dkim
from pillarbox.trust.results import Result
from pillarbox.trust.signatures.body_hash import body_digest
from pillarbox.trust.signatures.signed_names import MAX_MENTIONS, PROTECTED, Unsignable
from tests.kit.signed_mail import MESSAGE, NOW_S, ed25519_key, rsa_key, signed, verified, zone

KEYS = (rsa_key(), ed25519_key())
ZONE = zone(*KEYS)


def results(octets: bytes) -> set[Result]:
    found = verified(octets, ZONE)
    assert len(found) == 2
    return {outcome.result for outcome in found}


def mentions(octets: bytes) -> list[str]:
    return list(verified(octets, ZONE)[0].signed_names)


def test_what_we_sign_verifies_with_both_algorithms() -> None:
    rsa, ed25519 = verified(signed(MESSAGE, *KEYS), ZONE)
    assert (rsa.result, rsa.algorithm, rsa.selector) == (Result.PASS, "rsa-sha256", "rsa")
    assert (ed25519.result, ed25519.algorithm, ed25519.selector) == (Result.PASS, "ed25519-sha256", "ed")
    assert rsa.covers_body
    assert rsa.signed_names == ed25519.signed_names


@pytest.mark.rfc("6376 §5.4", "MAY")
def test_each_protected_name_is_mentioned_once_more_than_it_occurs() -> None:
    names = mentions(signed(b"Received: x\r\nReturn-Path: <>\r\nDKIM-Signature: x\r\n" + MESSAGE, *KEYS))
    assert names.count("from") == 2
    assert names.count("cc") == 1
    assert names.count("content-type") == 2
    assert names.count("message-id") == 1
    assert not {"received", "return-path", "dkim-signature", "authentication-results", "sender"} & set(names)
    assert {name.decode() for name in PROTECTED} <= set(names)


@pytest.mark.rfc("8058 §4", "MUST")
def test_fields_of_mailing_lists_are_signed_where_there_are_any() -> None:
    fields = (
        b"List-Unsubscribe: <https://example.org/>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    )
    octets = signed(fields + MESSAGE, *KEYS)
    assert {"list-unsubscribe", "list-unsubscribe-post"} <= set(mentions(octets))
    assert results(octets.replace(b"=One-Click", b"=Other")) == {Result.FAIL}
    assert results(b"List-Unsubscribe: <https://evil.example/>\r\n" + octets) == {Result.FAIL}
    assert "list-unsubscribe" not in mentions(signed(MESSAGE, *KEYS))


@pytest.mark.parametrize("name", [name.decode() for name in PROTECTED])
@pytest.mark.parametrize("above", [True, False])
def test_a_protected_field_that_is_added_breaks_the_signature(name: str, above: bool) -> None:
    octets, field = signed(MESSAGE, *KEYS), f"{name}: x@example.org\r\n".encode()
    added = field + octets if above else octets.replace(b"\r\nFrom:", b"\r\n" + field + b"From:")
    assert results(octets) == {Result.PASS}
    assert results(added) == {Result.FAIL}


@pytest.mark.parametrize(
    "name", ["Received", "Return-Path", "Authentication-Results", "X-Spam", "Sender", "List-Id"]
)
def test_what_relays_add_does_not(name: str) -> None:
    assert results(f"{name}: x\r\n".encode() + signed(MESSAGE, *KEYS)) == {Result.PASS}


@pytest.mark.rfc("6376 §8.2", "SHOULD")
def test_what_is_changed_or_appended_breaks_the_signature() -> None:
    octets = signed(MESSAGE, *KEYS)
    assert results(octets.replace(b"text/plain", b"text/html")) == {Result.FAIL}
    assert results(octets + b"more\r\n") == {Result.FAIL}
    assert results(octets.replace(b"Subject: A", b"Subject: [list] A")) == {Result.FAIL}
    assert b" l=" not in octets.partition(b"From:")[0]


def test_the_fields_are_folded() -> None:
    fields = signed(b"References: <x@y>\r\n" * 3 + MESSAGE, *KEYS).partition(b"References")[0]
    lines = fields.split(b"\r\n")
    assert max(map(len, lines)) <= 76
    assert all(line.startswith((b"DKIM-Signature: v=1; ", b" ")) for line in lines[:-1])
    assert lines[-1] == b""
    assert not any(line.endswith(b" ") for line in lines)


def test_a_long_domain_has_a_line_for_itself() -> None:
    long = dkim.SigningKey(".".join(["a" * 60] * 3) + ".example", "s", ed25519_key().key)
    octets = signed(MESSAGE, long)
    (outcome,) = verified(octets, {next(iter(zone(long))): ZONE[next(iter(zone(ed25519_key())))]})
    assert (outcome.result, outcome.domain) == (Result.PASS, long.domain)


def test_times_are_written() -> None:
    header, body_start = Header.parse(MESSAGE)
    fields = dkim.sign(
        header, body_digest(MESSAGE[body_start:]), KEYS, signed_s=NOW_S, expires_s=NOW_S + 604_800
    )
    assert {each.result for each in verified(fields + MESSAGE, ZONE)} == {Result.PASS}
    late = verified(fields + MESSAGE, ZONE, received_s=NOW_S + 605_800)
    assert {each.result for each in late} == {Result.FAIL}


@pytest.mark.rfc("6376 §5.4", "MUST")
@pytest.mark.parametrize(
    "octets",
    [
        b"To: x\r\n\r\n",
        b"",
        b"no header",
        b"To: x\r\n" * MAX_MENTIONS + b"From: x\r\n\r\n",
        b"X: y\r\n" * 5000 + b"From: x\r\n\r\n",
    ],
)
def test_what_cannot_be_signed(octets: bytes) -> None:
    with pytest.raises(Unsignable):
        signed(octets, *KEYS)


words = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=20)


@given(
    subject=words,
    cc=st.lists(words, max_size=3),
    body=st.lists(st.sampled_from(["\r\n", " ", "\t", "x", "ü", "."]) | words, max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_signed_verifies(subject: str, cc: list[str], body: list[str]) -> None:
    fields = "".join(f"Cc: {value}\r\n" for value in cc)
    text = f"From: a@example.org\r\nSubject: {subject}\r\n{fields}\r\n" + "".join(body)
    octets = signed(text.encode(), ed25519_key())
    assert verified(octets, ZONE)[0].result is Result.PASS
    assert verified(octets.replace(b"a@example", b"b@example"), ZONE)[0].result is Result.FAIL
