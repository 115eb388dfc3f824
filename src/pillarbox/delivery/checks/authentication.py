"""Is a message by whom it says (SPF, DKIM, ARC, DMARC), and does its client have a name (iprev)?

What the DNS is asked begins as soon as it is known: SPF at MAIL, keys when the header of a large message has come.
The results stand on top of the message, are kept with it, and decide what DMARC asks for, as far as
`authentication.dmarc` lets it. What cannot be found out in time never refuses mail for ever (`deferral.py`). The image
of the sender (BIMI) is looked for last, where that is wanted.
"""

import asyncio
from functools import partial
from ipaddress import ip_address
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pillarbox.config.schema import Config
from pillarbox.delivery.asker import Asker, Begun, going_on, result
from pillarbox.delivery.checks.check import NOTHING_FOUND, Check, Decision, Evidence, Finding
from pillarbox.delivery.checks.deferral import Deferrals
from pillarbox.delivery.checks.known_clients import KnownClient, KnownClients
from pillarbox.delivery.indicators import Indicators
from pillarbox.delivery.pieces import NO_REST, Whole, has_long_header
from pillarbox.mail.header import Header
from pillarbox.protocol.smtp.path import NULL
from pillarbox.reports.observed import Observation
from pillarbox.trust import arc, authentication_results, dkim, spf
from pillarbox.trust.arc import ChainOutcome
from pillarbox.trust.bimi import Bimi
from pillarbox.trust.dkim import SignatureOutcome
from pillarbox.trust.dmarc.authors import authors
from pillarbox.trust.dmarc.evaluation import evaluate_message, look_up_policies
from pillarbox.trust.dmarc.handling import Action, Disposition, Mode, decide
from pillarbox.trust.dmarc.tree_walk import Walker
from pillarbox.trust.dmarc_report.observation import row_of
from pillarbox.trust.iprev import iprev
from pillarbox.trust.judgement import Client, Judgement, identifiers
from pillarbox.trust.questions import Asking
from pillarbox.trust.results import MethodResult
from pillarbox.trust.signatures.signed_header import SignedHeader
from pillarbox.trust.spf import SpfResult
from pillarbox.world.tls.certificate import read_chain
from pillarbox.world.tls.server import CertificateUnusable
from pillarbox.world.world import World

TIMEOUT_S: Final = 15.0
"""How long a message may wait for the DNS after its end, for all checks together, and SPF after MAIL; what is not
answered then is a temporary error."""
MAX_OCTETS_IN_LOOP: Final = 64 * 1024
"""The body of a message up to this size is hashed in the loop, within half a millisecond; of others, in a thread."""
MAX_VERIFIED_IN_LOOP: Final = 6
"""Signatures that are verified in the loop, a tenth of a millisecond each; more, in a thread."""

_DECISIONS: Final = {
    Action.ACCEPT: Decision.ACCEPT,
    Action.QUARANTINE: Decision.QUARANTINE,
    Action.DEFER: Decision.DEFER,
    Action.REJECT: Decision.REJECT,
}


class _Session(Struct, frozen=True, gc=False):
    """What was asked at MAIL."""

    client: Client
    helo: Begun[SpfResult]
    mail_from: Begun[SpfResult]
    iprev: Begun[MethodResult]


class Authentication(Check):
    """Judges messages of other providers."""

    name = "authentication"

    @classmethod
    def applies(cls, config: Config) -> bool:
        """See `Check.applies`."""
        return config.authentication.judge

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self._clock = world.clock
        self._aside = world.aside
        self._asker = Asker(world, within_s=TIMEOUT_S)
        self._receiver = config.hostname
        self._mode = Mode(config.authentication.dmarc)
        self._trusted = frozenset(domain.lower() for domain in config.authentication.trusted_sealers)
        self._deferrals = Deferrals(world.clock)
        self._indicators = _indicators(world, config)
        self._reports = config.reports.send
        self._clients = KnownClients(world.clock)

    def begin(self, evidence: Evidence) -> None:
        """Ask for SPF, and for the client's name."""
        client = _client(evidence)
        if client is None:
            return
        receiver, now = self._receiver, self._now_s()
        known = self._clients.get((str(client.ip), client.helo))
        evidence.begun[self.name] = _Session(
            client,
            known.helo
            if known
            else self._asker.begin(spf.check_helo(client.ip, client.helo, receiver=receiver, now=now)),
            self._asker.begin(
                spf.check_mail_from(client.ip, client.mail_from, client.helo, receiver=receiver, now=now)
            ),
            known.iprev if known else self._asker.begin(iprev(str(client.ip))),
        )

    def abandon(self, evidence: Evidence) -> None:
        """The client has left, or it was refused: nobody waits for the answers."""
        begun: _Session | None = evidence.begun.pop(self.name, None)
        if begun:
            for each in (begun.helo, begun.mail_from, begun.iprev):
                if isinstance(each, asyncio.Task):
                    each.cancel()

    def needs_body(self, top: bytes) -> bool:
        """What is signed has to be there; its keys are asked for meanwhile."""
        if has_long_header(top):
            return True  # it is read in a thread, and later
        header = Header.parse(top)[0]
        seen = SignedHeader(header)
        lookups = (
            *dkim.Verification(header, received_s=self._now_s(), seen=seen).lookups,
            *arc.Verification(header, seen=seen).lookups,
        )
        self._asker.look_up_ahead(lookups)
        return bool(lookups)

    async def conclude(self, evidence: Evidence) -> Finding:
        """Judge the message, and decide."""
        begun: _Session | None = evidence.begun.get(self.name)
        if begun is None:
            return NOTHING_FOUND  # no address of a client is known
        judgement, header = await self._judged(begun, evidence)
        where = (judgement.dmarc.author_domain, str(begun.client.mail_from or ""))
        disposition = decide(
            judgement.dmarc,
            self._mode,
            chain=judgement.sealed,
            trusted_sealers=self._trusted,
            may_defer=self._deferrals.may_defer(where),
        )
        if disposition.action is Action.DEFER:
            self._deferrals.deferred(where)
        bimi = None
        if self._indicators:
            bimi = await self._indicators.of(header, judgement.dmarc, judgement.signatures)
        finding = _finding(judgement, disposition, self._receiver, bimi)
        if self._reports and disposition.action is not Action.DEFER:  # what is deferred comes again
            observation = _observation(judgement, disposition, begun.client)
            return replace(finding, observation=observation) if observation else finding
        return finding

    async def _judged(self, begun: _Session, evidence: Evidence) -> tuple[Judgement, Header]:
        message, now_s = Whole(evidence.top, evidence.rest or NO_REST), self._now_s()
        long = has_long_header(message.top)
        signed = await self._aside.run(_Signed, message, now_s) if long else _Signed(message, now_s)
        signatures, chain = signed.signatures, signed.chain
        ends, walker = self._asker.deadline(), Walker()
        self._asker.look_up_ahead((*signatures.lookups, *chain.lookups))
        # Side by side: who owns the names of one has its time used up, and must not that of the others
        begun = evidence.begun[self.name] = replace(begun, mail_from=going_on(begun.mail_from, ends=ends))
        await self._asker.answers(
            (look_up_policies(signed.authors, walker), signed.look_up_keys()), ends=ends
        )
        verify = partial(signed.verify, remote_ip=str(begun.client.ip))
        outcomes, sealed = await self._aside.run(verify) if long or signed.takes_long else verify()
        mail_from = await result(begun.mail_from, ends=ends)
        identified = identifiers(mail_from, outcomes)
        dmarc = await self._asker.answer(evaluate_message(signed.authors, identified, walker), ends=ends)
        client = KnownClient(await result(begun.helo, ends=ends), await result(begun.iprev, ends=ends))
        self._clients.remember((str(begun.client.ip), begun.client.helo), client)
        judgement = Judgement(
            helo=client.helo,
            mail_from=mail_from,
            signatures=outcomes,
            chain=sealed,
            dmarc=dmarc,
            iprev=client.iprev,
        )
        return judgement, signed.header

    def _now_s(self) -> int:
        return self._clock.now_ms() // 1000


def _indicators(world: World, config: Config) -> Indicators | None:
    """For an ornament, no mail waits: without the roots that the operator wants, no image is looked for."""
    if not config.authentication.bimi:
        return None
    roots = config.authentication.bimi_roots
    try:
        return Indicators(world, read_chain(roots) if roots else ())
    except CertificateUnusable as failure:
        world.telemetry.warning("no BIMI", reason=str(failure))
        return None


def _client(evidence: Evidence) -> Client | None:
    assert evidence.envelope is not None, "listed at SENDER or later"
    origin, path = evidence.origin, evidence.envelope.reverse_path
    if not origin.client_address:
        return None
    ip = spf.client_address(ip_address(origin.client_address))
    return Client(ip, origin.client_name, None if path is NULL else path)


class _Signed:
    """What a message says of itself: its authors, and who has signed it."""

    __slots__ = ("_body_start", "_message", "authors", "chain", "header", "signatures")

    def __init__(self, message: Whole, now_s: int) -> None:
        header, self._body_start = Header.parse(message.top)
        self.header = header
        self._message = message
        self.authors = authors(header)
        seen = SignedHeader(header)
        self.signatures = dkim.Verification(header, received_s=now_s, seen=seen)
        self.chain = arc.Verification(header, seen=seen)

    @property
    def takes_long(self) -> bool:
        """Too long for the loop."""
        signatures, seals = self.signatures.count, self.chain.count
        large = self._message.size > MAX_OCTETS_IN_LOOP and (signatures or seals)
        return bool(large) or signatures + seals > MAX_VERIFIED_IN_LOOP

    def look_up_keys(self) -> Asking[None]:
        """Asks for the keys of signatures, then for those of seals."""
        yield from self.signatures.look_up_keys()
        yield from self.chain.look_up_keys()

    def verify(self, *, remote_ip: str) -> tuple[tuple[SignatureOutcome, ...], ChainOutcome]:
        """With the keys that have been looked up."""
        readers = [each for each in (self.signatures, self.chain) if each.count]
        if readers:
            for piece in self._message.body(self._body_start):
                for reader in readers:
                    reader.update(piece)
        return self.signatures.conclude(), self.chain.conclude(remote_ip=remote_ip)


def _observation(judgement: Judgement, disposition: Disposition, client: Client) -> Observation | None:
    """What is reported of it, where the domain asks for reports."""
    row, dmarc = row_of(judgement, disposition, client), judgement.dmarc
    return Observation(dmarc.policy_domain, dmarc.record.text, row) if row and dmarc.record else None


def _finding(judgement: Judgement, disposition: Disposition, receiver: str, bimi: Bimi | None) -> Finding:
    results = judgement.results
    if disposition.override:
        results = tuple([_with_comment(each, disposition) for each in results])
    written = results if bimi is None else (*results, bimi.described)
    return Finding(
        _DECISIONS[disposition.action],
        disposition.status.partition(".")[2] or "7.1",
        disposition.reply,
        fields=(authentication_results.field(receiver, written),),
        result=" ".join(f"{each.method}={each.result}" for each in written),
        authentication=results if bimi is None else (*results, bimi.kept),
    )


def _with_comment(result: MethodResult, disposition: Disposition) -> MethodResult:
    """The result of DMARC says as well why something else is done than the policy asks for."""
    if result.method != "dmarc":
        return result
    return replace(result, reason="; ".join(filter(None, (result.reason, disposition.comment))))
