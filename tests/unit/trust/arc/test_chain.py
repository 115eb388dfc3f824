"""Which chains hold, what they cost, and what is told of them (RFC 8617 §5.2, §6)."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.dns import Failure
from pillarbox.mail.header import MAX_FIELDS, Header
from pillarbox.trust import arc
from pillarbox.trust.arc import sealing
from pillarbox.trust.arc.chain import MAX_SETS
from pillarbox.trust.arc.verification import MAX_OLDER
from pillarbox.trust.dkim import SigningKey
from pillarbox.trust.results import MethodResult, Property, Result
from pillarbox.trust.signatures.body_hash import body_digest
from tests.kit.asking import Answers, Zone
from tests.kit.linear import assert_linear
from tests.kit.signed_mail import MESSAGE, NOW_S, ed25519_key, rsa_key, zone

ZONE = zone(rsa_key(), ed25519_key())


def sealed(
    octets: bytes,
    times: int = 1,
    *,
    key: SigningKey | None = None,
    verdict: Result | None = None,
    results: str = "mx.example; spf=pass",
) -> bytes:
    """The message with more sets, each sealed with what was found before it."""
    for _ in range(times):
        header, body_start = Header.parse(octets)
        before = verdict or (Result.PASS if b"ARC-Seal" in header.octets else Result.NONE)
        octets = (
            arc.seal(
                header,
                body_digest(octets[body_start:]),
                key or ed25519_key(),
                verdict=before,
                results=results,
                sealed_s=NOW_S,
            )
            + octets
        )
    return octets


def outcome(octets: bytes, records: Zone | None = None) -> arc.ChainOutcome:
    header, body_start = Header.parse(octets)
    return Answers(ZONE if records is None else records).to(arc.verify(header, [octets[body_start:]]))


@pytest.mark.rfc("8617 §5.2", "MUST")
def test_a_message_without_sets() -> None:
    assert outcome(MESSAGE) == arc.ChainOutcome(Result.NONE)
    assert outcome(MESSAGE).method_result() == MethodResult("arc", Result.NONE)


@pytest.mark.rfc("8617 §6", "SHOULD")
def test_what_is_told_of_a_chain_that_holds() -> None:
    octets = sealed(sealed(MESSAGE, key=rsa_key()), 2)
    header, body_start = Header.parse(octets)
    verification = arc.Verification(header)
    verification.update(octets[body_start:])
    Answers(ZONE).to(verification.look_up_keys())
    found = verification.conclude(remote_ip="192.0.2.1")
    assert (found.result, found.sealers, found.oldest_pass, found.covers_from) == (
        Result.PASS,
        ("example.org",) * 3,
        0,
        True,
    )
    assert [
        b"i=%d; mx.example; spf=pass" % place in field for place, field in enumerate(found.results, 1)
    ] == [True] * 3
    assert found.method_result() == MethodResult(
        "arc",
        Result.PASS,
        "example.org",
        "",
        (Property("smtp", "remote-ip", "192.0.2.1"), Property("header", "oldest-pass", "0")),
    )


@pytest.mark.replaces_functions
@pytest.mark.parametrize("names", [(b"from", b"subject", b"date"), (b"from", b"to")])
def test_a_second_subject_that_no_signature_covers_is_told(
    names: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "names_to_sign", lambda header: names)  # ours names it once more
    octets = sealed(MESSAGE)
    assert outcome(octets).covers_from
    assert outcome(b"X: y\r\n" + octets).covers_from
    found = outcome(b"Subject: another\r\n" + octets)
    assert (found.result, found.covers_from) == (Result.PASS, b"subject" not in names)
    assert not outcome(b"From: a@evil.example\r\n" + octets).covers_from


@pytest.mark.rfc("8617 §5.2", "MUST")
def test_how_far_back_the_message_is_unchanged() -> None:
    changed = sealed(MESSAGE, 2).replace(b"Hello", b"Hallo")
    assert outcome(changed).reason == (
        "message signature 2: body has been changed (body hash did not verify)"
    )
    octets = sealed(changed, 2)
    assert (outcome(octets).result, outcome(octets).oldest_pass) == (Result.PASS, 3)
    assert outcome(sealed(MESSAGE, MAX_OLDER + 3)).oldest_pass == 3


@pytest.mark.rfc("8617 §5.2.1", "MUST")
def test_every_failure_is_final() -> None:
    found = outcome(sealed(MESSAGE), dict.fromkeys(ZONE, Failure("timeout")))
    assert found.result is Result.FAIL
    assert found.reason == "message signature 1: key cannot be looked up: 'timeout'"


@pytest.mark.rfc("8617 §4.2.1", "MUST")
def test_fifty_sets_and_no_more() -> None:
    octets = sealed(MESSAGE, MAX_SETS + 1)
    assert octets.count(b"ARC-Seal:") == MAX_SETS
    assert outcome(octets).result is Result.PASS
    more = octets[: octets.index(b"\r\nARC-Seal: i=49;") + 2].replace(b"i=50;", b"i=51;") + octets
    assert outcome(more).reason == "more than 50 sets"


def fields(octets: bytes, name: str) -> list[bytes]:
    return re.findall(rb"%b:.*?\r\n(?![ \t])" % name.encode(), octets, re.DOTALL)


@pytest.mark.rfc("8617 §5.2", "MUST")
@pytest.mark.parametrize("name", ["ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results"])
@pytest.mark.parametrize("place", [0, 1])
def test_a_field_is_missing_or_there_twice_or_changed(name: str, place: int) -> None:
    octets = sealed(MESSAGE, 2)
    field = fields(octets, name)[place]
    assert outcome(octets).result is Result.PASS
    assert outcome(octets.replace(field, b"")).reason == "sets are not complete"
    assert "occurs twice" in outcome(field + octets).reason
    assert outcome(octets.replace(field, field.replace(b"example", b"exemple"))).result is Result.FAIL
    assert outcome(octets.replace(field, field.replace(b"i=", b"i=7"))).result is Result.FAIL
    # Where fields stand does not matter
    assert outcome(field + octets.replace(field, b"")).result is Result.PASS


@pytest.mark.rfc("8617 §4.1.3", "MUST")
def test_a_seal_has_no_h() -> None:
    octets = sealed(MESSAGE)
    assert outcome(octets.replace(b"cv=none", b"h=from; cv=none")).reason == "syntax error: ARC-Seal with h="


def test_a_message_signature_that_leaves_a_part_of_the_body_out() -> None:
    octets = sealed(MESSAGE)
    assert outcome(octets.replace(b"c=relaxed/relaxed", b"c=relaxed/relaxed; l=1")).result is Result.FAIL


@pytest.mark.parametrize(
    "results",
    [
        "spf=pass smtp.mailfrom=x.example;; dkim=none;",
        "mx.microsoft.com 1; spf=pass;",
        "x; dkim-atps=neutral",
        "x; dkim=dkim_pass",
        "x; dmarc=success(p=REJECT)",
        '"a(b"; spf=pass (((',
        "",
    ],
)
def test_results_of_others_are_read_by_nobody_here(results: str) -> None:
    assert outcome(sealed(MESSAGE, results=results)).result is Result.PASS


def test_a_header_with_too_many_fields_is_not_believed() -> None:
    header, _, body = sealed(MESSAGE).partition(b"\r\n\r\n")
    octets = header + b"\r\n" + b"X: y\r\n" * MAX_FIELDS + b"\r\n" + body
    assert outcome(octets).reason == "header has too many fields to be verified"


@pytest.mark.parametrize(
    "line", [b"ARC-Seal: i=1; cv=none\r\n", b"ARC-Authentication-Results: i=1;\r\n", b"X: y\r\n"]
)
def test_many_fields_take_time_in_proportion(line: bytes) -> None:
    assert_linear(outcome, lambda size: line * (size // len(line)) + sealed(MESSAGE), 2**20)


def test_large_sets_take_time_in_proportion() -> None:
    """Each seal covers all sets before."""
    assert_linear(outcome, lambda size: sealed(MESSAGE, 20, results="x " * (size // 40)), 2**19)


SEALED = sealed(MESSAGE, 2)
PIECES = [
    b";",
    b"=",
    b"\r\n",
    b" ",
    b"i=",
    b"cv=fail",
    b"i=50;",
    b"\xff",
    b"\0",
    b"h=",
    b"ARC-Seal: ",
    b"l=1;",
]


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_whatever_happens_to_a_sealed_message_nothing_is_raised(data: st.DataObject) -> None:
    octets = SEALED
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(octets)))
        end = data.draw(st.integers(start, min(len(octets), start + 40)))
        octets = octets[:start] + data.draw(st.sampled_from(PIECES) | st.binary(max_size=4)) + octets[end:]
    found = outcome(octets)
    assert found.reason.isascii()
    try:
        again = sealed(octets, verdict=found.result)
    except ValueError:  # no From any more
        return
    expected = Result.PASS if found.result is not Result.FAIL else Result.FAIL
    assert outcome(again).result in (expected, Result.FAIL)
