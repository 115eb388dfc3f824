"""Carrying jobs of one destination, one after another, over a connection that is kept as long as it serves.

A job goes from host to host and from address to address until each recipient has an outcome
(RFC 5321 §5.1). What is always true: TLS is used wherever it is offered and works (RFC 7435), and is a condition
where the route or the message (RFC 8689) says so; a message is offered to at most `SESSIONS` hosts in one
attempt, and only while its lease is ours; whatever a peer does, a job ends with a result.
"""

import ssl
from dataclasses import dataclass

from pillarbox.delivery.settle import Attempt, Result
from pillarbox.protocol.sasl.client import choose
from pillarbox.protocol.smtp.client.envelope import Outcome, Verdict
from pillarbox.queue.schedule import Job, Waiting, held
from pillarbox.server.relay.dialogue import Dialogue, HandshakeFailed, Unwilling
from pillarbox.server.relay.fitting import fit
from pillarbox.server.relay.host_finder import Encryption, Host, HostFinder
from pillarbox.server.relay.progress import Progress
from pillarbox.world.blobs import Blobs
from pillarbox.world.clock import Clock
from pillarbox.world.database import Database
from pillarbox.world.entropy import Entropy, nonce
from pillarbox.world.network import Network, NetworkFailure, TlsFailure
from pillarbox.world.tls.client import opportunistic, verified

CONNECT_S = 30.0
"""How long a connection may take to come about."""
HANDSHAKE_S = 60.0
CONNECTIONS = 10
"""Connections tried for one job in one attempt; RFC 5321 §5.1 asks for two at least."""
SESSIONS = 2
"""Hosts to which one message is offered in one attempt: where the first says "later", another may say "now"."""
TRANSACTIONS = 1_000
"""Messages on one connection."""
CONNECTION_S = 300.0
"""How old a connection may be when another message is begun on it."""
ASIDE_OCTETS = 256 * 1024
"""A message this large is read from the disk in a thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What couriers have."""

    hostname: str
    """What we call ourselves."""
    network: Network
    clock: Clock
    entropy: Entropy
    database: Database
    blobs: Blobs
    itinerary: HostFinder


@dataclass(frozen=True, slots=True)
class _Line:
    """An open connection and where it leads."""

    dialogue: Dialogue
    host: Host
    opened_at_s: float
    verified: bool
    """The host has proven its name, by a certificate that we would accept."""


class DeliveryAgent:
    """Carries jobs of one destination."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._line: _Line | None = None

    @property
    def connected(self) -> bool:
        """Whether the next job may go over the connection that there is."""
        line = self._line
        if line is None or not line.dialogue.usable:
            return False
        limit = min(TRANSACTIONS, line.dialogue.extensions.transactions_limit or TRANSACTIONS)
        age_s = self._means.clock.monotonic() - line.opened_at_s
        return line.dialogue.delivered < limit and age_s < CONNECTION_S

    async def carry(self, job: Job, octets: bytes | None = None) -> Result:
        """Try to deliver a message to its recipients; it is read unless its octets are given.

        Raises `BlobMissing`, `DatabaseUnavailable`.
        """
        progress = Progress(job)
        if not self._still_ours(job):
            progress.lost = progress.reached = True
            return progress.result()
        if octets is None:
            octets = await self._read(job)
        if self._line and not (self.connected and _serves(self._line, job)):
            await self.close()
        line, asked = self._line, ""
        if line:
            progress.reached = True
            if await self._hand_over(progress, octets, line):
                asked = line.host.name
        if progress.open:
            await self._visit_hosts(progress, octets, asked)
        return progress.result()

    async def close(self) -> None:
        """Say good-bye, where somebody is there. Never raises."""
        line, self._line = self._line, None
        if line:
            await line.dialogue.quit()

    def abort(self) -> None:
        """Drop the connection."""
        line, self._line = self._line, None
        if line:
            line.dialogue.abort()

    async def _read(self, job: Job) -> bytes:
        database, read = self._means.database, self._means.blobs.read
        if job.message.size < ASIDE_OCTETS:
            return database.read_now(read, job.message.blob)
        return await database.read_in_thread(read, job.message.blob)

    # --- from host to host

    async def _visit_hosts(self, progress: Progress, octets: bytes, asked: str) -> None:
        """All hosts in their order, but for the one that was `asked` already."""
        found = await self._means.itinerary.hosts(progress.job.destination)
        if isinstance(found, Outcome):
            # A destination that does not exist is no destination in trouble.
            progress.reached = found.verdict is Verdict.FAILED
            progress.note_all(found)
            return
        for host in found:
            if host.name == asked:
                continue
            await self._visit(progress, octets, host)
            spent = progress.connections >= CONNECTIONS or progress.sessions >= SESSIONS
            if spent or not progress.open:
                return

    async def _visit(self, progress: Progress, octets: bytes, host: Host) -> None:
        """One host, by its addresses until one of them answers."""
        addresses = await self._means.itinerary.addresses(host)
        if isinstance(addresses, Outcome):
            progress.note_all(addresses)
            return
        for address in addresses:
            if progress.connections >= CONNECTIONS:
                return
            progress.connections += 1
            await self.close()
            self._line = await self._connect(progress, host, address)
            if self._line:
                progress.reached = True
                await self._hand_over(progress, octets, self._line)
                return

    # --- one connection

    async def _connect(self, progress: Progress, host: Host, address: str) -> _Line | None:
        """A connection over which mail may go; `None` where there is none, and why is noted."""
        job, place = progress.job, f"{host.name} [{address}]"
        encryption = Encryption.VERIFIED if _must_be_verified(job) else host.encryption
        try:
            try:
                return await self._open(host, address, encryption, plain=False)
            except HandshakeFailed:
                if encryption is not Encryption.OPPORTUNISTIC:
                    raise
                # RFC 7435 §3: what could be had was tried; unprotected is better than not at all
                return await self._open(host, address, encryption, plain=True)
        except Unwilling as turned_away:
            permanent = turned_away.permanent and host.credentials is None
            verdict = Verdict.FAILED if permanent else Verdict.DEFERRED
            status = turned_away.status if permanent else f"4{turned_away.status[1:]}"
            progress.note_all(
                # Another host may be willing, so this is not the last word: it is told as ours.
                Outcome(verdict, status, f"{place}: {turned_away}", said_by_server=False)
            )
        except (HandshakeFailed, _NotProtected) as failure:
            progress.note_all(_unprotected(job, f"{place}: {failure}"))
        except NetworkFailure as failure:
            progress.note_all(_deferred("4.4.1", f"{host.name}: {failure}"))
        except TimeoutError:
            progress.note_all(_deferred("4.4.1", f"{place}: no connection in {CONNECT_S:.0f} seconds"))
        return None

    async def _open(self, host: Host, address: str, encryption: Encryption, *, plain: bool) -> _Line:
        """Raises NetworkFailure, TimeoutError, Unwilling, HandshakeFailed, _NotProtected."""
        context = verified() if encryption is Encryption.VERIFIED else opportunistic()
        dialogue = await self._dial(host, address, context)
        try:
            await dialogue.open()
            if not plain and not dialogue.is_secured and "STARTTLS" in dialogue.extensions:
                await dialogue.start_tls(context, host.name)
            if encryption is not Encryption.OPPORTUNISTIC and not dialogue.is_secured:
                raise _NotProtected("TLS is required, and not offered")
            await self._log_in(dialogue, host, encryption)
        except BaseException:
            dialogue.abort()
            raise
        proven = dialogue.is_secured and encryption is Encryption.VERIFIED and host.certain
        return _Line(dialogue, host, self._means.clock.monotonic(), proven)

    async def _dial(self, host: Host, address: str, context: ssl.SSLContext) -> Dialogue:
        means = self._means
        async with means.clock.timeout(CONNECT_S):
            stream = await means.network.connect(address, host.port or means.itinerary.port)
        if host.implicit_tls:
            try:
                async with means.clock.timeout(HANDSHAKE_S):
                    await stream.start_tls(context, host.name)
            except (TlsFailure, TimeoutError) as failure:
                stream.abort()
                raise HandshakeFailed(str(failure) or "no handshake in time") from failure
        return Dialogue(stream, means.hostname, means.clock, secured=host.implicit_tls)

    async def _log_in(self, dialogue: Dialogue, host: Host, encryption: Encryption) -> None:
        """Where the route says who we are. Raises `Unwilling`, `_NotProtected`."""
        if host.credentials is None:
            return
        exchange = choose(
            dialogue.extensions.mechanisms,
            host.credentials,
            nonce=nonce(self._means.entropy),
            binding=None,
            # A password is not given to whoever happens to offer TLS.
            plain_allowed=dialogue.is_secured and encryption is not Encryption.OPPORTUNISTIC,
        )
        if exchange is None:
            raise _NotProtected("the server offers no way to log in that is safe here")
        await dialogue.authenticate(exchange)

    # --- one message

    async def _hand_over(self, progress: Progress, octets: bytes, line: _Line) -> bool:
        """Offer the message for all who are open, in as many transactions as the server wants.

        False where an old connection turned out to be closed: a new one is no second attempt.
        """
        reused = line.dialogue.delivered > 0
        limit = line.dialogue.extensions.recipients_limit or len(progress.job.recipients)
        left = progress.open
        while left and line.dialogue.usable:
            if not self._still_ours(progress.job):
                progress.lost = True
                return True
            batch, left = left[:limit], left[limit:]
            outcomes = await self._transact(progress.job, octets, batch, line)
            if reused and _was_closed(outcomes, line):
                self._line = None
                return False
            reused = False
            left += [w for w, said in zip(batch, outcomes, strict=True) if _one_by_one(said, outcomes)]
            reports = "DSN" in line.dialogue.extensions
            progress.note(
                batch,
                [
                    Attempt(said, line.host.name if said.said_by_server else None, reports)
                    for said in outcomes
                ],
            )
        progress.sessions += 1
        return True

    def _still_ours(self, job: Job) -> bool:
        """Asked at first and before each offer, for the way to it may have been long: looking hosts up,
        connecting, waiting for one that says little. Answered by the disk only where the lease may have run
        out."""
        if self._means.clock.now_ms() < job.until_ms:
            return True
        return self._means.database.read_now(held, job)

    async def _transact(
        self, job: Job, octets: bytes, batch: list[Waiting], line: _Line
    ) -> tuple[Outcome, ...]:
        if _must_be_verified(job) and not line.verified:
            return (_unproven(line.host),) * len(batch)
        fitted = fit(job.message, octets, batch, line.dialogue.extensions)
        if isinstance(fitted, Outcome):
            return (fitted,) * len(batch)
        return tuple(await line.dialogue.deliver(fitted.envelope, fitted.octets))


class _NotProtected(Exception):
    """The connection is not what it has to be."""


def _serves(line: _Line, job: Job) -> bool:
    """Whether a job may go over this connection."""
    return line.verified or not _must_be_verified(job)


def _must_be_verified(job: Job) -> bool:
    # RFC 8689 §5: a report is not lost for want of REQUIRETLS
    return job.message.require_tls and job.message.reverse_path is not None


def _was_closed(outcomes: tuple[Outcome, ...], line: _Line) -> bool:
    """The connection had been closed while it rested, in silence or with a 421 that was waiting there."""
    heard = any(said.in_doubt or (said.said_by_server and not _is_421(said)) for said in outcomes)
    return not heard and not line.dialogue.usable


def _is_421(said: Outcome) -> bool:
    return said.text.startswith("421")


def _one_by_one(said: Outcome, outcomes: tuple[Outcome, ...]) -> bool:
    """RFC 5321 §4.5.3.1.10: who was too many in this transaction is tried in the next at once."""
    too_many = said.verdict is Verdict.DEFERRED and said.text.startswith(("452", "552"))
    return too_many and any(other.verdict is Verdict.DELIVERED for other in outcomes)


def _unprotected(job: Job, text: str) -> Outcome:
    # RFC 8689 §4.2.1: where no host will do, the sender is told; a route's condition is ours to mend
    if _must_be_verified(job):
        return Outcome(Verdict.FAILED, "5.7.10", text, said_by_server=False)
    return _deferred("4.7.10", text)


def _unproven(host: Host) -> Outcome:
    return Outcome(
        Verdict.FAILED, "5.7.10", f"nothing proves that {host.name} is the right server", said_by_server=False
    )


def _deferred(status: str, text: str) -> Outcome:
    return Outcome(Verdict.DEFERRED, status, text, said_by_server=False)
