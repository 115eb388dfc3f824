"""Every kind of damage is found by its name, and what can be mended is, losing nothing that can be read."""

from hashlib import sha256
from pathlib import Path

import pytest

from pillarbox.admin.fsck import every_invariant
from pillarbox.store.account_counters import EMAIL_BITS
from tests.kit.data_directory import LARGE, Data, filled

A1 = 1 << EMAIL_BITS
"""Below all ids of emails of the first account."""

INBOX = "(SELECT id FROM mailboxes WHERE account = 1 AND name = 'INBOX')"
SENT = "(SELECT id FROM mailboxes WHERE account = 1 AND name = 'Sent')"
ARCHIVED = f"(SELECT email FROM placements WHERE account = 1 AND mailbox = {INBOX} AND uid = 5)"
PASSWORD = "argon2, stored_key, server_key, 0 FROM passwords"
REST = "'', NULL, 1, scram_salt, scram_iterations, 0 FROM accounts"

MENDED = {
    "unused-file-is-unused": ["INSERT INTO blob_files_unused SELECT location FROM blobs WHERE location IS NOT NULL"],
    "account-numbers-ahead": ["UPDATE accounts_issued SET latest = 1"],
    "address-of-account": ["INSERT INTO addresses VALUES ('x', 'one.example', 'x', 'account', 99, NULL, 1)"],
    "password-of-account": [f"INSERT INTO passwords SELECT 99, {PASSWORD} LIMIT 1"],
    "app-password-of-account": [
        "INSERT INTO app_passwords VALUES (1, 99, 'x', 'mail', x'00', x'00', x'00', 0, NULL, NULL)"
    ],
    "member-is-account": ["INSERT INTO group_members VALUES (1, 99)"],
    "ledger-per-account": ["DELETE FROM ledgers WHERE account = 1"],
    "numbers-ahead": ["UPDATE ledgers SET last_email = last_email - 1, last_mailbox = 2 WHERE account = 1"],
    "mailbox-of-placement": [f"DELETE FROM mailboxes WHERE id = {SENT} AND account = 1"],
    "inbox-exists": ["UPDATE mailboxes SET name = 'INBOXX' WHERE account = 2 AND name = 'INBOX'"],
    "uid-below-next": [f"UPDATE mailboxes SET uid_next = 3, first_recent = 7 WHERE account = 1 AND id = {INBOX}"],
    "orphan-is-nowhere": [f"INSERT INTO orphans VALUES ({ARCHIVED})"],
    "same-email-same-facts": [
        f"UPDATE placements SET thread = {A1 + 1} WHERE email = {ARCHIVED} AND mailbox <> {INBOX}"
    ],
    "thread-of-account": [f"UPDATE placements SET thread = {A1 + 10**6} WHERE account = 1 AND mailbox = {SENT}"],
    "flags-of-placement": [f"DELETE FROM flags WHERE account = 1 AND mailbox = {INBOX} AND uid IN (1, 3, 4)"],
    "placement-of-flags": [f"INSERT INTO flags VALUES (1, {SENT}, 900, '', 1)"],
    "threads-known": ["DELETE FROM thread_keys WHERE account = 2"],
    "log-gives-mailbox": [f"DELETE FROM changes WHERE account = 1 AND mailbox = {INBOX} AND kind = 3"],
    "log-knows-flags": [f"UPDATE flags SET modseq = 1 WHERE account = 1 AND mailbox = {INBOX} AND uid > 9"],
    "modseq-in-order": ["UPDATE mailboxes SET highest_modseq = 2 WHERE account = 1"],
    "tallies-count": ["UPDATE mailboxes SET unseen = unseen + 1, octets = 0 WHERE account = 1"],
    "usage-counts": ["UPDATE ledgers SET octets = 5 WHERE account = 2"],
    "email-is-found": [f"DELETE FROM search_index WHERE rowid = {A1 + 2}"],
    "index-of-emails": [f"INSERT INTO search_index (rowid, text) VALUES ({A1 + 500}, 'abcdef')"],
    "destination-has-next-attempt": ["DELETE FROM queue_destinations"],
    "message-has-recipient": ["DELETE FROM queue_recipients"],
    "octets-have-row": ["DELETE FROM blobs WHERE digest = (SELECT blob FROM emails LIMIT 1)"],
    "blob-of-user": ["DELETE FROM blobs WHERE location IS NOT NULL"],
    "uses-count": ["UPDATE blobs SET uses = uses + 1 WHERE uses = 2"],
    "account-has-store": [
        f"INSERT INTO accounts SELECT 3, 'carl@one.example', domain, 'carl@one.example', {REST} LIMIT 1",
        f"INSERT INTO passwords SELECT 3, {PASSWORD} LIMIT 1",
        "INSERT INTO addresses VALUES ('carl', 'one.example', 'carl', 'account', 3, NULL, 1)",
        "UPDATE accounts_issued SET latest = 3",
    ],
    "size-of-placement": ["UPDATE placements SET size = size + 1 WHERE account = 2 AND uid < 4"],
    "email-is-placed": ["DELETE FROM placements WHERE account = 2 AND uid IN (1, 5)"],
    "index placements_by_email": ["DROP INDEX placements_by_email"],
}  # fmt: skip
"""Damage that is mended, by the name under which it is found."""

TOLD = {
    "email-of-placement": ["DELETE FROM emails WHERE id = (SELECT email FROM placements WHERE account = 2 LIMIT 1)"],
    "recipient-has-message": ["DELETE FROM queue_messages"],
    "account-has-password": ["DELETE FROM passwords WHERE account = 1"],
    "account-has-domain": ["DELETE FROM domains"],
    "login-is-address": ["DELETE FROM addresses WHERE account = 2"],
    "alias-leads-somewhere": ["INSERT INTO addresses VALUES ('info', 'one.example', 'info', 'alias', NULL, NULL, 0)"],
    "mail-of-account": [
        "DELETE FROM accounts WHERE id = 2", "DELETE FROM addresses WHERE account = 2",
        "DELETE FROM passwords WHERE account = 2",
    ],
    "blob-is-somewhere": ["UPDATE blobs SET location = NULL WHERE location IS NOT NULL"],
    "octets": ["UPDATE blob_octets SET octets = zeroblob(length(octets)) WHERE id = 3"],
    "schema": ["DROP TABLE queue_destinations"],
}  # fmt: skip
"""Damage that only its operator can do something about."""


def texts(data: Data) -> set[bytes]:
    """All octets that messages in mailboxes have."""
    rows = data.rows("SELECT DISTINCT e.blob FROM placements p JOIN emails e ON e.id = p.email")
    return {data.database.read_now(data.blobs.read, digest) for (digest,) in rows}


def test_what_the_verbs_make_is_sound(tmp_path: Path) -> None:
    with filled(tmp_path / "data") as data:
        report = data.look()
        assert not report.findings
        assert report.blobs > 12
        assert data.repair() == []


@pytest.mark.parametrize("name", MENDED)
def test_damage_is_found_and_mended(tmp_path: Path, name: str) -> None:
    with filled(tmp_path / "data") as data:
        before = texts(data)
        data.damage(*MENDED[name])
        found = data.look().findings
        checks = {finding.check for finding in found}
        assert name in checks or (name.startswith("index ") and "schema" in checks), found
        mended = data.repair()
        assert name in mended
        assert data.look().findings == []
        assert before == texts(data), "a message was lost"


@pytest.mark.parametrize("name", TOLD)
def test_damage_that_cannot_be_mended_is_told_with_a_remedy(tmp_path: Path, name: str) -> None:
    with filled(tmp_path / "data") as data:
        data.damage(*TOLD[name])
        found = [finding for finding in data.look().findings if finding.check == name]
        assert found
        assert all(finding.remedy and not finding.mendable for finding in found)
        data.repair()
        assert name in {finding.check for finding in data.look().findings}


def test_every_invariant_is_tried(tmp_path: Path) -> None:
    with filled(tmp_path / "data") as data:
        names = {invariant.name for invariant in every_invariant(data.ground)}
    tried = MENDED.keys() | TOLD.keys() | {"blob-is-used"}
    assert names <= tried


def test_octets_that_nobody_uses_become_a_file(tmp_path: Path) -> None:
    with filled(tmp_path / "data") as data:
        lost = data.value(
            "SELECT e.blob FROM emails e JOIN placements p ON p.email = e.id WHERE p.size > 100000"
        )
        assert isinstance(lost, bytes)
        data.damage(
            f"DELETE FROM placements WHERE email = (SELECT id FROM emails WHERE blob = x'{lost.hex()}')",
            f"DELETE FROM emails WHERE blob = x'{lost.hex()}'",
        )
        assert "blob-is-used" in {finding.check for finding in data.look().findings}
        data.repair()
        assert data.look().findings == []
        assert (tmp_path / "data" / "lost+found" / f"{lost.hex()}.eml").read_bytes() == LARGE


def test_a_flipped_bit_is_found_and_says_whose_message_it_is(tmp_path: Path) -> None:
    with filled(tmp_path / "data") as data:
        (path,) = (tmp_path / "data" / "blobs").rglob(f"{sha256(LARGE).hexdigest()}*")
        content = bytearray(path.read_bytes())
        content[1000] ^= 4
        path.write_bytes(content)
        (finding,) = data.look().findings
        assert finding.check == "octets"
        assert "is damaged" in finding.what
        assert "anna@one.example, INBOX, UID 13" in finding.what
        path.write_bytes(content[:500])
        (finding,) = data.look().findings
        assert "has 500 octets instead of" in finding.what
        path.unlink()
        (finding,) = data.look().findings
        assert "is lost" in finding.what


def test_what_clients_may_have_seen_is_mended_as_a_change(tmp_path: Path) -> None:
    with filled(tmp_path / "data") as data:
        before = data.value("SELECT modseq FROM ledgers WHERE account = 1")
        assert isinstance(before, int)
        data.damage(*MENDED["flags-of-placement"])
        data.repair()
        changed = data.rows(f"SELECT kind, first, last FROM changes WHERE account = 1 AND modseq > {before}")
        assert changed == [(2, 1, 1), (2, 3, 4)]


def test_many_breaches_are_not_told_one_by_one(tmp_path: Path) -> None:
    with filled(tmp_path / "data", messages=40) as data:
        data.damage("DELETE FROM flags WHERE account = 2")
        found = [finding.what for finding in data.look().findings if finding.check == "flags-of-placement"]
        assert len(found) == 21
        assert found[-1] == "and 20 more like this"
