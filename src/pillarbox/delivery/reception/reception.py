"""Where messages come in: `Reception` decides who may send (RFC 5321 §3.3, RFC 6409 §6), `IncomingMessage` the rest."""

from pillarbox.config.schema import Config
from pillarbox.delivery.checks.check import NO_VERDICT, Evidence, Stage, Verdict
from pillarbox.delivery.checks.stages import Checks
from pillarbox.delivery.checks.table import CHECKS, Table
from pillarbox.delivery.envelope import Envelope, Origin
from pillarbox.delivery.reception.incoming import IncomingMessage, Resources, is_ascii
from pillarbox.delivery.reception.recipient_resolver import RecipientResolver
from pillarbox.delivery.reception.reports import ReportFinder
from pillarbox.delivery.refusal import Reason, Refused
from pillarbox.delivery.signing import Signer
from pillarbox.directory import resolve
from pillarbox.directory.accounts import Account
from pillarbox.protocol.smtp.path import NULL
from pillarbox.queue.scheduled import TooMuchHeld, is_allowed, refuse_too_much
from pillarbox.queue.submissions import NewSubmission
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.world import World


class Reception:
    """Made once per process from the world and the configuration; shared by all services that take mail."""

    def __init__(self, world: World, config: Config, *, checks: Table = CHECKS) -> None:
        self.checks = Checks(world, config, checks)
        signer = Signer(world.database, world.signals, world.clock, world.aside, provider=config.domain)
        recipients = RecipientResolver(world, config)
        self._resources = Resources(world, config, self.checks, recipients, signer, ReportFinder(world))

    async def check(self, stage: Stage, origin: Origin, verdict: Verdict = NO_VERDICT) -> Verdict:
        """The verdict after the checks at CONNECT or GREETING. Only where messages come by connections."""
        return await self.checks.conclude(stage, Evidence(origin), verdict)

    async def begin(
        self,
        origin: Origin,
        envelope: Envelope,
        verdict: Verdict = NO_VERDICT,
        submission: NewSubmission | None = None,
    ) -> IncomingMessage | Refused:
        """A message with this envelope begins; or its sender is refused.

        `verdict`: of the earlier stages. `submission`: what is to be remembered of it.
        """
        refused = self._refused_envelope(envelope)
        if refused is None and origin.account:
            refused = await self._refused_sender(origin.account, envelope)
        if refused is None and origin.account and envelope.release:
            refused = await self._refused_hold(origin.account, envelope)
        if refused:
            return refused
        evidence = Evidence(origin, envelope)
        self.checks.begin(evidence)
        if self.checks.rows[origin.source][Stage.SENDER]:
            verdict = await self.checks.conclude(Stage.SENDER, evidence, verdict)
        if verdict.refused:
            self.checks.abandon(evidence)
            return verdict.refused
        return IncomingMessage(self._resources, envelope, evidence, verdict, submission)

    def _refused_envelope(self, envelope: Envelope) -> Refused | None:
        size, path = envelope.size_octets, envelope.reverse_path
        if size is not None and size > self._resources.config.limits.message_octets:
            # RFC 1870 §6.1: refused before the octets are transferred in vain
            return Refused(Reason.MESSAGE_TOO_LARGE)
        if envelope.release:
            now_ms = self._resources.world.clock.now_ms()
            if not is_allowed(until_ms=envelope.release.at_ms(now_ms), now_ms=now_ms):
                return Refused(Reason.HOLD_TOO_LONG)
        if path is NULL or envelope.smtputf8 or is_ascii(path):
            return None
        return Refused(Reason.SENDER_NEEDS_SMTPUTF8)

    async def _refused_hold(self, account: Account, envelope: Envelope) -> Refused | None:
        """RFC 4865 §6: before the octets are transferred in vain."""
        read, octets = self._resources.world.database.read, envelope.size_octets or 0
        try:
            await read(refuse_too_much, account.id, octets=octets)
        except TooMuchHeld:
            return Refused(Reason.TOO_MUCH_HELD)
        except DatabaseUnavailable:
            return Refused(Reason.UNAVAILABLE)
        return None

    async def _refused_sender(self, account: Account, envelope: Envelope) -> Refused | None:
        path = envelope.reverse_path
        if path is NULL:
            # RFC 5321 §4.5.5: reports are always accepted
            return None
        try:
            owned = await self._resources.world.database.read(resolve.may_send_as, account.id, path)
        except DatabaseUnavailable:
            return Refused(Reason.UNAVAILABLE)
        return None if owned else Refused(Reason.NOT_YOUR_ADDRESS)
