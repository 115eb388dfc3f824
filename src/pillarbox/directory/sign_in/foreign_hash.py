"""Password hashes that other servers have made, read and checked.

What is read: hashes of crypt(3) (`$1$`, `$2a$`, `$2b$`, `$2y$`, `$5$`, `$6$`, `$y$`), Argon2 in the PHC form, PBKDF2 as
Django, passlib and Dovecot write it, and what Dovecot and LDAP write as `{SCHEME}...`, also with `.b64` or `.hex`.

What is always true: a hash that was read can be checked on this machine, within some two seconds of one core and
`MAX_CHECK_KIB` of memory. Hashes that say too little are refused: DES crypt looks at eight characters, and the hash
that takes its place at the next login would be that of whatever was typed after them.
"""

import base64
import binascii
import hashlib
import hmac
import string
from dataclasses import dataclass, field
from typing import Final

from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in import system_crypt

MAX_CHARACTERS: Final = 512
"""Of a hash as it is written."""
MAX_BCRYPT_COST: Final = 14
"""As a power of two: a second."""
SHA_CRYPT_ROUNDS: Final = (1_000, 1_000_000)
"""Half a second for a password of usual length; the scheme itself has no fewer."""
MAX_PBKDF2_ITERATIONS: Final = {"sha1": 2_000_000, "sha256": 2_000_000, "sha512": 1_000_000}
MAX_ARGON2_KIB: Final = 128 * 1024
MAX_ARGON2_KIB_PASSES: Final = 1024 * 1024
"""Memory times passes: a second."""
MAX_ARGON2_LANES: Final = 8
YESCRYPT_MIB: Final = {"j75": 1, "j85": 2, "j7T": 4, "j8T": 8, "j9T": 16, "jAT": 32, "jBT": 64, "jCT": 128}
"""The parameters of costs 1 to 8, and how much memory each takes."""
MAX_CHECK_KIB: Final = 128 * 1024
"""What a check takes at most."""
_SMALL_KIB: Final = 256
"""What all other kinds take."""

_ITOA64: Final = frozenset("./" + string.digits + string.ascii_letters)
_DIGEST_OCTETS: Final = {"sha1": 20, "sha256": 32, "sha512": 64}
_MAX_SALT_OCTETS: Final = 64
_DOVECOT_DIGESTS: Final = {
    "SHA": "sha1",
    "SHA1": "sha1",
    "SHA256": "sha256",
    "SHA512": "sha512",
    "SSHA": "sha1",
    "SSHA256": "sha256",
    "SSHA512": "sha512",
}
_DOVECOT_WRAPPED: Final = {
    "CRYPT": ("$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$"),
    "MD5": ("$1$",),
    "MD5-CRYPT": ("$1$",),
    "BLF-CRYPT": ("$2a$", "$2b$", "$2y$"),
    "SHA256-CRYPT": ("$5$",),
    "SHA512-CRYPT": ("$6$",),
    "ARGON2I": ("$argon2i$",),
    "ARGON2ID": ("$argon2id$",),
}
_PLAIN: Final = ("PLAIN", "CLEAR", "CLEARTEXT")
_PASSLIB: Final = {"$pbkdf2$": "sha1", "$pbkdf2-sha256$": "sha256", "$pbkdf2-sha512$": "sha512"}
_DJANGO: Final = {"pbkdf2_sha1$": "sha1", "pbkdf2_sha256$": "sha256"}
_UNKNOWN: Final = (
    "this kind of hash cannot be checked safely, or is not known. Known are bcrypt, SHA-crypt, MD5-crypt, yescrypt,"
    " Argon2, PBKDF2, and Dovecot's SSHA, SHA and PLAIN: set a new password"
)


@dataclass(frozen=True, slots=True)
class PlainPassword:
    """No hash at all: `{PLAIN}`. Hash it at once."""

    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CryptHash:
    """For crypt(3)."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Argon2Hash:
    """In the PHC string form."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pbkdf2Hash:
    """RFC 8018 §5.2."""

    algorithm: str
    iterations: int
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DigestHash:
    """Of the password followed by a salt, which may be empty."""

    algorithm: str
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)


ForeignHash = CryptHash | Argon2Hash | Pbkdf2Hash | DigestHash


def read(text: str) -> ForeignHash | PlainPassword:
    """What this hash is. Raises `NameRefused`, with a sentence that has nothing of the hash."""
    if len(text) > MAX_CHARACTERS:
        raise NameRefused(f"the hash is longer than {MAX_CHARACTERS} characters")
    if not text or text[0] in "!*":
        raise NameRefused("there is no hash: the account was locked, or had no password")
    if text.startswith("{"):
        return _with_scheme(text)
    return _bare(text)


def verify(text: str, password: str) -> bool:
    """Whether the password fits the hash; no password fits one that cannot be read. Slow; runs without the GIL."""
    try:
        found = read(text)
    except NameRefused:
        return False
    octets = password.encode(errors="replace")
    match found:
        case CryptHash(hashed):
            return system_crypt.matches(hashed, octets)
        case Argon2Hash(hashed):
            return _argon2_matches(hashed, octets)
        case Pbkdf2Hash(algorithm, iterations, salt, digest):
            made = hashlib.pbkdf2_hmac(algorithm, octets, salt, iterations, len(digest))
            return hmac.compare_digest(made, digest)
        case DigestHash(algorithm, salt, digest):
            return hmac.compare_digest(hashlib.new(algorithm, octets + salt).digest(), digest)
        case PlainPassword():
            return False


def memory_kib(text: str) -> int:
    """How much memory `verify` takes for this hash, in KiB."""
    try:
        found = read(text)
    except NameRefused:
        return 0
    match found:
        case Argon2Hash(hashed):
            return int(hashed.partition("$m=")[2].partition(",")[0])
        case CryptHash(hashed) if hashed.startswith("$y$"):
            return YESCRYPT_MIB[hashed.split("$")[2]] * 1024
        case _:
            return _SMALL_KIB


def _argon2_matches(hashed: str, password: bytes) -> bool:
    from argon2.exceptions import Argon2Error
    from argon2.low_level import Type, verify_secret

    kind = Type.ID if hashed.startswith("$argon2id$") else Type.I
    try:
        return verify_secret(hashed.encode(), password, kind)
    except Argon2Error:
        return False


# --- with a scheme, as Dovecot and LDAP write them


def _with_scheme(text: str) -> ForeignHash | PlainPassword:
    scheme, closed, rest = text[1:].partition("}")
    name, _dot, encoding = scheme.upper().partition(".")
    if not closed or encoding not in ("", "B64", "BASE64", "HEX"):
        raise NameRefused(_UNKNOWN)
    if name not in _PLAIN and not rest.isascii():
        raise NameRefused("the hash has characters that no hash has")
    if name in _DOVECOT_DIGESTS:
        return _digest(name, rest, encoding)
    if encoding:
        rest = _octets(rest, encoding).decode("utf-8", "replace")
    if name in _PLAIN:
        return PlainPassword(rest)
    if name == "PBKDF2":
        return _dovecot_pbkdf2(rest)
    if not rest.startswith(_DOVECOT_WRAPPED.get(name, ())):
        raise NameRefused(_UNKNOWN)
    return _bare(rest)


def _digest(name: str, text: str, encoding: str) -> DigestHash:
    algorithm = _DOVECOT_DIGESTS[name]
    size = _DIGEST_OCTETS[algorithm]
    octets = _octets(text, encoding)
    digest, salt = octets[:size], octets[size:]
    if len(digest) < size or bool(salt) != name.startswith("SSHA") or len(salt) > _MAX_SALT_OCTETS:
        raise NameRefused(f"the hash has not the length of {{{name}}}")
    return DigestHash(algorithm, salt, digest)


def _dovecot_pbkdf2(text: str) -> Pbkdf2Hash:
    """`$1$salt$iterations$digest`, the digest in hexadecimal."""
    empty, version, salt, iterations, digest = _parts(text, 5)
    if empty or version != "1":
        raise NameRefused(_UNKNOWN)
    return _pbkdf2("sha1", iterations, salt.encode(), _octets(digest, "HEX"))


# --- those that say themselves what they are


def _bare(text: str) -> ForeignHash:
    if not (text.isascii() and text.isprintable()) or " " in text or ":" in text:
        raise NameRefused("the hash has characters that no hash has")
    for start, algorithm in _PASSLIB.items():
        if text.startswith(start):
            _empty, _name, iterations, salt, digest = _parts(text, 5)
            return _pbkdf2(algorithm, iterations, _adapted(salt), _adapted(digest))
    for start, algorithm in _DJANGO.items():
        if text.startswith(start):
            _name, iterations, salt, digest = _parts(text, 4)
            return _pbkdf2(algorithm, iterations, salt.encode(), _octets(digest, "B64"))
    if text.startswith(("$argon2id$", "$argon2i$")):
        return _argon2(text)
    return _crypt(text)


def _pbkdf2(algorithm: str, iterations: str, salt: bytes, digest: bytes) -> Pbkdf2Hash:
    most = MAX_PBKDF2_ITERATIONS[algorithm]
    if len(digest) != _DIGEST_OCTETS[algorithm] or len(salt) > _MAX_SALT_OCTETS:
        raise NameRefused("the hash has not the length of PBKDF2")
    return Pbkdf2Hash(algorithm, _number("iterations", iterations, 1, most), salt, digest)


def _argon2(text: str) -> Argon2Hash:
    """`$argon2id$v=19$m=65536,t=3,p=1$salt$digest`; before version 19 without it."""
    parts = text.split("$")
    if len(parts) == 6 and parts[2] not in ("v=16", "v=19"):
        raise NameRefused("this version of Argon2 is not known")
    if len(parts) not in (5, 6):
        raise NameRefused("the hash has not the form of Argon2")
    *_, parameters, salt, digest = parts
    given = dict(pair.partition("=")[::2] for pair in parameters.split(","))
    if list(given) != ["m", "t", "p"]:
        raise NameRefused("the hash has not the parameters of Argon2 (m, t, p)")
    memory_kib = _number("memory", given["m"], 8, MAX_ARGON2_KIB)
    passes = _number("passes", given["t"], 1, MAX_ARGON2_KIB_PASSES)
    _number("lanes", given["p"], 1, MAX_ARGON2_LANES)
    _number("memory times passes", str(memory_kib * passes), 1, MAX_ARGON2_KIB_PASSES)
    if not (8 <= len(_unpadded(salt)) <= _MAX_SALT_OCTETS and 16 <= len(_unpadded(digest)) <= 64):
        raise NameRefused("the hash has not the length of Argon2")
    return Argon2Hash(text)


def _crypt(text: str) -> CryptHash:
    kind = text[: text.find("$", 1) + 1] if text.startswith("$") else ""
    match kind:
        case "$1$":
            form = _salted(text.split("$"), salt=8, digest=22)
        case "$5$" | "$6$":
            parts = text.split("$")
            if parts[2].startswith("rounds="):
                _number("rounds", parts.pop(2).removeprefix("rounds="), *SHA_CRYPT_ROUNDS)
            form = _salted(parts, salt=16, digest=43 if kind == "$5$" else 86)
        case "$2a$" | "$2b$" | "$2y$":
            _empty, _kind, cost, rest = _parts(text, 4)
            _number("cost", cost, 4, MAX_BCRYPT_COST)
            form = len(cost) == 2 and len(rest) == 53 and _ITOA64.issuperset(rest)
        case "$y$":
            _empty, _kind, cost, *last = _parts(text, 5)
            if cost not in YESCRYPT_MIB:
                raise NameRefused(
                    "the hash has parameters of yescrypt that would take too long, or are not known"
                )
            form = _salted(["", "", *last], salt=86, digest=43)
        case _:
            raise NameRefused(_UNKNOWN)
    if not form:
        raise NameRefused(f"the hash has not the form of {kind}")
    if not system_crypt.can_check(kind):
        raise NameRefused(
            f"this machine's crypt(3) cannot check hashes of the kind {kind}: install libxcrypt"
        )
    return CryptHash(text)


def _salted(parts: list[str], *, salt: int, digest: int) -> bool:
    """Whether there are a salt of at most so many characters and a digest of so many, after two other parts."""
    return (
        len(parts) == 4 and len(parts[2]) <= salt and len(parts[3]) == digest and _ITOA64.issuperset(parts[3])
    )


# --- parts


def _parts(text: str, count: int) -> list[str]:
    parts = text.split("$")
    if len(parts) != count:
        raise NameRefused("the hash has not the form of its kind")
    return parts


def _number(what: str, text: str, low: int, high: int) -> int:
    """Raises `NameRefused`, for one that would take too long as well."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise NameRefused(f"the hash has no number as its {what}")
    number = int(text)
    if number > high:
        raise NameRefused(
            f"each check of this hash would take too long: its {what} is {number}, above {high}"
        )
    if number < low:
        raise NameRefused(f"the hash has a {what} of {number}, below {low}")
    return number


def _octets(text: str, encoding: str) -> bytes:
    try:
        return bytes.fromhex(text) if encoding == "HEX" else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise NameRefused(f"the hash is not in {'hexadecimal' if encoding == 'HEX' else 'base64'}") from None


def _unpadded(text: str) -> bytes:
    return _octets(text + "=" * (-len(text) % 4), "B64")


def _adapted(text: str) -> bytes:
    """As passlib writes base64: with a dot for the plus, and unpadded."""
    return _unpadded(text.replace(".", "+"))
