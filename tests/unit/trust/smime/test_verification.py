"""Signatures of messages by S/MIME (RFC 8551, RFC 8550, RFC 9219 §4.1)."""

import random
from collections.abc import Sequence

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID

from pillarbox.trust.smime import signatures
from pillarbox.trust.smime.ber import MAX_DEPTH, sequence_of
from pillarbox.trust.smime.certificates import Roots
from pillarbox.trust.smime.kinds import FAILED, UNKNOWN, VERIFIED
from pillarbox.trust.smime.signed_data import MAX_CERTIFICATES, MAX_SIGNERS
from pillarbox.trust.smime.verification import MAX_OPAQUE_OCTETS, MAX_SIGNATURE_OCTETS, Verdict, verify
from tests.kit.signed_by_smime import (
    ADDRESS,
    BODY,
    DAY_MS,
    NOW_MS,
    Identity,
    authority,
    beside,
    opaque,
    person,
    rsa_key,
    signed,
)

ROOT = authority()
ANN = person(ROOT)
ROOTS = Roots([ROOT.der])


def verdict(message: bytes, roots: Roots = ROOTS, at_ms: int = NOW_MS) -> Verdict | None:
    found = verify(message, roots, at_ms)
    return found[0] if found else None


def status(message: bytes, roots: Roots = ROOTS, at_ms: int = NOW_MS) -> str | None:
    found = verdict(message, roots, at_ms)
    return found.status if found else None


def errors(message: bytes, roots: Roots = ROOTS) -> tuple[str, ...]:
    found = verdict(message, roots)
    assert found is not None
    assert found.status == FAILED
    return found.errors


# --- what holds


@pytest.mark.rfc("9219 §4.1", "MUST")
def test_a_signature_beside_what_it_signs() -> None:
    assert verdict(signed(ANN)) == Verdict(VERIFIED)
    assert verify(signed(ANN), ROOTS, NOW_MS, NOW_MS) == (Verdict(VERIFIED), Verdict(VERIFIED))


@pytest.mark.parametrize("digest", [hashes.SHA256, hashes.SHA384, hashes.SHA512])
@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1, None])
def test_its_algorithms(digest: type[hashes.HashAlgorithm], curve: type[ec.EllipticCurve] | None) -> None:
    key = ec.generate_private_key(curve()) if curve else rsa_key()
    assert status(signed(person(ROOT, key=key), digest=digest())) == VERIFIED


def test_line_ends_and_transport_change_nothing() -> None:
    message = signed(ANN)
    assert status(message.replace(b"\r\n", b"\n")) == VERIFIED
    long = b"Content-Type: text/plain\r\n\r\n" + b"Line.\r\n" * 50_000
    assert status(signed(ANN, body=long).replace(b"\r\n", b"\n")) == VERIFIED


@pytest.mark.rfc("8551 §3.5.2", "MUST")
@pytest.mark.parametrize("parameters", [b"", b"; smime-type=signed-data", b"; smime-type=SIGNED-DATA"])
def test_what_is_signed_is_in_the_signature(parameters: bytes) -> None:
    assert status(opaque(_opaque(ANN), parameters=parameters)) == VERIFIED


def _opaque(*signers: Identity) -> bytes:
    builder = pkcs7.PKCS7SignatureBuilder().set_data(BODY)
    for signer in signers:
        builder = builder.add_signer(signer.certificate, signer.key, hashes.SHA256())
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def test_without_attributes_the_content_itself_is_signed() -> None:
    options = (pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.NoAttributes)
    message = signed(ANN, options=options)
    assert status(message) == status(message.replace(b"\r\n", b"\n")) == VERIFIED
    assert "does not hold" in errors(message.replace(b"Hello", b"Hallo"))[0]


def test_authorities_between() -> None:
    middle = authority("Middle", ROOT)
    ann = person(middle)
    assert status(signed(ann, others=[middle])) == VERIFIED
    assert "authority" in errors(signed(ann))[0]


def test_several_signers_of_whom_one_is_good() -> None:
    stranger = person(authority("Other"), ["bob@two.example"])
    assert status(signed(stranger, ANN)) == status(signed(ANN, stranger)) == VERIFIED
    assert len(errors(signed(stranger, person(ROOT, ["carl@one.example"])))) == 2


# --- whose it is


@pytest.mark.rfc("8550 §3", "MUST")
@pytest.mark.parametrize(
    ("field", "good"),
    [
        (b"From: Ann <ann@one.example>", True),
        (b"From: ann@ONE.example", True),
        (b"From: ANN@one.example", False),
        (b"From: bob@one.example", False),
        (b"From: ann@one.example, bob@one.example", False),
        (b"From: ann@one.example\r\nFrom: bob@one.example", False),
        (b"From: nobody", False),
        (b"Sender: ann@one.example", False),
    ],
)
def test_from_is_the_address_of_the_certificate(field: bytes, good: bool) -> None:
    message = signed(ANN, header=field + b"\r\n")
    if good:
        assert status(message) == VERIFIED
    else:
        assert errors(message) == ("The address in From is none of the certificate",)


def test_several_addresses_and_those_of_old_certificates() -> None:
    assert status(signed(person(ROOT, ["x@y.example", ADDRESS]))) == VERIFIED
    assert status(signed(person(ROOT, (), old_address=ADDRESS))) == VERIFIED
    assert status(signed(person(ROOT, ["x@y.example"], old_address=ADDRESS))) == FAILED
    assert status(signed(person(ROOT, ()))) == FAILED


# --- what fails


@pytest.mark.rfc("9219 §4.1", "MUST")
def test_what_was_changed() -> None:
    assert errors(signed(ANN).replace(b"Hello", b"Hallo")) == ("The message was changed after it was signed",)


def test_the_time_decides() -> None:
    ann = person(ROOT, days=(-10, 10))
    times = (NOW_MS, NOW_MS + 20 * DAY_MS, NOW_MS - 20 * DAY_MS)
    found = verify(signed(ann), ROOTS, *times)
    assert found is not None
    assert [one.status for one in found] == [VERIFIED, FAILED, FAILED]
    assert [one.errors for one in found] == [
        (), ("The certificate has expired",), ("The certificate is not valid yet",),
    ]  # fmt: skip


def test_several_things_are_wrong() -> None:
    bob = person(authority("Other"), ["bob@two.example"])
    assert errors(signed(bob)) == (
        "The address in From is none of the certificate",
        "The certificate was not issued by an authority that is trusted",
    )


def test_nobody_is_trusted() -> None:
    assert "authority" in errors(signed(ANN), Roots([]))[0]
    assert Roots([b"nothing", ROOT.der]).count == 1


@pytest.mark.parametrize(
    "ann",
    [
        person(ROOT, purposes=[ExtendedKeyUsageOID.SERVER_AUTH]),
        person(ROOT, more=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)]),
        person(ANN),
        person(ROOT, key=rsa_key(1024)),
    ],
    ids=["for servers", "not understood", "issued by a person", "weak key"],
)
def test_certificates_that_are_not_good(ann: Identity) -> None:
    assert status(signed(ann, others=[ANN])) == FAILED


@pytest.mark.parametrize("purposes", [(), (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)])
def test_certificates_for_any_purpose(purposes: Sequence[x509.ObjectIdentifier]) -> None:
    assert status(signed(person(ROOT, purposes=purposes))) == VERIFIED


def test_large_keys_are_not_looked_at() -> None:
    class Large:
        key_size = signatures.MAX_RSA_BITS + 1

    assert not signatures.is_usable(Large())  # type: ignore[arg-type]


def test_the_key_of_another_one() -> None:
    stranger = Identity(ANN.certificate, ec.generate_private_key(ec.SECP256R1()))
    assert errors(signed(stranger)) == ("The signature does not hold",)


# --- what is no signature of S/MIME


def test_other_messages() -> None:
    assert verify(b"From: ann@one.example\r\n\r\nHello.\r\n", ROOTS, NOW_MS) is None
    assert verify(b"", ROOTS, NOW_MS) is None
    inner = signed(ANN)
    assert verify(b"Content-Type: message/rfc822\r\n\r\n" + inner, ROOTS, NOW_MS) is None


@pytest.mark.parametrize(
    "message",
    [
        beside(b"", media_type=b"application/pgp-signature"),
        opaque(b"", parameters=b"; smime-type=enveloped-data"),
        opaque(b"", parameters=b"; smime-type=certs-only"),
        opaque(sequence_of(0x30, b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x02\x30\0")),
    ],
    ids=["OpenPGP", "encrypted", "certificates", "encrypted without saying so"],
)
def test_what_shows_no_signature_is_unknown(message: bytes) -> None:
    assert verdict(message) == Verdict(UNKNOWN)


# --- hostile input


@pytest.mark.parametrize(
    "cms",
    [
        b"",
        b"\0",
        b"\x30\x80" * 10_000,
        b"\x30\x80" * MAX_DEPTH + b"\0\0" * MAX_DEPTH,
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x88" + b"\xff" * 8,
        b"\x1f\x81\x81\x81",
        sequence_of(0x30, b""),
        sequence_of(0x30, b"\x06\x00"),
        sequence_of(0x30, b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"),
        sequence_of(0x30, b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x02\x30\0"),
    ],
)
def test_what_cannot_be_read(cms: bytes) -> None:
    assert len(errors(beside(cms))) == 1
    assert len(errors(opaque(cms))) == 1


def test_limits() -> None:
    assert errors(beside(b"\0" * MAX_SIGNATURE_OCTETS)) == ("The signature is too large",)
    assert errors(opaque(b"\0" * MAX_OPAQUE_OCTETS)) == ("The signed message is too large",)
    many = [person(ROOT) for _ in range(MAX_CERTIFICATES + 1)]
    assert "too many certificates" in errors(signed(ANN, others=many))[0]
    assert "too many signers" in errors(signed(*many[: MAX_SIGNERS + 1]))[0]
    assert errors(signed(ANN).replace(b"\r\n--b--", b"\r\n--b\r\n\r\nmore\r\n--b--"))


def test_any_octet_may_be_another_one() -> None:
    """Nothing raises; and nothing but what was signed is verified."""
    chance = random.Random(7)
    cms = _opaque(ANN)
    for _ in range(400):
        place, value = chance.randrange(len(cms)), chance.randrange(256)
        changed = cms[:place] + bytes([value]) + cms[place + 1 :]
        found = verdict(opaque(changed))
        assert found is None or found.status in (VERIFIED, FAILED, UNKNOWN)
        if found is not None and found.status == VERIFIED:
            assert BODY in changed
    for length in range(0, len(cms), 7):
        found = verdict(opaque(cms[:length]))
        assert found is not None
        assert found.status != VERIFIED
