"""Public keys in the DNS: `v=DKIM1; k=rsa; p=...` (RFC 6376 §3.6).

`g=` of the first DKIM has no meaning any more, and is ignored as any unknown tag is (RFC 6376 App. C.2).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from pillarbox.dns import Answer, Failure, Kind, Outcome
from pillarbox.trust.questions import Asking, look_up
from pillarbox.trust.results import Result
from pillarbox.trust.signatures import arithmetic, tag_list
from pillarbox.trust.signatures.arithmetic import PublicKey
from pillarbox.trust.signatures.rejected import Rejected, Rejection, quoted

MAX_RECORDS: Final = 20
"""TXT records at one name that are read; who has more has no selector there."""
MAX_RECORD_OCTETS: Final = 4096
"""One with a key of 4096 bits has 800."""
_VERSION: Final = "DKIM1"


class KeyRecord(Struct, frozen=True, gc=False):
    """A record, its key read where it can be used."""

    kind: str
    """`rsa`, `ed25519`, or one that is not known."""
    key: PublicKey | Rejection
    """Or why it is not to be used: revoked, too short, ..."""
    hashes: tuple[str, ...]
    """Algorithms with which it may be used; empty for all."""
    for_mail: bool
    """The service types have mail among them."""
    for_tls_reports: bool
    """Or they have reports about TLS, and nothing else of mail (RFC 8460 §3)."""
    test_mode: bool
    """`t=y`: signatures that fail are as none."""
    strict: bool
    """`t=s`: the domain of `i=` is `d=` itself."""
    bits: int
    """Of a key that can be used, otherwise 0."""


@lru_cache(maxsize=512)
def parse(record: bytes) -> KeyRecord:
    """A key record; the last ones are remembered. Raises `tag_list.Malformed` for one that is none."""
    if len(record) > MAX_RECORD_OCTETS:
        raise tag_list.Malformed(f"record longer than {MAX_RECORD_OCTETS} octets")
    tags = tag_list.parse(record)
    if "v" in tags and (tags["v"] != _VERSION or next(iter(tags)) != "v"):
        raise tag_list.Malformed(f"version {quoted(tags['v'])}, or not the first tag")
    if "p" not in tags:
        raise tag_list.Malformed("no p= in it")
    flags, services = tag_list.items(tags.get("t", "")), tag_list.items(tags.get("s", "*"))
    kind = tags.get("k", "rsa").lower()
    key = _key(kind, tags)
    return KeyRecord(
        kind,
        key,
        tag_list.items(tags["h"].lower()) if "h" in tags else (),
        "*" in services or "email" in services,
        "tlsrpt" in services,
        "y" in flags,
        "s" in flags,
        0 if isinstance(key, Rejection) else arithmetic.bits(key),
    )


def _key(kind: str, tags: dict[str, str]) -> PublicKey | Rejection:
    if not tags["p"]:
        return Rejection(Result.PERMERROR, "key is revoked")
    octets = tag_list.octets_of(tags, "p")
    try:
        match kind:
            case "rsa":
                return arithmetic.rsa_key(octets)
            case "ed25519":
                return arithmetic.ed25519_key(octets)
            case _:
                return Rejection(Result.PERMERROR, f"key is of the unknown type {quoted(kind)}")
    except Rejected as rejected:
        return rejected.rejection


def chosen(records: Sequence[bytes]) -> KeyRecord:
    """The one key record of a name, in whatever order its records come. Raises `Rejected`.

    RFC 6376 §3.6.2.2 leaves several undefined: what is no key record does not count, and two are an error, since
    which of them comes first is chance.
    """
    found, malformed = list[KeyRecord](), list[str]()
    for record in records[:MAX_RECORDS]:
        try:
            found.append(parse(record))
        except tag_list.Malformed as wrong:
            malformed.append(str(wrong))
    if len(found) > 1 or len(records) > MAX_RECORDS:
        raise Rejected(Result.PERMERROR, "several key records at one name")
    if not found:
        raise Rejected(Result.PERMERROR, f"no key record: {malformed[0]}" if malformed else "no key record")
    return found[0]


def ask(name: str) -> Asking[KeyRecord | Rejection]:
    """The key record at a name, or why there is none (RFC 6376 §6.1.2)."""
    outcome: Outcome[Any] = yield from look_up(name, Kind.TXT)
    if isinstance(outcome, Failure):
        return Rejection(Result.TEMPERROR, f"key cannot be looked up: {quoted(outcome.reason)}")
    if not isinstance(outcome, Answer):
        return Rejection(Result.PERMERROR, "no key in the DNS")
    try:
        return chosen([record for record in outcome.records if isinstance(record, bytes)])
    except Rejected as rejected:
        return rejected.rejection
