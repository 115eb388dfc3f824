"""Signing what leaves: DKIM for mail by our own domains, ARC for mail that we hand on.

A message is signed once, when it is accepted for the queue (`reception`) or made by ourselves (`report`). So one
signature serves all recipients and attempts, and the key that signed it is retired long after the queue has given up.
"""

import asyncio
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from pillarbox.directory import dkim_keys
from pillarbox.directory.dkim_keys import SIGNING_KEYS
from pillarbox.mail.header import Header
from pillarbox.trust import arc, authentication_results, dkim
from pillarbox.trust.dkim.keys import NotASigningKey, from_pem
from pillarbox.trust.results import MethodResult, Result
from pillarbox.trust.signatures.arithmetic import PrivateKey
from pillarbox.trust.signatures.body_hash import BodyHashes
from pillarbox.trust.signatures.signed_header import Canonicalization
from pillarbox.trust.signatures.signed_names import Unsignable
from pillarbox.trust.signatures.signing_key import SigningKey
from pillarbox.world.clock import Clock
from pillarbox.world.database import Database, Transaction
from pillarbox.world.signals import Signals

MAX_OCTETS_IN_LOOP: Final = 64 * 1024
"""The body of a message up to this size is hashed in the loop, within half a millisecond; of others, in a thread."""
MAX_AGE_S: Final = 60.0
"""How long keys are remembered at most: a signal that they have changed may be lost."""
MAX_DOMAINS: Final = 10_000


class Signer:
    """Made once per process: it remembers the keys of domains that send."""

    def __init__(self, database: Database, signals: Signals, clock: Clock, *, provider: str) -> None:
        """`provider`: the domain that seals what is handed on."""
        self._database = database
        self._clock = clock
        self._provider = provider
        self._keys: dict[str, tuple[float, tuple[SigningKey, ...]]] = {}
        signals.subscribe(SIGNING_KEYS, self._keys.clear)

    async def signatures(self, header: Header, body: Sequence[bytes], domain: str) -> bytes:
        """DKIM-Signature fields by this domain to put on top, or nothing where it has no keys.

        Raises `DatabaseUnavailable`.
        """
        keys = await self._keys_of(domain)
        if not keys:
            return b""
        digest = await _digest(body)
        try:
            return dkim.sign(header, digest, keys, signed_s=self._clock.now_ms() // 1000)
        except Unsignable:
            return b""

    async def seal(
        self,
        header: Header,
        body: Sequence[bytes],
        results: Sequence[MethodResult],
        authserv_id: str,
    ) -> bytes:
        """The fields of ARC to put on top of a message that is handed on, or nothing without keys.

        `results`: what the checks found when it came. Raises `DatabaseUnavailable`.
        """
        keys = await self._keys_of(self._provider)
        rsa = [key for key in keys if key.algorithm.startswith("rsa")]
        if not rsa:
            return b""
        digest = await _digest(body)
        verdict = next((each.result for each in results if each.method == "arc"), Result.NONE)
        try:
            return arc.seal(
                header,
                digest,
                rsa[0],
                verdict=verdict,
                results=authentication_results.payload(authserv_id, results),
                sealed_s=self._clock.now_ms() // 1000,
            )
        except Unsignable:
            return b""

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
    """OpenSSL checks a key as it is read, which takes longer than to sign with it."""
    return from_pem(pem)


def signatures_of_ours(tx: Transaction, octets: bytes, hostname: str, *, now_ms: int) -> bytes:
    """DKIM-Signature fields for a message that this host makes itself, by the domain that the host is in.

    Nothing where no such domain has keys.
    """
    keys = keys_of_host(tx, hostname)
    if not keys:
        return b""
    header, body_start = Header.parse(octets)
    try:
        return dkim.sign(header, body_digest((octets[body_start:],)), keys, signed_s=now_ms // 1000)
    except Unsignable:
        return b""


def keys_of_host(tx: Transaction, hostname: str) -> tuple[SigningKey, ...]:
    """The keys of the domain that a host is in: the host's own name, or the nearest above it that has any."""
    labels = hostname.split(".")
    parents = (".".join(labels[at:]) for at in range(len(labels) - 1))
    return next(filter(None, (signing_keys(tx, domain) for domain in parents)), ())


async def _digest(body: Sequence[bytes]) -> bytes:
    if sum(map(len, body)) > MAX_OCTETS_IN_LOOP:
        return await asyncio.to_thread(body_digest, body)
    return body_digest(body)


def body_digest(body: Iterable[bytes]) -> bytes:
    """The SHA-256 of a body that is there in pieces, in relaxed form."""
    bodies = BodyHashes()
    found = bodies.add(Canonicalization.RELAXED)
    for piece in body:
        bodies.update(piece)
    bodies.finish()
    return found.digest()
