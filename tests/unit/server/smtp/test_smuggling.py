"""One message in is one message, in the store and on its way out, whatever stands in it.

Each sequence is sent by DATA (in one read, and octet by octet) to a recipient here and to one elsewhere,
with a whole second transaction behind it. The store gets one message, the queue gets one, neither holds a
lone CR or LF; and what is queued, sent on with its dots doubled, ends once even for a server that takes LF
for a line end.
"""

import email
import itertools
import re

import pytest

from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.protocol.smtp.line_ends import is_clean
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp

KNOWN = [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\n.\r", b"\r.\n", b"\r\n.\r\r\n",
    b"\r\r\n.\r\n", b"\n\n.\r\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\0\r\n.\0\r\n", b"\n.\0\r\n",
    b"\r\n\r.\r\n",
    b"\r\n.\r\0\n", b"\x85.\x85", b"\xe2\x80\xa8.\xe2\x80\xa8", b"\x0b.\x0b", b"\x0c.\x0c",
    b"\r\n..\r\n", b"\r\n. \r\n",
]  # fmt: skip
EDGES = (b"\r\n", b"\n", b"\r", b"\n\r", b"\r\n\0")
PRODUCTS = [before + b"." + after for before, after in itertools.product(EDGES, repeat=2)]
# "\r\r\n.\r\n" holds the true end of data: two messages, and both of them are the client's own doing
SEQUENCES = sorted({sequence for sequence in KNOWN + PRODUCTS if b"\r\n.\r\n" not in sequence})

ENVELOPE = b"MAIL FROM:<a@mail.example>\r\nRCPT TO:<both@one.example>\r\nDATA\r\n"
SECOND = b"MAIL FROM:<evil@mail.example>\r\nRCPT TO:<both@one.example>\r\nDATA\r\nSubject: smuggled\r\n\r\n"


def naive_ends(octets: bytes) -> int:
    """How often a server that takes LF, CRLF, or CR for a line end sees a lone dot when this is sent on."""
    stuffed = re.sub(rb"(?m)^\.", b"..", octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    return len(re.findall(rb"(?:\r\n|\r|\n)\.(?:\r\n|\r|\n)", stuffed + b".\r\n"))


@pytest.mark.rfc("5321 §4.1.1.4", "MUST NOT")
@pytest.mark.parametrize("sequence", SEQUENCES, ids=repr)
@pytest.mark.parametrize("step", [1, 100_000])
def test_one_message_in_is_one_message(sequence: bytes, step: int) -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        octets = ENVELOPE + b"Subject: x\r\n\r\nbody" + sequence + SECOND + b"end\r\n.\r\n"
        answers = ""
        for start in range(0, len(octets), step):
            answers += await client.say(octets[start : start + step])
        assert [line[:3] for line in answers.splitlines()] == ["250", "250", "354", "250"]
        [rested] = provider.inbox("anna")
        [queued] = provider.queued()
        for octets in (rested, queued["octets"]):
            assert b"Subject: smuggled" in octets
            assert is_clean(octets)
            assert naive_ends(octets) == 1
        assert await client.codes("NOOP") == [250]

    run_with_smtp(test)


def test_the_true_end_ends_once() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        answers = await client.say(
            ENVELOPE + b"Subject: x\r\n\r\r\n.\r\n" + ENVELOPE + b"Subject: y\r\n\r\n.\r\n"
        )
        assert [line[:3] for line in answers.splitlines()] == ["250", "250", "354", "250"] * 2
        assert len(provider.inbox("anna")) == 2

    run_with_smtp(test)


@pytest.mark.parametrize("sequence", SEQUENCES, ids=repr)
def test_chunks_of_text_follow_the_same_rule(sequence: bytes) -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<both@one.example>")
        octets = b"Subject: x\r\n\r\nbody" + sequence + SECOND
        for cut in (octets[:20], octets[20:]):
            last = b" LAST" if cut == octets[20:] else b""
            assert (await client.say(b"BDAT %d%b\r\n" % (len(cut), last) + cut)).startswith("250")
        [rested] = provider.inbox("anna")
        assert is_clean(rested)
        assert naive_ends(provider.queued()[0]["octets"]) == 1

    run_with_smtp(test)


@pytest.mark.rfc("3030 §3", "MUST")
def test_binary_mime_keeps_every_bit() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        octets = (
            b"Subject: x\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            + bytes(range(256))
            + b"\n.\n\r.\r\r\n.\r\n"
        )
        await client.codes("MAIL FROM:<a@mail.example> BODY=BINARYMIME", "RCPT TO:<both@one.example>")
        assert await client.codes("DATA") == [503]
        assert (await client.say(b"BDAT %d LAST\r\n" % len(octets) + octets)).startswith("250")
        # where it is placed in base64 (RFC 9051 §4.3); decoded it is the same
        placed = email.message_from_bytes(provider.inbox("anna")[0])
        assert placed["Content-Transfer-Encoding"] == "base64"
        assert placed.get_payload(decode=True) == octets.partition(b"\r\n\r\n")[2]
        [queued] = provider.queued()
        assert queued["octets"].endswith(octets)
        assert queued["body"] == "BINARYMIME"  # so that it goes on by BDAT only, or encoded

    run_with_smtp(test)


def test_a_refused_data_command_makes_no_message_of_what_follows() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        answers = await client.say(
            b"MAIL FROM:<a@mail.example>\r\nRCPT TO:<nobody@one.example>\r\n"
            b"DATA\r\nSubject: x\r\n\r\nbody\r\n.\r\n"
        )
        codes = [line[:3] for line in answers.splitlines()]
        assert codes[:3] == ["250", "550", "503"]
        assert set(codes[3:]) == {"500"}
        assert provider.inbox("anna") == []

    run_with_smtp(test)


def test_a_message_that_refuses_its_size_is_read_to_its_end() -> None:
    async def test(provider: SmtpProvider) -> None:
        for role in (Role.MX, Role.LMTP):
            client = provider.client(role)
            await client.greet()
            await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA")
            answer = await client.say(b"Received: x\r\n" * 200 + b"\r\nQUIT\r\n\n.\nQUIT\r\n.\r\nNOOP\r\n")
            assert [line[:3] for line in answer.splitlines()] == ["554", "250"]

    run_with_smtp(test)
