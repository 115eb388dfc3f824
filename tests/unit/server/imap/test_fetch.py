"""FETCH and UID FETCH (RFC 9051 §6.4.5, §7.5.2)."""

import asyncio

import pytest

from pillarbox.server.imap.limits import ImapLimits
from pillarbox.world.blobs import DatabaseBlobs, OpenBlob
from pillarbox.world.database import DatabaseUnavailable
from tests.kit.imap.client import MESSAGE, open_imap
from tests.kit.imap.responses import Fetched

MULTIPART = b"""From: user@domain.org
Subject: parts
Date: Sat, 24 Mar 2007 23:00:00 +0200
Mime-Version: 1.0
Content-Type: multipart/mixed; boundary="foo"

--foo
Content-Type: text/plain
Content-Transfer-Encoding: base64

aGVsbG8gd29ybGQ=
--foo
Content-Type: application/x-odd
Content-Transfer-Encoding: x-own

????
--foo--
""".replace(b"\n", b"\r\n")


@pytest.mark.rfc("8514 §4.2", "MUST")
@pytest.mark.rfc("9051 §6.4.5", "MUST")
def test_every_attribute_can_be_fetched() -> None:
    with open_imap() as mail:
        mail.deliver(MULTIPART)
        client = mail.client(select="INBOX")
        items = client.ok(
            "FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE MODSEQ EMAILID THREADID"
            " SAVEDATE PREVIEW)"
        ).fetched[1]
        assert items[b"UID"] == 1
        assert items[b"RFC822.SIZE"] == len(MULTIPART)
        assert items[b"ENVELOPE"][1] == b"parts"
        assert items[b"BODY"][-1] == b"MIXED"
        assert len(items[b"BODYSTRUCTURE"]) > len(items[b"BODY"])
        assert items[b"PREVIEW"] == b"hello world"
        assert items[b"EMAILID"][0].startswith(b"M")
        assert items[b"THREADID"][0].startswith(b"T")
        assert len(items[b"INTERNALDATE"]) == len(b"17-Jul-1996 02:44:25 -0700") == len(items[b"SAVEDATE"])


@pytest.mark.rfc("9051 §6.4.5", "MUST")
@pytest.mark.parametrize(
    ("macro", "labels"),
    [
        ("ALL", {b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE"}),
        ("FAST", {b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE"}),
        ("FULL", {b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY"}),
    ],
)
def test_macros(macro: str, labels: set[bytes]) -> None:
    with open_imap() as mail:
        mail.deliver()
        assert mail.client(select="INBOX").ok(f"FETCH 1 {macro}").fetched[1].keys() == labels


@pytest.mark.rfc("9051 §6.4.5.1", "MUST")
def test_sections_and_partials() -> None:
    with open_imap() as mail:
        mail.deliver(MULTIPART)
        client = mail.client(select="INBOX")
        items = client.ok(
            "FETCH 1 (BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT]<2.3> BODY.PEEK[1] BODY.PEEK[1.MIME]"
            " BODY.PEEK[HEADER.FIELDS (Subject X-None)] BODY.PEEK[HEADER.FIELDS (Mime-Version)]"
            " BODY.PEEK[HEADER.FIELDS.NOT (From Date Content-Type Mime-Version)] BODY.PEEK[9]"
            " BODY.PEEK[]<100000.5>)"
        ).fetched[1]
        header = MULTIPART.index(b"\r\n\r\n") + 4
        assert items[b"BODY[]"] == MULTIPART
        assert items[b"BODY[HEADER]"] == MULTIPART[:header]
        assert items[b"BODY[TEXT]<2>"] == b"foo"
        assert items[b"BODY[1]"] == b"aGVsbG8gd29ybGQ="
        assert items[b"BODY[1.MIME]"].startswith(b"Content-Type: text/plain")
        assert items[b"BODY[HEADER.FIELDS (Subject X-None)]"] == b"Subject: parts\r\n\r\n"
        assert items[b"BODY[HEADER.FIELDS (Mime-Version)]"] == b"Mime-Version: 1.0\r\n\r\n"
        assert (
            items[b"BODY[HEADER.FIELDS.NOT (From Date Content-Type Mime-Version)]"]
            == b"Subject: parts\r\n\r\n"
        )
        assert items[b"BODY[9]"] is None
        assert items[b"BODY[]<100000>"] == b""
        assert client.flags(1) == set()


@pytest.mark.rfc("3501 §6.4.5", "MUST")
def test_the_names_of_rfc_822() -> None:
    with open_imap() as mail:
        mail.deliver()
        client = mail.client(select="INBOX")
        items = client.ok("FETCH 1 (RFC822.HEADER RFC822.TEXT RFC822)").fetched[1]
        assert items[b"RFC822.HEADER"] + items[b"RFC822.TEXT"] == items[b"RFC822"] == MESSAGE
        assert client.flags(1) == {b"\\Seen"}


@pytest.mark.rfc("9051 §6.4.5", "MUST")
def test_binary_decodes_and_returns_unknown_cte_otherwise() -> None:
    with open_imap() as mail:
        mail.deliver(MULTIPART)
        client = mail.client(select="INBOX")
        items = client.ok("FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1] BINARY.PEEK[1]<6.5>)").fetched[1]
        assert items[b"BINARY[1]"] == b"hello world"
        assert items[b"BINARY.SIZE[1]"] == 11
        assert items[b"BINARY[1]<6>"] == b"world"
        refused = client.do("FETCH 1 BINARY[2]")
        assert (refused.word, refused.code) == (b"NO", b"UNKNOWN-CTE")


@pytest.mark.rfc("9051 §6.4.5", "SHOULD")
def test_fetching_a_body_sets_seen_in_all_sessions() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, MESSAGE)
        reader, watcher = mail.client(select="INBOX"), mail.client(select="INBOX")
        items = reader.ok("FETCH 1 BODY[TEXT]").fetched[1]
        assert b"\\Seen" in items[b"FLAGS"]
        assert watcher.ok("NOOP").fetched[1][b"FLAGS"] == [b"\\Seen"]
        assert b"FLAGS" not in reader.ok("FETCH 1 BODY[TEXT]").fetched[1]
        assert reader.ok("NOOP").responses == []


@pytest.mark.rfc("9051 §6.4.9", "MUST")
def test_uid_fetch_names_uids_passes_over_gaps_and_star_is_the_last() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 4)
        client = mail.client(select="INBOX")
        client.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        client.ok("EXPUNGE")
        answer = client.ok("UID FETCH 1:3,77 FLAGS")
        assert {number: items[b"UID"] for number, items in answer.fetched.items()} == {1: 1, 2: 3}
        assert list(client.ok("UID FETCH 99:* FLAGS").fetched) == [3]
        assert not client.ok("UID FETCH 99 FLAGS").responses


def test_a_number_that_no_message_has_is_bad() -> None:
    with open_imap() as mail:
        mail.deliver()
        client = mail.client(select="INBOX")
        assert client.do("FETCH 2 FLAGS").word == b"BAD"
        client.ok("SELECT Archive")
        assert client.do("FETCH 1 FLAGS").word == b"BAD"
        assert client.ok("UID FETCH 1:* FLAGS").responses == []


@pytest.mark.rfc("2180 §4.1", "MAY")
def test_fetch_leaves_out_expunged_messages_and_returns_expungeissued() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        other.ok("STORE 2 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        for items in ("FLAGS", "ENVELOPE", "(FLAGS ENVELOPE)", "BODY.PEEK[]"):
            answer = client.ok(f"FETCH 1:* {items}")
            assert list(answer.fetched) == [1, 3], items
            assert answer.code == b"EXPUNGEISSUED"
            assert answer.numbered(b"EXPUNGE") == []
        # what this client was sent can still be fetched
        assert list(client.ok("FETCH 1:* UID").fetched) == [1, 2, 3]
        assert client.ok("NOOP").numbered(b"EXPUNGE") == [2]
        assert list(client.ok("FETCH 1:* FLAGS").fetched) == [1, 2]


def test_many_messages_come_in_order_whatever_the_batches() -> None:
    with open_imap() as mail:
        mail.deliver(*[b"Subject: %d\r\n\r\nx\r\n" % number for number in range(300)])
        client = mail.client(select="INBOX")
        client.ok("STORE 7,100:120 +FLAGS.SILENT (\\Deleted)")
        client.ok("EXPUNGE")
        received = client.ok("FETCH 1:* (UID ENVELOPE FLAGS)").responses
        rows = [
            (one.number, one.items[b"UID"], one.items[b"ENVELOPE"][1])
            for one in received
            if isinstance(one, Fetched)
        ]
        left = [uid for uid in range(1, 301) if uid != 7 and not 100 <= uid <= 120]
        assert rows == [(place, uid, b"%d" % (uid - 1)) for place, uid in enumerate(left, 1)]
        odd = ",".join(str(number) for number in range(1, 279, 2))
        assert list(client.ok(f"FETCH {odd} (RFC822.SIZE FLAGS)").fetched) == list(range(1, 279, 2))


@pytest.mark.parametrize("items", ["(ENVELOPE FLAGS)", "(BODYSTRUCTURE)", "(UID FLAGS)", "FLAGS"])
def test_what_is_wide_comes_in_small_batches(items: str) -> None:
    def fetched(limits: ImapLimits) -> list[tuple[int, object]]:
        with open_imap(limits=limits) as mail:
            mail.deliver(*[b"Subject: %d\r\n\r\nx\r\n" % number for number in range(30)])
            client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
            for number in range(1, 31):
                client.ok(f"STORE {number} +FLAGS.SILENT (wide{number:03})")
            other.ok("STORE 5,9:11 +FLAGS.SILENT (\\Deleted)")
            client.ok("NOOP")
            other.ok("EXPUNGE")
            answer = client.do(f"FETCH 1:8,10:30 {items}")
            assert answer.code == b"EXPUNGEISSUED"
            return [(one.number, one.items) for one in answer.responses if isinstance(one, Fetched)]

    usual = fetched(ImapLimits())
    assert [number for number, _ in usual] == [1, 2, 3, 4, 6, 7, 8, *range(12, 31)]
    assert fetched(ImapLimits(batch_octets=100)) == usual


def test_octets_that_lie_in_a_file_and_octets_that_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap() as mail:
        mail.deliver(MULTIPART, MESSAGE, MULTIPART + b"epilogue")
        client = mail.client(select="INBOX")
        commit, size = mail.provider.world.database.write, "(SELECT digest FROM blobs WHERE size = ?)"
        move = f"UPDATE blobs SET octets_id = NULL, location = 'ab/file' WHERE digest IN {size}"
        mail.runner.run(commit(lambda tx: tx.execute(move, (len(MULTIPART),))))
        monkeypatch.setattr(
            DatabaseBlobs, "read_file", lambda _blobs, name: MULTIPART if name == "ab/file" else b""
        )
        fetched = client.ok("FETCH 1:3 (BODY.PEEK[] BODY.PEEK[1] UID BODY.PEEK[HEADER])").fetched
        assert [fetched[number][b"BODY[]"] for number in (1, 2)] == [MULTIPART, MESSAGE]
        assert fetched[1][b"BODY[1]"] == b"aGVsbG8gd29ybGQ="
        lose = f"UPDATE blobs SET octets_id = NULL, location = NULL WHERE digest IN {size}"
        mail.runner.run(commit(lambda tx: tx.execute(lose, (len(MESSAGE),))))
        refused = client.do("FETCH 1:3 BODY.PEEK[]")
        assert (refused.word, refused.code) == (b"NO", b"CORRUPTION")


def test_a_short_answer_is_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, MESSAGE)
        client = mail.client(select="INBOX")
        written: list[bytes] = []
        monkeypatch.setattr(client.session.connection, "write", written.append)
        for command in (b"FETCH 1:* (ENVELOPE)", b"FETCH 1:* BODY.PEEK[]", b"STORE 1 +FLAGS (\\Seen)"):
            written.clear()
            client.wire.send(b"a " + command + b"\r\n")
            assert len(written) == 1, command
            assert written[0].endswith(b"\r\n")
            assert b"\r\na OK" in written[0]


STREAMED = ImapLimits(large_message_octets=5000, piece_octets=700)


def test_a_large_message_is_streamed() -> None:
    body = b"".join(b"line %d\r\n" % number for number in range(1000))
    large = (
        b"Subject: large\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
        + body
        + b"--b--\r\n"
    )
    with open_imap(limits=STREAMED) as mail:
        mail.deliver(MESSAGE, large, MESSAGE)
        client = mail.client(select="INBOX")
        answer = client.ok(
            "FETCH 1:* (UID BODY.PEEK[] BODY.PEEK[1]<10.5000> BODY.PEEK[HEADER.FIELDS (X-Rare)] BINARY.SIZE[1] FLAGS)"
        )
        assert list(answer.fetched) == [1, 2, 3]
        items = answer.fetched[2]
        assert items[b"BODY[]"] == large
        assert items[b"BODY[1]<10>"] == body[10:5010]
        assert items[b"BODY[HEADER.FIELDS (X-Rare)]"] == b"\r\n"
        assert items[b"BINARY.SIZE[1]"] == len(body) - 2
        assert items[b"UID"] == 2
        assert answer.fetched[3][b"BODY[]"] == MESSAGE


LARGE = b"Subject: large\r\n\r\n" + b"".join(b"line %d\r\n" % number for number in range(1000))


def test_a_message_expunged_while_it_is_streamed_is_sent_whole() -> None:
    with open_imap(limits=STREAMED) as mail:
        mail.deliver(LARGE)
        client = mail.client(select="INBOX")

        async def both() -> None:
            (event,) = client.session.machine.receive(b"a FETCH 1 BODY.PEEK[]\r\n")
            fetch = asyncio.get_running_loop().create_task(client.session.handle(event))
            await asyncio.sleep(0)
            await mail.provider.expunge(0)
            await fetch

        mail.runner.run(both())
        (fetched,) = [one for one in client.receive() if isinstance(one, Fetched)]
        assert fetched.items[b"BODY[]"] == LARGE


def test_a_disk_that_fails_within_a_literal_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_blob: OpenBlob, start: int = 0, length: int | None = None) -> bytes:
        if start == 0 and length is None:
            return LARGE
        raise DatabaseUnavailable("Input/output error")

    with open_imap(limits=ImapLimits(large_message_octets=5000)) as mail:
        mail.deliver(LARGE)
        client = mail.client(select="INBOX")
        monkeypatch.setattr(OpenBlob, "read", broken)
        client.wire.send(b"a FETCH 1 BODY.PEEK[]\r\n")
        assert client.session.connection.gone
        said = client.wire.receive(0) or b""
        assert b"a NO" not in said
        assert b"BYE" not in said


def test_other_sessions_run_during_a_long_fetch() -> None:
    with open_imap(limits=ImapLimits(batch_rows=50)) as mail:
        mail.deliver(*[b"Subject: %d\r\n\r\nx\r\n" % number for number in range(400)])
        client = mail.client(select="INBOX")
        iterations = 0

        async def others() -> None:
            nonlocal iterations
            while True:
                iterations += 1
                await asyncio.sleep(0)

        async def both() -> None:
            task = asyncio.get_running_loop().create_task(others())
            for event in client.session.machine.receive(b"a FETCH 1:* (UID ENVELOPE)\r\n"):
                await client.session.handle(event)
            task.cancel()

        mail.runner.run(both())
        assert iterations > 4
        assert len(client.receive()) == 401


@pytest.mark.rfc("3501 §9", "MUST")
@pytest.mark.parametrize(("enable", "encloses"), [("", False), ("UTF8=ACCEPT", False), ("IMAP4rev2", True)])
def test_a_message_global_is_a_message_to_imap4rev2_only(enable: str, encloses: bool) -> None:
    internationalized = b"Content-Type: message/global\r\n\r\n" + "Subject: ü\r\n\r\nx\r\n".encode()
    with open_imap() as mail:
        mail.deliver(MESSAGE, internationalized, MESSAGE)
        client = mail.client(enable=enable, select="INBOX")
        fetched = client.ok("FETCH 1:* (BODYSTRUCTURE BODY BODY.PEEK[1])").fetched
        for item in (b"BODYSTRUCTURE", b"BODY"):
            assert fetched[2][item][:2] == [b"MESSAGE", b"GLOBAL"]
            assert any(isinstance(value, list) for value in fetched[2][item][2:]) is encloses
            assert fetched[1][item] == fetched[3][item]
        assert fetched[2][b"BODY[1]"] == internationalized.partition(b"\r\n\r\n")[2]
