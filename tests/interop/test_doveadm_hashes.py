"""Hashes as Dovecot's own tool makes them are read and checked; and Dovecot takes ours for what they are."""

import subprocess

import pytest

from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in import foreign_hash
from tests.interop.programs import need

pytestmark = pytest.mark.interop

SCHEMES = (
    *("SHA", "SHA1", "SHA256", "SHA512", "SSHA", "SSHA256", "SSHA512"),
    *(
        "CRYPT",
        "MD5-CRYPT",
        "MD5",
        "BLF-CRYPT",
        "SHA256-CRYPT",
        "SHA512-CRYPT",
        "PBKDF2",
        "ARGON2I",
        "ARGON2ID",
    ),
)
REFUSED = ("DES-CRYPT", "PLAIN-MD5", "LDAP-MD5", "SMD5", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256")
PASSWORD = "open sesame ü"


def doveadm(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([need("doveadm"), "pw", *words], capture_output=True, text=True, check=False)


def made(scheme: str) -> str:
    done = doveadm("-s", scheme, "-p", PASSWORD)
    if done.returncode:
        pytest.skip(f"this Dovecot has no {scheme}")
    return done.stdout.strip()


@pytest.mark.parametrize("encoding", ["", ".b64", ".hex"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_hashes_of_doveadm_are_checked(scheme: str, encoding: str) -> None:
    hashed = made(scheme + encoding)
    foreign_hash.read(hashed)
    assert foreign_hash.verify(hashed, PASSWORD)
    assert not foreign_hash.verify(hashed, "open sesame")


@pytest.mark.parametrize("encoding", ["", ".b64", ".hex"])
@pytest.mark.parametrize("scheme", ["PLAIN", "CLEAR", "CLEARTEXT"])
def test_plain_text_of_doveadm_is_read(scheme: str, encoding: str) -> None:
    assert foreign_hash.read(made(scheme + encoding)) == foreign_hash.PlainPassword(PASSWORD)


@pytest.mark.parametrize("scheme", REFUSED)
def test_what_cannot_be_checked_is_refused(scheme: str) -> None:
    with pytest.raises(NameRefused):
        foreign_hash.read(made(scheme))


@pytest.mark.parametrize(
    ("hashed", "password"),
    [
        ("{BLF-CRYPT}$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
        ("{SHA256-CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"),
        ("{PBKDF2}$1$salt$4096$4b007901b765489abead49d926f721d065a429c1", "password"),
    ],
)
def test_both_say_the_same(hashed: str, password: str) -> None:
    for tried in (password, password + "x"):
        said = doveadm("-t", hashed, "-p", tried)
        assert (said.returncode == 0) == foreign_hash.verify(hashed, tried), said.stderr
