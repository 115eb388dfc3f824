"""`pillarbox mail`: finding messages in accounts, and showing, moving, flagging and deleting them."""

from pathlib import Path
from typing import Any

import pytest

from pillarbox.admin.mail import changing, finding
from pillarbox.app.database import opened_blobs, opened_database
from pillarbox.config.file import read
from pillarbox.directory import accounts
from pillarbox.mail import object_id
from pillarbox.mail.query import All
from pillarbox.store import authentication, mailboxes, placements
from pillarbox.trust.results import MethodResult, Property, Result
from pillarbox.world.database import Transaction
from tests.kit.command_line import CommandLine, set_up

PLAN = (
    "From: =?utf-8?q?J=C3=B6rg?= <joerg@two.example>\r\nTo: anna@example.org\r\nSubject: The plan\r\n"
    "Message-ID: <plan@two.example>\r\nX-Other: one\r\n\r\nWe meet at noon.\r\n"
)
PHISHING = (
    "From: Bank <bank@evil.example>\r\nTo: staff@example.org\r\nSubject: Your \x1b[2Jaccount\r\n"
    "Message-ID: <phish@evil.example>\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/mixed; boundary="x"\r\n\r\n'
    "--x\r\nContent-Type: text/html\r\n\r\n<p>Click <b>here</b> \u202eecno ta</p>\r\n"
    '--x\r\nContent-Type: application/pdf; name="bill.pdf"\r\n\r\nxxxx\r\n--x--\r\n'
)


@pytest.fixture
def there(tmp_path: Path) -> CommandLine:
    made = set_up(tmp_path)[0]
    for login in ("bob", "carl"):
        made.text("account", "add", f"{login}@example.org")
    for name, text in (("plan", PLAN), ("phishing", PHISHING)):
        file = tmp_path / f"{name}.eml"
        file.write_bytes(text.encode())
        for login in ("anna", "bob") if text is PHISHING else ("anna",):
            made.text("import", login, str(file))
    return made


def found(there: CommandLine, *words: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = there.json("mail", "search", *words)["messages"]
    return messages


def subjects(there: CommandLine, *words: str) -> list[str]:
    return [one["subject"] for one in found(there, *words)]


def test_search_as_text_and_as_json(there: CommandLine) -> None:
    text = there.text("mail", "search", "--all")
    assert "The plan" in text
    assert "anna@example.org" in text
    assert "bob@example.org" in text
    (plan,) = found(there, "anna", "--from", "jörg")
    assert plan["sender"] == "Jörg <joerg@two.example>"
    assert (plan["mailbox"], plan["uid"], plan["flags"]) == ("INBOX", 1, "")
    assert there.text("mail", "search", "carl") == "No messages found.\n"
    assert "Only the first 1 are shown" in there.text("mail", "search", "--all", "--limit", "1")


def test_mailboxes(there: CommandLine) -> None:
    there.text("mail", "flag", "--account", "anna", "--subject", "plan", "+seen", "--yes")
    inbox = next(one for one in there.json("mail", "mailboxes", "anna") if one["name"] == "INBOX")
    assert (inbox["role"], inbox["messages"], inbox["unseen"], inbox["subscribed"]) == ("inbox", 2, 1, True)
    assert inbox["octets"] == len(PLAN.encode()) + len(PHISHING.encode())
    assert "Trash" in there.text("mail", "mailboxes", "anna")
    assert "no account 'zoe'" in there.refused("mail", "mailboxes", "zoe")


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["--subject", "PLAN"], 1),
        (["--to", "staff@"], 2),
        (["--text", "at noon"], 1),
        (["--message-id", "<phish@evil.example>"], 2),
        (["--since", "2020-01-01"], 3),
        (["--before", "2020-01-01"], 0),
        (["--newer", "12h"], 3),
        (["--older", "12h"], 0),
        (["--larger", "1M"], 0),
        (["--larger", "10B"], 3),
        (["--smaller", "1M"], 3),
        (["--flag", "seen"], 0),
        (["--no-flag", "seen"], 3),
        (["--mailbox", "Sent"], 0),
        (["--from", "bank", "--subject", "plan"], 0),
    ],
)
def test_each_criterion(there: CommandLine, words: list[str], number: int) -> None:
    assert len(found(there, "--all", *words)) == number


def test_what_search_refuses(there: CommandLine) -> None:
    assert "Give accounts, or --all" in there.refused("mail", "search", code=2)
    there.refused("mail", "search", "anna", "--all", code=2)
    assert "empty text" in there.refused("mail", "search", "anna", "--from", "", code=2)
    assert "there is no account 'zoe'" in there.refused("mail", "search", "zoe").lower()
    assert "No such mailbox: 'Nowhere'" in there.refused("mail", "search", "--all", "--mailbox", "Nowhere")
    assert "Not a mailbox name" in there.refused("mail", "search", "anna", "--mailbox", "a//b")
    assert "Not a flag" in there.refused("mail", "search", "anna", "--flag", "\\Recent")


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--larger", "10", "'10' has no unit. Write 10B, 10K or 10M."),
        ("--smaller", "unlimited", "'unlimited' is not a size. Write 500B, 20K or 10M."),
        ("--larger", "99999999T", "'99999999T' is more than any message has."),
        ("--since", "yesterday", "'yesterday' is not a day. Write 2026-11-30."),
    ],
)
def test_a_size_or_day_that_is_none(there: CommandLine, option: str, value: str, why: str) -> None:
    assert why in there.refused("mail", "search", "anna", option, value, code=2)


def test_a_search_goes_through_a_mailbox_in_pages(there: CommandLine, tmp_path: Path) -> None:
    box = "".join(f"From x Mon Jan  1 00:00:00 2024\nSubject: n{n}\n\nx\n\n" for n in range(450))
    (tmp_path / "many.mbox").write_text(box)
    there.text("import", "carl", str(tmp_path / "many.mbox"))
    assert subjects(there, "carl", "--limit", "3") == ["n449", "n448", "n447"]
    assert len(found(there, "carl", "--limit", "1000")) == 450
    assert there.json("mail", "delete", "--account", "carl", "--subject", "n1", "--yes")["messages"] == 111
    assert len(found(there, "carl", "--limit", "1000")) == 339
    data = read(there.config).data_directory
    with opened_database(data) as database:
        account = database.read_now(accounts.by_login, "carl")
        assert account is not None
        matches = list(
            finding.search(
                database, opened_blobs(data, database), [account], finding.Criteria(All()), now_ms=0, page=100
            )
        )
        assert [len(match.uids) for match in matches] == [100, 100, 100, 39]
        assert changing.delete(database, matches) == 339
    there.text("fsck")


def test_show(there: CommandLine) -> None:
    ident = found(there, "bob")[0]["id"]
    text = there.text("mail", "show", ident)
    assert "From: Bank <bank@evil.example>" in text
    assert "Subject: Your \\x1b[2Jaccount" in text
    assert "Click here \\u202eecno ta" in text
    assert "Attachment: bill.pdf, application/pdf, 4 B" in text
    assert f"{ident}: bob@example.org, INBOX, UID 1" in text
    shown = there.json("mail", "show", ident)
    assert shown["attachments"] == [{"name": "bill.pdf", "content_type": "application/pdf", "size_octets": 4}]
    assert "MIME-Version: 1.0" in there.text("mail", "show", ident, "--headers")
    assert "MIME-Version" not in shown["header"]
    assert there.run("mail", "show", ident, "--raw").stdout_bytes == PHISHING.encode()
    there.refused("mail", "show", ident, "--raw", "--json", code=2)
    for unknown in ("M1", "M999999999999", "x"):
        assert f"No such message: {unknown}" in there.refused("mail", "show", unknown)


def test_show_says_what_checks_found_when_it_came(there: CommandLine) -> None:
    ident = found(there, "bob")[0]["id"]
    assert there.json("mail", "show", ident)["authentication"] == []
    assert "When it came" not in there.text("mail", "show", ident)
    results = (
        MethodResult(
            "spf",
            Result.FAIL,
            "evil.example",
            "not \x1b[2Jallowed",
            (Property("smtp", "mailfrom", "b@evil.example"),),
        ),
        MethodResult("dkim", Result.NONE),
    )
    _keep(there, ident, authentication.encoded(results))
    text = there.text("mail", "show", ident)
    assert "When it came: SPF fail, evil.example (not \\x1b[2Jallowed)\nWhen it came: DKIM none\n" in text
    spf, dkim = there.json("mail", "show", ident)["authentication"]
    assert spf == {
        "method": "spf",
        "result": "fail",
        "domain": "evil.example",
        "reason": "not \x1b[2Jallowed",
        "examined": {"smtp.mailfrom": "b@evil.example"},
    }
    assert (dkim["method"], dkim["result"], dkim["examined"]) == ("dkim", "none", {})


def _keep(there: CommandLine, ident: str, encoded: bytes) -> None:
    def update(tx: Transaction) -> None:
        tx.execute("UPDATE emails SET authentication = ? WHERE id = ?", (encoded, object_id.email(ident)))

    with opened_database(read(there.config).data_directory) as database:
        database.write_now(update)


def test_delete_from_all_accounts_at_once(there: CommandLine) -> None:
    words = ("mail", "delete", "--all", "--from", "bank@evil.example", "--subject", "your")
    assert "2 messages in 2 accounts selected. Nothing changed." in there.text(*words, "--dry-run")
    assert "Nothing deleted" in there.refused(*words, typed="n\n")
    assert "Nothing deleted" in there.refused(*words, "--json")
    assert "Delete 2 messages in 2 accounts permanently?" in there.run(*words, typed="n\n").output
    assert subjects(there, "bob") == ["Your \x1b[2Jaccount"]
    assert there.text(*words, "--yes") == "2 messages deleted.\n"
    assert subjects(there, "--all") == ["The plan"]
    assert there.text(*words, "--yes") == "No messages found.\n"
    there.text("fsck")


def test_nothing_is_selected_by_accounts_alone(there: CommandLine) -> None:
    for words in (["delete", "--all"], ["move", "--account", "anna", "Junk"], ["flag", "--all", "+seen"]):
        assert "Nothing selected" in there.refused("mail", *words)
    ident = found(there, "bob")[0]["id"]
    there.refused("mail", "delete", ident, "--all", "--yes", code=2)
    there.refused("mail", "delete", ident, "--from", "x", "--yes", code=2)
    assert len(found(there, "--all")) == 3


def test_delete_to_trash_and_from_trash(there: CommandLine) -> None:
    ident = found(there, "bob")[0]["id"]
    assert there.text("mail", "delete", ident, "--to-trash", "--yes") == "1 message moved to Trash.\n"
    assert [one["mailbox"] for one in found(there, "bob")] == ["Trash"]
    assert there.text("mail", "delete", "--all", "--mailbox", "Trash", "--yes") == "1 message deleted.\n"
    assert found(there, "bob") == []


def test_move(there: CommandLine) -> None:
    ident = found(there, "anna", "--subject", "plan")[0]["id"]
    assert there.text("mail", "move", ident, "Archive") == "1 message moved to Archive.\n"
    assert [one["mailbox"] for one in found(there, "anna", "--subject", "plan")] == ["Archive"]
    assert "there is no mailbox 'Plans' in anna@" in there.refused("mail", "move", ident, "Plans").replace(
        "There", "there"
    )
    there.text("mail", "move", ident, "Plans/2026", "--create")
    assert [one["mailbox"] for one in found(there, "anna", "--subject", "plan")] == ["Plans/2026"]
    words = ("mail", "move", "--all", "--from", "bank", "Junk")
    assert "Nothing moved" in there.refused(*words, typed="n\n")
    assert there.json(*words, "--yes") == {"messages": 2, "mailbox": "Junk"}
    assert {one["mailbox"] for one in found(there, "--all", "--from", "bank")} == {"Junk"}


def test_all_copies_of_a_message_are_one_after_a_move(there: CommandLine) -> None:
    data = read(there.config).data_directory
    with opened_database(data) as database:
        (match,) = database.read_now(finding.by_ids, [found(there, "bob")[0]["id"]])
        database.write_now(copy_to, match, ("Sent", "Junk"))
    ident = found(there, "bob")[0]["id"]
    assert len(found(there, "bob")) == 3
    assert there.text("mail", "delete", ident, "--mailbox", "Sent", "--yes") == "1 message deleted.\n"
    assert there.text("mail", "move", ident, "Junk") == "1 message moved to Junk.\n"
    assert [one["mailbox"] for one in found(there, "bob")] == ["Junk"]
    there.text("fsck")


def copy_to(tx: Transaction, match: finding.Match, names: tuple[str, ...]) -> None:
    for name in names:
        to = mailboxes.by_name(tx, match.account.id, name).id
        placements.copy(tx, match.account.id, match.mailbox.id, match.uids, to=to, now_ms=0)


def test_flag(there: CommandLine) -> None:
    ident = found(there, "bob")[0]["id"]
    assert there.text("mail", "flag", ident, "+seen", "+\\Flagged", "+$Junk") == "1 message changed.\n"
    assert found(there, "bob")[0]["flags"] == "\\Flagged \\Seen $Junk"
    assert there.text("mail", "flag", ident, "-flagged", "+seen") == "1 message changed.\n"
    assert there.text("mail", "flag", ident, "+seen") == "0 messages changed.\n"
    refused = there.run("mail", "flag", "--all", "--flag", "seen", "-seen", typed="n\n")
    assert refused.exit_code == 1
    assert "Change the flags of 1 message in bob@example.org (-seen)?" in refused.output
    assert "--yes" in there.refused("mail", "flag", "--all", "--flag", "seen", "-seen", "--json")
    assert there.json("mail", "flag", "--all", "--flag", "seen", "-seen", "--yes") == {"messages": 1}
    assert found(there, "bob")[0]["flags"] == "$Junk"
    assert "Can't set these flags" in there.refused("mail", "flag", ident, "+a(b")
    assert "no spaces" in there.refused("mail", "flag", ident, "+a b")
    assert "No such option" in there.refused("mail", "flag", ident, "--sene", "+seen", code=2)
    assert "Give a flag" in there.refused("mail", "flag", ident, code=2)
