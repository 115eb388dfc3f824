"""Keys as PEM and as records for the DNS."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from pillarbox.trust.dkim import SigningKey, keys
from pillarbox.trust.dkim.keys import NotASigningKey
from pillarbox.trust.signatures import key_record
from pillarbox.world import signing_keys
from tests.kit.signed_mail import ed25519_key, rsa_key


@pytest.mark.parametrize("key", [rsa_key(), ed25519_key()])
def test_a_key_survives_its_pem(key: SigningKey) -> None:
    pem = keys.to_pem(key.key)
    assert pem.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert keys.to_pem(keys.from_pem(pem)) == pem


@pytest.mark.rfc("6376 §3.6.1", "MUST")
@pytest.mark.rfc("8463 §4.2", "MUST")
@pytest.mark.parametrize(("key", "bits"), [(rsa_key(), 2048), (ed25519_key(), 256)])
def test_the_record_of_a_key_has_its_public_key(key: SigningKey, bits: int) -> None:
    text = keys.record_text(key.key)
    found = key_record.parse(text.encode())
    assert (found.bits, found.key) == (bits, key.key.public_key())
    assert text.startswith(f"v=DKIM1; k={found.kind}; p=")


@pytest.mark.rfc("1035 §3.3", "MUST")
def test_strings_of_a_record_are_short_and_make_it_again() -> None:
    text = keys.record_text(rsa_key().key)
    strings = keys.strings(text)
    assert "".join(strings) == text
    assert [len(string) <= 255 for string in strings] == [True, True]
    assert keys.zone_text(rsa_key()) == (
        f'rsa._domainkey.example.org. IN TXT ( "{strings[0]}" "{strings[1]}" )'
    )


def test_old_rsa_keys_are_read() -> None:
    key = rsa_key(1024).key
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    assert keys.to_pem(keys.from_pem(pem)) == keys.to_pem(key)


def pem_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes = b"") -> str:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


@pytest.mark.rfc("8301 §3.2", "MUST")
def test_what_is_no_signing_key() -> None:
    short = rsa_key(1024).key.public_key()
    assert isinstance(short, rsa.RSAPublicKey)
    for text in (
        "",
        "x",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "x" * 20_000,
        "ü",
    ):
        with pytest.raises(NotASigningKey):
            keys.from_pem(text)
    with pytest.raises(NotASigningKey, match="neither"):
        keys.from_pem(pem_of(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(NotASigningKey, match="encrypted"):
        keys.from_pem(pem_of(ec.generate_private_key(ec.SECP256R1()), b"secret"))


def test_keys_that_are_made() -> None:
    assert signing_keys.make_rsa_key().key_size == 2048
    one, other = signing_keys.make_ed25519_key(), signing_keys.make_ed25519_key()
    assert keys.to_pem(one) != keys.to_pem(other)
