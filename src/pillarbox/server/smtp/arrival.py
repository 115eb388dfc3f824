"""The end of a message: completed, looked at, and made durable; only then is it ours (RFC 5321 §4.2.5).

    octets -> trace fields on top (a submission is put in order first) -> blob -> summary -> one commit

`take` answers with the refusal or with the reply that makes us responsible, and is the only place that
knows the latter.
"""

from dataclasses import dataclass

from msgspec import Struct

from pillarbox.delivery import submission, trace
from pillarbox.delivery.accept import Acceptance, Success, accept
from pillarbox.delivery.submission import Fault, Submission
from pillarbox.delivery.trace import Hop
from pillarbox.directory.accounts import Account
from pillarbox.mail.address import domain_key
from pillarbox.mail.dsn import Dsn
from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.protocol.smtp.commands import Body
from pillarbox.protocol.smtp.path import NULL
from pillarbox.protocol.smtp.replies import Reply
from pillarbox.queue import spool
from pillarbox.server.connection import TlsState
from pillarbox.server.smtp.body import TOP_OCTETS, IncomingBody, Whole
from pillarbox.server.smtp.door import Door
from pillarbox.server.smtp.failures import WORLD_FAILURES, reply_to
from pillarbox.server.smtp.sender_domain import Existence
from pillarbox.server.smtp.transaction import Transaction
from pillarbox.server.summarizing import summary_of
from pillarbox.store.account_counters import NoSuchAccount, NoSuchMailbox
from pillarbox.store.append import Message
from pillarbox.world.blobs import PreparedBlob, prepare
from pillarbox.world.entropy import nonce

_TRACE_ID_OCTETS = 8
_REMARKS = {
    Existence.ABSENT: "sender domain does not exist",
    Existence.UNKNOWN: "sender domain could not be looked up",
}
_FAULTS = {
    Fault.FOREIGN_FROM: replies.NOT_YOUR_FROM,
    Fault.NO_FROM: replies.NO_FROM,
    Fault.HEADER_TOO_LARGE: replies.HEADER_TOO_LARGE,
}


class Client(Struct, frozen=True, kw_only=True):
    """What a session knows of its client."""

    name: str
    address: str
    extended: bool
    """Greeted with EHLO or LHLO."""
    tls: TlsState | None
    account: Account | None
    """Who is logged in."""


@dataclass(slots=True)
class Arrival:
    """One message on its way from a client to the commit."""

    door: Door
    client: Client
    transaction: Transaction
    trace_id: str
    existence: Existence | None = None
    """What is known of the sender's domain."""

    @property
    def body(self) -> IncomingBody:
        """Where the message is gathered; made when its first octets come."""
        transaction = self.transaction
        if transaction.body is None:
            transaction.body = IncomingBody(
                self.door.blobs,
                self._complete,
                limit_octets=self.door.limits.message_octets,
                binary=transaction.binary,
            )
        return transaction.body

    @property
    def refusal(self) -> Reply | None:
        """Why the message cannot be taken, as soon as that is known."""
        return self.body.refusal

    def add(self, octets: bytes) -> None:
        """More of the message; what fails meanwhile is told at its end."""
        try:
            self.body.add(octets)
        except WORLD_FAILURES as failure:
            self.body.refuse(reply_to(failure))

    async def take(self, last: bytes) -> Reply:
        """The answer to the end of the message, whose last octets are given."""
        try:
            if self.existence is None:
                await self._ask_for_sender()
            whole = await self.body.finish(last)
            if isinstance(whole, Reply):
                return whole
            acceptance = await self._acceptance(whole)
            await self._commit(acceptance)
            return self._accepted(acceptance)
        except WORLD_FAILURES as failure:
            self.door.telemetry.warning("message not taken", trace=self.trace_id, why=str(failure))
            return reply_to(failure)

    async def _commit(self, acceptance: Acceptance) -> None:
        try:
            await self.door.database.write(accept, acceptance, now_ms=self.door.clock.now_ms())
        except (NoSuchAccount, NoSuchMailbox):  # of other failures a crash may still show that they were none
            for part in (acceptance.message, acceptance.outbound):
                if part:
                    self.door.blobs.discard(part.blob)
            raise

    # --- before the commit

    async def _ask_for_sender(self) -> None:
        path, domains = self.transaction.mail.reverse_path, self.door.sender_domains
        if path is not NULL and domains:
            domain = domain_key(path.domain)
            self.existence = domains.begin(domain) or await domains.settled(domain)

    def _complete(self, top: bytes) -> bytes | Reply:
        """The message below its trace fields. Raises DatabaseUnavailable."""
        if self.client.account and self.door.role.submits:
            prepared = self._put_in_order(top, self.client.account)
            if isinstance(prepared, Reply):
                return prepared
            top = prepared
        seen = trace.marks(top)
        if seen.hops > self.door.limits.hops:
            return replies.TOO_MANY_HOPS
        return trace.with_trace(top, self._return_path() + self._received(), seen)

    def _put_in_order(self, top: bytes, account: Account) -> bytes | Reply:
        if len(top) >= TOP_OCTETS and b"\r\n\r\n" not in top:
            return replies.HEADER_TOO_LARGE
        details = Submission(account, self.trace_id, self.door.clock.now_ms())
        prepared = self.door.database.read_now(submission.prepare, top, details)
        return _FAULTS[prepared] if isinstance(prepared, Fault) else prepared

    def _return_path(self) -> bytes:
        if not self.transaction.distribution.inboxes:
            return b""
        return trace.return_path(self.transaction.sender)

    def _received(self) -> bytes:
        recipients = self.transaction.recipients
        return trace.received(
            Hop(
                client_name=self.client.name,
                client_address=self.client.address,
                hostname=self.door.hostname,
                protocol=transmission_type(self.door.role, self.client, utf8=self.transaction.mail.smtputf8),
                trace_id=self.trace_id,
                recipient=str(recipients[0]) if len(recipients) == 1 else None,
                cipher=self.client.tls.cipher if self.client.tls else None,
                remark=_REMARKS.get(self.existence) if self.existence else None,
                at_ms=self.door.clock.now_ms(),
            )
        )

    async def _acceptance(self, whole: Whole) -> Acceptance:
        distribution = self.transaction.distribution
        message = None
        if distribution.inboxes:
            message = Message(whole.blob, await summary_of(whole.octets))
        outbound = None
        if distribution.elsewhere:
            outbound = self._outbound(await self._travelling(whole), seven_bit=whole.octets.isascii())
        return Acceptance(tuple(distribution.inboxes), message, outbound, self._success(whole.octets))

    def _success(self, octets: bytes) -> Success | None:
        """What the sender is told once this is done (RFC 3461 §5.2.3, §5.2.7)."""
        subjects = tuple(self.transaction.distribution.successes.values())
        path = self.transaction.mail.reverse_path
        if not subjects or path is NULL:
            return None
        now_ms = self.door.clock.now_ms()
        notice = Dsn(
            to=str(path),
            hostname=self.door.hostname,
            recipients=subjects,
            identity=nonce(self.door.entropy),
            now_ms=now_ms,
            arrived_at_ms=now_ms,
            envelope_id=self.transaction.mail.envelope_id,
            headers_only=True,
            require_tls=self.transaction.mail.require_tls,
        )
        return Success(notice, octets)

    async def _travelling(self, whole: Whole) -> PreparedBlob:
        """The form that leaves: without the Return-Path that only the last server writes."""
        path = self._return_path()
        if not path:
            return whole.blob
        octets = whole.octets[len(path) :]
        if whole.blob.location is None:
            return prepare(octets)
        writer = self.door.blobs.writer()
        writer.write(octets)
        blob, _ = await writer.finish()
        return blob

    def _outbound(self, blob: PreparedBlob, *, seven_bit: bool) -> spool.Outbound:
        mail = self.transaction.mail
        body = mail.body
        if body is Body.SEVEN_BIT and not seven_bit:
            body = Body.EIGHT_BIT  # many say nothing and send 8-bit text; the next hop must know
        return spool.Outbound(
            blob=blob,
            reverse_path=None if mail.reverse_path is NULL else str(mail.reverse_path),
            recipients=tuple(self.transaction.distribution.elsewhere.values()),
            body=body,
            smtputf8=mail.smtputf8,
            require_tls=mail.require_tls,
            envelope_id=mail.envelope_id,
            return_content=mail.returns.value if mail.returns else None,
            account=self.client.account.id if self.client.account else None,
        )

    # --- after the commit

    def _accepted(self, acceptance: Acceptance) -> Reply:
        self.door.telemetry.event(
            "message accepted",
            trace=self.trace_id,
            role=self.door.role.value,
            client=self.client.address,
            reverse_path=self.transaction.sender,
            recipients=len(self.transaction.recipients),
            inboxes=len(acceptance.inboxes),
            elsewhere=len(self.transaction.distribution.elsewhere),
            size_octets=self.body.octets,
            sender_domain=self.existence.value if self.existence else None,
        )
        return Reply(250, "0.0", f"OK {self.trace_id}")


def trace_id(door: Door) -> str:
    """A fresh name for a message, for its trace field, our reply and our log."""
    return door.entropy.token_bytes(_TRACE_ID_OCTETS).hex()


def transmission_type(role: Role, client: Client, *, utf8: bool) -> str:
    """The `with` of Received (RFC 3848 §1, RFC 6531 §4.3)."""
    if role is Role.LMTP:
        base = "UTF8LMTP" if utf8 else "LMTP"
    elif utf8:
        base = "UTF8SMTP"
    else:
        base = "ESMTP" if client.extended or client.tls else "SMTP"
    return f"{base}{'S' if client.tls else ''}{'A' if client.account else ''}"
