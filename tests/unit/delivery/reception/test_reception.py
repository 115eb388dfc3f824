"""Messages come in through the reception directly, without an SMTP session."""

import threading
from typing import Any

import pytest

from pillarbox.config.sections.limits import Limits
from pillarbox.delivery import route, trace
from pillarbox.delivery.destinations import DsnRequest
from pillarbox.delivery.envelope import Envelope, Origin, Source
from pillarbox.delivery.reception.incoming import Accepted, IncomingMessage
from pillarbox.delivery.reception.reception import Reception
from pillarbox.delivery.refusal import Reason, Refused
from pillarbox.directory import accounts, groups
from pillarbox.mail.address import Address
from pillarbox.protocol.smtp.path import NULL, POSTMASTER
from pillarbox.store import mailboxes
from pillarbox.world.database import Transaction
from tests.kit.people import person
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp, set_quota

MESSAGE = b"From: anna@one.example\r\nSubject: x\r\n\r\nbody\r\n"
ANNA = Address("anna", "one.example")
BERT = Address("bert", "one.example")
AWAY = Address("x", "elsewhere.example")
OUTSIDE = Origin(source=Source.PUBLIC, service="test", protocol="TEST", client_name="host.example")


def submitted(provider: SmtpProvider) -> Origin:
    """As JMAP or a vacation reply would come in: nothing is known of a client."""
    account = provider.database.read_now(accounts.get, provider.people["anna"])
    return Origin(source=Source.SUBMISSION, service="jmap", protocol="JMAP", account=account)


async def begun(reception: Reception, origin: Origin, envelope: Envelope) -> IncomingMessage:
    incoming = await reception.begin(origin, envelope)
    assert isinstance(incoming, IncomingMessage)
    return incoming


def test_a_submission_for_here_and_elsewhere() -> None:
    async def test(provider: SmtpProvider) -> None:
        incoming = await begun(provider.reception(), submitted(provider), Envelope(ANNA))
        assert await incoming.add_recipient(BERT) is None
        assert await incoming.add_recipient(AWAY, DsnRequest("NEVER")) is None
        result = await incoming.finish(b"Bcc: cleo@one.example\r\n" + MESSAGE)
        assert isinstance(result, Accepted)
        [octets] = provider.inbox("bert")
        assert octets.startswith(b"Return-Path: <anna@one.example>\r\nReceived: from ")
        assert f"with JMAP id {result.id}".encode() in octets
        # the rules of submission apply to whatever brings the message
        assert b"Bcc" not in octets
        assert b"Message-ID" in octets
        [queued] = provider.queued()
        assert (queued["address"], queued["notify"]) == ("x@elsewhere.example", "NEVER")
        assert queued["account"] == provider.people["anna"]
        assert b"Return-Path" not in queued["octets"]
        [event] = [fields for name, fields in provider.telemetry.events if name == "message accepted"]
        assert (event["role"], event["trace"]) == ("jmap", result.id)

    run_with_smtp(test)


def test_a_message_in_pieces_and_one_that_is_abandoned() -> None:
    async def test(provider: SmtpProvider) -> None:
        reception = provider.reception()
        incoming = await begun(reception, OUTSIDE, Envelope(NULL))
        assert await incoming.add_recipient(POSTMASTER) is None
        assert await incoming.add_recipient(ANNA) is None
        for octet in MESSAGE[:-1]:
            await incoming.add(bytes([octet]))
        assert isinstance(await incoming.finish(MESSAGE[-1:]), Accepted)
        assert provider.inbox("anna")[0].endswith(MESSAGE)
        incoming = await begun(reception, OUTSIDE, Envelope(NULL))
        await incoming.add_recipient(ANNA)
        await incoming.add(MESSAGE)
        incoming.abandon()
        assert len(provider.inbox("anna")) == 1

    run_with_smtp(test)


@pytest.mark.parametrize(("members", "in_thread"), [(99, False), (100, True)])
def test_what_leads_to_many_is_resolved_in_a_thread(members: int, in_thread: bool) -> None:
    def people(tx: Transaction) -> None:
        group = groups.create(tx, "many", "many@one.example")
        for number in range(members):
            groups.add_member(tx, group, person(tx, f"m{number}@one.example").id)
        mailboxes.create_defaults(tx, groups.members(tx, group)[0], now_ms=0)

    async def test(provider: SmtpProvider) -> None:
        await provider.database.write(people)
        threads: list[Any] = []
        read = provider.database.read_in_thread

        async def noted(verb: Any, *arguments: Any, **more: Any) -> Any:
            threads.append(verb)
            return await read(verb, *arguments, **more)

        provider.database.read_in_thread = noted  # type: ignore[method-assign]  # on its way to the real one
        incoming = await begun(provider.reception(), OUTSIDE, Envelope(NULL))
        assert await incoming.add_recipient(Address("many", "one.example")) is None
        assert threads == [route.destination] * in_thread
        incoming.abandon()

    run_with_smtp(test)


@pytest.mark.replaces_functions
@pytest.mark.parametrize(("folds", "in_loop"), [(10, True), (40_000, False)])
def test_a_long_header_is_read_in_a_thread(
    folds: int, in_loop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def watched(work: Any) -> Any:
        def run(*arguments: Any) -> Any:
            seen.append(threading.current_thread() is threading.main_thread())
            return work(*arguments)

        return run

    for name in ("marks", "with_trace"):
        monkeypatch.setattr(trace, name, watched(getattr(trace, name)))

    async def test(provider: SmtpProvider) -> None:
        incoming = await begun(provider.reception(), submitted(provider), Envelope(ANNA))
        await incoming.add_recipient(BERT)
        long = b"X-Long:" + b" y\r\n" * folds + b"Return-Path: <x@y>\r\n"
        assert isinstance(await incoming.finish(long + MESSAGE), Accepted)
        [octets] = provider.inbox("bert")
        assert b"<x@y>" not in octets
        assert octets.endswith(MESSAGE)

    run_with_smtp(test)
    assert seen == [in_loop] * 2


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (Envelope(BERT), Reason.NOT_YOUR_ADDRESS),
        (Envelope(ANNA, size_octets=1001), Reason.MESSAGE_TOO_LARGE),
        (Envelope(Address("jörg", "one.example")), Reason.SENDER_NEEDS_SMTPUTF8),
    ],
)
def test_refused_senders(envelope: Envelope, reason: Reason) -> None:
    async def test(provider: SmtpProvider) -> None:
        reception = provider.reception(provider.config(limits=Limits(message_octets=1000)))
        assert await reception.begin(submitted(provider), envelope) == Refused(reason)

    run_with_smtp(test)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (Address("nobody", "one.example"), Reason.NO_SUCH_RECIPIENT),
        (Address("bert", "one.example"), Reason.MAILBOX_FULL),
        (Address("cleo", "one.example"), Reason.MAILBOX_DISABLED),
        (Address("jörg", "one.example"), Reason.RECIPIENT_NEEDS_SMTPUTF8),
        (AWAY, Reason.RELAY_DENIED),
    ],
)
def test_refused_recipients(address: Address, reason: Reason) -> None:
    async def test(provider: SmtpProvider) -> None:
        set_quota(provider, "bert", 5)
        provider.database.write_now(
            lambda tx: accounts.set_enabled(tx, provider.people["cleo"], enabled=False)
        )
        incoming = await begun(provider.reception(), OUTSIDE, Envelope(NULL, size_octets=6))
        assert await incoming.add_recipient(address) == Refused(reason)
        assert incoming.recipients == []

    run_with_smtp(test)


@pytest.mark.rfc("5321 §4.4", "MUST")
@pytest.mark.parametrize(
    ("recipient", "named"),
    [
        (Address("x", "bücher.example"), b"for <x@xn--bcher-kva.example>"),
        (Address("jörg", "bücher.example"), "for <jörg@bücher.example>".encode()),
    ],
)
def test_the_trace_names_a_domain_as_any_server_can_read_it(recipient: Address, named: bytes) -> None:
    async def test(provider: SmtpProvider) -> None:
        incoming = await begun(provider.reception(), submitted(provider), Envelope(ANNA, smtputf8=True))
        assert await incoming.add_recipient(recipient) is None
        assert named in incoming._received()

    run_with_smtp(test)


def test_too_many_recipients() -> None:
    async def test(provider: SmtpProvider) -> None:
        reception = provider.reception(provider.config(limits=Limits(recipients=1)))
        incoming = await begun(reception, OUTSIDE, Envelope(NULL))
        assert await incoming.add_recipient(ANNA) is None
        assert await incoming.add_recipient(BERT) == Refused(Reason.TOO_MANY_RECIPIENTS)

    run_with_smtp(test)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"Subject: " + b"x" * 1000 + b"\r\n\r\n", Reason.MESSAGE_TOO_LARGE),
        (b"Received: x\r\n" * 101 + MESSAGE, Reason.TOO_MANY_HOPS),
        (b"From: bert@one.example\r\n\r\n", Reason.FROM_NOT_OWNED),
        (b"From: \r\n\r\n", Reason.NO_FROM),
    ],
)
def test_refused_messages(octets: bytes, reason: Reason) -> None:
    async def test(provider: SmtpProvider) -> None:
        most = 2000 if reason is Reason.TOO_MANY_HOPS else 1000
        reception = provider.reception(provider.config(limits=Limits(message_octets=most)))
        incoming = await begun(reception, submitted(provider), Envelope(ANNA))
        await incoming.add_recipient(BERT)
        assert await incoming.finish(octets) == Refused(reason)
        assert provider.inbox("bert") == []

    run_with_smtp(test)


def test_a_mailbox_that_is_removed_meanwhile() -> None:
    async def test(provider: SmtpProvider) -> None:
        incoming = await begun(provider.reception(), OUTSIDE, Envelope(NULL))
        await incoming.add_recipient(BERT)

        def remove(tx: Any) -> None:
            tx.execute("DELETE FROM ledgers WHERE account = ?", (provider.people["bert"],))

        provider.database.write_now(remove)
        assert await incoming.finish(MESSAGE) == Refused(Reason.RECIPIENT_GONE)

    run_with_smtp(test)
