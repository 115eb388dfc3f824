"""Signing what leaves: DKIM for mail by our own domains, ARC for mail that we hand on.

A message is signed once, when it is accepted for the queue (`reception`) or made by ourselves (`report`). So one
signature serves all recipients and attempts, and the key that signed it is retired long after the queue has given up.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeVar

from pillarbox.delivery.pieces import Whole, has_long_header
from pillarbox.directory import dkim_keys
from pillarbox.directory.dkim_keys import SIGNING_KEYS
from pillarbox.mail.address import domain_key
from pillarbox.mail.header import Header
from pillarbox.trust import arc, authentication_results, dkim
from pillarbox.trust.dkim.keys import NotASigningKey, from_pem
from pillarbox.trust.dmarc.authors import authors
from pillarbox.trust.results import MethodResult, Result
from pillarbox.trust.signatures.arithmetic import PrivateKey
from pillarbox.trust.signatures.body_hash import digest_of_pieces
from pillarbox.trust.signatures.signed_names import Unsignable
from pillarbox.trust.signatures.signing_key import SigningKey
from pillarbox.world.aside import Aside
from pillarbox.world.clock import Clock
from pillarbox.world.database import Database, Transaction
from pillarbox.world.signals import Signals

MAX_OCTETS_IN_LOOP: Final = 64 * 1024
"""A message up to this size is hashed in the loop, within half a millisecond; others, in a thread."""
MAX_AGE_S: Final = 60.0
"""How long keys are remembered at most: a signal that they have changed may be lost."""
MAX_DOMAINS: Final = 10_000

T = TypeVar("T")


class Signer:
    """Made once per process: it remembers the keys of domains that send."""

    def __init__(
        self, database: Database, signals: Signals, clock: Clock, aside: Aside, *, provider: str
    ) -> None:
        """`provider`: the domain that seals what is handed on."""
        self._database = database
        self._clock = clock
        self._aside = aside
        self._provider = provider
        self._keys: dict[str, tuple[float, tuple[SigningKey, ...]]] = {}
        signals.subscribe(SIGNING_KEYS, self._keys.clear)

    async def signatures(self, message: Whole) -> bytes:
        """DKIM-Signature fields to put on top, by the first author's domain that has keys; nothing where none has.

        Raises `DatabaseUnavailable`.
        """
        header, body_start = await self._in_time(message.top, lambda: _parsed(message.top))
        domains = await self._in_time(message.top, lambda: authors(header).domains)
        keys: tuple[SigningKey, ...] = ()
        for domain in domains:
            if keys := await self._keys_of(domain):
                break
        if not keys:
            return b""
        now_s = self._clock.now_ms() // 1000
        return await self._in_time(
            message, lambda: _signatures(header, message.body(body_start), keys, now_s)
        )

    async def seal(self, message: Whole, results: Sequence[MethodResult], authserv_id: str) -> bytes:
        """The fields of ARC to put on top of a message that is handed on, or nothing without keys.

        `results`: what the checks found when it came. Raises `DatabaseUnavailable`.
        """
        keys = await self._keys_of(self._provider)
        rsa = next((key for key in keys if key.algorithm.startswith("rsa")), None)
        if rsa is None:
            return b""
        verdict = next((each.result for each in results if each.method == arc.METHOD), Result.NONE)
        payload, now_s = authentication_results.payload(authserv_id, results), self._clock.now_ms() // 1000

        def sealed() -> bytes:
            header, body_start = Header.parse(message.top)
            digest = digest_of_pieces(message.body(body_start))
            try:
                return arc.seal(header, digest, rsa, verdict=verdict, results=payload, sealed_s=now_s)
            except Unsignable:
                return b""

        return await self._in_time(message, sealed)

    async def _in_time(self, of: bytes | Whole, work: Callable[[], T]) -> T:
        """What the work results in; in a thread where the header is long, or the message is large."""
        top = of.top if isinstance(of, Whole) else of
        if has_long_header(top) or (isinstance(of, Whole) and of.size > MAX_OCTETS_IN_LOOP):
            return await self._aside.run(work)
        return work()

    async def _keys_of(self, domain: str) -> tuple[SigningKey, ...]:
        known, now = self._keys.get(domain), self._clock.monotonic()
        if known and now < known[0]:
            return known[1]
        keys = await self._database.read(signing_keys, domain)
        if len(self._keys) >= MAX_DOMAINS:
            self._keys.clear()
        self._keys[domain] = (now + MAX_AGE_S, keys)
        return keys


def signing_keys(tx: Transaction, domain: str) -> tuple[SigningKey, ...]:
    """The keys that sign for a domain; those that cannot be read are left out (`fsck` and `check` tell of them)."""
    found = []
    for key in dkim_keys.active(tx, domain):
        try:
            found.append(SigningKey(key.domain, key.selector, _loaded(key.pem)))
        except NotASigningKey:
            continue
    return tuple(found)


@lru_cache(maxsize=MAX_DOMAINS)
def _loaded(pem: str) -> PrivateKey:
    """A key that has signed once has prepared its arithmetic, which takes longer than to sign."""
    return from_pem(pem, ours=True)


def signatures_of_ours(tx: Transaction, octets: bytes, hostname: str, *, now_ms: int) -> bytes:
    """DKIM-Signature fields for a message that this host makes itself, by the domain that the host is in.

    Nothing where no such domain has keys.
    """
    keys = keys_of_host(tx, hostname)
    if not keys:
        return b""
    header, body_start = Header.parse(octets)
    return _signatures(header, (octets[body_start:],), keys, now_ms // 1000)


def signatures_by(tx: Transaction, octets: bytes, domain: str, *, now_ms: int) -> bytes:
    """DKIM-Signature fields by a domain, for a message that is made for somebody there; nothing without keys."""
    keys = signing_keys(tx, domain_key(domain))
    if not keys:
        return b""
    header, body_start = Header.parse(octets)
    return _signatures(header, (octets[body_start:],), keys, now_ms // 1000)


def keys_of_host(tx: Transaction, hostname: str) -> tuple[SigningKey, ...]:
    """The keys of the domain that a host is in: the host's own name, or the nearest above it that has any."""
    labels = hostname.split(".")
    parents = (".".join(labels[at:]) for at in range(len(labels) - 1))
    return next(filter(None, (signing_keys(tx, domain) for domain in parents)), ())


def _parsed(top: bytes) -> tuple[Header, int]:
    return Header.parse(top)


def _signatures(header: Header, body: Iterable[bytes], keys: Sequence[SigningKey], now_s: int) -> bytes:
    try:
        return dkim.sign(header, digest_of_pieces(body), keys, signed_s=now_s)
    except Unsignable:
        return b""
