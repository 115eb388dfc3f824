"""A delivery agent: delivers jobs of one destination, one after another, over a connection that it keeps.

A job goes from host to host and from address to address until each recipient has an outcome (RFC 5321 §5.1).
Invariants: a message is offered to at most `MAX_HOSTS_OFFERED` hosts in one attempt, and only while its lease holds;
whatever a server does, a job ends with a result.
"""

from collections.abc import Sequence
from typing import Final

from pillarbox.delivery.settle import DeliveryAttempt, JobResult
from pillarbox.delivery.signing import MAX_OCTETS_IN_LOOP
from pillarbox.delivery.signing_anew import signed_anew
from pillarbox.protocol.smtp.client.capabilities import Capabilities
from pillarbox.protocol.smtp.client.envelope import Outcome, OutcomeKind
from pillarbox.queue.schedule import Job, PendingRecipient, still_leased
from pillarbox.server.relay.connection import Connection, connect, outcome_of_refusal
from pillarbox.server.relay.content import Content, FileContent
from pillarbox.server.relay.context import RelayContext
from pillarbox.server.relay.conversion import Converted, as_it_is, convert_for
from pillarbox.server.relay.host_finder import Host
from pillarbox.server.relay.progress import Progress
from pillarbox.server.relay.session_counts import NOT_COUNTED
from pillarbox.server.relay.transport import requires_tls
from pillarbox.trust.mta_sts import StsPolicy
from pillarbox.trust.tls_policy import HostRefused, Level, TlsPolicy, asks_for_no_tls
from pillarbox.world.blobs import Blobs, verified
from pillarbox.world.database import Transaction
from pillarbox.world.memory import MemoryScarce

MAX_CONNECTIONS_TRIED: Final = 10
"""Connections tried for one job in one attempt; RFC 5321 §5.1 asks for two at least."""
MAX_HOSTS_OFFERED: Final = 2
"""Hosts to which one message is offered in one attempt: if the first defers it, another may take it."""
MAX_TRANSACTIONS: Final = 1_000
"""Messages on one connection."""
MAX_CONNECTION_AGE_S: Final = 300.0
"""How old a connection may be when another message is begun on it."""
UNSUITABLE_S: Final = 60.0
"""How long no host is tried for messages like one to which none of them was suitable."""
FROM_FILE_OCTETS: Final = 256 * 1024
"""A message this large stays in its file and is sent from there, if it need not be converted."""

_NO_MEMORY: Final = Outcome(
    OutcomeKind.DEFERRED, "4.3.1", "insufficient memory to convert the message", said_by_server=False
)


class DeliveryAgent:
    """See the module."""

    def __init__(self, context: RelayContext) -> None:
        self._context = context
        self._connection: Connection | None = None
        self._unsuitable: HostRefused | None = None
        """Why no host was one to which the domain's mail may go, when they were last tried."""
        self._unsuitable_until_s = 0.0

    @property
    def connected(self) -> bool:
        """Whether there is a connection that the next job may use."""
        connection = self._connection
        if connection is None or not connection.session.usable:
            return False
        session = connection.session
        limit = min(MAX_TRANSACTIONS, session.capabilities.transactions_limit or MAX_TRANSACTIONS)
        age_s = self._context.world.clock.monotonic() - connection.opened_at_s
        return session.delivered < limit and age_s < MAX_CONNECTION_AGE_S

    async def deliver(self, job: Job, octets: bytes | None = None) -> JobResult:
        """Try to deliver a message to its recipients; it is read from the store if `octets` is `None`.

        Raises `BlobDamaged`, `DatabaseUnavailable`.
        """
        progress = Progress(job)
        if not await self._lease_holds(job):
            progress.lease_lost = progress.reached = True
            return progress.result()
        if octets is None and job.message.size >= FROM_FILE_OCTETS:
            with await self._open(job) as content:
                return await self._deliver(progress, content)
        return await self._deliver(progress, await self._read(job) if octets is None else octets)

    async def _deliver(self, progress: Progress, content: Content) -> JobResult:
        job = progress.job
        if self._connection and not (self.connected and self._connection.serves(job)):
            await self.close()
        if self._unsuitable is not None and self._is_unsuitable_for(job, content):
            _note_refusal(progress, self._unsuitable)
            return progress.result()
        connection, offered = self._connection, ""
        if connection:
            progress.reached = True
            if await self._offer(progress, content, connection):
                offered = connection.host.name
        if progress.open:
            await self._try_hosts(progress, content, offered)
        if progress.refused and self._connection is None and not requires_tls(job):
            self._unsuitable = progress.refused
            self._unsuitable_until_s = self._context.world.clock.monotonic() + UNSUITABLE_S
        return progress.result()

    def _is_unsuitable_for(self, job: Job, content: Content) -> bool:
        """Whether the destination is still known not to do for such a message."""
        if self._context.world.clock.monotonic() >= self._unsuitable_until_s:
            self._unsuitable = None
            return False
        return not requires_tls(job) and not _sets_policy_aside(job, content)

    async def close(self) -> None:
        """End the session with QUIT, if there is one. Never raises."""
        connection, self._connection = self._connection, None
        if connection:
            await connection.session.quit()

    def abort(self) -> None:
        """Drop the connection."""
        connection, self._connection = self._connection, None
        if connection:
            connection.session.abort()

    async def _read(self, job: Job) -> bytes:
        world = self._context.world
        return await world.database.read(_read, world.blobs, job.message.blob)

    async def _open(self, job: Job) -> FileContent:
        world = self._context.world
        return await world.database.read_in_thread(FileContent.open, world.blobs, job.message.blob)

    async def _lease_holds(self, job: Job) -> bool:
        """Whether the job may be offered: checked at first and again before each offer, since looking up hosts,
        connecting and slow servers take time. The database is read only if the lease may have run out; nothing
        is awaited between its answer and the offer.
        """
        world = self._context.world
        if world.clock.now_ms() < job.leased_until_ms:
            return True
        return await world.database.read(still_leased, job)

    # --- from host to host

    async def _try_hosts(self, progress: Progress, content: Content, offered: str) -> None:
        """All hosts in their order, except the one named `offered`, which has had the message."""
        found = await self._context.hosts.hosts(progress.job.destination)
        if isinstance(found, Outcome):
            # A destination that does not exist is not an unreachable one.
            progress.reached = found.kind is OutcomeKind.FAILED
            progress.record_all(found)
            return
        sts = await self._domain_policy(progress, content, found)
        for host in found:
            if host.name == offered:
                continue
            await self._try_host(progress, content, host, sts)
            exhausted = (
                progress.connections >= MAX_CONNECTIONS_TRIED or progress.hosts_offered >= MAX_HOSTS_OFFERED
            )
            if exhausted or not progress.open:
                return

    async def _domain_policy(
        self, progress: Progress, content: Content, hosts: Sequence[Host]
    ) -> StsPolicy | None:
        """The MTA-STS policy in force."""
        job = progress.job
        domain = await self._context.policies.of_domain(job.destination, hosts)
        failed = domain.not_fetched
        # What the operator has configured is no matter of the domain's
        if failed and not hosts[0].configured and self._is_counted(job, content, lenient=False):
            progress.sessions.not_fetched(failed, job)
        return domain.in_force

    async def _try_host(
        self, progress: Progress, content: Content, host: Host, sts: StsPolicy | None
    ) -> None:
        """One host, at its addresses until one of them answers."""
        addresses = await self._context.hosts.addresses(host)
        if isinstance(addresses, Outcome) and addresses.kind is OutcomeKind.DEFERRED:
            progress.record_all(addresses)
            return
        policy, lenient = await self._policy(progress.job, content, host, sts)
        is_counted = self._is_counted(progress.job, content, lenient=lenient)
        if isinstance(policy, HostRefused):
            if is_counted:
                progress.sessions.refused(policy, progress.job, host, sts)
            _note_refusal(progress, policy)
            return
        # This is final: so it is said only of a host that the domain's policy allows
        if isinstance(addresses, Outcome):
            progress.record_all(addresses)
            return
        for address in addresses:
            if progress.connections >= MAX_CONNECTIONS_TRIED:
                return
            progress.connections += 1
            await self.close()
            counted = progress.sessions.session(policy, host, address, sts) if is_counted else NOT_COUNTED
            connection = await connect(self._context, policy, host, address, lenient=lenient, counted=counted)
            if isinstance(connection, HostRefused):
                _note_refusal(progress, connection)
                continue
            if isinstance(connection, Outcome):
                progress.record_all(connection)
                continue
            self._connection = connection
            if not lenient:
                self._unsuitable = None
            progress.reached = True
            await self._offer(progress, content, connection)
            return

    def _is_counted(self, job: Job, content: Content, *, lenient: bool) -> bool:
        """Whether a session for this message counts for reports about TLS: not where it carries such a report, which
        would be reported on for ever, or sets aside what the domain demands.
        """
        if lenient or not self._context.config.reports.send:
            return False
        return job.message.reverse_path is not None or not asks_for_no_tls(_beginning(content))

    async def _policy(
        self, job: Job, content: Content, host: Host, sts: StsPolicy | None
    ) -> tuple[TlsPolicy | HostRefused, bool]:
        """What a connection has to be for this message; and whether the message has set aside what the domain
        demands (RFC 8689 §4.2.2), for which its header is read only where anything is demanded.
        """
        policies = self._context.policies
        found = await policies.of_host(job, host, sts)
        if isinstance(found, TlsPolicy) and found.level is Level.OPPORTUNISTIC:
            return found, False
        if not _sets_policy_aside(job, content):
            return found, False
        return await policies.of_host(job, host, sts, tls_optional=True), True

    # --- one message on one connection

    async def _offer(self, progress: Progress, content: Content, connection: Connection) -> bool:
        """Offer the message for all open recipients, in as many transactions as the server wants.

        False if a reused connection turned out to be closed: connecting again is not a second attempt.
        """
        session, job = connection.session, progress.job
        reused = session.delivered > 0
        limit = session.capabilities.recipients_limit or len(job.recipients)
        left = progress.open
        while left and session.usable:
            if not await self._lease_holds(job):
                progress.lease_lost = True
                return True
            batch, left = left[:limit], left[limit:]
            outcomes = await self._transact(job, content, batch, connection)
            if reused and _was_closed(outcomes, connection):
                self._connection = None
                return False
            reused = False
            left += [
                recipient for recipient, got in zip(batch, outcomes, strict=True) if _too_many(got, outcomes)
            ]
            dsn, peer = "DSN" in session.capabilities, connection.peer
            progress.record(
                batch,
                [
                    DeliveryAttempt(got, connection.host.name if got.said_by_server else None, dsn, peer)
                    for got in outcomes
                ],
            )
        progress.hosts_offered += 1
        return True

    async def _transact(
        self, job: Job, content: Content, batch: list[PendingRecipient], connection: Connection
    ) -> tuple[Outcome, ...]:
        capabilities = connection.session.capabilities
        if isinstance(content, bytes) or as_it_is(capabilities, job.message, content, batch):
            converted = convert_for(capabilities, job.message, content, batch)
            return await _send(await self._signed(job, content, converted), batch, connection)
        try:
            room = await self._context.world.memory.relay.reserve(len(content))
        except MemoryScarce:
            return (_NO_MEMORY,) * len(batch)
        with room:
            database = self._context.world.database
            converted = await database.read_in_thread(_converted, self._context, capabilities, job, batch)
            return await _send(converted, batch, connection)

    async def _signed(
        self, job: Job, content: Content, converted: Converted | Outcome
    ) -> Converted | Outcome:
        """What was converted, with new signatures where they are ours to make."""
        if isinstance(converted, Outcome) or converted.content is content:
            return converted
        database = self._context.world.database
        read = database.read if len(converted.content) <= MAX_OCTETS_IN_LOOP else database.read_in_thread
        return await read(_signed_anew, self._context, job, converted)


def _note_refusal(progress: Progress, refused: HostRefused) -> None:
    """A host does not do for this message. That makes no destination an unreachable one: the next message may demand
    less, and one that says `TLS-Required: No`, as a report about this very failure does, has not to wait behind others
    (RFC 8460 §3).
    """
    progress.reached = True
    progress.refused = refused
    progress.record_all(outcome_of_refusal(refused))


def _sets_policy_aside(job: Job, content: Content) -> bool:
    """Whether the message sets aside what the domain demands (RFC 8689 §4.2.2)."""
    # RFC 8689 §4.1: with REQUIRETLS the field is ignored, also in a bounce, which goes without REQUIRETLS
    return not job.message.require_tls and asks_for_no_tls(_beginning(content))


def _beginning(content: Content) -> bytes:
    return content if isinstance(content, bytes) else next(content.blocks(), b"")


def _read(tx: Transaction, blobs: Blobs, digest: bytes) -> bytes:
    """What is passed on to another provider is what was accepted. Raises `BlobDamaged`."""
    return verified(blobs.read(tx, digest), digest)


def _converted(
    tx: Transaction,
    context: RelayContext,
    capabilities: Capabilities,
    job: Job,
    batch: list[PendingRecipient],
) -> Converted | Outcome:
    """In a thread: a large message that cannot be sent as it is."""
    octets = _read(tx, context.world.blobs, job.message.blob)
    converted = convert_for(capabilities, job.message, octets, batch)
    return converted if isinstance(converted, Outcome) else _signed_anew(tx, context, job, converted)


def _signed_anew(tx: Transaction, context: RelayContext, job: Job, converted: Converted) -> Converted:
    assert isinstance(converted.content, bytes), "what is in a file is not converted"
    octets = signed_anew(
        tx, job.message, converted.content, context.config.hostname, now_ms=context.world.clock.now_ms()
    )
    return Converted(converted.envelope._replace(size=len(octets)), octets)


async def _send(
    converted: Converted | Outcome, batch: list[PendingRecipient], connection: Connection
) -> tuple[Outcome, ...]:
    if isinstance(converted, Outcome):
        return (converted,) * len(batch)
    return tuple(await connection.session.deliver(converted.envelope, converted.content))


def _was_closed(outcomes: tuple[Outcome, ...], connection: Connection) -> bool:
    """The connection had been closed while idle, silently or with a 421 that was not read yet."""
    answered = any(got.in_doubt or (got.said_by_server and not _is_421(got)) for got in outcomes)
    return not answered and not connection.session.usable


def _is_421(outcome: Outcome) -> bool:
    return outcome.text.startswith("421")


def _too_many(outcome: Outcome, outcomes: tuple[Outcome, ...]) -> bool:
    """RFC 5321 §4.5.3.1.10: recipients beyond the server's limit are sent in another transaction at once."""
    over_limit = outcome.kind is OutcomeKind.DEFERRED and outcome.text.startswith(("452", "552"))
    return over_limit and any(other.kind is OutcomeKind.DELIVERED for other in outcomes)
