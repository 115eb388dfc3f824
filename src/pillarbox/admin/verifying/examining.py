"""All checks of a message that is there, whether or not it is known who handed it over."""

from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct

from pillarbox.mail.address import Address
from pillarbox.mail.header import Header
from pillarbox.trust import arc, dkim, spf
from pillarbox.trust.arc import ChainOutcome
from pillarbox.trust.dkim import SignatureOutcome
from pillarbox.trust.dmarc import Evaluation, authors, evaluate_message
from pillarbox.trust.judgement import Client, identifiers, judge
from pillarbox.trust.questions import Asking
from pillarbox.trust.results import Result
from pillarbox.trust.spf import Identity, SpfResult


class Handover(Struct, frozen=True, kw_only=True):
    """What is known of who handed a message over."""

    ip: IPv4Address | IPv6Address | None = None
    helo: str = ""
    mail_from: Address | None = None
    """None for the null reverse-path, and for one that is not known."""
    mail_from_known: bool = False
    source: str = ""
    """Who says so, in words."""


class Examination(Struct, frozen=True, kw_only=True):
    """What the checks found. SPF is None where the client, or the sender, is not known."""

    helo: SpfResult | None
    mail_from: SpfResult | None
    signatures: tuple[SignatureOutcome, ...]
    chain: ChainOutcome
    dmarc: Evaluation


def examine(octets: bytes, handover: Handover, *, receiver: str, now: int) -> Asking[Examination]:
    """Check a message in its transmitted form. `now`: UNIX seconds.

    Without a client, or without the sender of its envelope, it is not known what DMARC would have made of SPF: where
    nothing else passes, and the sender's domain is the author's, the result is `temperror`.
    """
    header, body_start = Header.parse(octets)
    body = [octets[body_start:]]
    helo = None
    if handover.ip is not None and handover.mail_from_known:
        client = Client(handover.ip, handover.helo, handover.mail_from)
        judged = yield from judge(client, header, body, receiver=receiver, now=now)
        return Examination(
            helo=judged.helo,
            mail_from=judged.mail_from,
            signatures=judged.signatures,
            chain=judged.chain,
            dmarc=judged.dmarc,
        )
    if handover.ip is not None:
        helo = yield from spf.check_helo(handover.ip, handover.helo, receiver=receiver, now=now)
    signatures = yield from dkim.verify(header, body, received_s=now)
    chain = yield from arc.verify(header, body)
    unknown = ""
    if handover.mail_from_known:
        unknown = handover.mail_from.domain if handover.mail_from else handover.helo
    unchecked = SpfResult(Result.TEMPERROR, Identity.MAIL_FROM, unknown, "not known")
    dmarc = yield from evaluate_message(authors(header), identifiers(unchecked, signatures))
    return Examination(helo=helo, mail_from=None, signatures=signatures, chain=chain, dmarc=dmarc)
