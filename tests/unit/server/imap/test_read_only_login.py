"""A login with an app password that may only read: each command that changes something is refused, and what others
would change on the way stays as it is."""

from collections.abc import Iterator

import pytest

from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.protocol.imap.commands import CHANGING
from pillarbox.server.imap.handlers import HANDLERS
from tests.kit.imap.client import MESSAGE, ImapClient, ImapProvider, open_imap
from tests.kit.imap.responses import Status

CHANGES = {
    "Create": ["CREATE New"],
    "Delete": ["DELETE Archive"],
    "Rename": ["RENAME Archive Old"],
    "Subscribe": ["SUBSCRIBE Archive"],
    "Unsubscribe": ["UNSUBSCRIBE INBOX"],
    "Append": ["APPEND INBOX {}", "APPEND INBOX (\\Seen) {}"],
    "Expunge": ["EXPUNGE", "UID EXPUNGE 1"],
    "Store": ["STORE 1 +FLAGS (\\Seen)", "UID STORE 1 -FLAGS.SILENT (\\Deleted)"],
    "Copy": ["COPY 1 Archive", "UID COPY 1 Archive"],
    "Move": ["MOVE 1 Archive", "UID MOVE 1 Archive"],
    "Replace": ["REPLACE 1 INBOX {}", "UID REPLACE 1 INBOX {}"],
}
READS = [
    "CAPABILITY", "NOOP", 'ID ("name" "test")', "ENABLE CONDSTORE", "LIST \"\" *", "LSUB \"\" *", "NAMESPACE",
    "STATUS Archive (MESSAGES)", "CHECK", "SEARCH ALL", "FETCH 1 (FLAGS BODY[] RFC822)", "UID FETCH 1 BINARY[1]",
    "EXAMINE INBOX", "SELECT INBOX", "UNSELECT", "SELECT INBOX", "CLOSE",
]  # fmt: skip
NEITHER = {"Logout", "StartTls", "Authenticate", "Login", "GetJmapAccess", "Idle"}


@pytest.fixture
def mail() -> Iterator[ImapProvider]:
    with open_imap() as mail:
        mail.deliver(MESSAGE, flags="\\Deleted")
        yield mail


def reader(mail: ImapProvider) -> ImapClient:
    client = mail.connect()
    client.ok(f'LOGIN u0 "{mail.runner.run(mail.provider.app_password(0, Scope.IMAP, read_only=True))}"')
    return client


def state(mail: ImapProvider) -> list[object]:
    """All that a command could change: mailboxes, subscriptions, messages, flags."""
    tables = ("mailboxes", "subscriptions", "placements", "emails", "changes")
    return [
        mail.provider.world.database.read_now(lambda tx, table=table: tx.rows(f"SELECT * FROM {table}"))  # type: ignore[misc]
        for table in tables
    ]


def test_every_command_is_one_or_the_other() -> None:
    """Who adds a command says here whether it changes anything."""
    reading = {kind.__name__ for kind in HANDLERS} - NEITHER - CHANGES.keys()
    assert {kind.__name__ for kind in CHANGING} == CHANGES.keys()
    words = {word.split()[-1] for word in ("UNSELECT", "STATUS", "LSUB")}
    tried = {line.removeprefix("UID ").split()[0] for line in READS} | words
    assert {name.upper() for name in reading} == tried - {"EXAMINE"}


@pytest.mark.rfc("9051 §6.3.2", "MUST")
@pytest.mark.parametrize("line", [line for lines in CHANGES.values() for line in lines])
def test_what_changes_something_is_refused(mail: ImapProvider, line: str) -> None:
    client, before = reader(mail), state(mail)
    selected = client.ok("SELECT INBOX")
    assert selected.code == b"READ-ONLY"
    assert selected.codes()[b"PERMANENTFLAGS"] in (None, b"()")
    literals = [MESSAGE] * line.count("{}")
    answer = client.do(line, *literals)
    assert (answer.word, answer.code) == (b"NO", b"NOPERM")
    assert not answer.responses
    client.ok("UNSELECT")
    if not line.startswith(("EXPUNGE", "STORE", "COPY", "MOVE", "REPLACE", "UID")):
        assert client.do(line, *literals).code == b"NOPERM"  # without a mailbox as well
    assert state(mail) == before


def test_a_message_that_waits_for_its_continuation_is_not_asked_for(mail: ImapProvider) -> None:
    (answer,) = reader(mail).send(b"a APPEND INBOX {3000000}\r\n")
    assert isinstance(answer, Status)
    assert (answer.word, answer.code) == (b"NO", b"NOPERM")


def test_what_reads_is_answered_and_changes_nothing(mail: ImapProvider) -> None:
    """No \\Seen, no \\Recent that others miss, nothing expunged by CLOSE."""
    client, before = reader(mail), state(mail)
    client.ok("SELECT INBOX")
    for line in READS:
        client.ok(line)
    assert state(mail) == before
    owner = mail.client()
    assert owner.ok("SELECT INBOX").numbered(b"RECENT") == [1]
    assert owner.do("STORE 1 +FLAGS (\\Seen)").word == b"OK"


def test_who_selects_read_only_sees_what_others_change(mail: ImapProvider) -> None:
    client, owner = reader(mail), mail.client(select="INBOX")
    client.ok("SELECT INBOX")
    owner.ok("STORE 1 +FLAGS (\\Flagged)")
    assert b"\\Flagged" in client.ok("NOOP").fetched[1][b"FLAGS"]
