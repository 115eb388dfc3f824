"""Any conversation: each event is answered, nothing raises, nothing is acknowledged in vain."""

import asyncio
from collections.abc import Coroutine

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.protocol.smtp.machine import ChunkEnd, Event, MessageEnd, Piece
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp

LINES = [
    b"EHLO a.example\r\n", b"LHLO a.example\r\n", b"HELO a.example\r\n", b"MAIL FROM:<a@mail.example>\r\n",
    b"MAIL FROM:<> BODY=BINARYMIME\r\n", b"MAIL FROM:<a@mail.example> SIZE=x\r\n",
    b"RCPT TO:<anna@one.example>\r\n", b"RCPT TO:<both@one.example>\r\n", b"RCPT TO:<nobody@one.example>\r\n",
    b"RCPT TO:<x@elsewhere.example>\r\n", b"DATA\r\n", b"Subject: x\r\n\r\nbody\r\n.\r\n", b".\r\n",
    b"BDAT 3\r\nabc", b"BDAT 2 LAST\r\n\r\n", b"BDAT 0 LAST\r\n", b"RSET\r\n", b"NOOP\r\n", b"VRFY x\r\n",
    b"EXPN x\r\n", b"HELP\r\n", b"STARTTLS\r\n", b"AUTH PLAIN\r\n", b"AUTH PLAIN AGFubmEAYg==\r\n", b"*\r\n",
    b"QUIT\r\n", b"\xff\r\n", b"\n", b"BDAT x\r\n", b"x" * 3000 + b"\r\n",
]  # fmt: skip
CONVERSATIONS = st.lists(st.lists(st.sampled_from(LINES), min_size=1, max_size=4).map(b"".join), max_size=12)


def finals(replies: str) -> list[str]:
    """The last line of each reply."""
    return [line for line in replies.splitlines() if line[3:4] == " "]


@settings(max_examples=60, deadline=None)
@given(CONVERSATIONS, st.sampled_from(list(Role)), st.booleans())
@example([b"HELP\r\n" * 4, b"x\r\n" * 20, b"BDAT 3\r\nabc"], Role.LMTP, False)
@example([b"EHLO a.example\r\n"] + [b"AUTH PLAIN AGFubmEAYg==\r\n"] * 6, Role.SUBMISSION, True)
def test_every_event_is_answered_once(reads: list[bytes], role: Role, tls: bool) -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(role, tls=tls)
        await client.greet()
        replies: list[str] = []
        for read in reads:
            events = list(client.session.machine.receive(read))
            while events and client.connection.open:
                event = events.pop(0)
                await patiently(provider, client.session.handle(event))
                client.session._context.flush()
                answers = finals(client.read_replies())
                check(event, answers, role, still_open=client.connection.open)
                replies += answers
                if not events and client.session.machine.buffered:
                    events = list(client.session.machine.receive(b""))
        accepted = sum(answer.startswith("250 2.0.0 OK ") for answer in replies)
        kept = len(provider.inbox("anna"))
        assert kept <= accepted
        assert bool(kept or provider.queued()) == bool(accepted)
        assert not provider.telemetry.failures

    run_with_smtp(test)


async def patiently(provider: SmtpProvider, handling: Coroutine[None, None, None]) -> None:
    """Have time pass for an answer that is held back, as after some failed logins."""
    task = asyncio.ensure_future(handling)
    await asyncio.wait([task], timeout=0)
    while not task.done():
        await provider.clock.advance(1)
    await task


def check(event: Event, answers: list[str], role: Role, *, still_open: bool) -> None:
    """One answer; none to a part of a message; an LMTP recipient each; and a farewell where it ends so."""
    if isinstance(event, Piece):
        assert answers == []
    elif role is Role.LMTP and isinstance(event, MessageEnd | ChunkEnd):
        if not still_open and answers[-1].startswith("421"):
            answers = answers[:-1]
        assert len(set(answers)) <= 1
    else:
        assert len(answers) == 1 or (not still_open and len(answers) == 2 and answers[1].startswith("421"))
