"""CREATE, DELETE, RENAME, SUBSCRIBE (RFC 9051 §6.3.4 to §6.3.8)."""

import pytest

from pillarbox.mail import mailbox_name
from pillarbox.server.imap.limits import ImapLimits
from tests.kit.imap.client import MESSAGE, Answer, open_imap
from tests.kit.imap.responses import Status


def listed(answer: Answer) -> dict[bytes, set[bytes]]:
    """Attributes by name."""
    return {name: set(attributes) for attributes, _, name, *_ in answer.data(b"LIST")}


@pytest.mark.rfc("9051 §6.3.4", "MUST")
def test_create_makes_parents_and_returns_mailboxid() -> None:
    with open_imap() as mail:
        client = mail.client()
        assert (client.ok("CREATE Work/2026/").code or b"").startswith(b"MAILBOXID (F")
        assert listed(client.ok('LIST "" Work*')).keys() == {b"Work", b"Work/2026"}
        again = client.do("CREATE Work")
        assert (again.word, again.code) == (b"NO", b"ALREADYEXISTS")
        assert client.do("CREATE inbox").code == b"ALREADYEXISTS"
        assert client.do('CREATE "a//b"').word == b"NO"


@pytest.mark.rfc("6154 §3", "MUST")
def test_a_mailbox_can_be_made_for_a_use_that_is_free() -> None:
    with open_imap() as mail:
        client = mail.client()
        assert client.do("CREATE Outgoing (USE (\\Sent))").code == b"USEATTR"
        client.ok("DELETE Sent")
        client.ok("CREATE Outgoing (USE (\\Sent))")
        assert b"\\Sent" in listed(client.ok('LIST "" Out*'))[b"Outgoing"]


@pytest.mark.rfc("9051 §6.3.5", "MUST")
def test_delete_leaves_what_is_below_and_inbox_stays() -> None:
    with open_imap() as mail:
        client = mail.client()
        client.ok("CREATE foo/bar")
        client.ok("DELETE foo")
        assert listed(client.ok('LIST "" foo*')) == {b"foo/bar": {b"\\HasNoChildren"}}
        assert b"\\Noselect" in listed(client.ok('LIST "" %'))[b"foo"]
        assert client.do("SELECT foo").code == b"NONEXISTENT"
        assert client.do("DELETE INBOX").code == b"CANNOT"
        assert client.do("DELETE nowhere").code == b"NONEXISTENT"


@pytest.mark.rfc("2180 §3.3", "MAY")
def test_other_sessions_get_bye_when_their_mailbox_is_deleted() -> None:
    with open_imap() as mail:
        mail.deliver(mailbox="Archive")
        owner, other = mail.client(select="Archive"), mail.client(select="Archive")
        own = owner.ok("DELETE Archive")
        assert b"CLOSED" in own.codes()
        assert owner.do("FETCH 1 UID").word == b"BAD"
        (bye,) = other.send(b"a NOOP\r\n")
        assert isinstance(bye, Status)
        assert bye.word == b"BYE"
        assert other.wire.connection.gone


@pytest.mark.rfc("9051 §6.3.6", "MUST")
def test_rename_takes_what_is_below_along_and_sessions_stay() -> None:
    with open_imap() as mail:
        client = mail.client()
        client.ok("CREATE old/deep")
        mail.deliver(mailbox="old/deep")
        reader = mail.client(select="old/deep")
        client.ok("RENAME old new/name")
        assert listed(client.ok('LIST "" new*')).keys() == {b"new", b"new/name", b"new/name/deep"}
        assert b"Subject: hello" in reader.ok("FETCH 1 BODY.PEEK[]").fetched[1][b"BODY[]"]
        assert client.do("RENAME new INBOX").code == b"ALREADYEXISTS"
        assert client.do("RENAME new new/name/below").code in (b"CANNOT", b"ALREADYEXISTS")


HIDDEN = ["\x9b", "\u202e", "\u2066", "\u200f", "\u061c"]


@pytest.mark.rfc("5198 §3", "SHOULD")
@pytest.mark.parametrize("hidden", HIDDEN)
def test_no_mailbox_gets_a_name_that_looks_like_another(hidden: str) -> None:
    with open_imap() as mail:
        client = mail.client()
        client.ok("CREATE plain")
        name = mailbox_name.encode(f"a{hidden}b", utf8=False).decode()
        for command in (
            f'CREATE "{name}"',
            f'CREATE "{name}/below"',
            f'RENAME plain "{name}"',
            f'RENAME INBOX "{name}"',
        ):
            refused = client.do(command)
            assert (refused.word, refused.code) == (b"NO", b"CANNOT"), command
        assert listed(client.ok('LIST "" a*')) == {}


@pytest.mark.replaces_functions
@pytest.mark.parametrize("hidden", HIDDEN[1:])
def test_a_mailbox_that_has_such_a_name_can_be_used_renamed_and_deleted(
    hidden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_imap() as mail:
        client = mail.client()
        name = mailbox_name.encode(f"a{hidden}b", utf8=False).decode()
        with monkeypatch.context() as earlier:
            earlier.setattr(mailbox_name, "check_new_level", lambda _name: None)
            client.ok(f'CREATE "{name}"')
            client.ok(f'CREATE "top/{name}"')
        client.ok(f'SELECT "{name}"')
        client.ok(f'CREATE "{name}/below"')
        client.ok(f'RENAME "{name}/below" "{name}/other"')
        client.ok("RENAME top above")
        client.ok(f'RENAME "above/{name}" seen')
        client.ok(f'DELETE "{name}/other"')
        client.ok(f'DELETE "{name}"')


@pytest.mark.rfc("9051 §6.3.6", "MUST")
def test_renaming_inbox_moves_its_messages_and_leaves_it_empty() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, MESSAGE)
        client = mail.client(select="INBOX")
        assert client.ok("RENAME INBOX old-mail").numbered(b"EXPUNGE") == [1, 1]
        assert mail.provider.messages(0) == 0
        assert mail.provider.messages(0, mailbox="old-mail") == 2


@pytest.mark.rfc("9051 §6.3.7", "MUST")
def test_subscriptions_outlive_their_mailboxes() -> None:
    with open_imap() as mail:
        client = mail.client()
        client.ok("CREATE gone")
        client.ok("SUBSCRIBE gone")
        client.ok("DELETE gone")
        subscribed = client.ok('LIST (SUBSCRIBED) "" "gone"')
        assert listed(subscribed)[b"gone"] >= {b"\\Subscribed", b"\\NonExistent"}
        client.ok("UNSUBSCRIBE gone")
        assert client.ok('LSUB "" "gone"').data(b"LSUB") == []


@pytest.mark.parametrize(
    "command", ["CREATE too", "CREATE a/b", "SUBSCRIBE too", "RENAME INBOX too", "RENAME Archive a/b"]
)
def test_an_account_has_a_limit_of_names(command: str) -> None:
    with open_imap() as mail:
        names = len(mail.client().ok('LIST "" *').data(b"LIST"))
    with open_imap(limits=ImapLimits(max_names=names)) as mail:
        client = mail.client()
        before = client.ok('LIST "" * RETURN (SUBSCRIBED)').data(b"LIST")
        refused = client.do(command)
        assert (refused.word, refused.code) == (b"NO", b"LIMIT")
        assert client.ok('LIST "" * RETURN (SUBSCRIBED)').data(b"LIST") == before
        client.ok("RENAME Archive Old")
