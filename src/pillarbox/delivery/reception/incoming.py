"""One message on its way in: recipients, octets, and at its end the commit that makes it ours.

    octets -> rules of submission, checks -> trace fields on top -> blob -> summary -> one commit

`IncomingMessage.finish` is the only place that returns `Accepted`, after the commit (RFC 5321 §4.2.5).
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pillarbox.config.schema import Config
from pillarbox.delivery import submission as rules
from pillarbox.delivery import trace, tracking
from pillarbox.delivery.checks.check import Decision, Evidence, Stage, Verdict
from pillarbox.delivery.checks.stages import Checks
from pillarbox.delivery.destinations import NO_REQUEST, Destinations, DsnRequest
from pillarbox.delivery.envelope import Envelope, Source
from pillarbox.delivery.pieces import Rest, has_long_header
from pillarbox.delivery.reception.body import MAX_TOP_OCTETS, IncomingBody, StoredMessage
from pillarbox.delivery.reception.commit import Intake, ReceivedMessage, commit, intake_of
from pillarbox.delivery.reception.recipient_resolver import RecipientResolver
from pillarbox.delivery.reception.reports import ReportFinder
from pillarbox.delivery.reception.signatures import NOT_SIGNED, signed
from pillarbox.delivery.refusal import Reason, Refused
from pillarbox.delivery.route import (
    Destination,
    FullMailbox,
    LocalRecipient,
    RemoteRecipient,
    UnknownRecipient,
)
from pillarbox.delivery.signing import Signer
from pillarbox.delivery.submission import Submission
from pillarbox.delivery.trace import Hop
from pillarbox.directory.accounts import Account
from pillarbox.mail import notification
from pillarbox.mail.address import Address
from pillarbox.mail.header import Header
from pillarbox.mail.notification import Notification
from pillarbox.mail.threading import message_ids
from pillarbox.protocol.smtp.commands import Body
from pillarbox.protocol.smtp.path import NULL, POSTMASTER, ForwardPath, written
from pillarbox.queue.scheduled import TooMuchHeld
from pillarbox.queue.submissions import NewSubmission, RecipientStatus
from pillarbox.reports.observed import count_message
from pillarbox.reports.received import ReceivedReport
from pillarbox.store.account_counters import NoSuchAccount, NoSuchMailbox
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.world import World

MAX_HOPS: Final = 100
"""Received fields in a message; RFC 5321 §6.3 asks to allow 100."""

MAX_PLACEMENTS_IN_LOOP: Final = 50
"""Placements of one message that are written in the loop, some 100 microseconds each; more are in a thread."""

_ID_OCTETS = 8


class Accepted(Struct, frozen=True, gc=False):
    """The message is durable, and ours to deliver or to report.

    `id` names it in the log and in its Received field.
    """

    id: str
    submission: int | None = None
    """The number under which it is remembered, where that was asked for."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What all incoming messages of a process share."""

    world: World
    config: Config
    checks: Checks
    recipients: RecipientResolver
    signer: Signer
    reports: ReportFinder


class IncomingMessage:
    """A message from its envelope to the commit; made by `Reception.begin`."""

    __slots__ = (
        "_attempted",
        "_body",
        "_destinations",
        "_envelope",
        "_evidence",
        "_id",
        "_origin",
        "_resources",
        "_return_path",
        "_reverse_path",
        "_statuses",
        "_submission",
        "_verdict",
        "recipients",
    )

    def __init__(
        self,
        resources: Resources,
        envelope: Envelope,
        evidence: Evidence,
        verdict: Verdict,
        submission: NewSubmission | None = None,
    ) -> None:
        """`submission`: what is to be remembered of it, but for recipients and Message-ID."""
        self._resources = resources
        self._envelope = envelope
        self._evidence = evidence
        self._verdict = verdict
        self._origin = evidence.origin
        self._reverse_path = written(envelope.reverse_path)
        self._destinations = Destinations()
        self._attempted = 0
        self._body: IncomingBody | None = None
        self._id = ""
        self._return_path = b""
        self._submission = submission
        self._statuses: list[RecipientStatus] = []
        self.recipients: list[Address] = []
        """The recipients that were accepted, in their order, repetitions included."""

    @property
    def id(self) -> str:
        """Names the message in its Received field, our answer and our log."""
        if not self._id:
            self._id = self._resources.world.entropy.token_bytes(_ID_OCTETS).hex()
        return self._id

    @property
    def binary(self) -> bool:
        """Whether its octets are kept bit for bit (RFC 3030 §3)."""
        return self._envelope.body is Body.BINARY

    @property
    def refused(self) -> Refused | None:
        """Why the message cannot be accepted, as soon as that is known."""
        return self._body.refused if self._body else None

    # --- recipients

    async def add_recipient(self, path: ForwardPath, request: DsnRequest = NO_REQUEST) -> Refused | None:
        """One more recipient, or why it is refused."""
        self._attempted += 1
        if self._attempted > self._resources.config.limits.recipients:
            return Refused(Reason.TOO_MANY_RECIPIENTS)
        if path is not POSTMASTER and not self._envelope.smtputf8 and not is_ascii(path):
            return Refused(Reason.RECIPIENT_NEEDS_SMTPUTF8)
        origin, recipients = self._origin, self._resources.recipients
        address = recipients.address(origin, path)
        found: Destination | None = recipients.cached(origin, address)
        if found is None:
            try:
                found = await recipients.destination(origin, address, octets=self._envelope.size_octets or 0)
            except DatabaseUnavailable:
                return Refused(Reason.UNAVAILABLE)
        refused = None if isinstance(found, LocalRecipient) else self._refused_recipient(found)
        if refused is None and self._resources.checks.rows[origin.source][Stage.RECIPIENT]:
            refused = await self._checked_recipient(address)
        if refused is None:
            # What is held is queued for recipients of ours as well: they get it at its time (`delivery.releasing`)
            here = found if isinstance(found, LocalRecipient) and self._envelope.release is None else None
            if here:
                self._destinations.add_local(address, here, request)
            else:
                self._destinations.add_remote(address, request)
            self.recipients.append(address)
            if self._submission:
                self._statuses.append(tracking.first_status(address, here, self._destinations))
        return refused

    def _refused_recipient(self, found: RemoteRecipient | UnknownRecipient | FullMailbox) -> Refused | None:
        match found:
            case RemoteRecipient():
                # Only a logged-in account may send to other providers
                submitted = self._origin.source is Source.SUBMISSION
                return None if submitted else Refused(Reason.RELAY_DENIED)
            case UnknownRecipient(disabled):
                return Refused(Reason.MAILBOX_DISABLED if disabled else Reason.NO_SUCH_RECIPIENT)
            case FullMailbox():
                return Refused(Reason.MAILBOX_FULL)

    async def _checked_recipient(self, address: Address) -> Refused | None:
        """What the checks say of one recipient; a refusal concerns this one only."""
        self._evidence.recipient = address
        verdict = await self._resources.checks.conclude(Stage.RECIPIENT, self._evidence, self._verdict)
        if verdict.refused is None:
            self._verdict = verdict
        return verdict.refused

    # --- octets

    async def add(self, octets: bytes) -> None:
        """More of the message. A failure is reported by `refused` and by `finish`."""
        body = self._incoming_body()
        try:
            await body.add(octets)
        except DatabaseUnavailable:
            body.refuse(Refused(Reason.UNAVAILABLE))

    async def finish(self, last: bytes) -> Accepted | Refused:
        """The end of the message, with its last octets."""
        body = self._incoming_body()
        try:
            stored = await body.finish(last)
            if isinstance(stored, Refused):
                return stored
            world, config = self._resources.world, self._resources.config
            report = await self._resources.reports.find(
                stored.octets, self._origin, self.recipients, self._verdict.authentication
            )
            found = None
            if self._envelope.reverse_path is NULL and self._destinations.placements:
                # What says something about mail that its recipients have sent has the null path
                found = await self._notification(stored.octets)
            remembered = None
            if self._submission:
                remembered = await world.aside.run(self._remembered, self._submission, stored.octets)
            received = self._received_message(stored, report, remembered, found)
            intake = await intake_of(received, world, config.hostname)
            del received
            # What is committed refers to the file of a large message, not to its octets
            del stored
            body.looked_at()
            submission = await self._commit(intake)
        except DatabaseUnavailable as failure:
            return self._failed(Reason.UNAVAILABLE, failure)
        except TooMuchHeld as held:
            return self._failed(Reason.TOO_MUCH_HELD, held)
        except (NoSuchAccount, NoSuchMailbox) as gone:
            # removed since RCPT; the next RCPT will be answered accordingly
            return self._failed(Reason.RECIPIENT_GONE, gone)
        return self._accepted(intake, body, submission)

    def abandon(self) -> None:
        """The transaction is over: forget what was received. Harmless after `finish`."""
        self._resources.checks.abandon(self._evidence)
        if self._body:
            self._body.abandon()
            self._body = (
                None  # it refers to us: without this, each message would be left to the garbage collector
            )

    def _incoming_body(self) -> IncomingBody:
        if self._body is None:
            self._body = IncomingBody(
                self._resources.world.blobs,
                self._resources.world.memory.of(stranger=self._origin.source is Source.PUBLIC),
                self._complete,
                waits=self._waits,
                max_octets=self._resources.config.limits.message_octets,
                binary=self.binary,
            )
        return self._body

    # --- before the commit

    def _waits(self, top: bytes) -> bool:
        """Whether the body decides what is written above it."""
        source = self._origin.source
        signs = self._signs and source is not Source.TRUSTED
        return signs or self._resources.checks.need_body(source, top)

    @property
    def _signs(self) -> bool:
        """Whether it leaves now. What is held is signed when it leaves, by the keys of then."""
        return bool(self._destinations.remote) and self._envelope.release is None

    async def _complete(self, top: bytes, rest: Rest | None) -> bytes | Refused:
        """The top of the message as it is stored. Raises `DatabaseUnavailable`."""
        if self._origin.account:
            submitted = await self._prepared(top, self._origin.account)
            if isinstance(submitted, Refused):
                return submitted
            top = submitted
        long = has_long_header(top)
        aside = self._resources.world.aside
        marks = await aside.run(trace.marks, top) if long else trace.marks(top)
        if marks.hops > MAX_HOPS:
            return Refused(Reason.TOO_MANY_HOPS)
        if marks.forged and (await aside.run(_is_cut, top) if long else _is_cut(top)):
            # What is forged could hide beyond the fields that are read
            return Refused(Reason.HEADER_TOO_LARGE)
        checks = self._resources.checks
        if checks.rows[self._origin.source][Stage.DATA]:
            self._evidence.top, self._evidence.rest = top, rest
            self._verdict = await checks.conclude(Stage.DATA, self._evidence, self._verdict)
            self._evidence.rest = None  # large messages are not to be in memory twice
            if self._verdict.refused:
                await self._count_refused()
                return self._verdict.refused
        if self._destinations.placements:
            # Written where the message is placed (RFC 5321 §4.4); `commit.intake_of` removes it from what is queued
            self._return_path = trace.return_path(self._reverse_path)
        ours = NOT_SIGNED
        if self._signs:
            signer, found = self._resources.signer, self._verdict.authentication
            ours = await signed(
                signer, self._origin.source, top, rest, found, self._resources.config.hostname
            )
        fields = b"".join(
            (self._return_path, ours.seal, *self._verdict.fields, self._received(), ours.signatures)
        )
        if long:
            return await aside.run(trace.with_trace, top, fields, marks, self._our_names())
        return trace.with_trace(top, fields, marks, self._our_names())

    async def _count_refused(self) -> None:
        """RFC 9990 §3.1: what is refused is reported as well."""
        world, observation = self._resources.world, self._verdict.observation
        if observation and self._verdict.decision is Decision.REJECT:
            with suppress(DatabaseUnavailable):  # which is no reason to answer otherwise
                await world.database.write(count_message, observation, now_ms=world.clock.now_ms())

    def _our_names(self) -> tuple[str, ...]:
        """Whose results of authentication this message cannot bring along (RFC 8601 §5)."""
        config = self._resources.config
        # what comes by LMTP may have been checked by our own filter
        return () if self._origin.source is Source.TRUSTED else (config.hostname, config.domain)

    async def _prepared(self, top: bytes, account: Account) -> bytes | Refused:
        if len(top) >= MAX_TOP_OCTETS and b"\r\n\r\n" not in top:
            return Refused(Reason.HEADER_TOO_LARGE)
        world = self._resources.world
        details = Submission(account, self.id, world.clock.now_ms())
        database = world.database
        read = database.read_in_thread if has_long_header(top) else database.read
        prepared = await read(rules.prepare, top, details)
        return Refused(prepared) if isinstance(prepared, Reason) else prepared

    def _received(self) -> bytes:
        origin, recipients = self._origin, self.recipients
        return trace.received(
            Hop(
                client_name=origin.client_name,
                client_address=origin.client_address,
                hostname=self._resources.config.hostname,
                protocol=origin.protocol,
                trace_id=self.id,
                recipient=_traced(recipients[0]) if len(recipients) == 1 else None,
                cipher=origin.cipher,
                remark="; ".join(self._verdict.remarks) or None,
                at_ms=self._resources.world.clock.now_ms(),
            )
        )

    async def _notification(self, octets: bytes) -> Notification | None:
        """What the message says about mail that its recipients have sent."""
        if not notification.may_be_notification(octets):
            return None
        return await self._resources.world.aside.run(notification.read, octets)

    def _remembered(self, submission: NewSubmission, octets: bytes) -> NewSubmission:
        field = Header.parse(octets, 0, MAX_TOP_OCTETS)[0].first("Message-ID") or b""
        return replace(
            submission,
            message_id=next(iter(message_ids(field)), None),
            recipients=tuple(self._statuses),
        )

    def _received_message(
        self,
        stored: StoredMessage,
        report: ReceivedReport | None,
        submission: NewSubmission | None,
        found: Notification | None,
    ) -> ReceivedMessage:
        return ReceivedMessage(
            origin=self._origin,
            envelope=self._envelope,
            destinations=self._destinations,
            stored=stored,
            return_path=self._return_path,
            quarantined=self._verdict.decision is Decision.QUARANTINE,
            authentication=self._verdict.authentication,
            observation=self._verdict.observation,
            report=report,
            submission=submission,
            notification=found,
        )

    async def _commit(self, intake: Intake) -> int | None:
        world = self._resources.world
        try:
            rows = len(intake.report.rows) if intake.report else 0
            if intake.submission:
                rows += len(intake.submission.recipients)
            many = len(intake.acceptance.placements) + rows > MAX_PLACEMENTS_IN_LOOP
            many = many or intake.answerable is not None  # it may be signed
            write = world.database.write_in_thread if many else world.database.write
            return await write(commit, intake, now_ms=world.clock.now_ms())
        except (
            NoSuchAccount,
            NoSuchMailbox,
            TooMuchHeld,
        ):  # after other failures a crash may still show that there were none
            for part in (intake.acceptance.message, intake.acceptance.outbound):
                if part:
                    world.blobs.discard(part.blob)
            raise

    # --- the answer

    def _accepted(self, intake: Intake, body: IncomingBody, submission: int | None) -> Accepted:
        fields: dict[str, object] = {
            "trace": self.id,
            "role": self._origin.service,
            "client": self._origin.client_address,
            "reverse_path": self._reverse_path,
            "recipients": len(self.recipients),
            "inboxes": len(intake.acceptance.placements),
            "elsewhere": len(self._destinations.remote),
            "size_octets": body.octets,
        }
        # The message is durable: a check that is named like one of these must not fail it now.
        self._resources.world.telemetry.event("message accepted", **{**dict(self._verdict.results), **fields})
        return Accepted(self.id, submission)

    def _failed(self, reason: Reason, failure: Exception) -> Refused:
        self._resources.world.telemetry.warning("message not accepted", trace=self.id, why=str(failure))
        self.abandon()
        return Refused(reason)


def _is_cut(top: bytes) -> bool:
    return Header.parse(top)[0].cut


def is_ascii(address: Address) -> bool:
    """Whether the address can be written without SMTPUTF8."""
    return address.local.isascii() and address.domain.isascii()


def _traced(recipient: Address) -> str:
    """A recipient as the Received field names it.

    RFC 6531 §3.7.3 prefers U-labels; but nobody may change the field afterwards (RFC 5321 §4.4), and the next server
    may lack SMTPUTF8.
    """
    return str(recipient if recipient.needs_smtputf8 else recipient.with_ascii_domain())
