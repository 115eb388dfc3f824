"""The session as a whole: every command has its handler, errors their answer (RFC 9051 §5.5, §7.1)."""

import pytest

from pillarbox.protocol.imap import commands
from pillarbox.server.imap.handlers import HANDLERS
from pillarbox.server.imap.limits import ImapLimits
from pillarbox.server.imap.reply import REFUSALS, refusal
from pillarbox.store import append, mailboxes, placements
from pillarbox.world.database import DatabaseUnavailable
from tests.kit.imap.client import MESSAGE, open_imap
from tests.kit.imap.dialogue import COMMAND_TYPES
from tests.kit.imap.responses import Status


def test_every_command_has_a_handler() -> None:
    dialogues = {commands.Append, commands.Replace}  # their messages come as events
    assert HANDLERS.keys() | dialogues == COMMAND_TYPES


def test_every_refusal_is_no_or_bad_with_a_text() -> None:
    assert all(reply.word in ("NO", "BAD") and reply.text.isascii() for reply in REFUSALS.values())
    assert refusal(ValueError("ours")) is None


@pytest.mark.replaces_functions
@pytest.mark.rfc("9051 §7.1", "SHOULD")
@pytest.mark.parametrize(
    ("where", "name", "command"),
    [
        (append, "append_all", "APPEND INBOX {}"),
        (placements, "copy", "COPY 1 Archive"),
        (placements, "move", "MOVE 1 Archive"),
        (placements, "expunge", "EXPUNGE"),
        (mailboxes, "create", "CREATE new"),
    ],
)
def test_a_busy_database_is_no_unavailable_and_nothing_is_changed(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, command: str
) -> None:
    def busy(*_arguments: object, **_keywords: object) -> None:
        raise DatabaseUnavailable("locked")

    with open_imap() as mail:
        mail.deliver(flags="\\Deleted")
        client = mail.client(select="INBOX")
        with monkeypatch.context() as patched:
            patched.setattr(where, name, busy)
            answer = client.do(command, MESSAGE) if "{}" in command else client.do(command)
        assert (answer.word, answer.code) == (b"NO", b"UNAVAILABLE")
        client.ok("NOOP")


def test_a_stranger_may_send_so_many_commands_and_a_client_that_has_logged_in_any_number() -> None:
    limits = ImapLimits(commands_before_login=3)
    with open_imap(limits=limits) as mail:
        client = mail.client()  # by LOGIN, its first command
        for _ in range(5):
            client.ok("NOOP")
        stranger = mail.connect()
        for command in ("CAPABILITY", "NOOP", 'ID ("name" "x")'):
            stranger.ok(command)
        (said,) = stranger.send(b"x NOOP\r\ny NOOP\r\n")
        assert isinstance(said, Status)
        assert (said.word, said.tag) == (b"BYE", b"*")
        assert stranger.send(b"z NOOP\r\n") == []


@pytest.mark.parametrize("enable", ["", "IMAP4rev2"])
def test_mail_can_be_read_while_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch, enable: str) -> None:
    async def full(*_arguments: object, **_keywords: object) -> None:
        raise DatabaseUnavailable("disk full")

    with open_imap() as mail:
        mail.deliver(MESSAGE, flags="\\Deleted")
        client, waiting = mail.client(enable=enable), mail.client(enable=enable, select="INBOX")
        mail.deliver()
        with monkeypatch.context() as patched:
            patched.setattr(mail.provider.world.database, "write", full)
            assert client.ok("SELECT INBOX").numbered(b"EXISTS") == [2]
            assert client.ok("FETCH 1 BODY[]").fetched[1][b"BODY[]"] == MESSAGE
            assert waiting.ok("NOOP").numbered(b"EXISTS") == [2]
            assert client.do("CLOSE").code == b"UNAVAILABLE"
            assert client.flags(1) == {b"\\Deleted"}  # still selected
        client.ok("CLOSE")
        assert client.do("FETCH 1 FLAGS").word == b"BAD"


@pytest.mark.rfc("9051 §5.5", "MUST")
def test_pipelined_commands_are_answered_in_their_order() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, MESSAGE)
        client = mail.client()
        received = client.send(
            b"a SELECT INBOX\r\nb FETCH 1 FLAGS\r\nc STORE 1 +FLAGS (\\Seen)\r\nd SEARCH SEEN\r\n"
            b"e APPEND INBOX {%d+}\r\n%b\r\nf UID SEARCH ALL\r\ng NOOP\r\n" % (len(MESSAGE), MESSAGE)
        )
        tags = [one.tag for one in received if isinstance(one, Status) and one.tag != b"*"]
        assert tags == [b"a", b"b", b"c", b"d", b"e", b"f", b"g"]
        assert all(one.word == b"OK" for one in received if isinstance(one, Status))


def test_failure_timeout_and_shutdown_end_with_bye() -> None:
    with open_imap() as mail:
        session = mail.client().session
        assert session.failed().startswith(b"* BYE [SERVERBUG] ")
        assert session.timed_out().startswith(b"* BYE ")
        assert session.ending().startswith(b"* BYE [UNAVAILABLE] ")
