"""`pillarbox dkim`: keys are made with a domain, rotated by hand, and kept by backups."""

import re
from pathlib import Path

import pytest

from pillarbox.app.database import opened_database
from pillarbox.config.file import read
from pillarbox.trust.dkim.keys import from_pem, record_text
from pillarbox.world.database import Transaction
from tests.kit.command_line import CommandLine, set_up


@pytest.fixture
def there(tmp_path: Path) -> CommandLine:
    return set_up(tmp_path)[0]


def states(there: CommandLine, domain: str = "example.org") -> dict[str, str]:
    return {one["selector"]: one["state"] for one in there.json("dkim", "list", domain)}


def test_init_makes_keys_and_prints_their_records(tmp_path: Path) -> None:
    there, said = set_up(tmp_path)
    kept = there.json("dkim", "list")
    assert {one["algorithm"] for one in kept} == {"rsa-sha256", "ed25519-sha256"}
    assert {one["state"] for one in kept} == {"active"}
    assert "pem" not in kept[0]
    assert "PRIVATE" not in str(kept)
    records = {one["name"]: one["value"] for one in said["dns"] if "_domainkey" in one["name"]}
    assert {name: value.replace('" "', "").strip('"') for name, value in records.items()} == {
        one["name"]: one["text"] for one in kept
    }


def test_records_are_lines_of_a_zone_file(there: CommandLine) -> None:
    lines = there.text("dkim", "records").splitlines()
    assert len(lines) == 2
    for line in lines:
        name, text = re.fullmatch(r"(\S+) IN TXT \( (.*) \)", line).groups()  # type: ignore[union-attr]
        assert name.endswith("._domainkey.example.org.")
        assert all(len(string) <= 255 for string in re.findall(r'"([^"]*)"', text))
    assert there.text("dkim", "records", "example.org") == there.text("dkim", "records")


def test_a_domain_has_keys_from_its_beginning_to_its_end(there: CommandLine) -> None:
    text = there.text("domain", "add", "two.example")
    there.text("domain", "add", "too.example", "--alias-of", "two.example")
    for domain in ("two.example", "too.example"):
        assert set(states(there, domain).values()) == {"active"}
    for line in there.text("dkim", "records", "two.example").splitlines():
        assert line in text
    there.text("domain", "remove", "too.example")
    assert {one["domain"] for one in there.json("dkim", "list")} == {"example.org", "two.example"}


def test_a_rotation_by_hand(there: CommandLine) -> None:
    before = states(there)
    assert "no next keys" in there.refused("dkim", "rotate", "example.org")
    said = there.text("dkim", "new", "example.org")
    assert "_domainkey.example.org. IN TXT" in said
    assert "Then: pillarbox dkim rotate example.org" in said
    refused = there.refused("dkim", "new", "example.org")
    assert "to be next already. Use them first: pillarbox dkim rotate example.org" in refused
    following = {name for name, state in states(there).items() if state == "next"}
    assert len(following) == 2
    refused = there.refused("dkim", "rotate", "example.org")
    assert "The DNS does not show the keys that are next" in refused
    assert set(states(there).values()) == {"active", "next"}, "nothing has changed"
    there.text("dkim", "rotate", "example.org", "--force")
    assert states(there) == {**dict.fromkeys(before, "retired"), **dict.fromkeys(following, "active")}
    for selector in before:
        said = there.text("dkim", "retire", "example.org", selector)
        assert "Key deleted" in said
        assert "signs" not in said, "it was not in use any more"
    assert states(there) == dict.fromkeys(following, "active")
    there.text("fsck")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("new", "other.example"), "other.example"),
        (("rotate", "other.example"), "other.example"),
        (("retire", "example.org", "none"), "has no key 'none'"),
        (("list", "other.example"), "other.example"),
        (("records", "other.example"), "other.example"),
    ],
)
def test_what_is_refused(there: CommandLine, words: tuple[str, ...], said: str) -> None:
    assert said in there.refused("dkim", *words)


def test_keys_that_were_all_deleted_are_replaced_at_once(there: CommandLine) -> None:
    one, other = states(there)
    assert f"example.org signs with {other} only" in there.text("dkim", "retire", "example.org", one)
    assert "signs no mail any more" in there.text("dkim", "retire", "example.org", other)
    assert "Then:" not in there.text("dkim", "new", "example.org")
    assert set(states(there).values()) == {"active"}


def test_keys_that_were_deleted_while_there_are_next_ones_are_replaced_by_these(there: CommandLine) -> None:
    one, other = states(there)
    there.text("dkim", "new", "example.org")
    said = there.text("dkim", "retire", "example.org", one)
    assert f"signs with {other} only. Use the next keys: pillarbox dkim rotate example.org" in said
    said = there.text("dkim", "retire", "example.org", other)
    assert "signs no mail any more. Use the next keys: pillarbox dkim rotate example.org" in said
    there.text("dkim", "rotate", "example.org", "--force")
    assert set(states(there).values()) == {"active"}


def test_a_backup_has_the_keys(there: CommandLine, tmp_path: Path) -> None:
    records = there.text("dkim", "records")
    there.text("backup", str(tmp_path / "kept"))
    there.data.rename(tmp_path / "lost")
    there.text("restore", str(tmp_path / "kept"))
    assert there.text("dkim", "records") == records


def test_damage_is_told_and_repaired(there: CommandLine) -> None:
    def damage(tx: Transaction) -> None:
        tx.execute("UPDATE dkim_keys SET state = 'odd' WHERE algorithm = 'rsa-sha256'")
        tx.execute("UPDATE dkim_keys SET pem = 'odd' WHERE algorithm <> 'rsa-sha256'")

    with opened_database(read(there.config).data_directory) as database:
        database.write_now(damage)
    assert {one["state"] for one in there.json("dkim", "list")} == {"active", "retired"}
    assert len(there.text("dkim", "records").splitlines()) == 1, "of the one that can be read"
    assert "signing key" in there.run("fsck").output
    there.run("fsck", "--repair")
    there.text("fsck")
    assert "cannot be read" in there.run("check", "--only", "dns").output


def test_each_key_is_kept_as_it_was_made(there: CommandLine) -> None:
    with opened_database(read(there.config).data_directory) as database:
        pems = database.read_now(lambda tx: [pem for (pem,) in tx.rows("SELECT pem FROM dkim_keys")])
    published = {one["text"] for one in there.json("dkim", "list")}
    assert {record_text(from_pem(pem)) for pem in pems} == published
