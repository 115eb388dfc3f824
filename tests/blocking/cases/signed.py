"""Messages whose signatures (DKIM, ARC) are dear to verify; their keys are in the attacker's DNS."""

import base64
import random
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from string import ascii_lowercase, digits
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pillarbox.dns import Kind
from pillarbox.mail.header import Header
from pillarbox.trust import arc
from pillarbox.trust.dkim import SigningKey
from pillarbox.trust.dkim.keys import record_text
from pillarbox.trust.results import Result
from pillarbox.trust.signatures.body_hash import body_digest
from tests.blocking.case import Case, judged
from tests.blocking.target import Target
from tests.kit.name_server import text
from tests.kit.signed_mail import crafted, rsa_key

DOMAIN: Final = "signer.example"
SENDER: Final = f"a@{DOMAIN}"
SIMPLE: Final = (
    b"From: a@signer.example\r\nTo: anna@example.org\r\nSubject: signed\r\n"
    b"Date: Tue, 1 Dec 2026 01:00:00 +0000\r\n"
)
SHORT: Final = SIMPLE + b"\r\nshort\r\n"
LATE_S: Final = 1.5
"""After which the name server answers, so that all who wait for a name go on at once; the resolver waits longer."""


def publish(target: Target, count: int, records: Sequence[bytes] = ()) -> None:
    """Records of a key in so many places; a real one, unless others are given."""
    target.names.put(DOMAIN, Kind.TXT, text(b"v=spf1 +all"))
    target.names.put(f"_dmarc.{DOMAIN}", Kind.TXT, text(b"v=DMARC1; p=reject"))
    for number in range(count):
        name = f"s{number}._domainkey.{DOMAIN}"
        target.names.put(name, Kind.TXT, *map(text, records or [record_text(rsa_key().key).encode()]))


def signed(octets: bytes, count: int, *, names: str = "from", c: str = "relaxed/relaxed") -> bytes:
    """A message with right signatures, each by another key as far as its name tells."""
    for number in range(count):
        tags: dict[str, str | None] = {"h": names, "c": c, "d": DOMAIN}
        octets = crafted(octets, SigningKey(DOMAIN, f"s{number}", rsa_key().key), tags)
    return octets


def key_record(bits: int, exponent: int) -> bytes:
    """A key that nobody has the other half of, which costs as much to verify by."""
    modulus = random.Random(bits).getrandbits(bits) | 1 | 1 << (bits - 1)
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(octets)


def many_records() -> list[bytes]:
    """As many records as are read, none of which is one of a key: the last tag of each occurs twice."""
    tags = b"; ".join([b"t%d=1" % number for number in range(90)])
    return [b"v=DKIM1; n=%d; p=aaaa; %b; p=aaaa" % (number, tags) for number in range(20)]


def with_claims(octets: bytes, count: int, bits: int) -> bytes:
    """A message with signatures by keys that nobody has, of their size; the hash of the body is right."""
    field = signed(octets, 1).partition(b"b=")[0]
    value = base64.b64encode(bytes([1]) * min(512, bits // 8))
    return (
        b"".join([field.replace(b"s=s0", b"s=s%d" % n) + b"b=" + value + b"\r\n" for n in range(count)])
        + octets
    )


def sent(
    target: Target,
    *,
    make: Callable[[], bytes],
    sessions: int = 1,
    late: bool = False,
    records: Sequence[bytes] = (),
    keys: int = 10,
) -> str:
    """The message in several sessions at once; its keys come at once, too, where they are late."""
    publish(target, keys, records)
    if late:
        target.names.delay(f"_domainkey.{DOMAIN}", LATE_S)
    target.deliver_at_once(make(), sessions, sender=SENDER)
    return target.verdicts


def orders(octets: bytes, names: list[str], count: int) -> bytes:
    """A message with signatures that cover these fields, each in another order."""
    for number in range(count):
        tags: dict[str, str | None] = {"d": DOMAIN, "h": ":".join(["from", *names[number:], *names[:number]])}
        octets = crafted(octets, SigningKey(DOMAIN, f"s{number}", rsa_key().key), tags)
    return octets


def covered() -> bytes:
    """Six signatures over 900 fields."""
    return orders(SIMPLE + (b"X: " + b"a " * 20 + b"\r\n") * 900 + b"\r\nshort\r\n", ["x"] * 900, 6)


def different_names() -> bytes:
    """Ten signatures that name a thousand fields each."""
    names = [first + second for first, second in product(ascii_lowercase + digits, repeat=2)]
    return orders(SHORT, names[:990], 10)


def many_fields() -> bytes:
    """10,000 fields, of which `h=` names thousands: more than are read."""
    octets = SIMPLE + b"X-Y: z\r\n" * 10_000 + b"\r\nshort\r\n"
    return (
        b"DKIM-Signature: v=1; a=rsa-sha256; d=%b; s=s0; h=%b; bh=aaaa; b=aaaa\r\n"
        % (
            DOMAIN.encode(),
            b":".join([b"x-y"] * 4000),
        )
        + octets
    )


def long_tags() -> bytes:
    """Tag lists of 64 KB, and others of as many tags as are read."""
    head = b"DKIM-Signature: v=1; a=rsa-sha256; d=%b; s=s0; h=from; bh=aaaa; b=aaaa; " % DOMAIN.encode()
    some = head + b"; ".join([b"t%d=%b" % (number, b"x" * 150) for number in range(92)]) + b"\r\n"
    return (head + b"z=" + b"a" * 65536 + b"\r\n") * 10 + some * 90 + SHORT


def long_line() -> bytes:
    """A field of nearly a megabyte, folded after each letter."""
    return signed(SIMPLE + b"X: " + b"a\r\n \t " * 150_000 + b"\r\n\r\nshort\r\n", 10, names="from:x")


def people(item: bytes) -> Callable[[], bytes]:
    """A message by very many."""
    return lambda: b"From: " + b",\r\n ".join([item * 20] * 50) + b"\r\nSubject: x\r\n\r\nshort\r\n"


def sealed(sets: int, *, repeated: int = 1) -> bytes:
    """A message with right ARC sets; `repeated`: with as many more that only look so."""
    octets, key = SHORT, SigningKey(DOMAIN, "s0", rsa_key().key)
    for instance in range(1, sets + 1):
        header, start = Header.parse(octets)
        verdict = Result.NONE if instance == 1 else Result.PASS
        octets = arc.seal(header, body_digest(octets[start:]), key, verdict=verdict, results="a.example; none",
                          sealed_s=1) + octets  # fmt: skip
    return octets.removesuffix(SHORT) * repeated + SHORT


def body(make: Callable[[], bytes]) -> Callable[[], bytes]:
    """A long body, signed in both forms and in several lengths."""

    def signed_body() -> bytes:
        octets = SIMPLE + b"\r\n" + make()
        field = b""
        for number in range(10):
            tags: dict[str, str | None] = {"h": "from", "d": DOMAIN}
            tags["c"] = ("relaxed/relaxed", "simple/simple")[number % 2]
            if number > 1:
                tags["l"] = str(1_000_000 * number)
            key = SigningKey(DOMAIN, f"s{number}", rsa_key().key)
            field += crafted(octets, key, tags).removesuffix(octets)
        return field + octets

    return signed_body


_VERIFIED: Final = "10 of 100 are verified; more than 6 in a thread"
_READ: Final = "4,000 fields are read, within 1 MiB"
_AT_ONCE: Final = "what is waited for is kept as it came; 2 ms at once"
_SLICES: Final = "each form once, in slices, in a thread"
CASES: Final = judged((
    Case("100 DKIM signatures, each by another key", _VERIFIED,
         partial(sent, make=lambda: signed(SHORT, 100), keys=100)),
    Case("the same in 50 sessions, whose keys come at once", _VERIFIED,
         partial(sent, make=lambda: signed(SHORT, 100), keys=100, sessions=50, late=True)),
    Case("6 DKIM signatures in 200 sessions, whose keys come at once", _AT_ONCE,
         partial(sent, make=lambda: signed(SHORT, 6), sessions=200, late=True)),
    Case("DKIM keys of 16,384 bits", "4,096 bits",
         partial(sent, make=lambda: with_claims(SHORT, 10, 16384), records=[key_record(16384, 65537)])),
    Case("DKIM keys of 4,096 bits with a large exponent, in 50 sessions", "33 bits",
         partial(sent, make=lambda: with_claims(SHORT, 10, 4096), records=[key_record(4096, 2**33 - 1)], sessions=50)),
    Case("DKIM keys of 4,096 bits with a huge exponent", "33 bits",
         partial(sent, make=lambda: with_claims(SHORT, 10, 4096), records=[key_record(4096, 2**4090 + 1)])),
    Case("20 records for each of 10 keys in 100 sessions, which come at once", "20 records of 4 KiB; 2 ms at once",
         partial(sent, make=lambda: signed(SHORT, 10), records=many_records(), sessions=100, late=True)),
    Case("6 DKIM signatures of 900 fields in 100 sessions, whose keys come at once", _AT_ONCE,
         partial(sent, make=covered, sessions=100, late=True)),
    Case("10 DKIM signatures of 990 names in 300 sessions, whose keys come at once", _AT_ONCE,
         partial(sent, make=different_names, sessions=300, late=True)),
    Case("10,000 fields, of which DKIM covers 4,000", _READ, partial(sent, make=many_fields)),
    Case("100 DKIM signatures with long tag lists", "16 KiB, 100 tags", partial(sent, make=long_tags)),
    Case("a signed field of 1 MB, folded after each letter", _READ, partial(sent, make=long_line)),
    Case("10 DKIM signatures of a body of 25 MB in 10 ways", _SLICES,
         partial(sent, make=body(lambda: b"ab cd  ef\t\r\n" * 2_000_000))),
    Case("the same of 10 MB, in 4 sessions at once", _SLICES,
         partial(sent, make=body(lambda: b"ab cd  ef\t\r\n" * 800_000), sessions=4)),
    Case("20 MB of blanks under signatures", _SLICES,
         partial(sent, make=body(lambda: b" " * 20_000_000 + b"x"))),
    Case("20 MB of empty lines under signatures", _SLICES,
         partial(sent, make=body(lambda: b"\r\n" * 10_000_000 + b"x"))),
    Case("50 ARC sets, in 20 sessions", "50 sets", partial(sent, make=lambda: sealed(50), sessions=20)),
    Case("200 ARC sets, in 20 sessions", "50 sets",
         partial(sent, make=lambda: sealed(50, repeated=4), sessions=20)),
    Case("a message by 1,000 people, in 50 sessions", "2 KiB of From, 4 domains; one thread",
         partial(sent, make=people(b"a@b.example, "), sessions=50)),
    Case("a message by 1,000 groups, in 50 sessions", "2 KiB of From, 4 domains; one thread",
         partial(sent, make=people(b"a:b@c.example;, "), sessions=50)),
))  # fmt: skip
