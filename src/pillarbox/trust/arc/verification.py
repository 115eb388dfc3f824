"""Verifies the chain of a message as it comes (RFC 8617 §5.2).

    verification = Verification(header)
    yield from verification.look_up_keys()
    for piece in body:
        verification.update(piece)
    outcome = verification.conclude(remote_ip="192.0.2.1")

What it costs is bounded: a look-up and two signatures for each of 50 sets at most, where seals are hashed in one go,
since each covers what the one before covers and more. Every failure is final, those of the DNS included (§5.2.1).
"""

import hashlib
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from pillarbox.dns import Kind
from pillarbox.mail.header import Header
from pillarbox.trust.arc.chain import ArcSet, chain
from pillarbox.trust.questions import Asking, Lookup
from pillarbox.trust.results import MethodResult, Property, Result
from pillarbox.trust.signatures import arithmetic, key_record, signature
from pillarbox.trust.signatures.body_hash import BodyHash, BodyHashes
from pillarbox.trust.signatures.key_record import KeyRecord
from pillarbox.trust.signatures.rejected import Rejected, Rejection
from pillarbox.trust.signatures.signed_header import (
    Canonicalization,
    SignedHeader,
    own_field,
    relaxed,
    without_signature,
)

METHOD: Final = "arc"
MAX_OLDER: Final = 10
"""Message signatures below the newest that are verified, to know how far back the message is unchanged (§5.2 (5))."""
_NO_KEY_ASKED: Final = Rejection(Result.FAIL, "key was not looked up")


class ChainOutcome(Struct, frozen=True, gc=False):
    """What was found of a chain."""

    result: Result
    """`none`, `pass` or `fail`."""
    reason: str = ""
    sealers: tuple[str, ...] = ()
    """Domains of the seals, the first one first; those of a chain that failed are claims only."""
    oldest_pass: int = 0
    """The lowest instance whose message signature still holds, 0 if all do (§5.2 (5)); of a chain that holds."""
    results: tuple[bytes, ...] = ()
    """The fields ARC-Authentication-Results, the first one first; of a chain that holds."""
    remote_ip: str = ""
    covers_from: bool = False
    """The newest message signature covers all From fields, and leaves out no second Date or Subject, without which a
    chain that holds says little."""

    def method_result(self) -> MethodResult:
        """For Authentication-Results (RFC 8617 §6, §10.2)."""
        properties = [Property("smtp", "remote-ip", self.remote_ip)] if self.remote_ip else []
        if self.result is Result.PASS:
            properties.append(Property("header", "oldest-pass", str(self.oldest_pass)))
        domain = self.sealers[-1] if self.sealers else ""
        return MethodResult(METHOD, self.result, domain, self.reason, tuple(properties))


class Verification:
    """The chain of one message."""

    def __init__(self, header: Header, *, seen: SignedHeader | None = None) -> None:
        """`seen`: the header as signatures see it, if others look at it too."""
        self._header = seen or SignedHeader(header)
        self._bodies = BodyHashes()
        self._keys: dict[str, KeyRecord | Rejection] = {}
        self._sets: tuple[ArcSet, ...] = ()
        self._broken: Rejection | None = None
        try:
            self._sets = chain(self._header)
        except Rejected as rejected:
            self._broken = rejected.rejection
        self._body_hashes: dict[int, BodyHash] = {}
        """By instance."""
        for instance in range(len(self._sets), max(0, len(self._sets) - MAX_OLDER - 1), -1):
            message = self._sets[instance - 1].message_signature
            self._body_hashes[instance] = self._bodies.add(message.body_form, message.body_limit)
            self._keys[message.key_name] = _NO_KEY_ASKED
        for each in self._sets:
            self._keys[each.seal.key_name] = _NO_KEY_ASKED

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        """The questions that `look_up_keys` is going to ask, in any order."""
        return tuple([Lookup(name, Kind.TXT) for name in self._keys])

    @property
    def count(self) -> int:
        """How many signatures are verified: of all seals, and of the newest messages."""
        return len(self._sets) + len(self._body_hashes)

    def look_up_keys(self) -> Asking[None]:
        """Asks for the keys; before or after the body has come."""
        for name in self._keys:
            self._keys[name] = yield from key_record.ask(name)

    def update(self, octets: bytes) -> None:
        """The next octets of the body."""
        self._bodies.update(octets)

    def conclude(self, *, remote_ip: str = "") -> ChainOutcome:
        """The outcome, once the body is complete. To be called once. `remote_ip`: of the client, to be told."""
        self._bodies.finish()
        if self._broken:
            return ChainOutcome(Result.FAIL, self._broken.reason, remote_ip=remote_ip)
        if not self._sets:
            return ChainOutcome(Result.NONE, remote_ip=remote_ip)
        sealers = tuple([each.seal.domain for each in self._sets])
        try:
            self._verify_message(len(self._sets))
            self._verify_seals()
        except Rejected as rejected:
            return ChainOutcome(Result.FAIL, rejected.rejection.reason, sealers, remote_ip=remote_ip)
        results = tuple([each.results for each in self._sets])
        names = self._sets[-1].message_signature.names
        covers_from = names.count(b"from") >= self._header.count(b"from") > 0
        covers_from = covers_from and not signature.left_out(names, self._header)[0]
        return ChainOutcome(Result.PASS, "", sealers, self._oldest_pass(), results, remote_ip, covers_from)

    def _verify_message(self, instance: int) -> None:
        message, body = self._sets[instance - 1].message_signature, self._body_hashes[instance]
        try:
            signature.verify(message, self._header, body, self._key(message.key_name))
            if not body.covers_all:
                raise Rejected(Result.FAIL, "a part of the body is not signed (l=)")
        except Rejected as rejected:
            reason = f"message signature {instance}: {rejected.rejection.reason}"
            raise Rejected(Result.FAIL, reason) from None

    def _verify_seals(self) -> None:
        """Each seal covers all sets up to its own (§5.1.1)."""
        covered = hashlib.sha256(usedforsecurity=False)
        canonical = self._header.canonical
        for instance, each in enumerate(self._sets, 1):
            seal = each.seal
            covered.update(canonical(each.results, Canonicalization.RELAXED))
            covered.update(canonical(each.message_signature.field, Canonicalization.RELAXED))
            here = covered.copy()
            here.update(own_field(without_signature(seal.field), Canonicalization.RELAXED))
            covered.update(relaxed(seal.field))
            try:
                key = signature.suitable_key(self._key(seal.key_name), seal.algorithm)
            except Rejected as rejected:
                reason = f"seal {instance}: {rejected.rejection.reason}"
                raise Rejected(Result.FAIL, reason) from None
            if not arithmetic.is_valid(key, seal.value, here.digest()):
                raise Rejected(Result.FAIL, f"seal {instance}: signature did not verify")

    def _oldest_pass(self) -> int:
        for instance in range(len(self._sets) - 1, 0, -1):
            if instance not in self._body_hashes:
                return instance + 1
            try:
                self._verify_message(instance)
            except Rejected:
                return instance + 1
        return 0

    def _key(self, name: str) -> KeyRecord:
        found = self._keys[name]
        if isinstance(found, Rejection):
            raise Rejected(*found)
        return found


def verify(header: Header, body: Iterable[bytes], *, remote_ip: str = "") -> Asking[ChainOutcome]:
    """The outcome for a message that is there already."""
    verification = Verification(header)
    if verification.lookups:  # otherwise the body says nothing
        yield from verification.look_up_keys()
        for piece in body:
            verification.update(piece)
    return verification.conclude(remote_ip=remote_ip)
