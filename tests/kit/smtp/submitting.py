"""Submitting a stored email, as JMAP does, in the provider of SMTP tests."""

from collections.abc import Awaitable, Callable

from pillarbox.delivery import submitting, tracking
from pillarbox.delivery.settle import DeliveryAttempt, JobResult, ReportingMta, settle
from pillarbox.delivery.submitted_envelope import EnvelopeAddress, NotSubmitted, SubmittedEnvelope
from pillarbox.delivery.submitting import Order, StoredEmail, Submitted
from pillarbox.directory import accounts, identities
from pillarbox.mail.identifiers import EmailId, ThreadId
from pillarbox.mail.summary import summarize
from pillarbox.protocol.smtp.client.envelope import Outcome
from pillarbox.queue import submissions
from pillarbox.queue.schedule import claim
from pillarbox.queue.submissions import RecipientStatus, Sent
from pillarbox.server.chores.releasing import Releases
from pillarbox.store import append, mailboxes
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp

DRAFT = (
    b"From: Anna <anna@one.example>\r\nTo: Bert <bert@one.example>, x@elsewhere.example\r\n"
    b"Bcc: secret@elsewhere.example\r\nSubject: Plan\r\nMessage-ID: <plan@one.example>\r\n"
    b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\nThe body.\r\n"
)


def envelope(
    *to: str, sender: str = "anna@one.example", parameters: dict[str, str | None] | None = None
) -> SubmittedEnvelope:
    return SubmittedEnvelope(
        EnvelopeAddress(sender, parameters), tuple(EnvelopeAddress(address) for address in to)
    )


class Submitter:
    """Anna, with the one reception of her server."""

    def __init__(self, provider: SmtpProvider) -> None:
        self.provider = provider
        self.account = provider.people["anna"]
        self._reception = provider.reception()
        self._releases = Releases(provider.world, provider.config())

    async def store(self, octets: bytes) -> StoredEmail:
        """A draft."""
        prepared, now_ms = prepare(octets), self.provider.clock.now_ms()

        def verb(tx: Transaction) -> StoredEmail:
            drafts = mailboxes.by_name(tx, self.account, "Drafts").id
            message = append.Message(prepared, summarize(octets))
            stored = append.append(
                tx, self.account, drafts, message, flags="", received_at_ms=now_ms, now_ms=now_ms
            )
            return StoredEmail(EmailId(stored.email_id), ThreadId(stored.thread_id), prepared.blob.digest)

        return await self.provider.database.write(verb)

    async def submit(
        self,
        octets: bytes = DRAFT,
        given: SubmittedEnvelope | None = None,
        identity: str = "",
    ) -> Submitted | NotSubmitted:
        email = await self.store(octets)
        account = await self.provider.database.read(accounts.get, self.account)
        assert account is not None
        if not identity:
            identity = (await self.provider.database.read(identities.listing, self.account))[0].id
        order = Order(account, identity, email, given)
        return await submitting.submit(self._reception, self.provider.world, self.provider.config(), order)

    async def sent(self, octets: bytes = DRAFT, given: SubmittedEnvelope | None = None) -> int:
        found = await self.submit(octets, given)
        assert isinstance(found, Submitted), found
        return found.id

    def get(self, submission: int) -> Sent:
        (found,) = self.provider.database.read_now(submissions.get, self.account, [submission])
        return found

    def statuses(self, submission: int) -> list[tuple[str, str, str]]:
        return [(one.address, one.delivered, one.reply) for one in self.get(submission).recipients]

    def status(self, submission: int) -> RecipientStatus:
        (found,) = self.get(submission).recipients
        return found

    async def cancel(self, submission: int) -> bool:
        return await self.provider.database.write(tracking.cancel, self.account, submission)

    async def let_go(self, seconds: float = 0) -> None:
        """So long later, what the chore does."""
        await self.provider.clock.advance(seconds)
        await self._releases.run(self.provider.world, _no_rest)

    async def relay(self, *outcomes: Outcome) -> None:
        """What relays find out about all that is due, destination by destination."""
        world, now_ms = self.provider.world, self.provider.clock.now_ms()
        jobs = await world.database.write(claim, lease=7, now_ms=now_ms, jobs=10)
        results = [
            JobResult(
                job, tuple(DeliveryAttempt(one, "mx.elsewhere.example") for one in outcomes), reached=True
            )
            for job in jobs
        ]
        mta = ReportingMta("mx.one.example", world.blobs, world.entropy)
        await world.database.write(settle, results, mta, now_ms=now_ms)


async def _no_rest(_seconds: float | None = None) -> None: ...


def run_with_submitter(test: Callable[[Submitter], Awaitable[None]]) -> None:
    """Run a test in a fresh provider."""

    async def run(provider: SmtpProvider) -> None:
        await test(Submitter(provider))

    run_with_smtp(run)
