"""A value that nobody wrote, in any column: `fsck` tells of it, and what can be mended is mended by one repair."""

import shutil
from pathlib import Path

import pytest

from pillarbox.admin.fsck import repair
from pillarbox.app.database import SCHEMAS
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.store import email_set, undo_keeping
from pillarbox.store.undo_tokens import Undoable
from pillarbox.world.database import Transaction, ValuesDamaged
from tests.kit import contacts
from tests.kit.damaged_value import VALUES, columns, put_value
from tests.kit.data_directory import OpenDirectory, fill_directory, open_directory

TOLD = {
    "account-has-domain", "account-has-password", "alias-has-target", "domain-alias-has-target",
}  # fmt: skip
"""What only the operator knows: a name, a password, a target."""
LOST = {"blob-exists", "card-has-content", "message-has-email", "octets", "recipient-has-message"}
"""What is gone with the value, and goes once that is accepted."""
TABLES = (
    "domains", "accounts", "accounts_issued", "addresses", "alias_targets", "member_groups", "group_members",
    "totp_secrets", "totp_setups", "recovery_codes",
    "passwords", "ledgers", "mailboxes", "subscriptions", "placements", "flags", "emails", "thread_keys", "changes",
    "search_attempts", "queue_messages", "queue_recipients", "queue_destinations", "blobs", "blob_octets",
    "uploads", "undo_tokens", "undo_emails", "saved_searches", "saved_search_counters",
    "contact_counters", "address_books", "contact_cards", "contact_contents", "card_books", "card_media", "contact_log",
)  # fmt: skip


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mended") / "data"
    with fill_directory(folder) as data:
        data.damage(
            "INSERT INTO addresses VALUES ('info', 'one.example', 'info', 'alias', NULL, NULL, 0)",
            "INSERT INTO alias_targets VALUES ('info', 'one.example', 0, 'anna@one.example')",
            "INSERT INTO member_groups VALUES (1, 'staff')",
            "INSERT INTO addresses VALUES ('staff', 'one.example', 'staff', 'group', NULL, 1, 0)",
            "INSERT INTO group_members VALUES (1, 1)",
            "INSERT INTO totp_secrets VALUES (1, randomblob(20), 7, 0)",
            "INSERT INTO totp_setups VALUES (1, randomblob(20), 0, '')",
            "INSERT INTO recovery_codes VALUES (1, randomblob(32), 0)",
            "INSERT INTO uploads SELECT 1, digest, size, 'text/plain', 0 FROM blobs WHERE octets_id = 1",
            "UPDATE blobs SET uses = uses + 1 WHERE octets_id = 1",
            """INSERT INTO saved_searches VALUES (1, 2, 'Large', '{"minSize": 9}', '[]', 1, 3, 1, 1, 0)""",
            "INSERT INTO saved_search_counters VALUES (1, 2, 0)",
        )
        data.database.write_now(_destroy)
        data.database.write_now(contacts.fill)
        assert data.fsck().sound
    assert columns(folder).keys() >= set(TABLES)
    return folder


def _destroy(tx: Transaction) -> None:
    """An email that can be had again."""
    account, undoable = AccountId(2), Undoable(token=bytes(16), kept_ms=1, most=1)
    some = [
        EmailId(email) for (email,) in tx.rows("SELECT email FROM placements WHERE account = 2 AND uid = 9")
    ]
    was = undo_keeping.before(tx, account, [], some)
    email_set.destroy_emails(tx, account, some)
    undo_keeping.keep(tx, account, undoable, was, [], now_ms=0)


@pytest.mark.parametrize("table", TABLES)
def test_after_one_repair_only_what_is_lost_is_left(pristine: Path, tmp_path: Path, table: str) -> None:
    found: dict[str, object] = {}
    for number, column in enumerate(columns(pristine)[table]):
        for value in (VALUES[number % len(VALUES)], VALUES[(number + 3) % len(VALUES)]):
            folder = tmp_path / f"{column} {VALUES.index(value)}"
            shutil.copytree(pristine, folder)
            if put_value(folder, table, column, value):
                with open_directory(folder) as data:
                    if wrong := _left(data):
                        found[f"{table}.{column} = {value}"] = wrong
            shutil.rmtree(folder)
    assert not found


def _left(data: OpenDirectory) -> object:
    """What is wrong with what `fsck` says, before and after repairs."""
    data.repair()
    after = {problem.check: problem.what for problem in data.fsck().problems}
    if not after.keys() <= TOLD | LOST:
        return after
    repair(data.database, data.context, SCHEMAS, lambda _what: None, accept_loss=True)
    return {problem.check: problem.what for problem in data.fsck().problems if problem.check not in TOLD}


@pytest.mark.parametrize(
    ("column", "value"), [("room", "'zz'"), ("version", "'zz'"), ("compatible_back_to", "NULL")]
)
def test_versions_that_nobody_wrote_open_no_database(
    pristine: Path, tmp_path: Path, column: str, value: str
) -> None:
    shutil.copytree(pristine, tmp_path / "data")
    assert put_value(tmp_path / "data", "schema_versions", column, value)
    with pytest.raises(ValuesDamaged, match="pillarbox rebuild"), open_directory(tmp_path / "data"):
        pass
