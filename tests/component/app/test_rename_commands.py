"""Renaming accounts, groups and aliases: what belongs to them stays, and what leads to them is changed."""

from pathlib import Path

import pytest

from pillarbox.app.database import opened_database
from pillarbox.config.file import read
from pillarbox.directory import accounts
from pillarbox.directory.sign_in import credentials
from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction
from tests.kit.command_line import CommandLine, set_up


@pytest.fixture
def there(tmp_path: Path) -> CommandLine:
    made = set_up(tmp_path)[0]
    made.text("domain", "add", "two.example")
    made.text("account", "add", "bob@example.org", "--name", "Bob")
    made.text("alias", "add", "info@example.org", "bob@example.org", "bob+shop@example.org", "x@else.example")
    (tmp_path / "one.eml").write_text("Subject: kept\r\n\r\nx\r\n")
    made.text("import", "bob", str(tmp_path / "one.eml"))
    return made


def targets(there: CommandLine) -> dict[str, list[str]]:
    return {one["address"]: one["targets"] for one in there.json("alias", "list")}


def test_an_account_keeps_everything_but_its_address(there: CommandLine) -> None:
    there.text("app-password", "add", "bob", "phone")
    there.text("group", "add", "Staff", "staff@example.org", "bob")
    text = there.text("account", "rename", "bob", "Robert@two.example")
    assert "Account renamed: bob@example.org -> robert@two.example" in text
    assert "Alias info@example.org leads to the new address" in text
    profile = there.json("account", "show", "robert")
    assert profile["login"] == "robert@two.example"
    assert profile["addresses"] == ["Robert@two.example"]
    # The other message tells of the app password
    assert (profile["messages"], profile["app_passwords"], profile["name"]) == (2, 1, "Bob")
    assert targets(there)["info@example.org"] == [
        "Robert@two.example",
        "Robert+shop@two.example",
        "x@else.example",
    ]
    assert there.json("group", "list")[0]["members"] == ["robert@two.example"]
    assert "there is no account" in there.refused("account", "show", "bob@example.org").lower()
    there.text("account", "add", "bob@example.org")  # the address is free again
    there.text("fsck")


def test_what_changes_nothing_or_another_kind_is_refused(there: CommandLine) -> None:
    there.text("group", "add", "Staff", "staff@example.org", "bob")
    there.text("alias", "add", "@two.example", "bob@example.org")
    for words, said in (
        (("account", "rename", "bob", "bob@example.org"), "has the address 'bob@example.org' already"),
        (("group", "rename", "Staff", "Staff"), "has the name 'Staff' already"),
        (("group", "rename", "Staff", " "), "group needs a name"),
        (("group", "add", "", "g@example.org"), "group needs a name"),
        (("group", "add", "\u200b", "g@example.org"), "group needs a name that can be seen"),
        (("group", "add", "Other", "g\u200b@example.org"), "invisible"),
        (("account", "add", "\u3164@example.org"), "invisible"),
        (("account", "rename", "bob", "b\ufeffob@example.org"), "invisible"),
        (("account", "set", "bob", "--name", "\u200b \u2060"), "nothing in this name"),
        (("alias", "add", "x@example.org", "b\u200dob@example.org"), "invisible"),
        (("app-password", "add", "bob", "\u200b"), "app password needs a name"),
        (("alias", "rename", "@two.example", "x@two.example"), "catch-all"),
        (("alias", "rename", "info@example.org", "@example.org"), "catch-all"),
    ):
        assert said in there.refused(*words)
    there.text("group", "add", "می\u200cروم", "g@example.org")  # Persian
    there.text("account", "rename", "bob", "Bob@example.org")  # as it is written
    assert there.json("account", "show", "bob")["addresses"] == ["Bob@example.org"]


def test_an_account_can_keep_its_old_address(there: CommandLine) -> None:
    text = there.text("account", "rename", "bob", "robert@example.org", "--keep-address")
    assert "Mail for bob@example.org still arrives" in text
    assert there.json("account", "show", "bob")["addresses"] == ["robert@example.org", "bob@example.org"]
    assert targets(there)["info@example.org"][0] == "bob@example.org"
    there.text("account", "rename", "robert", "bob@example.org")  # back to one that it has
    assert there.json("account", "show", "bob")["addresses"] == ["bob@example.org"]


def test_only_how_an_address_is_written_can_change(there: CommandLine) -> None:
    there.text("account", "rename", "bob", "BOB@example.org")
    profile = there.json("account", "show", "bob")
    assert (profile["login"], profile["addresses"]) == ("bob@example.org", ["BOB@example.org"])
    assert targets(there)["info@example.org"][0] == "bob@example.org"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("anna@example.org", "already in use"),
        ("info@example.org", "already in use"),
        ("bob@nowhere.example", "not served"),
        ("b o b", "'b o b'"),
    ],
)
def test_a_rename_that_is_refused_changes_nothing(there: CommandLine, address: str, why: str) -> None:
    assert why in there.refused("account", "rename", "bob", address)
    assert there.json("account", "show", "bob")["login"] == "bob@example.org"


def test_the_password_works_under_the_new_login(there: CommandLine) -> None:
    def keys(tx: Transaction, login: str) -> tuple[str | None, tuple[bytes, int]]:
        candidate = credentials.find(tx, login)
        assert candidate is not None
        return candidate.argon2, credentials.scram_parameters(tx, candidate.account.id)

    data = read(there.config).data_directory
    with opened_database(data) as database:
        before = database.read_now(keys, "bob")
    there.text("account", "rename", "bob", "robert@example.org")
    with opened_database(data) as database:
        assert database.read_now(keys, "robert") == before


def test_reports_about_queued_mail_go_to_the_new_address(there: CommandLine) -> None:
    def fill(tx: Transaction) -> None:
        account = accounts.by_login(tx, "bob")
        assert account is not None
        recipients = (QueuedRecipient("you@else.example", "else.example"),)
        for owner in (account.id, None):
            message = Outbound(prepare(b"x"), "bob@example.org", recipients, account=owner)
            enqueue(tx, message, now_ms=0)

    with opened_database(read(there.config).data_directory) as database:
        database.write_now(fill)
    text = there.text("account", "rename", "bob", "robert@example.org")
    assert "Reports about 1 queued message go to the new address" in text
    senders = [one["sender"] for one in there.json("queue", "list")["entries"]]
    assert senders == ["robert@example.org", "bob@example.org"]


def test_a_backup_of_before_gives_mail_to_the_renamed_account(there: CommandLine, tmp_path: Path) -> None:
    there.text("backup", str(tmp_path / "backup"))
    there.text("account", "rename", "bob", "robert@example.org")
    there.text("account", "add", "bob@example.org")
    there.text("mail", "delete", "--account", "robert", "--subject", "kept", "--yes")
    there.text("restore", str(tmp_path / "backup"), "--account", "robert", "--into", "INBOX")
    assert [one["subject"] for one in there.json("mail", "search", "robert")["messages"]] == ["kept"]


def test_the_name_of_the_owner(there: CommandLine) -> None:
    there.text("account", "set", "bob", "--name", "Robert B.")
    assert there.json("account", "show", "bob")["name"] == "Robert B."
    assert "control characters" in there.refused("account", "set", "bob", "--name", "a\x1bb")


def test_alias_rename(there: CommandLine) -> None:
    there.text("alias", "add", "help@example.org", "info@example.org")
    there.text("alias", "add", "post@example.org", "bob@example.org", "--receive-only")
    assert "Alias help@example.org leads to" in there.text(
        "alias", "rename", "info@example.org", "office@two.example"
    )
    assert targets(there)["help@example.org"] == ["office@two.example"]
    assert "info@example.org" not in targets(there)
    there.text("alias", "rename", "post@example.org", "mail@example.org", "--keep-address")
    assert targets(there)["post@example.org"] == ["mail@example.org"]
    assert {one["address"]: one["may_send"] for one in there.json("alias", "list")}[
        "mail@example.org"
    ] is False
    assert "no alias 'bob@example.org'" in there.refused(
        "alias", "rename", "bob@example.org", "c@example.org"
    )
    assert "already in use" in there.refused("alias", "rename", "mail@example.org", "bob@example.org")
    there.text("fsck")


def test_group_rename(there: CommandLine) -> None:
    there.text("group", "add", "Staff", "staff@example.org", "anna", "bob")
    there.text("group", "add", "Other", "other@example.org")
    there.text("group", "rename", "Staff", "Crew", "--address", "crew@example.org", "--keep-address")
    crew = there.json("group", "list")[0]
    assert crew == {
        "name": "Crew",
        "address": "crew@example.org",
        "members": ["anna@example.org", "bob@example.org"],
    }
    assert targets(there)["staff@example.org"] == ["crew@example.org"]
    assert "already a group 'Other'" in there.refused("group", "rename", "Crew", "Other")
    there.refused("group", "rename", "Crew", code=2)
    assert "no group 'Staff'" in there.refused("group", "rename", "Staff", "X")
    there.text("group", "rename", "Crew", "--address", "team@example.org")
    assert there.json("group", "list")[0]["address"] == "team@example.org"
    assert targets(there)["staff@example.org"] == ["team@example.org"]
