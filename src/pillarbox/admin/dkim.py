"""Signing keys of domains (DKIM): made with the domain, rotated with an overlap.

    new     a key of each algorithm, `next` to the ones that sign; its records have to be published
    rotate  the next keys sign from now on; those before are retired, and their records stay
    retire  forget keys; their records may go

Nothing signs with a key whose record the DNS does not have, but for the very first ones of a domain: mail that cannot
be verified is not worse off than mail that is not signed. `server.chores.key_rotation` does all this by itself, as far
as the DNS lets it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count

from pillarbox.admin import concerns
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, may
from pillarbox.directory import dkim_keys, domains
from pillarbox.directory.dkim_keys import DkimKey, KeyState
from pillarbox.directory.naming import NameRefused, domain_name
from pillarbox.trust.dkim.keys import NotASigningKey, from_pem, record_text, to_pem, zone_text
from pillarbox.trust.signatures.arithmetic import PrivateKey
from pillarbox.trust.signatures.signature import key_name
from pillarbox.trust.signatures.signing_key import SigningKey
from pillarbox.world.database import Transaction
from pillarbox.world.signing_keys import make_ed25519_key, make_rsa_key

OVERLAP_S = 14 * 86_400
"""How long the record of a retired key stays: mail that it signed waits in queues for days, and is verified later by
forwarders and readers."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key, and what the DNS has to have of it."""

    domain: str
    selector: str
    algorithm: str
    state: KeyState
    made_at_ms: int
    since_ms: int
    name: str
    """Of the record."""
    text: str
    """Of the TXT record; empty where the key cannot be read."""
    zone_line: str
    """The record as a line of a zone file; empty where the key cannot be read."""


def fresh_keys() -> tuple[PrivateKey, PrivateKey]:
    """A key of each algorithm; takes a tenth of a second or several."""
    return make_rsa_key(), make_ed25519_key()


@may(DOMAIN_ADMINISTRATOR, of=concerns.domain("domain"))
def add(
    tx: Transaction, domain: str, keys: Sequence[PrivateKey], *, now_ms: int, state: KeyState | None = None
) -> list[KeyRecord]:
    """Give a domain keys. They sign at once where it has none, else they are the next ones.

    Raises `NameRefused` where the domain is not served, or has next keys already.
    """
    name = _served(tx, domain)
    there = dkim_keys.listing(tx, name)
    if any(key.state is KeyState.NEXT for key in there):
        raise NameRefused(
            f"'{name}' has keys that are to be next already. Use them first: pillarbox dkim rotate {name}"
        )
    signing = any(key.state is KeyState.ACTIVE for key in there)
    wanted = state or (KeyState.NEXT if signing else KeyState.ACTIVE)
    taken = {key.selector for key in there}
    added = []
    for key in keys:
        unnamed = SigningKey(name, "", key)
        selector = _selector(unnamed.algorithm, now_ms, taken)
        taken.add(selector)
        kept = DkimKey(name, selector, unnamed.algorithm, to_pem(key), wanted, now_ms, now_ms)
        dkim_keys.add(tx, kept)
        added.append(shown(kept))
    return added


@may(DOMAIN_ADMINISTRATOR, of=concerns.domain("domain"))
def rotate(tx: Transaction, domain: str, *, now_ms: int) -> list[KeyRecord]:
    """Sign with the next keys from now on. Returns them. Raises `NameRefused` where there are none."""
    name = _served(tx, domain)
    there = dkim_keys.listing(tx, name)
    following = [key for key in there if key.state is KeyState.NEXT]
    if not following:
        raise NameRefused(f"'{name}' has no next keys. Make them first: pillarbox dkim new {name}")
    for key in there:
        if key.state is KeyState.ACTIVE:
            dkim_keys.move(tx, key, KeyState.RETIRED, now_ms=now_ms)
    for key in following:
        dkim_keys.move(tx, key, KeyState.ACTIVE, now_ms=now_ms)
    return [shown(key) for key in dkim_keys.active(tx, name)]


@may(DOMAIN_ADMINISTRATOR, of=concerns.domain("domain"))
def retire(tx: Transaction, domain: str, selector: str) -> None:
    """Forget one key, whatever its state. Raises `NameRefused` where there is none of this name."""
    name = _served(tx, domain)
    if not dkim_keys.remove(tx, name, selector):
        raise NameRefused(f"'{name}' has no key '{selector}'")


def is_over(key: DkimKey, *, now_ms: int) -> bool:
    """Whether a key was retired `OVERLAP_S` ago or earlier: nothing that it signed is on its way any more."""
    return key.state is KeyState.RETIRED and now_ms - key.since_ms >= OVERLAP_S * 1000


@may(DOMAIN_ADMINISTRATOR, of=concerns.domain("domain"))
def listing(tx: Transaction, domain: str | None = None) -> list[KeyRecord]:
    """The keys of a domain, or of all. Raises `NameRefused`."""
    return [shown(key) for key in dkim_keys.listing(tx, None if domain is None else _served(tx, domain))]


def shown(key: DkimKey) -> KeyRecord:
    """A key as it is shown: without its private part."""
    try:
        signing = SigningKey(key.domain, key.selector, from_pem(key.pem, ours=True))
    except NotASigningKey:
        signing = None
    return KeyRecord(
        domain=key.domain,
        selector=key.selector,
        algorithm=key.algorithm,
        state=key.state,
        made_at_ms=key.made_at_ms,
        since_ms=key.since_ms,
        name=key_name(key.selector, key.domain),
        text=record_text(signing.key) if signing else "",
        zone_line=zone_text(signing) if signing else "",
    )


def _served(tx: Transaction, domain: str) -> str:
    """The name by which keys are kept; an alias domain has keys of its own."""
    domains.served(tx, domain)
    return domain_name(domain)


def _selector(algorithm: str, now_ms: int, taken: set[str]) -> str:
    day = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%d")
    base = f"{algorithm[0]}{day}"
    names = chain([base], (f"{base}-{number}" for number in count(2)))
    return next(name for name in names if name not in taken)
