"""Keys in the DNS (RFC 6376 §3.6)."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pillarbox.dns import Kind
from pillarbox.trust.results import Result
from pillarbox.trust.signatures import arithmetic, key_record
from pillarbox.trust.signatures.key_record import KeyRecord
from pillarbox.trust.signatures.rejected import Rejected, Rejection
from pillarbox.trust.signatures.tag_list import Malformed
from tests.kit.signed_mail import MESSAGE, crafted, ed25519_key, rsa_key, verified, zone

((NAME, (GOOD,)),) = zone(ed25519_key()).items()
VALUE = GOOD.partition(b"p=")[2]


def parsed(record: bytes) -> KeyRecord:
    return key_record.parse(record)


def result(*records: bytes) -> tuple[Result, str]:
    (outcome,) = verified(crafted(MESSAGE, ed25519_key()), {NAME: records})
    return outcome.result, outcome.reason


def test_a_record() -> None:
    found = parsed(GOOD)
    assert (found.kind, found.bits, found.hashes) == ("ed25519", 256, ())
    assert (found.for_mail, found.test_mode, found.strict) == (True, False, False)
    assert not found.for_tls_reports


@pytest.mark.rfc("6376 §3.6.2.2", "MUST")
@pytest.mark.parametrize("cut", [1, 254, 255])
def test_strings_are_joined_and_white_space_in_the_key_does_not_count(cut: int) -> None:
    ((name, (record,)),) = zone(rsa_key()).items()
    spaced = record[: 20 + cut] + b" " + record[20 + cut :] + b"\t "
    (outcome,) = verified(crafted(MESSAGE, rsa_key()), {name: (spaced,)})
    assert outcome.result is Result.PASS


@pytest.mark.rfc("6376 §3.6.1", "MUST")
@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (b"k=ed25519; p=" + VALUE, (Result.PASS, "")),
        (b" v = DKIM1 ; k = Ed25519 ;p=" + VALUE + b";", (Result.PASS, "")),
        (GOOD + b"; h=sha1 : sha256", (Result.PASS, "")),
        (GOOD + b"; h=sha1", (Result.PERMERROR, "key is not for sha256")),
        (GOOD + b"; s=email", (Result.PASS, "")),
        (GOOD + b"; s=other : *", (Result.PASS, "")),
        (GOOD + b"; s=tlsrpt", (Result.PERMERROR, "key is not for mail")),
        (GOOD + b"; g=; n=a note; x=?", (Result.PASS, "")),
        (GOOD + b"; g=nobody", (Result.PASS, "")),
        (GOOD + b"; t=s : y", (Result.PASS, "key in test mode")),
        (b"v=DKIM1; k=ed25519; p=", (Result.PERMERROR, "key is revoked")),
        (b"v=DKIM1; k=other; p=AAAA", (Result.PERMERROR, "key is of the unknown type 'other'")),
        (b"v=DKIM1; k=ed25519; p=AAAA", (Result.PERMERROR, "key is no Ed25519 key")),
        (b"v=DKIM1; p=AAAA", (Result.PERMERROR, "key is no RSA key")),
        (b"v=DKIM1; k=ed25519; p=!", (Result.PERMERROR, "no key record: p= is not base64")),
        (b"v=DKIM1; k=ed25519", (Result.PERMERROR, "no key record: no p= in it")),
        (
            b"v=DKIM2; k=ed25519; p=" + VALUE,
            (Result.PERMERROR, "no key record: version 'DKIM2', or not the first tag"),
        ),
        (
            b"k=ed25519; v=DKIM1; p=" + VALUE,
            (Result.PERMERROR, "no key record: version 'DKIM1', or not the first tag"),
        ),
        (GOOD + b"; p=" + VALUE, (Result.PERMERROR, "no key record: tag 'p' occurs twice")),
        (GOOD + b"; n=" + b"x" * 4096, (Result.PERMERROR, "no key record: record longer than 4096 octets")),
    ],
)
def test_what_a_record_says(record: bytes, expected: tuple[Result, str]) -> None:
    assert result(record) == expected


def test_a_key_of_another_type() -> None:
    ((_, (record,)),) = zone(rsa_key()).items()
    assert result(record) == (Result.PERMERROR, "key is of type rsa, not for ed25519-sha256")
    ((name, _),) = zone(rsa_key()).items()
    (outcome,) = verified(crafted(MESSAGE, rsa_key()), {name: (GOOD,)})
    assert outcome.reason == "key is of type ed25519, not for rsa-sha256"


@pytest.mark.rfc("6376 §3.6.2.2", "MUST")
@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ((b"v=spf1 -all",), Result.PASS),
        ((b"anything", b"v=DKIM2; p=AAAA", GOOD + b"; p=x"), Result.PASS),
        ((b"v=DKIM1; k=rsa; p=",), Result.PERMERROR),
        ((GOOD + b"; t=s",), Result.PERMERROR),
        (tuple(b"%d" % place for place in range(20)), Result.PERMERROR),
    ],
)
def test_of_several_records_their_order_does_not_matter(others: tuple[bytes, ...], expected: Result) -> None:
    assert result(GOOD, *others)[0] is expected
    assert result(*others, GOOD)[0] is expected


@pytest.mark.rfc("6376 §3.6.1", "MUST")
def test_an_rsa_key_may_be_bare() -> None:
    """§3.6.1 says RSAPublicKey, everybody publishes SubjectPublicKeyInfo, and both are read."""
    public = rsa_key().key.public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    assert arithmetic.rsa_key(der) == public


def test_a_rejected_key_is_a_value_that_is_remembered() -> None:
    found = parsed(b"v=DKIM1; k=ed25519; p=")
    assert found.key == Rejection(Result.PERMERROR, "key is revoked")
    assert parsed(b"v=DKIM1; k=ed25519; p=") is found
    assert found.bits == 0


def test_none_of_no_records() -> None:
    with pytest.raises(Rejected):
        key_record.chosen([])
    with pytest.raises(Malformed):
        parsed(b"")


def test_a_name_with_other_records_only() -> None:
    assert result()[1] == "no key in the DNS"
    (outcome,) = verified(crafted(MESSAGE, ed25519_key()), {(NAME[0], Kind.A): ("192.0.2.1",)})
    assert outcome.reason == "no key in the DNS"
