"""Hashes of other servers: published vectors, every form they are written in, and what is refused."""

import base64
import hashlib

import pytest

from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in import foreign_hash, system_crypt
from pillarbox.directory.sign_in.foreign_hash import PlainPassword, read, verify

SALT = b"saltsalt"


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def passlib(octets: bytes) -> str:
    return b64(octets).rstrip("=").replace("+", ".")


def derived(algorithm: str, iterations: int = 7, password: bytes = b"sesame", salt: bytes = SALT) -> bytes:
    return hashlib.pbkdf2_hmac(algorithm, password, salt, iterations)


# Drepper, "Unix crypt using SHA-256 and SHA-512"
SHA_CRYPT = (
    ("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"),
    ("$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA", "Hello world!"),
    ("$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5", "This is just a test"),
    (
        "$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1",
        "a very much longer text to encrypt.  This one even stretches over morethan one line.",
    ),
    (
        (
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJ"
            "uesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
        ),
        "Hello world!",
    ),
    (
        (
            "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sb"
            "HbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."
        ),
        "Hello world!",
    ),
    (
        (
            "$6$rounds=5000$toolongsaltstrin$lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQ"
            "zQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0"
        ),
        "This is just a test",
    ),
)
# Solar Designer's vectors for bcrypt; `openssl passwd -1`
CRYPT = (
    ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
    ("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
    ("$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"),
    ("$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"),
    ("$1$abcdefgh$G//4keteveJp0qb8z2DxG/", "password"),
    ("$y$j75$abcdefgh$hycRI05iyPwUdPZDaw/SJaABdj2h8B1Bgxi1Z/4Xke0", "password"),
)
# The test of the reference implementation of Argon2
ARGON2 = (
    ("$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQ$T/XOJ2mh1/TIpJHfCdQan76Q5esCFVoT5MAeIM1Oq2E", "password"),
    ("$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY", "password"),
    ("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"),
)
PBKDF2 = (
    # RFC 6070 §2, as Dovecot writes it
    ("{PBKDF2}$1$salt$1$0c60c80f961f0e71f3a9b524af6012062fe037a6", "password"),
    ("{PBKDF2}$1$salt$4096$4b007901b765489abead49d926f721d065a429c1", "password"),
    # RFC 7914 §11, the first 32 octets: those of a single block
    (
        "$pbkdf2-sha256$1$"
        + passlib(b"salt")
        + "$"
        + passlib(bytes.fromhex("55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc")),
        "passwd",
    ),
    (
        "pbkdf2_sha256$80000$NaCl$"
        + b64(bytes.fromhex("4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56")),
        "Password",
    ),
)


@pytest.mark.parametrize(("hashed", "password"), [*SHA_CRYPT, *CRYPT, *ARGON2, *PBKDF2])
def test_published_vectors(hashed: str, password: str) -> None:
    read(hashed)
    assert verify(hashed, password)
    assert not verify(hashed, password + "x")
    assert not verify(hashed, password[:-1])


SHA1, SHA256, SHA512 = (hashlib.new(name, b"sesame").digest() for name in ("sha1", "sha256", "sha512"))
SSHA, SSHA256, SSHA512 = (
    hashlib.new(name, b"sesame" + SALT).digest() + SALT for name in ("sha1", "sha256", "sha512")
)
MD5_CRYPT = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/"
BCRYPT = CRYPT[1][0]


@pytest.mark.parametrize(
    "hashed",
    [
        f"{{SHA}}{b64(SHA1)}",
        f"{{SHA1}}{b64(SHA1)}",
        f"{{sha256.HEX}}{SHA256.hex()}",
        f"{{SHA512.b64}}{b64(SHA512)}",
        f"{{SSHA}}{b64(SSHA)}",
        f"{{ssha}}{b64(SSHA)}",
        f"{{SSHA256}}{b64(SSHA256)}",
        f"{{SSHA512}}{b64(SSHA512)}",
        f"{{SSHA512.base64}}{b64(SSHA512)}",
        f"{{SSHA512.hex}}{SSHA512.hex()}",
        f"$pbkdf2$7${passlib(SALT)}${passlib(derived('sha1'))}",
        f"$pbkdf2-sha512$7${passlib(SALT)}${passlib(derived('sha512'))}",
        f"pbkdf2_sha1$7$saltsalt${b64(derived('sha1'))}",
        "{PBKDF2.hex}" + ("$1$saltsalt$7$" + derived("sha1").hex()).encode().hex(),
    ],
)
def test_every_form_is_read(hashed: str) -> None:
    assert verify(hashed, "sesame")
    assert not verify(hashed, "sesame2")
    assert not verify(hashed, "")


@pytest.mark.parametrize(
    ("hashed", "password"),
    [
        ("{CRYPT}" + BCRYPT, "U*U"),
        ("{BLF-CRYPT}" + BCRYPT, "U*U"),
        ("{BLF-CRYPT.b64}" + b64(BCRYPT.encode()), "U*U"),
        ("{SHA256-CRYPT}" + SHA_CRYPT[0][0], "Hello world!"),
        ("{SHA512-CRYPT}" + SHA_CRYPT[4][0], "Hello world!"),
        ("{SHA512-CRYPT.hex}" + SHA_CRYPT[4][0].encode().hex(), "Hello world!"),
        ("{CRYPT}" + SHA_CRYPT[4][0], "Hello world!"),
        ("{MD5-CRYPT}" + MD5_CRYPT, "password"),
        ("{MD5}" + MD5_CRYPT, "password"),
        ("{ARGON2ID}" + ARGON2[2][0], "password"),
        ("{ARGON2I}" + ARGON2[0][0], "password"),
    ],
)
def test_what_dovecot_wraps_is_read(hashed: str, password: str) -> None:
    assert verify(hashed, password)
    assert not verify(hashed, "x")


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("{PLAIN}open sesame", "open sesame"),
        ("{cleartext}a$1$b", "a$1$b"),
        ("{CLEAR.hex}" + "öffne".encode().hex(), "öffne"),
        ("{PLAIN.b64}" + b64(b"{x}"), "{x}"),
    ],
)
def test_plain_text_is_no_hash(text: str, password: str) -> None:
    assert read(text) == PlainPassword(password)
    assert not verify(text, password), "what is stored never is a password"


@pytest.mark.parametrize(
    ("hashed", "why"),
    [
        ("", "no hash"),
        ("!", "locked"),
        ("*", "locked"),
        ("!$6$saltstring$x", "locked"),
        ("ab01FAX.bQRSU", "safely"),  # DES
        ("{CRYPT}ab01FAX.bQRSU", "safely"),
        ("{DES-CRYPT}ab01FAX.bQRSU", "safely"),
        ("{PLAIN-MD5}" + hashlib.md5(b"sesame", usedforsecurity=False).hexdigest(), "safely"),
        ("{MD5}" + b64(bytes(16)), "safely"),
        ("{SMD5}" + b64(bytes(24)), "safely"),
        ("{CRAM-MD5}" + "0" * 64, "safely"),
        ("{SCRAM-SHA-256}4096,x,y,z", "safely"),
        ("{BLF-CRYPT}" + MD5_CRYPT, "safely"),
        ("{SSHA.gz}x", "safely"),
        ("{SSHA", "safely"),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "safely"),
        ("$2x" + BCRYPT[3:], "safely"),
        ("$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$x", "safely"),
        ("{SSHA}" + b64(SHA1), "length"),
        ("{SHA}" + b64(SSHA), "length"),
        ("{SSHA}" + b64(SHA1 + bytes(65)), "length"),
        ("{SSHA}!!!", "base64"),
        ("{SSHA.hex}zz", "hexadecimal"),
        ("{SSHA}ü", "characters"),
        ("$6$salt string$x", "characters"),
        ("$6$saltstring$" + "x" * 85, "form"),
        ("$6$" + "s" * 17 + "$" + "x" * 86, "form"),
        ("$6$saltstring", "form"),
        ("$6$", "form"),
        ("$2b$05$tooshort", "form"),
        ("$1$abcdefgh$", "form"),
        ("$y$j75$abcdefgh$short", "form"),
        ("$y$j75", "form"),
        ("pbkdf2_sha256$1$x", "form"),
        ("{PBKDF2}$1$salt$1", "form"),
        ("{PBKDF2}$2$salt$1$" + "00" * 20, "safely"),
        ("pbkdf2_sha256$x$salt$" + b64(bytes(32)), "number"),
        ("pbkdf2_sha256$1$salt$" + b64(bytes(31)), "length"),
        ("$argon2id$v=20$m=256,t=2,p=1$c29tZXNhbHQ$" + passlib(bytes(32)), "version"),
        ("$argon2id$v=19$m=256,t=2,p=1,keyid=x$c29tZXNhbHQ$" + passlib(bytes(32)), "parameters"),
        ("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$" + passlib(bytes(8)), "length"),
        ("$argon2id$v=19$c29tZXNhbHQ", "form"),
        ("$argon2id$", "form"),
        # What would take too long
        ("$2b$15" + BCRYPT[6:], "too long"),
        ("$6$rounds=1000001$saltstring$" + "x" * 86, "too long"),
        ("$6$rounds=999$saltstring$" + "x" * 86, "below"),
        ("$6$rounds=" + "9" * 50 + "$saltstring$" + "x" * 86, "number"),
        ("$y$jDT$abcdefgh$" + "x" * 43, "too long"),
        ("pbkdf2_sha256$2000001$salt$" + b64(bytes(32)), "too long"),
        ("$pbkdf2-sha512$1000001$c2FsdA$" + passlib(bytes(64)), "too long"),
        ("$argon2id$v=19$m=131073,t=1,p=1$c29tZXNhbHQ$" + passlib(bytes(32)), "too long"),
        ("$argon2id$v=19$m=131072,t=9,p=1$c29tZXNhbHQ$" + passlib(bytes(32)), "too long"),
        ("$argon2id$v=19$m=256,t=1,p=9$c29tZXNhbHQ$" + passlib(bytes(32)), "too long"),
        ("x" * 513, "longer than"),
    ],
)
def test_what_cannot_be_checked_is_refused(hashed: str, why: str) -> None:
    with pytest.raises(NameRefused, match=why) as refused:
        read(hashed)
    assert len(hashed) < 20 or hashed not in str(refused.value)
    assert not verify(hashed, "sesame")


def test_the_most_costly_hashes_are_read() -> None:
    """The defaults of what is used are below the bounds: OWASP's, Django's, passlib's, libsodium's, yescrypt's."""
    for hashed in (
        "$2b$14" + BCRYPT[6:],
        "$6$rounds=656000$saltstring$" + "x" * 86,
        "pbkdf2_sha256$1200000$salt$" + b64(bytes(32)),
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$" + passlib(bytes(32)),
        "$argon2i$v=19$m=32768,t=4,p=1$c29tZXNhbHQ$" + passlib(bytes(32)),
        "$y$j9T$abcdefgh$" + "x" * 43,
    ):
        read(hashed)


def test_a_password_that_crypt_would_cut_fits_nothing() -> None:
    assert not verify(MD5_CRYPT, "password\0more")
    assert not system_crypt.matches(MD5_CRYPT, b"x" * (system_crypt.MAX_OCTETS + 1))


@pytest.mark.replaces_functions
def test_a_machine_that_cannot_check_a_kind_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_crypt, "can_check", lambda kind: kind != "$2b$")
    with pytest.raises(
        NameRefused, match=r"this machine's crypt\(3\) cannot check hashes of the kind \$2b\$"
    ):
        foreign_hash.read(BCRYPT)
    foreign_hash.read(MD5_CRYPT)


def test_nothing_of_a_hash_is_shown() -> None:
    for hashed in (MD5_CRYPT, f"{{SSHA}}{b64(SSHA)}", PBKDF2[0][0], ARGON2[0][0], "{PLAIN}open sesame"):
        shown = repr(read(hashed))
        assert "sesame" not in shown
        assert hashed not in shown
        assert "salt" not in shown
