"""LIST and NAMESPACE through a session (RFC 9051 §6.3.9, §6.3.10; RFC 5819)."""

import pytest

from tests.kit.imap.client import Answer, open_imap


def listed(answer: Answer) -> dict[bytes, set[bytes]]:
    """Attributes by name."""
    return {name: set(attributes) for attributes, _, name, *_ in answer.data(b"LIST")}


@pytest.mark.rfc("9051 §6.3.9", "MUST")
@pytest.mark.rfc("2342 §5", "MUST")
def test_list_of_an_empty_name_returns_the_separator() -> None:
    with open_imap() as mail:
        client = mail.client()
        assert client.ok('LIST "" ""').data(b"LIST") == [[[b"\\Noselect"], b"/", b""]]
        assert client.ok("NAMESPACE").data(b"NAMESPACE") == [[[[b"", b"/"]], None, None]]


@pytest.mark.rfc("9051 §5.1", "MUST")
def test_names_are_utf_7_for_rev1_and_utf_8_for_rev2() -> None:
    with open_imap() as mail:
        old, new = mail.client(), mail.client(enable="IMAP4rev2")
        old.ok('CREATE "Entw&APw-rfe"')
        assert "Entwürfe".encode() in listed(new.ok('LIST "" E*'))
        new.ok('CREATE "Größe"'.encode())
        assert b"Gr&APYA3w-e" in listed(old.ok('LIST "" G*'))
        new.ok('SELECT "Größe"'.encode())


@pytest.mark.rfc("5819 §2", "MUST")
def test_list_return_status_of_selectable_mailboxes() -> None:
    with open_imap() as mail:
        mail.deliver(mailbox="Archive")
        client = mail.client()
        client.ok("CREATE up/low")
        client.ok("DELETE up")
        answer = client.ok('LIST "" (% up/%) RETURN (STATUS (MESSAGES UNSEEN))')
        statuses = dict(answer.data(b"STATUS"))
        assert statuses[b"Archive"] == [b"MESSAGES", 1, b"UNSEEN", 1]
        assert b"up" in listed(answer)
        assert b"up" not in statuses
        assert b"up/low" in statuses
