"""Verifies the DKIM signatures of a message as it comes (RFC 6376 §6).

    verification = Verification(header, received_s=now)
    yield from verification.look_up_keys()     # `verification.lookups` can be asked for while the body comes
    for piece in body:
        verification.update(piece)
    outcomes = verification.conclude()

What it costs is bounded: `MAX_VERIFIED` signatures, of which each hashes the header at most once, and two forms of the
body. Which signatures these are, an attacker cannot decide by adding others: those of the author's domain come first.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from pillarbox.dns import Kind
from pillarbox.mail.address_list import parse_address_list
from pillarbox.mail.header import Header
from pillarbox.mail.name_addr import NameAddr
from pillarbox.mail.report_message import is_tls_report
from pillarbox.trust.dkim import field
from pillarbox.trust.dkim.field import SignatureField
from pillarbox.trust.dkim.outcome import SignatureOutcome
from pillarbox.trust.questions import Asking, Lookup
from pillarbox.trust.results import Result
from pillarbox.trust.signatures import arithmetic, key_record, signature
from pillarbox.trust.signatures.body_hash import BodyHash, BodyHashes
from pillarbox.trust.signatures.key_record import KeyRecord
from pillarbox.trust.signatures.rejected import Rejected, Rejection
from pillarbox.trust.signatures.signature import Signature
from pillarbox.trust.signatures.signed_header import SignedHeader

MAX_VERIFIED: Final = 10
"""Signatures that are verified; each may take a look-up and a tenth of a millisecond."""
MAX_READ: Final = 100
"""DKIM-Signature fields that are read, from the top; the rest is as if it were not there."""
CLOCK_SKEW_S: Final = 300
"""By how much the clocks of signers and ours may differ."""

_MAX_FROM_OCTETS: Final = 2 * 1024
_NO_HEADER: Final = Rejection(Result.PERMERROR, "header has too many fields to be verified")
_TOO_MANY: Final = Rejection(Result.NEUTRAL, f"not verified: message has more than {MAX_VERIFIED} signatures")
_NO_KEY_ASKED: Final = Rejection(Result.TEMPERROR, "key was not looked up")


class Verification:
    """The signatures of one message."""

    def __init__(self, header: Header, *, received_s: int, seen: SignedHeader | None = None) -> None:
        """`received_s`: when the message first came here, in UNIX seconds (RFC 6376 §3.5, `x=`).

        `seen`: the header as signatures see it, if others look at it too.
        """
        self._header = seen or SignedHeader(header)
        self._fields_as_received = header
        self._received_s = received_s
        signed = self._header.fields_of(field.NAME)
        read = [field.parse(raw) for raw in signed[:MAX_READ]]
        self._fields = self._judged(read, header)
        self._bodies = BodyHashes()
        self._body_hashes: dict[int, BodyHash] = {}
        """By the place of the signature."""
        verified = list[Signature]()
        for place, each in enumerate(self._fields):
            found = each.signature
            if isinstance(found, Signature):
                verified.append(found)
                self._body_hashes[place] = self._bodies.add(found.body_form, found.body_limit)
        self._keys: dict[str, KeyRecord | Rejection] = {
            each.key_name: _NO_KEY_ASKED for each in _authors_first(verified, header)
        }

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        """The questions that `look_up_keys` is going to ask: at most `MAX_VERIFIED`, in any order."""
        return tuple([Lookup(name, Kind.TXT) for name in self._keys])

    @property
    def count(self) -> int:
        """How many signatures are verified."""
        return len(self._body_hashes)

    def look_up_keys(self) -> Asking[None]:
        """Asks for the keys; before or after the body has come."""
        for name in self._keys:
            self._keys[name] = yield from key_record.ask(name)

    def update(self, octets: bytes) -> None:
        """The next octets of the body."""
        self._bodies.update(octets)

    def conclude(self) -> tuple[SignatureOutcome, ...]:
        """The outcomes, topmost signature first, once the body is complete. To be called once."""
        self._bodies.finish()
        return tuple([self._outcome(place, each) for place, each in enumerate(self._fields)])

    def _judged(self, fields: Sequence[SignatureField], header: Header) -> list[SignatureField]:
        """The fields, without a signature where it is not going to be verified."""
        judged = [_replaced(each, self._refusal(each.signature)) for each in fields]
        places = [place for place, each in enumerate(judged) if isinstance(each.signature, Signature)]
        if len(places) > MAX_VERIFIED:
            authors = _author_domains(header)
            places.sort(key=lambda place: not _speaks_for(judged[place].domain, authors))
            for place in places[MAX_VERIFIED:]:
                judged[place] = _replaced(judged[place], _TOO_MANY)
        return judged

    def _refusal(self, found: Signature | Rejection) -> Rejection | None:
        """Why a signature that is well-formed does not count."""
        if isinstance(found, Rejection):
            return found
        if self._header.cut:
            return _NO_HEADER
        if found.expires_s is not None and self._received_s > found.expires_s + CLOCK_SKEW_S:
            return Rejection(Result.FAIL, f"expired {self._received_s - found.expires_s} s before it came")
        if found.signed_s is not None and found.signed_s > self._received_s + CLOCK_SKEW_S:
            return Rejection(
                Result.POLICY, f"signed {found.signed_s - self._received_s} s after the message came"
            )
        return None

    def _outcome(self, place: int, of: SignatureField) -> SignatureOutcome:
        found = of.signature
        if isinstance(found, Rejection):
            return _outcome(of, found)
        record, body = self._keys[found.key_name], self._body_hashes[place]
        if isinstance(record, Rejection):
            return _outcome(of, record)
        try:
            if record.strict and of.identity_domain != found.domain:
                raise Rejected(Result.PERMERROR, "key is not for subdomains in i= (t=s)")
            # RFC 8460 §3: such a key speaks for reports about TLS only
            tls_report = record.for_tls_reports and is_tls_report(self._fields_as_received)
            signature.verify(found, self._header, body, record, is_tls_report=tls_report)
            self._check_coverage(found, body)
            judged = Rejection(Result.PASS, _remarks(record))
        except Rejected as rejected:
            judged = rejected.rejection
            if record.test_mode:  # RFC 6376 §3.6.1: not different from unsigned
                judged = Rejection(Result.NEUTRAL, f"key in test mode; {judged.reason}")
        return _outcome(
            of,
            judged,
            record,
            listed=found.listed,
            covers_body=body.covers_all,
            covers_from=self._header.count(b"from") <= found.names.count(b"from"),
        )

    def _check_coverage(self, found: Signature, body: BodyHash) -> None:
        """What is read has to be what was signed."""
        if not body.covers_all:
            raise Rejected(
                Result.POLICY, f"only {body.limit} of {body.octets} octets of the body are signed (l=)"
            )
        name, count = signature.left_out(found.names, self._header)
        if name:
            shown = name.decode().title()
            raise Rejected(Result.POLICY, f"message has {count} {shown} fields, not all are signed")


def verify(header: Header, body: Iterable[bytes], *, received_s: int) -> Asking[tuple[SignatureOutcome, ...]]:
    """The outcomes for a message that is there already."""
    verification = Verification(header, received_s=received_s)
    if not verification.lookups:  # the body says nothing
        return verification.conclude()
    yield from verification.look_up_keys()
    for piece in body:
        verification.update(piece)
    return verification.conclude()


def _replaced(of: SignatureField, rejection: Rejection | None) -> SignatureField:
    if rejection is None or of.signature is rejection:
        return of
    return SignatureField(
        rejection,
        of.domain,
        of.selector,
        of.identity,
        of.identity_domain,
        of.algorithm,
        of.signature_text,
    )


def _outcome(
    of: SignatureField,
    judged: Rejection,
    record: KeyRecord | None = None,
    *,
    listed: bytes = b"",
    covers_body: bool = False,
    covers_from: bool = False,
) -> SignatureOutcome:
    return SignatureOutcome(
        judged.result,
        judged.reason,
        of.domain,
        of.selector,
        of.identity,
        of.algorithm,
        of.signature_text,
        record.bits if record else 0,
        record.test_mode if record else False,
        listed.decode("ascii"),
        covers_body,
        covers_from,
    )


def _remarks(record: KeyRecord) -> str:
    """What is to be said of a signature that is good."""
    remarks = list[str]()
    if record.kind == "rsa" and record.bits < arithmetic.STRONG_RSA_BITS:
        remarks.append(f"key has {record.bits} bits, fewer than {arithmetic.STRONG_RSA_BITS}")
    if record.test_mode:
        remarks.append("key in test mode")
    return "; ".join(remarks)


def _authors_first(found: Sequence[Signature], header: Header) -> Sequence[Signature]:
    """Those that may be the author's own, then the others: names whose servers stall keep no key of an author from
    being asked for.
    """
    if len({each.domain for each in found}) < 2:
        return found
    authors = _author_domains(header)
    return sorted(found, key=lambda each: not _speaks_for(each.domain, authors))


def _author_domains(header: Header) -> list[str]:
    """Domains of From, as A-labels."""
    values = b", ".join(header.all("From"))[:_MAX_FROM_OCTETS]
    return [
        found
        for item in parse_address_list(values)
        if isinstance(item, NameAddr)
        and (found := signature.as_domain(item.domain.decode("utf-8", "replace")))
    ]


def _speaks_for(domain: str, authors: Sequence[str]) -> bool:
    """Whether a signature of this domain may be the author's own: one is the other, or below it."""
    return any(
        domain == author or author.endswith(f".{domain}") or domain.endswith(f".{author}")
        for author in authors
    )
