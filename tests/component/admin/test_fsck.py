"""Every kind of damage is found, and repaired if that loses nothing that can be read."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pillarbox.admin.fsck import every_invariant, repair
from pillarbox.app.database import SCHEMAS
from pillarbox.directory.sign_in import app_passwords, second_factors, totp
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.mail.identifiers import AccountId
from pillarbox.store.account_counters import EMAIL_BITS
from pillarbox.world.database import SqlValue
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit import contacts
from tests.kit.data_directory import LARGE, OpenDirectory, fill_directory

A1 = 1 << EMAIL_BITS
"""Below all ids of emails of the first account."""

INBOX = "(SELECT id FROM mailboxes WHERE account = 1 AND name = 'INBOX')"
SENT = "(SELECT id FROM mailboxes WHERE account = 1 AND name = 'Sent')"
ARCHIVED = f"(SELECT email FROM placements WHERE account = 1 AND mailbox = {INBOX} AND uid = 5)"
PASSWORD = "argon2, stored_key, server_key, 0 FROM passwords"
SIGN_IN = "0, 'imap', '192.0.2.1', 'password', '', 'succeeded', '', ''"
KEYS = "zeroblob(32), zeroblob(32)"
REST = "'', NULL, 1, scram_salt, scram_iterations, 0, 0 FROM accounts"

GROUP = (
    "INSERT INTO member_groups VALUES (1, 'staff')",
    "INSERT INTO addresses VALUES ('staff', 'one.example', 'staff', 'group', NULL, 1, 0)",
)

SUBSCRIBED = "'verified', 9999999999999, '', 0, 0, 0"
SUBMISSION = "INSERT INTO submissions VALUES (1, 7, 'I1', 1, 1, '{{}}', 0, {0}, NULL, 'e', NULL, 1, 1, 0)"
CONTACTS = {
    "contact-counter-values-valid": [
        "UPDATE contact_counters SET modseq = 'zz', cards = x'ff', default_book = 'zz'"
    ],
    "address-book-values-valid": ["UPDATE address_books SET name = x'ff', sort_order = 'zz' WHERE id = 1"],
    "card-values-valid": [
        "UPDATE contact_cards SET uid = x'ff', created_ms = 'zz', octets = 'zz' WHERE id = 1"
    ],
    "card-content-values-valid": ["UPDATE contact_contents SET texts = 'zz' WHERE card = 1"],
    "card-book-values-valid": ["UPDATE card_books SET book = 'zz' WHERE card = 2"],
    "card-media-values-valid": ["UPDATE card_media SET size = 'zz'"],
    "contact-log-values-valid": ["UPDATE contact_log SET modseq = 'zz', destroyed = 'zz' WHERE id = 2"],
    "contacts-are-counted": ["DELETE FROM contact_counters"],
    "content-has-card": ["DELETE FROM contact_cards WHERE id IN (1, 2)"],
    "card-row-matches": [
        "UPDATE contact_cards SET uid = 'nine', given = 'x' WHERE id = 1",
        "UPDATE contact_contents SET texts = CAST('{}' AS BLOB) WHERE card = 2",
    ],
    "default-address-book-exists": ["UPDATE contact_counters SET default_book = 9"],
    "default-address-book-exists of none": ["DELETE FROM address_books"],
    "card-book-exists": [
        "INSERT INTO card_books VALUES (1, 9, 1)",
        "INSERT INTO card_books VALUES (1, 1, 9)",
    ],
    "card-is-in-address-book": ["DELETE FROM card_books WHERE card = 2"],
    "card-media-has-card": [
        "INSERT INTO card_media SELECT 1, 9, blob, size FROM card_media",
        "UPDATE blobs SET uses = uses + 1 WHERE digest IN (SELECT blob FROM card_media)",
    ],
    "contact-is-logged": ["DELETE FROM contact_log WHERE id = 1"],
    "logged-contact-exists": ["INSERT INTO contact_log VALUES (1, 2, 9, 1, 1, 0)"],
    "contact-counts-match": ["UPDATE contact_counters SET cards = 7, octets = 7"],
    "contacts-are-numbered": ["UPDATE contact_counters SET last_book = 1, last_card = 1, modseq = 1"],
}
"""Damage of contacts that is repaired."""
CONTACTS_LOST = {
    "card-has-content": [
        "DELETE FROM contact_contents WHERE card = 1",
        "UPDATE contact_contents SET content = CAST('{' AS BLOB) WHERE card = 2",
    ],
    "card-media-has-blob": [
        "DELETE FROM blob_octets WHERE id = (SELECT octets_id FROM blobs JOIN card_media ON blob = digest)",
        "DELETE FROM blobs WHERE digest IN (SELECT blob FROM card_media)",
    ],
    "contacts-have-account": [
        "DELETE FROM accounts WHERE id = 1", "DELETE FROM addresses WHERE account = 1",
        "DELETE FROM passwords WHERE account = 1",
    ],
}  # fmt: skip
"""Damage of contacts that is a loss."""
FACTOR = "INSERT INTO totp_secrets VALUES (1, randomblob(20), 7, 0)"
PASSKEY = "1, 0, 0, 0, NULL, NULL, NULL"
BROWSER_SESSION = (
    "VALUES (hex(randomblob(4)), {}, randomblob(32), NULL, 0, 'password', '', '', x'', 0, 0, 0, 1, 0)"
)
SIGN_IN_STEP = "VALUES (randomblob(32), {}, 'sign in', '', '', x'', 0, 1, '', 0, NULL)"
UNSNOOZED = "NULL, NULL, NULL, NULL, NULL"
REPAIRED = {
    "unused-file-is-unused": ["INSERT INTO blob_files_unused SELECT location FROM blobs WHERE location IS NOT NULL"],
    "next-account-number-unused": ["UPDATE accounts_issued SET latest = 1"],
    "address-has-group": ["INSERT INTO addresses VALUES ('x', 'one.example', 'x', 'group', NULL, 99, 1)"],
    "postmaster-exists": ["UPDATE domains SET postmaster = 99"],
    "address-has-account": ["INSERT INTO addresses VALUES ('x', 'one.example', 'x', 'account', 99, NULL, 1)"],
    "password-has-account": [f"INSERT INTO passwords SELECT 99, {PASSWORD} LIMIT 1"],
    "foreign-password-has-account": ["INSERT INTO foreign_passwords VALUES (99, 'x', 0)"],
    "former-mark-has-account": ["INSERT INTO former_marks VALUES (99, 'x', 'kept')"],
    "role-has-account": ["INSERT INTO roles VALUES (99, 'owner', '', 0)"],
    "role-has-domain": [
        "INSERT INTO roles VALUES (1, 'owner', 'one.example', 0)", "INSERT INTO roles VALUES (1, 'domain', '', 0)",
        "INSERT INTO roles VALUES (1, 'domain', 'gone.example', 0)",
    ],
    "role-values-valid": [
        "INSERT INTO roles VALUES (1, 'king', 'one.example', 0)", "INSERT INTO roles VALUES (1, x'ff', '', 0)",
        "INSERT INTO roles VALUES (1, 'owner', x'ff', 0)",
        "INSERT INTO roles VALUES (1, 'domain', 'one.example', 'zz')",
    ],
    "foreign-password-values-valid": [
        "INSERT INTO foreign_passwords VALUES (1, x'ff', 0)", "INSERT INTO foreign_passwords VALUES (2, 'x', 'zz')",
    ],
    "former-mark-values-valid": [
        "INSERT INTO former_marks VALUES (1, x'ff', 'kept')", "INSERT INTO former_marks VALUES (1, 'x', 'zz')",
    ],
    "totp-secret-has-account": ["INSERT INTO totp_secrets VALUES (99, zeroblob(20), 0, 0)"],
    "totp-setup-has-account": ["INSERT INTO totp_setups VALUES (99, zeroblob(20), 0, '')"],
    "recovery-code-has-account": ["INSERT INTO recovery_codes VALUES (99, zeroblob(32), 0)"],
    "recovery-code-has-second-factor": [
        "INSERT INTO recovery_codes VALUES (2, zeroblob(32), 0), (2, randomblob(32), 0)"
    ],
    "totp-secret-values-valid": [
        "INSERT INTO totp_secrets VALUES (1, x'', 0, 0)", "INSERT INTO totp_secrets VALUES (2, x'00', 'zz', 'zz')",
    ],
    "totp-setup-values-valid": [
        "INSERT INTO totp_setups VALUES (1, 'zz', 0, x'ff')",
        "INSERT INTO totp_setups VALUES (2, zeroblob(20), 'zz', '')",
    ],
    "recovery-code-values-valid": [
        FACTOR, "INSERT INTO recovery_codes VALUES (1, 'zz', 0), (1, x'00', 0)",
        "INSERT INTO recovery_codes VALUES (1, zeroblob(32), 'zz')",
    ],
    "app-password-has-account": [
        f"INSERT INTO app_passwords VALUES (1, 99, 'x', 'mail', x'00', {KEYS}, 0, NULL, NULL, 0, '', NULL, NULL)"
    ],
    "passkey-has-account": [
        f"INSERT INTO passkeys VALUES (1, 99, x'01', x'02', 0, 'x', '', zeroblob(16), 'a.example', {PASSKEY})"
    ],
    "passkey-handle-has-account": ["INSERT INTO passkey_handles VALUES (99, randomblob(64))"],
    "passkey-values-valid": [
        f"INSERT INTO passkeys VALUES (1, 1, x'01', x'02', 'zz', x'ff', 1.5, 'zz', 'a.example', {PASSKEY})",
        "UPDATE passkeys SET verified = 'zz', backup_eligible = 'zz', backed_up = 'zz', created_at_ms = 'zz'",
        "UPDATE passkeys SET last_used_at_ms = 'zz', last_used_address = x'ff', warned_at_ms = 'zz'",
        f"INSERT INTO passkeys VALUES (2, 1, 'zz', 'zz', 0, 'x', '', zeroblob(16), x'ff', {PASSKEY})",
    ],
    "passkey-handle-values-valid": ["INSERT INTO passkey_handles VALUES (1, 'zz')"],
    "domain-values-valid": [
        "UPDATE domains SET separator = x'ff', quota_octets = 'zz', postmaster = 'zz', created_at_ms = 'zz'"
    ],
    "account-values-valid": [
        "UPDATE accounts SET login = x'ff00', name = x'ff', quota_octets = 1.5, enabled = 'zz' WHERE id = 1",
        "UPDATE accounts SET scram_salt = 'zz', scram_iterations = x'ff', created_at_ms = 'zz' WHERE id = 1",
        "UPDATE accounts SET domain = x'ff00', address = x'ff00' WHERE id = 2",
    ],
    "account-series-valid": ["UPDATE accounts_issued SET latest = 'zz', series = 'zz'"],
    "address-values-valid": [
        "UPDATE addresses SET kind = 'zz', written = x'ff', may_send = 'zz', group_id = 'zz' WHERE account = 1",
        "UPDATE addresses SET local = x'ff' WHERE account = 2",
    ],
    "alias-target-values-valid": [
        "INSERT INTO addresses VALUES ('info', 'one.example', 'info', 'alias', NULL, NULL, 0)",
        "INSERT INTO alias_targets VALUES ('info', 'one.example', 'zz', 'anna@one.example')",
        "INSERT INTO alias_targets VALUES ('info', 'one.example', 2, x'ff'), ('info', 'one.example', 3, 'zz')",
    ],
    "group-values-valid": [
        "INSERT INTO member_groups VALUES (-7, x'ff00')",
        "INSERT INTO addresses VALUES ('staff', 'one.example', 'staff', 'group', NULL, 1, 0)",
    ],
    "group-member-values-valid": ["INSERT INTO group_members VALUES (1, 'zz')"],
    "alias-domain-has-no-addresses": ["UPDATE domains SET alias_of = 'zz'"],
    "address-has-owner": [
        "UPDATE addresses SET account = NULL WHERE account = 2",
        "INSERT INTO addresses VALUES ('staff', 'one.example', 'staff', 'group', NULL, NULL, 0)",
    ],
    "group-has-address": ["INSERT INTO member_groups VALUES (1, 'staff')", "INSERT INTO group_members VALUES (1, 1)"],
    "group-member-has-group": ["INSERT INTO group_members VALUES (1, 1)"],
    "password-values-valid": ["UPDATE passwords SET stored_key = x'ff', server_key = 'zz', changed_at_ms = 'zz'"],
    "app-password-values-valid": [
        f"INSERT INTO app_passwords VALUES (1, 1, x'ff', 'smtp', x'', {KEYS}, 'z', 'z', 'z', 'z', '', x'ff', 'z')",
        f"INSERT INTO app_passwords VALUES (2, 1, 'x', 'zz', x'01', {KEYS}, 0, NULL, NULL, 0, '', NULL, NULL)",
        f"INSERT INTO app_passwords VALUES (3, 1, 'y', 'imap', x'02', {KEYS}, 0, NULL, NULL, 0, x'ff', NULL, NULL)",
        f"INSERT INTO app_passwords VALUES (4, 1, 'z', 'imap', x'03', {KEYS}, 0, NULL, NULL, 0, 'all', NULL, NULL)",
    ],
    "reset-link-has-account": ["INSERT INTO reset_links VALUES (99, zeroblob(32), 'mail', 1, 0, 0, 0)"],
    "recovery-address-has-account": ["INSERT INTO recovery_addresses VALUES (99, 'a@far.example', 0)"],
    "recovery-confirmation-has-account": [
        "INSERT INTO recovery_confirmations VALUES (99, 'a@far.example', zeroblob(32), 0)"
    ],
    "reset-link-values-valid": [
        "INSERT INTO reset_links VALUES (1, zeroblob(32), 'mail', 'zz', 0, 0, 0)",
        "INSERT INTO reset_links VALUES (2, x'00', 'zz', 1, 'zz', 0, 'zz')",
    ],
    "recovery-address-values-valid": [
        "INSERT INTO recovery_addresses VALUES (1, 'a@far.example', 'zz'), (2, x'ff', 0)"
    ],
    "recovery-confirmation-values-valid": [
        "INSERT INTO recovery_confirmations VALUES (1, x'ff', zeroblob(32), 'zz')"
    ],
    "recovery-mail-values-valid": ["INSERT INTO recovery_mails VALUES (1, 1, x'ff', 'zz', 'zz')"],
    "browser-session-has-account": [f"INSERT INTO browser_sessions {BROWSER_SESSION.format(99)}"],
    "browser-session-values-valid": [
        f"INSERT INTO browser_sessions {BROWSER_SESSION.format(1)}",
        "UPDATE browser_sessions SET former = 'zz', former_until_ms = 'zz', agent = x'ff', seen_at_ms = 'zz'",
        f"INSERT INTO browser_sessions {BROWSER_SESSION.format(2).replace('randomblob(32)', 'randomblob(31)')}",
    ],
    "sign-in-step-has-account": [f"INSERT INTO sign_in_steps {SIGN_IN_STEP.format(99)}"],
    "sign-in-step-values-valid": [
        f"INSERT INTO sign_in_steps {SIGN_IN_STEP.format(1)}",
        "UPDATE sign_in_steps SET tries = 'zz', network = x'ff', known = 'zz'",
    ],
    "used-challenge-values-valid": ["INSERT INTO used_challenges VALUES (x'00', 'zz')"],
    "known-client-values-valid": ["INSERT INTO known_clients VALUES (1, x'ff', 0)"],
    "sign-in-has-account": [f"INSERT INTO sign_ins VALUES (1, 99, {SIGN_IN}, 1, 0, 0)"],
    "sign-in-values-valid": [
        f"INSERT INTO sign_ins VALUES (1, 1, {SIGN_IN}, 1, 'zz', 0)",
        "INSERT INTO sign_ins VALUES (2, 1, 7, 'imap', x'ff', x'ff', x'ff', 'zz', x'ff', x'ff', 'zz', 0, 0)",
        "INSERT INTO sign_ins VALUES (3, 1, 0, 'gopher', '', '', '', 'succeeded', '', '', 1, 0, 0)",
    ],
    "device-has-account": ["INSERT INTO devices VALUES (1, 99, 'program', 'x', NULL, '', 0, 0, '', 'imap', '', NULL)"],
    "device-has-app-password": [
        "INSERT INTO devices VALUES (1, 1, 'app password', '7', 7, '', 0, 0, '', 'imap', '', NULL)"
    ],
    "device-values-valid": [
        "INSERT INTO devices VALUES (1, 1, 'program', 'x', NULL, x'ff', 0, 0, x'ff', 'zz', x'ff', 'zz')",
        "INSERT INTO devices VALUES (2, 1, 'zz', 'x', 'zz', '', 'zz', 0, '', 'imap', '', NULL)",
        "INSERT INTO devices VALUES (3, 1, 'program', x'ff', NULL, '', 0, 0, '', 'imap', '', NULL)",
    ],
    "device-notice-has-account": ["INSERT INTO device_notices VALUES (99, 1, 1)"],
    "device-notice-values-valid": ["INSERT INTO device_notices VALUES (1, 'zz', 7)"],
    "secret-values-valid": ["INSERT INTO installation_secrets VALUES ('x', 'zz')"],
    "subscription-values-valid": ["INSERT INTO subscriptions VALUES (1, x'ff')"],
    "dkim-key-values-valid": [
        "INSERT INTO dkim_keys VALUES ('one.example', 'x', x'ff', '', 'retired', 0, 0)",
    ],
    "flag-text-values-valid": ["INSERT INTO flag_texts VALUES (1, 1, x'ff', 'zz')"],
    "thread-key-values-valid": ["UPDATE thread_keys SET hash = 'zz' WHERE hash = (SELECT min(hash) FROM thread_keys)"],
    "search-attempt-values-valid": [
        "INSERT INTO search_attempts VALUES (2, 'zz', x'ff') ON CONFLICT DO UPDATE SET upto = 'zz'"
    ],
    "maildrop-lease-values-valid": ["INSERT INTO maildrop_leases VALUES (1, 'zz', 'zz')"],
    "upload-values-valid": [
        "INSERT INTO uploads SELECT 1, digest, 'zz', x'ff', 0 FROM blobs",
        "INSERT INTO uploads VALUES (1, 'zz', 0, '', 0)",
        "INSERT INTO uploads SELECT 2, digest, size, x'ff', 'zz' FROM blobs WHERE octets_id = 1",
        "UPDATE blobs SET uses = uses + 1 WHERE octets_id = 1",
    ],
    "signature-verdict-values-valid": [
        "INSERT INTO signature_verdicts SELECT min(id), 'zz', x'ff', 'zz', x'ff' FROM emails"
    ],
    "signature-verdict-has-email": ["INSERT INTO signature_verdicts VALUES (7, 'unknown', '', 0, 'unknown')"],
    "saved-search-values-valid": [
        "INSERT INTO saved_searches VALUES (1, 1, x'ff', x'ff', x'ff', 'zz', -1, 'zz', x'ff', 7)",
        "INSERT INTO saved_searches VALUES (1, 'zz', 'x', NULL, NULL, 0, 0, 1, 1, 0)",
    ],
    "saved-search-counters-valid": ["INSERT INTO saved_search_counters VALUES (1, 'zz', x'ff')"],
    "upload-has-blob": ["INSERT INTO uploads VALUES (1, zeroblob(32), 9, 'text/plain', 0)"],
    "undo-token-values-valid": [
        "INSERT INTO undo_tokens VALUES (1, 'zz', 1, 1, 1, 1)",
        "INSERT INTO undo_tokens VALUES (1, zeroblob(16), 'zz', x'ff', -1, 0.5)",
    ],
    "undo-email-values-valid": [
        "INSERT INTO undo_tokens VALUES (1, zeroblob(16), 1, 1, 0, 0)",
        f"INSERT INTO undo_emails VALUES (1, zeroblob(16), 7, 1, '', '', '', '', 0, 0, 0, 0, 0, {UNSNOOZED})",
        ("INSERT INTO undo_emails VALUES (1, zeroblob(16), 3, 1, x'ff', x'ff', '', '', NULL, 'zz', 'zz', 'zz', 'zz',"
        f" {UNSNOOZED})"),
        "INSERT INTO undo_emails VALUES (1, zeroblob(16), 2, 2, '1', '', '2', '', 0, 0, 0, 0, 0, 7, 'zz', -1, 7, NULL)",
        ("INSERT INTO undo_emails VALUES (1, zeroblob(16), 2, 1, '1', NULL, '2', x'ff', NULL, NULL, NULL, NULL, NULL,"
        f" {UNSNOOZED})"),
    ],
    "undo-email-has-token": [
        f"INSERT INTO undo_emails VALUES (1, zeroblob(16), 1, 7, NULL, NULL, '1', '', 0, 0, 0, 0, 0, {UNSNOOZED})",
    ],
    "held-email-is-destroyed": [
        "INSERT INTO undo_tokens VALUES (1, zeroblob(16), 1, 1, 0, 0)",
        (f"INSERT INTO undo_emails VALUES (1, zeroblob(16), 3, {ARCHIVED}, '1', '', NULL, NULL, 0, 0, 0, 0, 0,"
        f" {UNSNOOZED})"),
    ],
    "snooze-values-valid": [
        f"INSERT INTO snoozes VALUES ({A1 + 1}, 1, 'zz', {INBOX}, 1, 'zz', 'zz', x'ff', x'ff')",
        f"INSERT INTO snoozes VALUES ({A1 + 2}, 1, 1, 'zz', 1, 0, NULL, '', '')",
        f"INSERT INTO snoozes VALUES ({A1 + 3}, 1, 1, 1, 'zz', 0, NULL, '', '')",
    ],
    "email-values-valid": [
        "UPDATE emails SET header_size = 'zz', crlf_size = x'ff', has_attachment = 'zz', is_reply = 7 WHERE id % 3 = 0",
        "UPDATE emails SET subject = x'ff', links = x'ff', envelope = 'zz', bodystructure = 'zz' WHERE id % 3 = 1",
        "UPDATE emails SET digest = 'zz', body = 'zz', preview = x'ff', message_id = x'ff' WHERE id % 3 = 2",
    ],
    "queued-message-values-valid": [
        "UPDATE queue_messages SET size = 'zz', body = 'zz', smtputf8 = 'zz', require_tls = x'ff', queued_at_ms = 'zz'",
        "UPDATE queue_messages SET reverse_path = x'ff', expires_at_ms = 'zz', return_content = 'zz', account = 'zz'",
        "UPDATE queue_messages SET release_at_ms = 'zz', release_request = x'ff'",
    ],
    "queued-recipient-values-valid": [
        "UPDATE queue_recipients SET address = x'ff', destination = x'ff', state = 'zz', due_at_ms = 'zz', lease = 'z'",
        "UPDATE queue_recipients SET notify = x'ff', original = x'ff', attempts = 'zz', tell_at_ms = 'zz'",
    ],
    "submission-values-valid": [
        SUBMISSION.format("'zz'"),
        "UPDATE submissions SET identity = x'ff', envelope = x'ff', send_at_ms = 'zz', destroyed = 'zz', message = 'z'",
        "INSERT INTO submission_counters VALUES (1, 7, 0, 0)",
    ],
    "submission-recipient-values-valid": [
        SUBMISSION.format("'final'"), "INSERT INTO submission_counters VALUES (1, 7, 0, 1)",
        "INSERT INTO submission_recipients VALUES (1, 7, 0, x'ff', x'ff', 'zz', x'ff', 'zz')",
    ],
    "submission-report-values-valid": [
        SUBMISSION.format("'final'"), "INSERT INTO submission_counters VALUES (1, 7, 0, 0)",
        "INSERT INTO submission_reports VALUES (1, 7, 'zz', 0, zeroblob(32))",
        "INSERT INTO submission_reports VALUES (1, 7, 'dsn', 0, 'zz')",
    ],
    "submission-counter-values-valid": ["INSERT INTO submission_counters VALUES (1, 'zz', x'ff', 'zz')"],
    "identity-values-valid": [
        "INSERT INTO identities VALUES (1, 'I1', x'ff', 'a@x', x'ff', x'ff', x'ff', x'ff', 'zz', 'zz', 'zz')",
        "INSERT INTO identities VALUES (1, 'I2', '', x'ff', NULL, NULL, '', '', 1, 1, 0)",
        "INSERT INTO identity_counters VALUES (1, 7, 0)",
    ],
    "identity-counter-values-valid": ["INSERT INTO identity_counters VALUES (1, 'zz', x'ff')"],
    "vacation-response-values-valid": [
        "INSERT INTO vacation_responses VALUES (1, 'zz', 'zz', x'ff', x'ff', x'ff', x'ff', 'zz')"
    ],
    "vacation-sender-values-valid": [
        "INSERT INTO vacation_senders VALUES (1, x'ff', 0)", "INSERT INTO vacation_senders VALUES (1, 'a@x', 'zz')",
    ],
    "destination-values-valid": ["UPDATE queue_destinations SET turn_at_ms = 'zz', failures = x'ff'"],
    "attempt-values-valid": [
        "INSERT INTO queue_attempts SELECT id, 1, 'zz', x'ff', x'ff', x'ff', NULL, NULL FROM queue_recipients"
    ],
    "mta-sts-policy-values-valid": [
        "INSERT INTO mta_sts_policies VALUES ('two.example', x'ff', '1', 0, 0, '1', NULL, '', 0)",
        "INSERT INTO mta_sts_policies VALUES ('three.example', NULL, '1', 'zz', 0, '1', x'ff', x'ff', 0)",
        "INSERT INTO mta_sts_policies VALUES ('four.example', NULL, '1', 0, 0, '1', x'ff', x'ff', 0)",
    ],
    "indicator-values-valid": [
        "INSERT INTO indicators VALUES ('two.example', x'ff', '', '', '', 'none', '', 0, 0, 0, '', 0, x'')",
        "INSERT INTO indicators VALUES ('three.example', '', '', '', x'ff', 'none', '', 0, 0, 0, '', 'zz', x'ff')",
        "INSERT INTO indicators VALUES ('four.example', '', '', '', '', 'none', '', 'zz', 0, 0, '', 0, 'zz')",
    ],
    "counted-domain-values-valid": ["INSERT INTO counted_domains VALUES ('tls', 'two.example', 1, x'ff', 'zz')"],
    "counted-row-values-valid": [
        "INSERT INTO counted_domains VALUES ('tls', 'two.example', 1, '', 2)",
        "INSERT INTO counted_rows VALUES ('tls', 'two.example', 1, '{}', 'zz')",
        "INSERT INTO counted_rows VALUES ('tls', 'two.example', 1, x'ff', 1)",
        "INSERT INTO counted_rows VALUES ('zz', 'two.example', 1, '{}', 1)",
    ],
    "sent-report-values-valid": [
        "INSERT INTO sent_reports VALUES ('tls', 'two.example', 1, 'zz', x'ff', x'ff', 'zz')",
        "INSERT INTO sent_reports VALUES ('tls', 'two.example', 'zz', 0, '', '', 0)",
    ],
    "received-report-values-valid": [
        "INSERT INTO received_reports VALUES (1, 'tls', '', '', '', 0, '', 0, 0, 0, 0, 0, '', 0)",
        ("UPDATE received_reports SET kind = 'zz', domain = x'ff', submitter = x'ff', authenticated = 7,"
        " total = 'zz', octets = 'zz'"),
    ],
    "received-report-row-values-valid": [
        "INSERT INTO received_reports VALUES (1, 'tls', '', '', '', 0, '', 0, 0, 0, 0, 0, '', 0)",
        "INSERT INTO received_report_rows VALUES (1, 0, x'ff')",
        "INSERT INTO received_report_rows VALUES (1, 'zz', '{}')",
    ],
    "vapid-key-values-valid": [
        "INSERT INTO vapid_keys VALUES (1, zeroblob(32), 0), (2, 'zz', 0), (3, x'ff', 0)",
        f"INSERT INTO vapid_keys VALUES (4, x'{'f' * 64}', 0), (5, x'{'07' * 32}', 'zz')",
    ],
    "push-subscription-values-valid": [
        f"INSERT INTO push_subscriptions VALUES (1, 1, 'm', 'd', 'u', NULL, NULL, 1, NULL, NULL, 'c', {SUBSCRIBED})",
        f"INSERT INTO push_subscriptions VALUES (2, 1, 'm', '', 'u', x'ff', x'ff', 1, NULL, NULL, 'c', {SUBSCRIBED})",
        f"INSERT INTO push_subscriptions VALUES (3, 1, 'm', 'd', 'u', NULL, x'ff', 1, 7, NULL, 'c', {SUBSCRIBED})",
        "UPDATE push_subscriptions SET told = 7, told_email = 'zz', failures = 'zz' WHERE id = 1",
    ],
    "push-verification-values-valid": ["INSERT INTO push_verifications VALUES (1, 7, 0), ('zz', 'h', 'zz')"],
    "push-subscription-has-account": [
        f"INSERT INTO push_subscriptions VALUES (9, 77, 'm', 'd', 'u', NULL, NULL, 1, NULL, NULL, 'c', {SUBSCRIBED})"
    ],
    "octets-values-valid": ["UPDATE blob_octets SET octets = CAST(octets AS TEXT)"],
    "blob-values-valid": [
        "UPDATE blobs SET digest = 'zz' WHERE octets_id = 1",
        "UPDATE blobs SET octets_id = NULL WHERE octets_id = 2",
        "UPDATE blobs SET size = 'zz', uses = x'ff' WHERE octets_id = 3",
        "UPDATE blobs SET location = x'ff' WHERE location IS NOT NULL",
    ],
    "unused-file-values-valid": ["INSERT INTO blob_files_unused VALUES (x'ff')"],
    "account-has-own-number": ["UPDATE accounts SET id = 99 WHERE id = 2"],
    "group-member-has-account": [*GROUP, "INSERT INTO group_members VALUES (1, 99)"],
    "account-has-address": ["DELETE FROM addresses WHERE account = 2"],
    "blob-is-once": ["UPDATE blobs SET octets_id = 1 WHERE location IS NOT NULL"],
    "message-of-own-account": [
        f"UPDATE placements SET account = 2, mailbox = 1, uid = 99 WHERE email = {ARCHIVED} AND mailbox <> {INBOX}"
    ],
    "account-numbers-valid": [
        "UPDATE ledgers SET modseq = 9223372036854775807, octets = 'zz', messages = x'ff' WHERE account = 1",
        "UPDATE ledgers SET last_email = 'zz', last_mailbox = 'zz', last_uid_validity = 0.5 WHERE account = 1",
        "UPDATE ledgers SET indexed_email = 'zz', modseq = 'zz' WHERE account = 2",
        "UPDATE ledgers SET email_modseq = 'zz', mailbox_modseq = x'ff', thread_modseq = 0.5 WHERE account = 2",
        "UPDATE ledgers SET logged_from = 'zz' WHERE account = 1",
    ],
    "change-numbers-valid": [
        f"UPDATE changes SET modseq = 9223372036854775807 WHERE account = 1 AND mailbox = {INBOX} AND kind = 3",
        f"UPDATE changes SET kind = 77 WHERE account = 1 AND mailbox = {SENT}",
        "UPDATE changes SET last = 'zz' WHERE account = 2",
        f"UPDATE changes SET email = 'zz' WHERE account = 1 AND kind = 1 AND mailbox = {INBOX}",
    ],
    "mailbox-numbers-valid": [
        f"UPDATE mailboxes SET uid_validity = 'zz', uid_next = x'ff', first_recent = 0.5 WHERE id = {INBOX}",
        "UPDATE mailboxes SET highest_modseq = 9223372036854775807, messages = 'zz', octets = 'zz' WHERE account = 1",
    ],
    "message-numbers-valid": [
        f"UPDATE placements SET size = 'zz', thread = x'ff', received_at_ms = 'zz' WHERE email = {ARCHIVED}",
        "UPDATE placements SET uid = 'zz' WHERE account = 2 AND uid = 2",
        "UPDATE placements SET email = 'zz' WHERE account = 2 AND uid = 4",
    ],
    "flag-numbers-valid": [
        "UPDATE flags SET modseq = 'zz', more = 'zz' WHERE account = 1",
        "UPDATE flags SET modseq = 9223372036854775807 WHERE account = 2 AND uid < 4",
        "UPDATE flags SET uid = 'zz' WHERE account = 2 AND uid = (SELECT max(uid) FROM flags WHERE account = 2)",
    ],
    "flags-valid": [
        f"UPDATE flags SET flags = '\\Seen \\Flafged' WHERE account = 1 AND mailbox = {INBOX}",
        "UPDATE flags SET flags = x'ff00' WHERE account = 2 AND uid = 1",
        "UPDATE flags SET flags = CAST(x'c66c' AS TEXT) WHERE account = 2 AND uid = 3",
    ],
    "account-has-counters": ["DELETE FROM ledgers WHERE account = 1"],
    "counters-above-used": ["UPDATE ledgers SET last_email = last_email - 1, last_mailbox = 2 WHERE account = 1"],
    "message-has-mailbox": [f"DELETE FROM mailboxes WHERE id = {SENT} AND account = 1"],
    "inbox-exists": ["UPDATE mailboxes SET name = 'INBOXX' WHERE account = 2 AND name = 'INBOX'"],
    "uid-below-uidnext": [f"UPDATE mailboxes SET uid_next = 3, first_recent = 7 WHERE account = 1 AND id = {INBOX}"],
    "orphan-not-in-mailbox": [f"INSERT INTO orphans VALUES ({ARCHIVED})"],
    "snooze-has-email": [
        f"INSERT INTO snoozes VALUES ({A1 + 10**6}, 1, 1, 1, 1, 0, NULL, '', '')",
        f"INSERT INTO snoozes VALUES ({A1 + 1}, 2, 1, 1, 1, 0, NULL, '', '')",
    ],
    "email-same-everywhere": [
        f"UPDATE placements SET thread = {A1 + 1} WHERE email = {ARCHIVED} AND mailbox <> {INBOX}"
    ],
    "thread-id-of-account": [f"UPDATE placements SET thread = {A1 + 10**6} WHERE account = 1 AND mailbox = {SENT}"],
    "message-has-flags": [f"DELETE FROM flags WHERE account = 1 AND mailbox = {INBOX} AND uid IN (1, 5)"],
    "flag-runs-apart": [
        f"UPDATE flags SET more = more + 2 WHERE account = 1 AND mailbox = {INBOX} AND uid = 1",
        "UPDATE flags SET more = -1 WHERE account = 2",
    ],
    "flags-have-message": [
        f"INSERT INTO flags VALUES (1, {SENT}, 900, '', 1, 0)",
        "UPDATE flags SET more = 1000000 WHERE account = 2 AND uid = (SELECT max(uid) FROM flags WHERE account = 2)",
    ],
    "message-id-finds-thread": ["DELETE FROM thread_keys WHERE account = 2"],
    "change-log-gives-mailbox": [f"DELETE FROM changes WHERE account = 1 AND mailbox = {INBOX} AND kind = 3"],
    "change-log-gives-mailbox of what is expunged": [
        f"UPDATE changes SET last = last + 1 WHERE account = 1 AND mailbox = {INBOX} AND kind = 3",
    ],
    "change-log-names-emails": ["UPDATE changes SET email = email + 1 WHERE kind = 1 AND account = 2"],
    "states-follow-log": ["UPDATE ledgers SET email_modseq = 2, mailbox_modseq = 2, thread_modseq = 2"],
    "change-log-has-modseq": [f"UPDATE flags SET modseq = 1 WHERE account = 1 AND mailbox = {INBOX} AND uid > 9"],
    "modseq-in-order": ["UPDATE mailboxes SET highest_modseq = 2 WHERE account = 1"],
    "mailbox-counts-match": ["UPDATE mailboxes SET unseen = unseen + 1, octets = 0 WHERE account = 1"],
    "account-usage-matches": ["UPDATE ledgers SET octets = 5 WHERE account = 2"],
    "flag-texts-match": [f"INSERT INTO flag_texts VALUES (1, {INBOX}, 'nobody has this', 3)"],
    "email-is-indexed": [f"DELETE FROM search_index WHERE rowid = {A1 + 2}"],
    "index-entry-has-email": [f"INSERT INTO search_index (rowid, text) VALUES ({A1 + 500}, 'abcdef')"],
    "destination-has-next-attempt": ["DELETE FROM queue_destinations"],
    "message-has-recipient": ["DELETE FROM queue_recipients"],
    "scheduled-recipient-is-released": ["UPDATE queue_recipients SET state = 'scheduled'"],
    "scheduled-message-has-recipient": ["UPDATE queue_messages SET release_at_ms = 7"],
    "submission-part-has-submission": [
        "INSERT INTO submission_recipients VALUES (1, 7, 0, 'a@x.example', NULL, 'yes', '', 'unknown')",
        "INSERT INTO submission_reports VALUES (1, 7, 'dsn', 0, zeroblob(32))",
    ],
    "submission-is-numbered": [SUBMISSION.format("'final'")],
    "submission-recipients-are-counted": ["INSERT INTO submission_counters VALUES (1, 7, 0, 5)"],
    "pending-submission-is-scheduled": [
        SUBMISSION.format("'pending'"), "INSERT INTO submission_counters VALUES (1, 7, 0, 0)",
    ],
    "identity-has-account": ["INSERT INTO identities VALUES (77, 'Id1', '', 'a@x', NULL, NULL, '', '', 1, 1, 0)"],
    "identity-is-numbered": [
        "INSERT INTO identities VALUES (1, 'I12', '', 'a@x', NULL, NULL, '', '', 1, 1, 0)",
        "INSERT INTO identity_counters VALUES (1, 7, 0)",
    ],
    "vacation-response-has-account": [
        "INSERT INTO vacation_responses VALUES (77, 0, NULL, NULL, NULL, NULL, NULL, 1)"
    ],
    "vacation-sender-has-account": ["INSERT INTO vacation_senders VALUES (77, 'a@x', 0)"],
    "account-responds-if-switched-on": ["UPDATE accounts SET responds = 1 WHERE id = 2"],
    "account-responds-if-switched-on of nobody": [
        "INSERT INTO vacation_responses VALUES (1, 1, NULL, NULL, NULL, NULL, NULL, 1)"
    ],
    "attempt-has-recipient": ["INSERT INTO queue_attempts VALUES (77, 1, 0, '4.2.1', '450', NULL, NULL, NULL)"],
    "counted-row-has-domain": ["INSERT INTO counted_rows VALUES ('tls', 'two.example', 1, '{}', 1)"],
    "received-row-has-report": ["INSERT INTO received_report_rows VALUES (77, 0, '{}')"],
    "octets-have-blob": [
        "DELETE FROM blobs WHERE digest = (SELECT blob FROM emails LIMIT 1)",
        "UPDATE blobs SET octets_id = 999 WHERE octets_id = (SELECT max(octets_id) FROM blobs)",
    ],
    "blob-describes-octets": [
        "UPDATE blobs SET digest = zeroblob(32) WHERE octets_id = 1",
        "UPDATE blobs SET size = size + 1 WHERE octets_id IN (2, 3)",
    ],
    "blob-exists": ["DELETE FROM blobs WHERE location IS NOT NULL"],
    "blob-uses-match": ["UPDATE blobs SET uses = uses + 1 WHERE uses = 2"],
    "account-has-mailboxes": [
        f"INSERT INTO accounts SELECT 3, 'carl@one.example', domain, 'carl@one.example', {REST} LIMIT 1",
        f"INSERT INTO passwords SELECT 3, {PASSWORD} LIMIT 1",
        "INSERT INTO addresses VALUES ('carl', 'one.example', 'carl', 'account', 3, NULL, 1)",
        "UPDATE accounts_issued SET latest = 3",
    ],
    "message-size-matches": ["UPDATE placements SET size = size + 1 WHERE account = 2 AND uid < 4"],
    "email-has-mailbox": ["DELETE FROM placements WHERE account = 2 AND uid IN (1, 5)"],
    "index placements_by_email": ["DROP INDEX placements_by_email"],
    "index placements_by_thread": ["DROP INDEX placements_by_thread"],
}  # fmt: skip
"""Damage that is repaired, by the name under which it is found."""

TOLD = {
    "message-has-email": ["DELETE FROM emails WHERE id = (SELECT email FROM placements WHERE account = 2 LIMIT 1)"],
    "recipient-has-message": ["DELETE FROM queue_messages"],
    "recipient-is-finished": ["UPDATE queue_recipients SET state = 'held', unfinished = 10"],
    "account-has-password": ["DELETE FROM passwords WHERE account = 1"],
    "account-has-domain": ["DELETE FROM domains"],
    "alias-has-target": ["INSERT INTO addresses VALUES ('info', 'one.example', 'info', 'alias', NULL, NULL, 0)"],
    "mail-has-account": [
        "DELETE FROM accounts WHERE id = 2", "DELETE FROM addresses WHERE account = 2",
        "DELETE FROM passwords WHERE account = 2",
    ],
    "octets": ["UPDATE blob_octets SET octets = zeroblob(length(octets)) WHERE id = 3"],
    "domain-alias-has-target": ["INSERT INTO domains VALUES ('two.example', 'zz', '', NULL, NULL, 0)"],
    "schema": ["DROP TABLE queue_destinations"],
}  # fmt: skip
"""Damage that only its operator can do something about."""


def texts(data: OpenDirectory) -> set[bytes]:
    """All octets that messages in mailboxes have."""
    rows = data.rows("SELECT DISTINCT e.blob FROM placements p JOIN emails e ON e.id = p.email")
    return {data.database.read_now(data.blobs.read, digest) for (digest,) in rows}


def test_a_data_directory_made_by_the_verbs_is_sound(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        report = data.fsck()
        assert not report.problems
        assert report.blobs > 12
        assert data.repair() == []


@pytest.mark.parametrize("name", REPAIRED)
def test_damage_is_found_and_repaired(tmp_path: Path, name: str) -> None:
    with fill_directory(tmp_path / "data") as data:
        before = texts(data)
        data.damage(*REPAIRED[name])
        name = name.partition(" of ")[0]
        found = data.fsck().problems
        checks = {problem.check for problem in found}
        assert name in checks or (name.startswith("index ") and "schema" in checks), found
        repaired = data.repair()
        assert name in repaired
        assert data.fsck().problems == []
        assert before == texts(data), "a message was lost"


@pytest.mark.parametrize("name", TOLD)
def test_damage_that_cannot_be_repaired_is_reported_with_a_remedy(tmp_path: Path, name: str) -> None:
    with fill_directory(tmp_path / "data") as data:
        data.damage(*TOLD[name])
        found = [problem for problem in data.fsck().problems if problem.check == name]
        assert found
        assert all(problem.remedy and not problem.repairable for problem in found)
        data.repair()
        assert name in {problem.check for problem in data.fsck().problems}


@pytest.mark.parametrize("name", CONTACTS)
def test_damage_of_contacts_is_found_and_repaired(tmp_path: Path, name: str) -> None:
    with fill_directory(tmp_path / "data") as data:
        data.database.write_now(contacts.fill)
        assert data.fsck().sound
        before = data.rows(CONTENTS)
        data.damage(*CONTACTS[name])
        name = name.partition(" of ")[0]
        assert name in {problem.check for problem in data.fsck().problems}
        assert name in data.repair()
        assert data.fsck().problems == []
        assert data.rows(CONTENTS) == before
        assert data.rows("SELECT uid FROM contact_cards ORDER BY id") == [("one",), ("two",), ("three",)]


CONTENTS = "SELECT card, content, texts FROM contact_contents ORDER BY card"


@pytest.mark.parametrize("name", CONTACTS_LOST)
def test_contacts_that_are_lost_are_told_and_go_once_that_is_accepted(tmp_path: Path, name: str) -> None:
    with fill_directory(tmp_path / "data") as data:
        data.database.write_now(contacts.fill)
        data.damage(*CONTACTS_LOST[name])
        found = [problem for problem in data.fsck().problems if problem.check == name]
        assert found
        assert all(problem.remedy and not problem.repairable for problem in found)
        data.repair()
        assert name in {problem.check for problem in data.fsck().problems}
        repair(data.database, data.context, SCHEMAS, lambda _what: None, accept_loss=True)
        assert name not in {problem.check for problem in data.fsck().problems}


def test_every_invariant_is_tried(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        names = {invariant.name for invariant in every_invariant(data.context)}
    tried = REPAIRED.keys() | TOLD.keys() | CONTACTS.keys() | CONTACTS_LOST.keys() | {"blob-is-used"}
    assert names <= tried


def test_damaged_app_passwords_never_get_more_than_they_had(tmp_path: Path) -> None:
    """Without its networks one is dropped; one of which nobody knows whether it may only read, may only read."""
    with fill_directory(tmp_path / "data") as data:
        scopes = " ".join(scope for scope in Scope if scope is not Scope.MAIL)
        sound = f"(5, 1, 'a', '{scopes}', x'04', {KEYS}, 0, NULL, 7, 1, '192.0.2.0/24 2001:db8::/32', '::1', 'dav')"
        data.damage(*REPAIRED["app-password-values-valid"], f"INSERT INTO app_passwords VALUES {sound}")
        data.repair()
        first, second = data.database.read_now(app_passwords.listing, AccountId(1))
        assert (first.id, first.read_only, first.last_used_scope) == (1, True, None)
        assert (second.id, second.scopes) == (5, frozenset(Scope) - {Scope.MAIL})
        assert second.networks == ("192.0.2.0/24", "2001:db8::/32")


@pytest.mark.parametrize("secret", ["x''", "zeroblob(19)", "'zz'"])
def test_a_damaged_second_factor_is_still_one_and_nobody_has_it(tmp_path: Path, secret: str) -> None:
    """Nor is one that is gone: the recovery codes that stand for it tell that it was there."""
    with fill_directory(tmp_path / "data") as data:
        data.damage(
            f"INSERT INTO totp_secrets VALUES (1, {secret}, 'zz', 0)",
            "INSERT INTO recovery_codes VALUES (2, zeroblob(32), 0)",
        )
        data.repair()
        for number in (1, 2):
            assert data.database.read_now(second_factors.has_second_factor, AccountId(number))
            found = data.database.read_now(totp.find, AccountId(number))
            assert found is not None
            assert set(found.octets) != {0}
            assert len(found.octets) == totp.SECRET_OCTETS
        assert data.fsck().sound


def test_unused_octets_become_a_file(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        lost = data.value(
            "SELECT e.blob FROM emails e JOIN placements p ON p.email = e.id WHERE p.size > 100000"
        )
        assert isinstance(lost, bytes)
        data.damage(
            f"DELETE FROM placements WHERE email = (SELECT id FROM emails WHERE blob = x'{lost.hex()}')",
            f"DELETE FROM emails WHERE blob = x'{lost.hex()}'",
        )
        assert "blob-is-used" in {problem.check for problem in data.fsck().problems}
        data.repair()
        assert data.fsck().problems == []
        assert (tmp_path / "data" / "lost+found" / f"{lost.hex()}.eml").read_bytes() == LARGE


def test_a_flipped_bit_is_found_and_the_message_is_named(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        (path,) = (tmp_path / "data" / "blobs").rglob(f"{sha256(LARGE).hexdigest()}*")
        content = bytearray(path.read_bytes())
        content[1000] ^= 4
        path.write_bytes(content)
        (problem,) = data.fsck().problems
        assert problem.check == "octets"
        assert "is damaged" in problem.what
        assert "anna@one.example, INBOX, UID 13" in problem.what
        path.write_bytes(content[:500])
        (problem,) = data.fsck().problems
        assert "has 500 octets instead of" in problem.what
        path.unlink()
        (problem,) = data.fsck().problems
        assert "is lost" in problem.what


def test_what_clients_may_have_seen_is_repaired_as_a_change(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        before = data.value("SELECT modseq FROM ledgers WHERE account = 1")
        assert isinstance(before, int)
        data.damage(*REPAIRED["message-has-flags"])
        data.repair()
        changed = data.rows(f"SELECT kind, first, last FROM changes WHERE account = 1 AND modseq > {before}")
        assert changed == [(2, 1, 3), (2, 5, 5)]


MAX = 9223372036854775807


@pytest.mark.parametrize("modseq", ["'zz'", str(MAX), str(MAX // 2 + 1), "-1", "1.5", "x'ff'"])
def test_a_modseq_that_is_none_becomes_the_next_of_its_account(tmp_path: Path, modseq: str) -> None:
    with fill_directory(tmp_path / "data") as data:
        before = data.value("SELECT modseq FROM ledgers WHERE account = 1")
        assert isinstance(before, int)
        data.damage(f"UPDATE flags SET modseq = {modseq} WHERE account = 1 AND mailbox = {INBOX} AND uid = 1")
        data.repair()
        assert data.fsck().problems == []
        after = "SELECT modseq, email_modseq, logged_from FROM ledgers WHERE account = 1"
        assert data.rows(after) == [
            (before + 2, before + 2, before + 2)
        ]  # clients of JMAP read all of it again
        logged = f"SELECT modseq, kind, first FROM changes WHERE account = 1 AND modseq > {before}"
        assert data.rows(logged) == [(before + 1, 2, 1)]
        changed = f"SELECT modseq FROM flags WHERE account = 1 AND mailbox = {INBOX} AND uid = 1"
        assert data.rows(changed) == [(before + 1,)]


@pytest.mark.parametrize(
    ("damaged", "left"),
    [
        ("'\\Seen \\Flafged $One'", "\\Seen $One"),
        ("'\\Seen \\Bogus  a(b \\Seen'", "\\Seen"),
        ("'x' || char(13, 10) || '* BYE'", "BYE"),
        ("x'ff00'", ""),
        ("CAST(x'5c5365656e20c66c' AS TEXT)", "\\Seen"),
    ],
)
def test_of_damaged_flags_those_that_are_flags_stay(tmp_path: Path, damaged: str, left: str) -> None:
    with fill_directory(tmp_path / "data") as data:
        there = f"account = 1 AND mailbox = {INBOX} AND uid = 1"
        run = data.rows(f"SELECT uid, more FROM flags WHERE {there}")
        data.damage(f"UPDATE flags SET flags = {damaged} WHERE {there}")
        assert "flags-valid" in {problem.check for problem in data.fsck().problems}
        data.repair()
        assert data.fsck().problems == []
        assert data.rows(f"SELECT flags FROM flags WHERE {there}") == [(left,)]
        assert data.rows(f"SELECT uid, more FROM flags WHERE {there}") == run


def test_many_violations_are_summarised(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data", messages=40) as data:
        data.damage("DELETE FROM flags WHERE account = 2")
        found = [problem.what for problem in data.fsck().problems if problem.check == "message-has-flags"]
        assert len(found) == 21
        assert found[-1] == "and 20 more like this"


def test_an_email_that_could_not_be_read_for_the_index_is_told_and_is_no_error(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        data.damage(
            *(f"INSERT INTO {table} VALUES ({A1 + 1})" for table in ("search_unindexed", "search_given_up"))
        )
        report = data.fsck()
        assert report.problems == []
        assert [note.partition(" is not in the search index")[0] for note in report.notes] == [
            f"email {A1 + 1} (anna@one.example, INBOX, UID 1)"
        ]


def test_all_damaged_messages_are_looked_up_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No index has the octets of a message: each look goes through all messages."""
    looks: list[str] = []
    real = SqliteTransaction.rows

    def rows(tx: SqliteTransaction, sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[Any, ...]]:
        if "blob IN (" in sql:
            looks.append(sql)
        return real(tx, sql, parameters)

    with fill_directory(tmp_path / "data", messages=40) as data:
        data.damage("UPDATE blob_octets SET octets = zeroblob(length(octets))")
        monkeypatch.setattr(SqliteTransaction, "rows", rows)
        damaged = [problem for problem in data.fsck().problems if problem.check == "octets"]
        assert len(damaged) > 40
        assert all("one.example" in problem.what for problem in damaged)
        assert len(looks) == 3, "one in mailboxes, one in the queue, one in contacts"
        looks.clear()
        repair(data.database, data.context, SCHEMAS, lambda _what: None, accept_loss=True)
        assert len(looks) == 2
        assert data.fsck().problems == []
