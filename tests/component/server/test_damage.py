"""Damaged messages: what clients get of them, and that all others stay readable."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pillarbox.server import damage
from pillarbox.server.imap.limits import DEFAULT_LIMITS, ImapLimits
from pillarbox.world.blobs import MAX_IN_DATABASE_OCTETS, OpenBlob, prepare
from pillarbox.world.database import Transaction
from tests.kit.data_directory import write_blob
from tests.kit.imap.client import ImapProvider, open_imap
from tests.kit.pop3.client import Pop3Client
from tests.kit.server import factories
from tests.transcripts.runner import BareWire

SMALL = [b"Subject: small %d\r\n\r\nneedle %d\r\n" % (number, number) for number in range(5)]
LARGE = [
    b"Subject: large %d\r\n\r\n" % number + b"needle %d of many\r\n" % number * (MAX_IN_DATABASE_OCTETS // 16)
    for number in range(5)
]
DAMAGED = 3
"""The UID of the message that is damaged; the others are 1, 2, 4 and 5."""
STREAMED = ImapLimits(large_message_octets=5000, piece_octets=70_000)


def by_row(statement: str) -> Callable[[ImapProvider, bytes], None]:
    def damage(mail: ImapProvider, digest: bytes) -> None:
        def verb(tx: Transaction) -> None:
            tx.execute(statement, (digest,))

        mail.provider.world.database.write_now(verb)

    return damage


def by_file(change: Callable[[Path], None]) -> Callable[[ImapProvider, bytes], None]:
    def damage(mail: ImapProvider, digest: bytes) -> None:
        directory = mail.provider.world.blobs.directory
        assert directory
        (path,) = directory.rglob(f"{digest.hex()}*")
        change(path)

    return damage


def _unreadable(path: Path) -> None:
    path.unlink()
    path.mkdir()


ROWS = {
    "the octets are gone": by_row(
        "DELETE FROM blob_octets WHERE id = (SELECT octets_id FROM blobs WHERE digest = ?)"
    ),
    "the row is gone": by_row("DELETE FROM blobs WHERE digest = ?"),
    "the octets are cut short": by_row(
        "UPDATE blob_octets SET octets = x'41' WHERE id = (SELECT octets_id FROM blobs WHERE digest = ?)"
    ),
    "it is nowhere": by_row("UPDATE blobs SET octets_id = NULL WHERE digest = ?"),
}
FILES = {
    "the file is gone": by_file(Path.unlink),
    "the file is cut short": by_file(lambda path: os.truncate(path, 1000)),
    "the file is too long": by_file(lambda path: os.truncate(path, 1_000_000)),
    "the file can't be read": by_file(_unreadable),
}
CASES = [
    *(pytest.param(SMALL, damage, id=name) for name, damage in ROWS.items()),
    *(pytest.param(LARGE, damage, id=name) for name, damage in FILES.items()),
]


@contextmanager
def with_damage(
    folder: Path,
    messages: list[bytes],
    damage: Callable[[ImapProvider, bytes], None],
    limits: ImapLimits = DEFAULT_LIMITS,
) -> Iterator[ImapProvider]:
    folder.mkdir()
    with open_imap(folder=folder, limits=limits) as mail:
        mail.deliver(*(b"Subject: to be replaced %d\r\n\r\n" % number for number in range(5)))
        for uid, message in enumerate(messages, 1):
            put_in_place(mail, uid, message)
        damage(mail, prepare(messages[DAMAGED - 1]).blob.digest)
        yield mail


def put_in_place(mail: ImapProvider, uid: int, message: bytes) -> None:
    """Have a message of the INBOX be this one, large ones in files, as the reception does."""
    blob = write_blob(mail.provider.world.blobs, message)

    def verb(tx: Transaction) -> None:
        kept = blob.keep(tx)
        tx.execute("UPDATE placements SET size = ? WHERE uid = ?", (kept.size, uid))
        tx.execute(
            "UPDATE emails SET blob = ?, header_size = ?, crlf_size = ? WHERE id ="
            " (SELECT email FROM placements WHERE uid = ?)",
            (kept.digest, message.index(b"\r\n\r\n") + 4, kept.size, uid),
        )

    mail.provider.world.database.write_now(verb)


def told(mail: ImapProvider) -> int:
    return [name for name, _ in mail.provider.telemetry.events].count("message damaged")


@pytest.mark.parametrize("limits", [DEFAULT_LIMITS, STREAMED], ids=["whole", "streamed"])
@pytest.mark.parametrize(("messages", "damage"), CASES)
def test_fetch_sends_the_others_and_names_the_damaged(
    tmp_path: Path,
    messages: list[bytes],
    damage: Callable[[ImapProvider, bytes], None],
    limits: ImapLimits,
) -> None:
    with with_damage(tmp_path / "data", messages, damage, limits) as mail:
        client = mail.client(select="INBOX")
        for _ in range(2):
            answer = client.do("FETCH 1:* (UID BODY.PEEK[] BODY.PEEK[TEXT]<0.6>)")
            assert (answer.word, answer.code) == (b"NO", b"CORRUPTION")
            assert b"UID 3" in answer.status.text
            got = {number: items[b"BODY[]"] for number, items in answer.fetched.items()}
            assert got == {uid: messages[uid - 1] for uid in (1, 2, 4, 5)}
        (event,) = [fields for name, fields in mail.provider.telemetry.events if name == "message damaged"]
        assert (event["account"], event["mailbox"], event["uid"]) == ("u0@one.example", "INBOX", DAMAGED)
        assert client.ok("FETCH 3 (FLAGS ENVELOPE)").fetched[3]


@pytest.mark.parametrize(("messages", "damage"), CASES)
def test_searching_and_copying_go_on(
    tmp_path: Path, messages: list[bytes], damage: Callable[[ImapProvider, bytes], None]
) -> None:
    with with_damage(tmp_path / "data", messages, damage) as mail:
        client = mail.client(select="INBOX")
        assert client.ok("SEARCH BODY needle").data(b"SEARCH") == [[1, 2, 4, 5]]
        if messages is LARGE:  # its row is whole
            client.ok("COPY 1:* Archive")
            assert mail.provider.messages(0, mailbox="Archive") == 5
        client.ok("STORE 3 +FLAGS (\\Deleted)")
        if messages is LARGE:
            client.ok("EXPUNGE")
            assert client.ok("FETCH 1:* BODY.PEEK[]").fetched.keys() == {1, 2, 3, 4}


@pytest.mark.parametrize(("messages", "damage"), CASES)
@pytest.mark.rfc("3206 §4", "SHOULD")
def test_pop3_says_that_it_is_damaged(
    tmp_path: Path, messages: list[bytes], damage: Callable[[ImapProvider, bytes], None]
) -> None:
    with with_damage(tmp_path / "data", messages, damage) as mail:

        async def scenario() -> None:
            client = Pop3Client(mail.provider)
            await client.log_in()
            for line in (b"RETR 3", b"TOP 3 1", b"RETR 3"):
                assert (await client.send(line)).startswith(b"-ERR [SYS/PERM]"), line
            assert not client.connection.gone
            assert (await client.send(b"RETR 4")).startswith(b"+OK")
            for number in range(1, len(messages) + 1):  # which are read ahead
                said = b"-ERR [SYS/PERM]" if number == DAMAGED else b"+OK"
                assert (await client.send(b"RETR %d" % number)).startswith(said)

        mail.runner.run(scenario())
        (event,) = [fields for name, fields in mail.provider.telemetry.events if name == "message damaged"]
        assert (event["account"], event["uid"]) == ("u0@one.example", DAMAGED)


def test_damage_within_a_literal_ends_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is cut short after its size was compared: what was announced can't be sent."""
    real = OpenBlob.read

    def cut(blob: OpenBlob, start: int = 0, length: int | None = None) -> bytes:
        if start >= 140_000:
            os.truncate(next((tmp_path / "data" / "blobs").glob("??/*")), 150_000)
        return real(blob, start, length)

    with with_damage(tmp_path / "data", LARGE[:3], lambda *_: None, STREAMED) as mail:
        client = mail.client(select="INBOX")
        monkeypatch.setattr(OpenBlob, "read", cut)
        client.wire.send(b"a UID FETCH 1:3 BODY.PEEK[]\r\n")
        assert client.session.connection.gone
        assert b"a NO" not in (client.wire.receive(0) or b"")
        assert told(mail) == 1


def test_a_missing_folder_of_messages_is_not_damage(tmp_path: Path) -> None:
    """Its disk is not mounted: nothing is lost."""
    with with_damage(tmp_path / "data", LARGE, lambda *_: None) as mail:
        (tmp_path / "data" / "blobs").rename(tmp_path / "unmounted")
        client = mail.client(select="INBOX")
        answer = client.do("FETCH 1:* BODY.PEEK[]")
        assert (answer.word, answer.code) == (b"NO", b"UNAVAILABLE")
        (tmp_path / "unmounted").rename(tmp_path / "data" / "blobs")
        assert client.ok("FETCH 1:* BODY.PEEK[]").fetched.keys() == {1, 2, 3, 4, 5}
        assert not told(mail)


def test_many_damaged_messages_are_named_shortly(tmp_path: Path) -> None:
    with open_imap() as mail:
        mail.deliver(*(b"Subject: %d\r\n\r\n" % number for number in range(400)))
        mail.provider.world.database.write_now(
            lambda tx: tx.execute("DELETE FROM blob_octets WHERE id % 2 = 0")
        )
        answer = mail.client(select="INBOX").do("UID FETCH 1:* BODY.PEEK[]")
        assert len(answer.fetched) == 200
        assert answer.status.text.endswith(b"and others, 200 in all")
        assert len(answer.status.text) < 500


# --- a database that goes away under the server


def _removed(path: Path) -> None:
    path.unlink()


def _replaced(path: Path) -> None:
    path.unlink()
    path.touch()


def _emptied(path: Path) -> None:
    os.truncate(path, 0)


def _unmounted(path: Path) -> None:
    path.parent.rename(path.parent.with_name("unmounted"))
    path.parent.mkdir()


@pytest.mark.parametrize("go_away", [_removed, _replaced, _emptied, _unmounted])
def test_without_its_database_a_server_answers_for_now_and_refuses_nobody_for_good(
    tmp_path: Path, go_away: Callable[[Path], None]
) -> None:
    (tmp_path / "data").mkdir()
    with open_imap(folder=tmp_path / "data") as mail:
        mail.deliver(SMALL[0])
        world, made = mail.provider.world, factories(mail.provider)
        reported: list[str] = []
        world.database.on_failure = lambda what, _failure: reported.append(what)
        reader = mail.client(select="INBOX")
        sender = BareWire(made["smtp"], mail.runner.run)
        collector = Pop3Client(mail.provider)
        mail.runner.run(collector.log_in())
        go_away(tmp_path / "data" / "pillarbox.db")
        world.database._look_at_s = 0.0  # type: ignore[attr-defined]
        sender.send(b"EHLO there.example\r\nMAIL FROM:<x@far.example>\r\n")
        sender.receive(0)
        for recipient in (b"u0@one.example", b"nobody@one.example"):
            sender.send(b"RCPT TO:<%b>\r\n" % recipient)
            assert (sender.receive(0) or b"").startswith(b"4"), recipient
        for command in (
            "STATUS INBOX (MESSAGES)",
            "STORE 1 +FLAGS (\\Seen)",
            "FETCH 1 BODY.PEEK[]",
            "CREATE x",
        ):
            answer = reader.do(command)
            assert (answer.word, answer.code) == (b"NO", b"UNAVAILABLE"), command
        assert mail.runner.run(collector.send(b"RETR 1")).startswith(b"-ERR [SYS/TEMP]")
        assert set(reported) == {"database missing"}
        assert len(reported) <= 3, "not for every client"


@pytest.mark.parametrize(
    "damage",
    ["flags = x'ff00'", "flags = 'x' || char(13, 10) || '* BYE hi'", "modseq = 'zz'", "flags = '\\Flafged'"],
)
def test_flags_that_nobody_wrote_are_sent_to_no_client_and_end_no_session(
    tmp_path: Path, damage: str
) -> None:
    (tmp_path / "data").mkdir()
    with open_imap(folder=tmp_path / "data") as mail:
        mail.deliver(*(b"Subject: message %d\r\n\r\n" % number for number in range(3)))

        def verb(tx: Transaction) -> None:
            tx.execute(f"UPDATE flags SET {damage} WHERE uid = 2")

        mail.provider.world.database.write_now(verb)
        client = mail.client()
        for command in ("SELECT INBOX", "STORE 1:* +FLAGS (\\Flagged)"):
            answer = client.do(command)
            if answer.word != b"OK":
                break
        assert (answer.word, answer.code) == (b"NO", b"UNAVAILABLE")
        client.ok("SELECT Sent")


def test_a_size_that_nobody_wrote_ends_no_session(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with open_imap(folder=tmp_path / "data") as mail:
        mail.deliver(*(b"Subject: message %d\r\n\r\n" % number for number in range(3)))
        reported: list[str] = []
        mail.provider.world.database.on_failure = lambda _what, failure: reported.append(str(failure))
        mail.provider.world.database.write_now(
            lambda tx: tx.execute("UPDATE placements SET size = 'zz' WHERE uid = 2")
        )
        client = mail.client(select="INBOX")
        for _ in range(2):
            for command in ("FETCH 1:* RFC822.SIZE", "FETCH 2 BODY.PEEK[]", "COPY 1:* Sent"):
                answer = client.do(command)
                assert (answer.word, answer.code) in {(b"NO", b"UNAVAILABLE"), (b"NO", b"CORRUPTION")}
        assert client.ok("FETCH 1 RFC822.SIZE").fetched
        assert all("pillarbox fsck" in text for text in reported)
        assert len(reported) == len(set(reported)), "once"


def test_an_error_of_ours_is_not_excused_by_sound_rows() -> None:
    with open_imap() as mail:
        mail.deliver(*SMALL)
        error, account = TypeError("ours"), mail.provider.accounts[0]
        explained = mail.runner.run(damage.explained(mail.provider.world, error, account))
        assert explained is error


@pytest.mark.parametrize(
    "damage", ["UPDATE placements SET uid = '2x' WHERE uid = 2", "DELETE FROM emails WHERE id % 3 = 2"]
)
def test_a_message_whose_rows_are_not_found_is_named_and_the_others_are_sent(
    tmp_path: Path, damage: str
) -> None:
    (tmp_path / "data").mkdir()
    with open_imap(folder=tmp_path / "data") as mail:
        mail.deliver(*(b"Subject: message %d\r\n\r\n" % number for number in range(3)))
        lost = mail.provider.world.database.read_now(
            lambda tx: tx.value("SELECT uid FROM placements WHERE email % 3 = 2")
        )
        mail.provider.world.database.write_now(lambda tx: tx.execute(damage))
        uid = 2 if "placements" in damage else lost
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        other.ok(f"STORE {1 if uid != 1 else 3} +FLAGS (\\Deleted)")
        for items in ("ENVELOPE", "BODY.PEEK[]", "(UID PREVIEW)"):
            answer = client.do(f"FETCH 1:* {items}")
            assert (answer.word, answer.code) == (b"NO", b"CORRUPTION")
            assert b"UID %d" % uid in answer.status.text
            assert answer.fetched.keys() == {1, 2, 3} - {uid}
        assert client.ok("FETCH 1:* FLAGS").fetched.keys() == {1, 2, 3}
        (event,) = [fields for name, fields in mail.provider.telemetry.events if name == "message damaged"]
        assert (event["account"], event["mailbox"], event["uid"]) == ("u0@one.example", "INBOX", uid)


def test_a_message_that_another_client_has_expunged_is_not_damage() -> None:
    with open_imap() as mail:
        mail.deliver(*SMALL)
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        other.ok("STORE 2 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        assert client.ok("FETCH 1:* BODY.PEEK[]").code == b"EXPUNGEISSUED"
        assert not told(mail)
