"""What points to a removed account or domain is told; aliases that lead nowhere or in a circle are refused or told."""

import json
from pathlib import Path

import pytest

from pillarbox.app.database import opened_database
from pillarbox.config.file import read
from pillarbox.directory import aliases, resolve
from pillarbox.directory.resolve import Unknown
from pillarbox.mail.address import Address
from pillarbox.mail.identifiers import AccountId
from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction
from tests.kit.command_line import CommandLine, set_up


@pytest.fixture
def there(tmp_path: Path) -> CommandLine:
    made = set_up(tmp_path)[0]
    for name in ("bob@example.org", "carol@two.example"):
        if "two" in name:
            made.text("domain", "add", "two.example")
        made.text("account", "add", name)
    return made


def in_database(there: CommandLine, verb: object, *arguments: object, **keywords: object) -> None:
    with opened_database(read(there.config).data_directory) as database:
        database.write_now(verb, *arguments, **keywords)  # type: ignore[arg-type] # any verb


def wrong(there: CommandLine) -> list[tuple[str, str]]:
    """What `check` finds wrong with addresses."""
    found = json.loads(there.run("check", "--only", "addresses", "--json").stdout)
    return [(one["subject"], one["found"]) for one in found["findings"] if one["level"] != "ok"]


def test_an_account_that_aliases_lead_to_is_not_removed_unless_it_is_detached(there: CommandLine) -> None:
    there.text("alias", "add", "Info@example.org", "anna@example.org", "bob@example.org")
    there.text("alias", "add", "sales@two.example", "anna@example.org")
    there.text("group", "add", "staff", "staff@example.org", "anna", "bob")
    in_database(
        there,
        enqueue,
        Outbound(
            prepare(b"x"),
            "anna@example.org",
            (QueuedRecipient("x@far.example", "far.example"),),
            account=AccountId(1),
        ),
        now_ms=1_700_000_000_000,
    )
    refused = there.refused("account", "remove", "anna", "--yes")
    assert "Mail for info@example.org, sales@two.example goes to anna@example.org" in refused
    assert there.json("account", "show", "anna")["login"] == "anna@example.org"
    text = there.text("account", "remove", "anna", "--yes", "--detach")
    assert "Removed from alias info@example.org" in text
    assert "Alias deleted, it led nowhere else: sales@two.example" in text
    assert "Removed from group staff" in text
    assert "Postmaster of example.org is now bob@example.org" in text
    assert "1 queued message from it will still be sent" in text
    assert [alias["targets"] for alias in there.json("alias", "list")] == [["bob@example.org"]]
    assert wrong(there) == []


def test_the_configured_domain_stays_and_others_are_detached(there: CommandLine) -> None:
    there.text("alias", "add", "partner@example.org", "carol@two.example")
    assert "is the configured domain" in there.refused("domain", "remove", "example.org")
    assert "--detach" in there.refused("account", "remove", "carol@two.example", "--yes")
    there.text("account", "remove", "carol@two.example", "--yes", "--detach")
    there.text("alias", "add", "partner@example.org", "bob@example.org", "someone@two.example")
    assert "ail for partner@example.org goes to two.example" in there.refused(
        "domain", "remove", "two.example"
    )
    assert "Removed from alias partner@example.org" in there.text(
        "domain", "remove", "two.example", "--detach"
    )
    assert there.json("alias", "list")[0]["targets"] == ["bob@example.org"]


@pytest.mark.parametrize(
    ("address", "targets"),
    [
        ("self@example.org", ["self@example.org"]),
        ("self@example.org", ["bob@example.org", "SELF@example.org"]),
        ("self@example.org", ["self+detail@example.org"]),
        ("self@example.org", ["first@example.org"]),
        ("@example.org", ["nobody@example.org"]),
    ],
)
def test_an_alias_that_leads_back_to_itself_is_refused(
    there: CommandLine, address: str, targets: list[str]
) -> None:
    there.text("alias", "add", "second@example.org", "bob@example.org")
    there.text("alias", "add", "first@example.org", "second@example.org")
    before = there.json("alias", "list")
    if address == "self@example.org":
        there.run("alias", "set", "second@example.org", "bob@example.org", "self@example.org")
    assert "would lead back to itself" in there.refused("alias", "add", address, *targets)
    assert len(there.json("alias", "list")) == len(before)


def test_a_circle_by_way_of_others_is_refused_when_it_would_close(there: CommandLine) -> None:
    there.text("alias", "add", "a@example.org", "b@example.org")
    there.text("alias", "add", "b@example.org", "c@example.org")
    assert "would lead back to itself" in there.refused("alias", "add", "c@example.org", "a@example.org")
    there.text("alias", "add", "c@example.org", "bob@example.org")
    assert "would lead back to itself" in there.refused("alias", "set", "c@example.org", "a@example.org")


def test_targets_that_do_not_exist_are_told(there: CommandLine) -> None:
    assert "Warning: later@example.org does not exist" in there.text(
        "alias", "add", "info@example.org", "later@example.org", "x@far.example"
    )
    assert wrong(there) == [
        ("info@example.org", "the alias leads to later@example.org, which does not exist")
    ]
    there.text("account", "add", "later@example.org")
    assert wrong(there) == []
    there.text("account", "address", "bob", "robert@example.org")
    there.text("alias", "set", "info@example.org", "robert@example.org")
    told = "Warning: alias info@example.org leads to robert@example.org, which does not exist."
    assert told in there.text("account", "address", "bob", "robert@example.org", "--remove")


def test_circles_of_before_are_found_by_check_and_end_when_mail_comes(there: CommandLine) -> None:
    def circle(tx: Transaction) -> object:
        aliases.create(tx, "a@example.org", ["b@example.org"])
        aliases.create(tx, "b@example.org", ["a@example.org"])
        return resolve.recipient(tx, Address.parse("a@example.org"))

    with opened_database(read(there.config).data_directory) as database:
        assert database.write_now(circle) == Unknown("no target")
    assert wrong(there) == [
        ("a@example.org", "the alias leads back to itself"),
        ("b@example.org", "the alias leads back to itself"),
    ]


def test_check_tells_of_empty_groups_and_of_a_database_that_is_missing(there: CommandLine) -> None:
    there.text("group", "add", "nobody", "nobody@example.org")
    assert ("nobody@example.org", "the group nobody has no members") in wrong(there)
    (there.data / "pillarbox.db").rename(there.data / "gone")
    assert "there is no database" in there.run("check", "--only", "machine").stdout
    assert not (there.data / "pillarbox.db").exists()


def test_when_nobody_is_left_the_command_that_names_a_postmaster_is_whole(there: CommandLine) -> None:
    logins = [account["login"] for account in there.json("account", "list")]
    said = "".join(there.text("account", "remove", login, "--yes", "--detach") for login in logins)
    assert "is now nobody: pillarbox domain set example.org --postmaster LOGIN" in said
