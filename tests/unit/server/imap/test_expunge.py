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
