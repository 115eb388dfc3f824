"""`pillarbox role`: the command line grants and revokes every role, that of the last owner as well."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from pillarbox.admin import roles as admin_roles
from pillarbox.app.commands.role import NO_OWNER
from pillarbox.app.database import opened_database
from pillarbox.app.demo_data import fill, named_people
from pillarbox.config.data_directory import DataDirectory
from tests.kit.command_line import CommandLine, set_up


@pytest.fixture
def there(tmp_path: Path) -> CommandLine:
    made = set_up(tmp_path)[0]
    made.text("account", "add", "bob@example.org")
    return made


def roles(there: CommandLine, *words: str) -> list[tuple[str, str, str]]:
    return [(one["login"], one["role"], one["domain"]) for one in there.json("role", "list", *words)]


def test_the_first_account_is_an_owner(there: CommandLine) -> None:
    assert roles(there) == [("anna@example.org", "owner", "")]


def test_roles_are_granted_listed_and_revoked(there: CommandLine) -> None:
    assert "Role granted: bob@example.org, owner" in there.text("role", "grant", "bob", "owner")
    said = there.text("role", "grant", "bob@example.org", "domain", "EXAMPLE.org")
    assert "Role granted: bob@example.org, administrator of example.org" in said
    assert roles(there, "bob") == [
        ("bob@example.org", "owner", ""),
        ("bob@example.org", "domain", "example.org"),
    ]
    assert "bob@example.org   domain  example.org" in there.text("role", "list")
    assert "Role revoked: bob, owner" in there.text("role", "revoke", "bob", "owner")
    there.text("role", "revoke", "bob", "domain", "example.org")
    assert roles(there, "bob") == []


def test_the_last_owner_is_revoked_with_a_warning(there: CommandLine) -> None:
    there.text("role", "grant", "bob", "owner")
    assert there.json("role", "revoke", "bob", "owner")["warnings"] == []
    assert there.json("role", "revoke", "anna", "owner")["warnings"] == [NO_OWNER]
    assert roles(there) == []


def test_what_is_no_role_is_refused(there: CommandLine) -> None:
    for words, code, said in (
        (("grant", "anna", "owner"), 1, "'anna@example.org' is an owner already"),
        (("grant", "anna", "owner", "example.org"), 2, "leave the domain out"),
        (("grant", "bob", "domain"), 2, "Name the domain"),
        (("grant", "bob", "domain", "gone.example"), 1, "'gone.example' is not served here"),
        (("grant", "nobody", "owner"), 1, "here is no account 'nobody'"),
        (("grant", "bob", "king"), 2, "'king' is not one of"),
        (("revoke", "bob", "owner"), 1, "'bob@example.org' has no such role"),
        (("revoke", "bob", "domain", "example.org"), 1, "has no such role"),
        (("list", "nobody"), 1, "here is no account 'nobody'"),
    ):
        assert said in there.refused("role", *words, code=code), words


def test_a_backup_has_the_roles(there: CommandLine, tmp_path: Path) -> None:
    there.text("role", "grant", "bob", "domain", "example.org")
    there.text("backup", str(tmp_path / "backup"))
    there.text("role", "revoke", "bob", "domain", "example.org")
    there.data.rename(tmp_path / "before")
    there.text("restore", str(tmp_path / "backup"))
    assert roles(there, "bob") == [("bob@example.org", "domain", "example.org")]
    there.text("fsck")


def test_the_first_person_of_the_demo_is_an_owner_whenever_it_starts(tmp_path: Path) -> None:
    data, people = DataDirectory(tmp_path / "demo"), tuple(named_people())
    data.path.mkdir()
    for _start in range(2):
        fill(data, people, None, nullcontext)  # type: ignore[arg-type] # there is no progress without a file
        with opened_database(data) as database:
            assert [(one.login, one.role) for one in database.read_now(admin_roles.listing)] == [
                ("alice@one.example", "owner")
            ]
