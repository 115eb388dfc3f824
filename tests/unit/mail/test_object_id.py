"""Object identifiers read back, and only as what they are."""

import pytest

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId, ThreadId


@pytest.mark.rfc("8474 §7", "MUST")
def test_ids_read_back() -> None:
    assert object_id.of_mailbox(MailboxId(7)) == "F7"
    assert object_id.mailbox("F7") == 7
    assert object_id.email(object_id.of_email(EmailId(2**62 // 8))) == 2**62 // 8
    assert object_id.thread(object_id.of_thread(ThreadId(1))) == 1
    assert object_id.account(object_id.of_account(AccountId(12))) == 12
    assert object_id.account("F12") is None
    assert object_id.saved_search(object_id.of_saved_search(3)) == 3
    assert object_id.saved_search("F3") is None


@pytest.mark.parametrize(
    "text", ["", "7", "F", "F07", "f7", "F7 ", "F-7", "F7x", "M7", "F" + "9" * 30, "F７"]
)
def test_what_names_nothing(text: str) -> None:
    assert object_id.mailbox(text) is None
