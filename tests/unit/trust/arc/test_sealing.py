"""Sets of our own (RFC 8617 §5.1)."""

import hashlib

import pytest

from pillarbox.mail.header import Header
from pillarbox.trust import arc
from pillarbox.trust.results import Result
from pillarbox.trust.signatures import arithmetic, tag_list
from pillarbox.trust.signatures.body_hash import body_digest
from pillarbox.trust.signatures.signed_header import relaxed, without_signature
from pillarbox.trust.signatures.signed_names import Unsignable
from tests.kit.signed_mail import MESSAGE, NOW_S, ed25519_key, rsa_key, signed
from tests.unit.trust.arc.test_chain import fields, outcome, sealed


def test_a_set_is_on_top_and_nothing_else_is_touched() -> None:
    octets = sealed(MESSAGE)
    assert octets.endswith(MESSAGE)
    own = octets.removesuffix(MESSAGE)
    assert [line.partition(b":")[0] for line in own.split(b"\r\n") if line[:1].isalpha()] == [
        b"ARC-Seal",
        b"ARC-Message-Signature",
        b"ARC-Authentication-Results",
    ]
    assert max(map(len, own.split(b"\r\n"))) <= 76


@pytest.mark.rfc("8617 §5.1.1", "MUST")
@pytest.mark.parametrize("key", [rsa_key(), ed25519_key()])
def test_a_message_that_comes_through_here_three_times(key: object) -> None:
    octets = sealed(MESSAGE, 3, key=key)  # type: ignore[arg-type]
    assert outcome(octets).result is Result.PASS
    assert [b"cv=none" in seal for seal in fields(octets, "ARC-Seal")] == [False, False, True]


@pytest.mark.rfc("8617 §4.1.2", "MUST")
def test_what_the_message_signature_covers() -> None:
    octets = sealed(b"Authentication-Results: x\r\n" + signed(MESSAGE, ed25519_key()), 2)
    tags = tag_list.parse(fields(octets, "ARC-Message-Signature")[0].partition(b":")[2])
    names = tag_list.items(tags["h"])
    assert {"dkim-signature", "from", "subject", "to"} <= set(names)
    assert not {name for name in names if name.startswith(("arc-", "authentication-results"))}
    assert outcome(octets).result is Result.PASS
    changed = octets.replace(b"DKIM-Signature: v=1;", b"DKIM-Signature: v=2;")
    assert outcome(changed).result is Result.FAIL


def test_of_thousands_of_signatures_some_are_covered() -> None:
    octets = sealed(b"DKIM-Signature: x\r\n" * 2000 + MESSAGE)
    tags = tag_list.parse(fields(octets, "ARC-Message-Signature")[0].partition(b":")[2])
    assert tag_list.items(tags["h"]).count("dkim-signature") == 20
    assert outcome(octets).result is Result.PASS


@pytest.mark.rfc("8617 §5.1", "MUST")
def test_a_message_that_we_change_ourselves_keeps_its_chain() -> None:
    """The verdict is of when it came, not of when it leaves."""
    octets = sealed(MESSAGE, 2).replace(b"Subject: A", b"Subject: [group] A")
    assert outcome(octets).result is Result.FAIL
    assert outcome(sealed(octets, verdict=Result.PASS)).result is Result.PASS


@pytest.mark.rfc("8617 §5.1.2", "MUST")
@pytest.mark.rfc("8617 §5.1.3", "MUST")
def test_a_broken_chain_is_sealed_once_and_only_the_own_set_is_covered() -> None:
    broken = sealed(MESSAGE, 3).replace(b"i=2; mx.example", b"i=2; mx.other")
    assert outcome(broken).reason == "seal 2: signature did not verify"
    octets = sealed(broken, verdict=Result.FAIL)
    assert outcome(octets).reason == "newest seal says cv=fail"
    seal = fields(octets, "ARC-Seal")[0]
    tags = tag_list.parse(seal.partition(b":")[2])
    assert (tags["i"], tags["cv"]) == ("4", "fail")
    own = fields(octets, "ARC-Authentication-Results")[0], fields(octets, "ARC-Message-Signature")[0]
    data = relaxed(own[0]) + relaxed(own[1]) + relaxed(without_signature(seal)).removesuffix(b"\r\n")
    public = ed25519_key().key.public_key()
    assert arithmetic.is_valid(public, tag_list.octets_of(tags, "b"), hashlib.sha256(data).digest())
    assert sealed(octets, verdict=Result.FAIL) == octets
    assert sealed(octets, verdict=Result.PASS) == octets


@pytest.mark.parametrize(
    ("octets", "instance"),
    [
        (b"ARC-Seal: nonsense\r\n" + MESSAGE, "1"),
        (b"ARC-Seal: i=7; cv=pass\r\nARC-Seal: i=0\r\n" + MESSAGE, "8"),
        (b"ARC-Authentication-Results: i=3; x\r\n" + MESSAGE, "4"),
    ],
)
def test_what_is_no_chain_is_a_broken_one(octets: bytes, instance: str) -> None:
    assert outcome(octets).result is Result.FAIL
    for verdict in (Result.FAIL, Result.PASS, Result.NONE):
        seal = fields(sealed(octets, verdict=verdict), "ARC-Seal")[0]
        tags = tag_list.parse(seal.partition(b":")[2])
        assert (tags["i"], tags["cv"]) == (instance, "fail")


def test_nobody_seals_after_fifty() -> None:
    octets = b"ARC-Seal: i=50; cv=pass\r\n" + MESSAGE
    assert sealed(octets, verdict=Result.FAIL) == octets


def test_results_are_folded_and_cannot_end_the_field() -> None:
    octets = sealed(MESSAGE, results="mx.example;\r\nX-Evil: 1\r\n\r\n dkim=pass\theader.d=" + "x" * 70)
    (field,) = fields(octets, "ARC-Authentication-Results")
    assert b"\r\nX-Evil" not in octets
    assert relaxed(field).endswith(b"mx.example; X-Evil: 1 dkim=pass header.d=" + b"x" * 70 + b"\r\n")
    assert outcome(octets).result is Result.PASS
    assert outcome(sealed(MESSAGE, results="mx.example; x=\ud800 ü")).result is Result.PASS


def test_a_message_that_cannot_be_sealed() -> None:
    with pytest.raises(Unsignable):
        arc.seal(
            Header.parse(b"To: x\r\n\r\n")[0],
            body_digest(b""),
            ed25519_key(),
            verdict=Result.NONE,
            results="x",
            sealed_s=NOW_S,
        )
