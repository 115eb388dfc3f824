"""EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, §6.4.9; RFC 4315)."""

import pytest

from tests.kit.imap.client import MESSAGE, open_imap


@pytest.mark.rfc("9051 §6.4.3", "MUST")
def test_expunge_removes_what_is_deleted_and_uid_expunge_what_is_named_of_it() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 5)
        client = mail.client(select="INBOX")
        client.ok("STORE 1,3,5 +FLAGS.SILENT (\\Deleted)")
        assert client.ok("UID EXPUNGE 2:4").numbered(b"EXPUNGE") == [3]
        assert client.ok("EXPUNGE").numbered(b"EXPUNGE") == [1, 3]
        assert client.uids() == [2, 4]


def test_where_nothing_is_deleted_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        client = mail.client(select="INBOX")
        mail.runner.run(mail.provider.authenticator.settled())
        written: list[object] = []
        monkeypatch.setattr(mail.provider.world.database, "write", written.append)
        client.ok("EXPUNGE")
        client.ok("UID EXPUNGE 1:*")
        client.ok("CLOSE")
        assert written == []
        monkeypatch.undo()


def test_what_another_session_has_marked_is_removed_too() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        one, other = mail.client(select="INBOX"), mail.client(select="INBOX", worker=1)
        other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        assert one.ok("EXPUNGE").numbered(b"EXPUNGE") == [2]
        assert other.ok("NOOP").numbered(b"EXPUNGE") == [2]
