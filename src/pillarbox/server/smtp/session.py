"""An SMTP or LMTP session: what each command does, for every role (RFC 5321, 6409, 8314, 2033).

The machine reads and knows what may come when; this file looks up, decides and answers. What is always true:

* every event is answered exactly once (LMTP: the end of a message once for each recipient), in order; the
  answers to what came in one read leave in one write (RFC 2920 §3.2);
* "250" to a message is said for what `Arrival.take` returned after the commit, and for nothing else;
* a session that errs, guesses or idles too much is ended with 421: see `Limits`.
"""

from collections.abc import Awaitable
from functools import lru_cache
from typing import assert_never

from pillarbox.directory.accounts import Account
from pillarbox.directory.app_passwords import Scope
from pillarbox.mail.address import domain_key
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.capabilities import Conditions, Offer, Role
from pillarbox.protocol.smtp.commands import Auth, Bdat, Command, Hello, Mail, Rcpt, Refused, Simple, Verb
from pillarbox.protocol.smtp.machine import ChunkEnd, Event, MessageEnd, Piece, Response, SmtpServer
from pillarbox.protocol.smtp.path import NULL, written
from pillarbox.protocol.smtp.replies import Reply, closing, goodbye, greeting
from pillarbox.protocol.smtp.states import State
from pillarbox.server.authentication import Attempt
from pillarbox.server.authentication import Client as LoginClient
from pillarbox.server.connection import Connection
from pillarbox.server.smtp import authenticate
from pillarbox.server.smtp.arrival import Arrival, Client, trace_id
from pillarbox.server.smtp.door import Door
from pillarbox.server.smtp.failures import WORLD_FAILURES, reply_to
from pillarbox.server.smtp.patience import Patience
from pillarbox.server.smtp.recipients import Submitter, judge_recipient, judge_sender
from pillarbox.server.smtp.sender_domain import Existence
from pillarbox.server.smtp.transaction import Transaction

Waiting = Awaitable[None] | None
"""What is left to wait for until an event is answered; mostly nothing, and then no coroutine is made."""

_ANSWERS = {
    Verb.NOOP: replies.OK,
    # RFC 5321 §3.5.3, §7.3: who exists is told at RCPT, to those who have mail for them
    Verb.VRFY: replies.CANNOT_VERIFY,
    Verb.EXPN: replies.NOT_IMPLEMENTED,
    Verb.HELP: replies.HELP,
}


class SmtpSession:
    """One connection's session."""

    __slots__ = (
        "_account",
        "_arrival",
        "_attempt",
        "_connection",
        "_door",
        "_hello",
        "_patience",
        "_replies",
        "_transaction",
        "machine",
    )

    def __init__(self, door: Door, connection: Connection) -> None:
        self._door = door
        self._connection = connection
        self.machine = SmtpServer(Conditions(door.role, False, False, (), door.limits))
        self._hello: Hello | None = None
        self._account: Account | None = None
        self._attempt: Attempt | None = None
        self._transaction: Transaction | None = None
        self._arrival: Arrival | None = None
        self._replies: list[bytes] = []
        self._patience = Patience(door.limits)

    # --- what the pump calls

    async def opened(self) -> None:
        """Greet."""
        self._condition()
        self._connection.set_deadline(self._door.deadlines.command_s)
        protocol = "LMTP" if self._door.role is Role.LMTP else "ESMTP"
        self._connection.write(greeting(self._door.hostname, protocol).octets)

    async def handle(self, event: Event) -> None:
        """Answer one event."""
        try:
            waiting = self._answer_to(event)
            if waiting:
                await waiting
        except WORLD_FAILURES as failure:
            self._say(reply_to(failure))
            self.machine.failed()
        if self.machine.handled():
            self._flush()

    def _answer_to(self, event: Event) -> Waiting:
        match event:
            case Mail():
                return self._on_mail(event)
            case Rcpt():
                self._on_rcpt(event)
            case MessageEnd():
                return self._on_message_end(event)
            case Simple():
                return None if self._refused_by_table(event) else self._on_simple(event)
            case Piece():
                self._on_piece(event)
            case ChunkEnd():
                return self._on_chunk_end(event)
            case Hello():
                self._on_hello(event)
            case Auth():
                return self._on_auth(event)
            case Response():
                return self._on_response(event)
            case Refused():
                self._on_refused(event)
            case Bdat():
                raise AssertionError("a chunk is told by its end")
            case _:
                assert_never(event)
        return None

    def timed_out(self) -> bytes:
        """RFC 5321 §4.5.3.2: silence for too long."""
        return closing(self._door.hostname, "4.2", "Timeout").octets

    def failed(self) -> bytes:
        """Our mistake; what was sent may be sent again."""
        return b"".join(self._replies) + closing(self._door.hostname, "3.0", "Internal error").octets

    def ending(self) -> bytes:
        """RFC 5321 §3.8: we go away."""
        return closing(self._door.hostname, "3.2", "Service shutting down").octets

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        """The account that has logged in."""
        return (self._account.id,) if self._account else ()

    def revoked(self) -> bytes:
        """The account was disabled or removed."""
        return closing(self._door.hostname, "7.0", "This account has been closed").octets

    def closed(self) -> None:
        """The connection is gone, and with it what was not committed (RFC 5321 §4.1.1.10)."""
        self._reset()

    # --- answering

    def _say(self, reply: Reply) -> None:
        self._replies.append(reply.octets)
        if reply.code >= 500:
            self._end_if(self._patience.error())

    def _flush(self) -> None:
        if self._replies:
            octets = self._replies[0] if len(self._replies) == 1 else b"".join(self._replies)
            self._replies.clear()
            self._connection.write(octets)

    def _end_if(self, why: str | None) -> None:
        """421, where there is a reason: enough of this client."""
        if why is None or self.machine.state is State.END:
            return
        self._door.telemetry.event("smtp session ended", client=self._connection.peer.address, why=why)
        self._replies.append(closing(self._door.hostname, "7.0", why).octets)
        self._close()

    def _close(self) -> None:
        self.machine.close()
        self._flush()
        self._connection.close()

    def _refused_by_table(self, command: Command) -> bool:
        refusal = self.machine.refusal(command)
        if refusal:
            self._say(refusal)
        return refusal is not None

    def _reset(self) -> None:
        if self._transaction:
            self._transaction.abandon()
        self._transaction = self._arrival = None

    def _condition(self) -> None:
        """What is offered now: after the connection, TLS, or a login has changed it."""
        connection, door = self._connection, self._door
        tls = connection.tls
        mechanisms: tuple[str, ...] = ()
        if door.role.submits and self._account is None:
            mechanisms = door.authenticator.mechanisms(tls, plain_allowed=door.plain_allowed)
        self.machine.change(
            tls=tls is not None, tls_available=connection.tls_available, mechanisms=mechanisms
        )

    # --- commands

    def _on_refused(self, event: Refused) -> None:
        self._say(event.reply)
        if event.fatal:
            self._close()

    def _on_hello(self, command: Hello) -> None:
        if self._refused_by_table(command):
            return
        self._reset()
        self._hello = command
        self.machine.succeeded(command)
        if command.verb is Verb.HELO:
            self._replies.append(Reply(250, "", self._door.hostname).octets)
        else:
            self._replies.append(_ehlo(self._door.hostname, self.machine.offer))
        self._end_if(self._patience.idle_command())

    def _on_mail(self, command: Mail) -> Waiting:
        self._end_if(self._patience.transaction())
        if self._refused_by_table(command):
            return None
        reply = self._login_first() or judge_sender(self._door, self._account, command)
        domains, path = self._door.sender_domains, command.reverse_path
        if domains and path is not NULL and reply.positive:
            domain = domain_key(path.domain)
            if self._door.refuse_unresolvable_senders:
                return self._judge_domain(command, domains.settled(domain))
            domains.begin(domain)  # the answer is for the message's end
        self._answer_mail(command, reply)
        return None

    async def _judge_domain(self, command: Mail, settled: Awaitable[Existence]) -> None:
        match await settled:
            case Existence.EXISTS:
                reply = replies.SENDER_OK
            case Existence.ABSENT:
                reply = replies.SENDER_UNRESOLVABLE
            case Existence.UNKNOWN:
                reply = replies.SENDER_UNRESOLVED
        self._answer_mail(command, reply)

    def _answer_mail(self, command: Mail, reply: Reply) -> None:
        if reply.positive:
            self._transaction = Transaction(command, written(command.reverse_path))
            self.machine.succeeded(command)
        self._say(reply)

    def _login_first(self) -> Reply | None:
        if not self._door.role.submits or self._account:
            return None
        # RFC 6409 §4.3, RFC 3207 §4: and before that TLS, without which AUTH is not offered
        return replies.AUTH_FIRST if self.machine.conditions.mechanisms else replies.TLS_FIRST

    def _on_rcpt(self, command: Rcpt) -> None:
        if self._refused_by_table(command):
            return
        transaction = self._transaction
        assert transaction is not None, "the table has a transaction here"
        submitter = Submitter(self._connection, self._account)
        reply = judge_recipient(self._door, submitter, transaction, command)
        if reply.positive:
            self.machine.succeeded(command)
            self._replies.append(reply.octets)
        else:
            self._refuse_recipient(reply)

    def _refuse_recipient(self, reply: Reply) -> None:
        self._replies.append(reply.octets)
        if not reply.transient:
            self._end_if(self._patience.unknown_recipient())

    def _on_simple(self, command: Simple) -> Waiting:
        match command.verb:
            case Verb.DATA:
                self._on_data(command)
            case Verb.STARTTLS:
                return self._on_starttls(command)
            case Verb.QUIT:
                self._on_quit(command)
            case Verb.RSET:
                self._reset()
                self._answer(command, replies.RESET)
            case other:
                self._answer(command, _ANSWERS[other])
        return None

    def _on_data(self, command: Simple) -> None:
        transaction = self._transaction
        assert transaction is not None, "the table has a transaction here"
        if transaction.binary:
            # RFC 3030 §3: BINARYMIME cannot be used with DATA
            self.machine.failed()
            self._say(replies.BINARY_NEEDS_CHUNKS)
            return
        self._begin_arrival(transaction)
        self.machine.succeeded(command)
        self._connection.set_deadline(self._door.deadlines.data_s)
        self._say(replies.START_DATA)

    def _on_quit(self, command: Simple) -> None:
        self._reset()
        self._replies.append(goodbye(self._door.hostname).octets)
        self.machine.succeeded(command)
        self._close()

    def _answer(self, command: Simple, reply: Reply) -> None:
        self.machine.succeeded(command)
        self._say(reply)
        self._end_if(self._patience.idle_command())

    # --- TLS and AUTH

    async def _on_starttls(self, command: Simple) -> None:
        conditions = self.machine.conditions
        if conditions.tls or not conditions.tls_available:
            self.machine.failed()
            self._say(replies.TLS_ACTIVE if conditions.tls else replies.NOT_IMPLEMENTED)
            return
        self.machine.succeeded(command)
        self._replies.append(replies.START_TLS.octets)
        self._flush()
        dropped = await self._connection.start_tls()
        if dropped:
            self._door.telemetry.warning("plain text after STARTTLS", octets=dropped)
        # RFC 3207 §4.2: everything learnt before is discarded
        self._reset()
        self._hello = self._account = self._attempt = None
        self._condition()
        self.machine.secured()

    async def _on_auth(self, command: Auth) -> None:
        if self._refused_by_table(command):
            return
        refusal = self._auth_refusal()
        attempt = None
        if refusal is None:
            client = LoginClient(self._connection.peer.address, Scope.SMTP)
            attempt = self._door.authenticator.begin(
                command.mechanism, client, self._connection.tls, plain_allowed=self._door.plain_allowed
            )
        if attempt is None:
            self.machine.failed()
            self._say(refusal or replies.AUTH_MECHANISM)
            return
        self.machine.succeeded(command)
        self._attempt = attempt
        self._connection.set_deadline(self._door.deadlines.authentication_s)
        await self._go_on_with_auth(command.initial)

    def _auth_refusal(self) -> Reply | None:
        if self._account:
            return replies.AUTH_TWICE
        if not self._door.role.submits:
            return replies.NOT_IMPLEMENTED
        if not self.machine.conditions.mechanisms:
            return replies.AUTH_NEEDS_TLS
        return None

    async def _on_response(self, event: Response) -> None:
        if event.refusal or self._attempt is None:
            self._auth_ended(event.refusal or replies.OUT_OF_ORDER)
            return
        await self._go_on_with_auth(event.octets)

    async def _go_on_with_auth(self, octets: bytes | None) -> None:
        assert self._attempt is not None, "an exchange is under way"
        reply, account = await authenticate.respond(self._attempt, octets)
        if reply.code == 334:
            self._say(reply)
            self.machine.expect_response()
            return
        self._account = account
        self._auth_ended(reply)

    def _auth_ended(self, reply: Reply) -> None:
        self._attempt = None
        self._connection.set_deadline(self._door.deadlines.command_s)
        self._condition()
        self.machine.authentication_ended()
        self._say(reply)
        if not reply.positive:
            self._end_if(self._patience.failed_login())

    # --- the message

    def _begin_arrival(self, transaction: Transaction) -> Arrival:
        hello = self._hello
        assert hello is not None, "the table has a greeting before a transaction"
        client = Client(
            name=hello.name,
            address=self._connection.peer.address,
            extended=hello.verb is not Verb.HELO,
            tls=self._connection.tls,
            account=self._account,
        )
        self._arrival = Arrival(self._door, client, transaction, trace_id(self._door))
        return self._arrival

    def _on_piece(self, event: Piece) -> None:
        if event.chunk and self.machine.refuses_chunks():
            return  # RFC 3030 §2: accepted from the wire, and discarded
        transaction = self._transaction
        assert transaction is not None, "message data comes in a transaction only"
        arrival = self._arrival or self._begin_arrival(transaction)
        arrival.add(event.octets)

    def _on_message_end(self, event: MessageEnd) -> Waiting:
        arrival = self._arrival
        assert arrival is not None, "DATA was answered with 354"
        self._connection.set_deadline(self._door.deadlines.command_s)
        return self._conclude(arrival, event.octets)

    async def _on_chunk_end(self, event: ChunkEnd) -> None:
        chunk = event.chunk
        transaction = self._transaction
        refusal = self.machine.refusal(chunk)
        if refusal:
            self._refuse_chunk(chunk, refusal)
            return
        assert transaction is not None, "the table has a transaction here"
        arrival = self._arrival or self._begin_arrival(transaction)
        if chunk.last:
            self.machine.chunk_answered(chunk, accepted=True)
            await self._conclude(arrival, event.octets)
            return
        arrival.add(event.octets)
        refusal = arrival.refusal
        self.machine.chunk_answered(chunk, accepted=refusal is None)
        self._say(refusal or Reply(250, "0.0", f"{chunk.octets} octets received"))

    def _refuse_chunk(self, chunk: Bdat, refusal: Reply) -> None:
        self.machine.chunk_answered(chunk, accepted=False)
        for _ in range(self._answers() if chunk.last else 1):
            self._say(refusal)
        if chunk.last:
            self._reset()

    def _answers(self) -> int:
        """Replies to the end of a message: LMTP has one for each accepted RCPT, even none (RFC 2033 §4.3)."""
        if self._door.role is Role.LMTP and self._transaction:
            return len(self._transaction.recipients)
        return 1

    async def _conclude(self, arrival: Arrival, last: bytes) -> None:
        """The one place where the fate of a message is told."""
        times = self._answers()
        reply = await arrival.take(last)
        self._reset()
        if reply.positive:
            self._patience.accepted()
        self._replies.append(reply.octets * times)


@lru_cache(maxsize=64)
def _ehlo(hostname: str, offer: Offer) -> bytes:
    return Reply(250, "", hostname, offer.lines).octets
