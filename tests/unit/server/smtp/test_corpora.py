"""Every message of the public corpora is taken, by DATA and by BDAT, and rests as it was sent."""

from pillarbox.delivery.trace import marks
from pillarbox.mail.binary_parts import encoded
from pillarbox.mail.header import Header
from pillarbox.protocol.smtp.line_ends import repair
from pillarbox.server.smtp.command_counts import SessionLimits
from tests.kit.corpora import needs_corpora, single_messages
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp


@needs_corpora
def test_odd_messages_are_taken() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(session_limits=SessionLimits(strangers_idle_commands=1_000_000))
        await client.greet()
        expected = []
        for name, octets in single_messages():
            if marks(octets).forged and "Return-Path" in Header.parse(octets)[0]:
                continue  # is given a new one: see the tests of trace fields
            sent = octets if octets.endswith(b"\r\n") else octets + b"\r\n"
            await client.say(b"MAIL FROM:<a@mail.example>\r\nRCPT TO:<anna@one.example>\r\nDATA\r\n")
            stuffed = (b"\r\n" + sent).replace(b"\r\n.", b"\r\n..")[2:]
            answer = await client.say(stuffed + b".\r\n")
            assert answer.startswith("250"), (name, answer)
            await client.say(b"MAIL FROM:<a@mail.example> BODY=BINARYMIME\r\nRCPT TO:<bert@one.example>\r\n")
            assert (await client.say(b"BDAT %d LAST\r\n" % len(octets) + octets)).startswith("250"), name
            expected.append((name, repair(sent), b"".join(encoded(octets) or (octets,))))
        for (name, by_data, by_bdat), data, bdat in zip(
            expected, provider.inbox("anna"), provider.inbox("bert"), strict=True
        ):
            assert data.endswith(by_data), name
            assert bdat.endswith(by_bdat), name

    run_with_smtp(test)
