"""What all checks together say of a message: SPF, DKIM, ARC and DMARC, in this order.

`judge` runs them one after another for a message that is there. A server that has the envelope long before the message
runs the parts by itself and puts them together with `identifiers` and `Judgement`.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct

from pillarbox.mail.address import Address
from pillarbox.mail.header import Header
from pillarbox.trust import arc, authentication_results, dkim, spf
from pillarbox.trust.arc import ChainOutcome
from pillarbox.trust.dkim import SignatureOutcome
from pillarbox.trust.dmarc.authors import authors
from pillarbox.trust.dmarc.description import described
from pillarbox.trust.dmarc.evaluation import Evaluation, Identifier, evaluate_message
from pillarbox.trust.dmarc.handling import Chain
from pillarbox.trust.questions import Asking
from pillarbox.trust.results import MethodResult, Result
from pillarbox.trust.spf import SpfResult


class Client(Struct, frozen=True, gc=False):
    """Who hands the message over."""

    ip: IPv4Address | IPv6Address
    helo: str
    """What it calls itself."""
    mail_from: Address | None
    """None for the null reverse-path."""


class Judgement(Struct, frozen=True, gc=False, kw_only=True):
    """What the checks found."""

    helo: SpfResult
    mail_from: SpfResult
    signatures: tuple[SignatureOutcome, ...]
    chain: ChainOutcome
    dmarc: Evaluation
    iprev: MethodResult | None = None

    @property
    def results(self) -> tuple[MethodResult, ...]:
        """For Authentication-Results, and to be kept with the message."""
        found = [self.mail_from.method_result, *dkim.method_results(self.signatures), described(self.dmarc)]
        if self.helo.result is not Result.NONE and not self.mail_from.null_sender:
            found.insert(1, self.helo.method_result)
        if self.chain.result is not Result.NONE:
            found.append(self.chain.method_result())
        if self.iprev:
            found.append(self.iprev)
        return tuple(found)

    @property
    def sealed(self) -> Chain | None:
        """The chain of ARC, if it holds, as far as it may excuse a failure."""
        if self.chain.result is not Result.PASS or not self.chain.covers_from:
            return None
        first = authentication_results.read(self.chain.results[0])
        claimed = [each for each in first.results if each.method == "dmarc"] if first else []
        # What passed has to be what is judged now: a sealer may let its own users change From
        author = self.dmarc.author_domain
        passed = bool(author) and [(each.result, each.domain) for each in claimed] == [(Result.PASS, author)]
        return Chain(self.chain.sealers, passed)


def identifiers(mail_from: SpfResult, signatures: Sequence[SignatureOutcome]) -> list[Identifier]:
    """What DMARC compares with the author's domain: never the HELO identity (RFC 9989 §4.4.2)."""
    tried = [("spf", mail_from.domain, mail_from.result)]
    tried += [("dkim", each.domain, each.result) for each in signatures]
    return [
        Identifier(method, domain, known=result is Result.PASS)
        for method, domain, result in tried
        if domain and result in (Result.PASS, Result.TEMPERROR)
    ]


def judge(
    client: Client, header: Header, body: Iterable[bytes], *, receiver: str, now: int
) -> Asking[Judgement]:
    """All checks of a message that is there. `receiver` is the name of this server, `now` is UNIX seconds."""
    pieces = tuple(body)
    helo = yield from spf.check_helo(client.ip, client.helo, receiver=receiver, now=now)
    mail_from = yield from spf.check_mail_from(
        client.ip, client.mail_from, client.helo, receiver=receiver, now=now
    )
    signatures = yield from dkim.verify(header, pieces, received_s=now)
    chain = yield from arc.verify(header, pieces, remote_ip=str(client.ip))
    dmarc = yield from evaluate_message(authors(header), identifiers(mail_from, signatures))
    return Judgement(helo=helo, mail_from=mail_from, signatures=signatures, chain=chain, dmarc=dmarc)
