"""The memory budget in IMAP: messages of an APPEND, and what FETCH computes of large messages."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pillarbox.protocol.imap.selected import PIECE_ROWS
from pillarbox.server.imap.limits import DEFAULT_LIMITS
from pillarbox.world.blobs import MAX_IN_DATABASE_OCTETS
from pillarbox.world.memory import WAIT_S, MemoryBudget, MemoryShare, Reservation
from tests.kit.imap.client import MESSAGE, ImapClient, ImapProvider, open_imap
from tests.kit.imap.responses import Continuation

LARGE = b"Subject: x\r\n\r\n" + b"y" * MAX_IN_DATABASE_OCTETS
LIMITS = replace(
    DEFAULT_LIMITS, max_append_octets_in_memory=1000, max_append_files=3, large_message_octets=2000
)


class Time:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@contextmanager
def open_scarce(
    folder: Path, octets: int, time: Time | None = None
) -> Iterator[tuple[ImapProvider, MemoryBudget]]:
    """A provider with a memory budget of so many octets; at the end all of it must have been given back."""
    memory = MemoryBudget(octets, time or Time())
    with open_imap(folder=folder, limits=LIMITS) as mail:
        mail.provider.world = replace(mail.provider.world, memory=memory)
        yield mail, memory
        assert memory.used_octets == 0
        assert files(folder) == 0


def files(folder: Path) -> int:
    """Files of messages that are being received."""
    (incoming,) = folder.rglob("incoming")
    return len(list(incoming.iterdir()))


def offer(client: ImapClient, octets: int) -> None:
    (answer,) = client.send(b"a APPEND INBOX {%d}\r\n" % octets)
    assert isinstance(answer, Continuation)


def test_a_large_message_is_in_its_file_from_the_first_octet(tmp_path: Path) -> None:
    with open_scarce(tmp_path, 8_000_000) as (mail, memory):
        client = mail.client()
        offer(client, len(LARGE))
        client.send(LARGE[:1])
        assert (memory.used_octets, files(tmp_path)) == (0, 1)
        (done,) = client.send(LARGE[1:] + b"\r\n")
        assert done.word == b"OK"  # type: ignore[union-attr]  # a status
        client.ok("SELECT INBOX")
        assert client.ok("FETCH 1 BODY.PEEK[]").fetched[1][b"BODY[]"] == LARGE


def test_a_small_message_is_in_memory_while_there_is_room(tmp_path: Path) -> None:
    with open_scarce(tmp_path, 8_000_000) as (mail, memory):
        client = mail.client()
        offer(client, len(MESSAGE))
        client.send(MESSAGE[:1])
        assert (memory.accounts.received.used_octets, files(tmp_path)) == (len(MESSAGE), 0)
        client.send(MESSAGE[1:] + b"\r\n")
        assert memory.used_octets == 0


@pytest.mark.parametrize("octets", [400, 8_000_000])
def test_many_small_messages_go_to_files_where_there_is_no_room(tmp_path: Path, octets: int) -> None:
    message = b"Subject: x\r\n\r\n" + b"y" * 480
    with open_scarce(tmp_path, octets) as (mail, memory):
        client = mail.client(select="INBOX")
        taken = memory.accounts.received.try_reserve(100)
        assert taken is not None
        sent = 3 if octets == 400 else 5  # two of them in memory
        client.ok("APPEND INBOX" + " {}" * sent, *(message,) * sent)
        found = client.ok("FETCH 1:* BODY.PEEK[]").fetched
        assert [items[b"BODY[]"] for items in found.values()] == [message] * sent
        refused = client.do("APPEND INBOX" + " {}" * (sent + 1), *(message,) * (sent + 1))
        assert (refused.word, refused.code) == (b"NO", b"LIMIT")
        taken.release()


@pytest.mark.parametrize("message", [MESSAGE, LARGE])
def test_a_client_that_leaves_gives_its_octets_back(tmp_path: Path, message: bytes) -> None:
    with open_scarce(tmp_path, 8_000_000) as (mail, memory):
        client = mail.client()
        offer(client, len(message))
        client.send(message[:100])
        assert memory.used_octets + files(tmp_path) > 0
        client.session.closed()


def test_a_command_that_turns_out_malformed_gives_its_octets_back(tmp_path: Path) -> None:
    with open_scarce(tmp_path, 8_000_000) as (mail, _memory):
        client = mail.client()
        assert client.do("APPEND INBOX {} nonsense", MESSAGE).word == b"BAD"


def test_whoever_trickles_keeps_no_octets_from_others(tmp_path: Path) -> None:
    with open_scarce(tmp_path, 8_000_000) as (mail, memory):
        client = mail.client()
        offer(client, len(MESSAGE))
        client.send(MESSAGE[:10])
        (trickling,) = memory.accounts.received._revocable
        trickling.give_up()
        assert memory.used_octets == 0
        (done,) = client.send(MESSAGE[10:] + b"\r\n")
        assert (done.word, done.code) == (b"NO", b"UNAVAILABLE")  # type: ignore[union-attr]  # a status
        client.ok("APPEND INBOX {}", MESSAGE)


def test_a_whole_message_waits_for_room_and_then_is_refused(tmp_path: Path) -> None:
    time = Time()
    with open_scarce(tmp_path, 8_000_000, time) as (mail, memory):
        client = mail.client()
        taken = memory.accounts.whole.try_reserve(memory.accounts.whole.limit_octets)
        assert taken is not None
        loop = mail.runner.get_loop()

        def pass_wait() -> None:
            if not memory.accounts.whole.scarce:
                loop.call_soon(pass_wait)
                return
            time.now_s += WAIT_S + 1
            memory.accounts.whole.review()

        loop.call_soon(pass_wait)
        answer = client.do("APPEND INBOX {}", LARGE)
        assert (answer.word, answer.code) == (b"NO", b"UNAVAILABLE")
        taken.release()
        client.ok("APPEND INBOX {}", LARGE)


def test_many_slices_of_one_message_are_streamed(tmp_path: Path) -> None:
    with open_scarce(tmp_path, 8_000_000) as (mail, _memory):
        mail.deliver(MESSAGE)
        client = mail.client(select="INBOX")
        items = " ".join(f"BODY.PEEK[]<{start}.10>" for start in range(0, len(MESSAGE), 10)) + " UID"
        found = client.ok(f"FETCH 1 ({items})").fetched[1]
        together = b"".join(found[b"BODY[]<%d>" % start] for start in range(0, len(MESSAGE), 10))
        assert together == MESSAGE


def test_decoded_values_are_bounded_and_use_the_budget(tmp_path: Path) -> None:
    message = b"Content-Type: text/plain\r\n\r\n" + b"y" * 500_000
    with open_scarce(tmp_path, 80_000_000) as (mail, memory):
        mail.deliver(message)
        client = mail.client(select="INBOX")
        assert client.ok("FETCH 1 BINARY.PEEK[1]").fetched[1][b"BINARY[1]"] == message[28:]
        items = " ".join(f"BINARY.PEEK[1]<{start}.500000>" for start in range(10))
        refused = client.do(f"FETCH 1 ({items})")
        assert (refused.word, refused.code) == (b"NO", b"LIMIT")
        assert memory.used_octets == 0


def while_it_is_written(mail: ImapProvider, memory: MemoryBudget, command: str) -> int:
    """The most that was held while the answer was written."""
    client = mail.client(select="INBOX")
    held = [0]

    async def drain() -> None:
        held.append(memory.accounts.buffers.used_octets)

    client.session.connection.drain = drain
    assert client.do(command).word == b"OK"
    return max(held)


@pytest.mark.parametrize("command", ["FETCH 1:* BODYSTRUCTURE", "FETCH 1:* (UID ENVELOPE)"])
def test_rows_that_are_sent_are_in_the_budget(tmp_path: Path, command: str) -> None:
    with open_scarce(tmp_path, 8_000_000) as (mail, memory):
        people = b", ".join([b"someone@one.example"] * 20)
        parts = b"--b\r\nContent-Description: part\r\n\r\nx\r\n" * 10
        message = b"To: %b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n%b" % (people, parts)
        mail.deliver(*[message] * 64)
        assert while_it_is_written(mail, memory, command) == 0, "one piece, and nothing is kept of it"
        mail.deliver(message)
        assert while_it_is_written(mail, memory, command) > 16_000


def test_flags_that_are_sent_are_in_the_budget(tmp_path: Path) -> None:
    with open_scarce(tmp_path, 8_000_000) as (mail, memory):
        mail.deliver(*[MESSAGE] * 80)
        client = mail.client(select="INBOX")
        for number in range(1, 81):
            flags = " ".join(f"{letter}{number:03}".ljust(250, "k") for letter in "abc")
            client.ok(f"STORE {number} +FLAGS.SILENT ({flags})")
        assert while_it_is_written(mail, memory, "FETCH 1:* FLAGS") > 16_000
        assert while_it_is_written(mail, memory, "STORE 1:* +FLAGS (\\Seen)") > 16_000


def test_computed_values_that_are_sent_are_in_the_budget(tmp_path: Path) -> None:
    with open_scarce(tmp_path, 8_000_000) as (mail, memory):
        fields = b"".join(b"X-%d: %b\r\n" % (number, b"y" * 900) for number in range(50))
        mail.deliver(fields + b"\r\nx\r\n")
        items = " ".join(f"BODY.PEEK[HEADER.FIELDS.NOT (A{number})]" for number in range(10))
        assert while_it_is_written(mail, memory, f"FETCH 1 ({items})") > 400_000


def test_a_copy_of_a_mailbox_is_counted_until_the_client_has_read_what_is_made_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    hold = MemoryShare.hold

    def counted(share: MemoryShare, octets: int, give_up: Callable[[], None]) -> Reservation:
        held.append(octets)
        return hold(share, octets, give_up)

    monkeypatch.setattr(MemoryShare, "hold", counted)
    count = PIECE_ROWS + 1
    with open_scarce(tmp_path, 8_000_000) as (mail, _memory):
        mail.deliver(*[MESSAGE] * count)
        one, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        one.ok("STORE 1:* +FLAGS.SILENT (\\Flagged)")
        held.clear()
        other.ok("NOOP")
        assert max(held) >= 20 * count
        held.clear()
        resynchronized = mail.client()
        resynchronized.ok("ENABLE QRESYNC")
        resynchronized.ok("SELECT INBOX (QRESYNC (1 1))")
        assert max(held) >= 20 * count
