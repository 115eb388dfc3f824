"""What is written of sign-ins in one transaction, and the mail about a new device."""

import re
from collections.abc import Iterator

import pytest

from pillarbox.app.database import SCHEMAS
from pillarbox.delivery import new_devices
from pillarbox.delivery.new_devices import Noticed
from pillarbox.directory import accounts, quota
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import app_passwords, devices, sign_ins
from pillarbox.directory.sign_in.app_passwords import AppPasswordHash, Scope
from pillarbox.directory.sign_in.devices import Known
from pillarbox.directory.sign_in.sign_ins import Attempt, Noted, Result, Way
from pillarbox.mail.header import Header
from pillarbox.store import mailboxes
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction
from tests.kit.people import NOW_MS, person

HOME, AWAY = "192.0.2.1", "198.51.100.1"
PHONE = 'my "phone" 0'


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(*SCHEMAS) as opened:
        yield opened


@pytest.fixture
def anna(tx: Transaction) -> Account:
    account = person(tx, "anna@one.example")
    mailboxes.create_defaults(tx, account.id, now_ms=NOW_MS)
    return account


def noticed(
    known: Known | None = None,
    *,
    address: str = HOME,
    way: Way = Way.IMAP,
    method: str = "password",
    agent: str = "",
    name: str = "",
) -> Noticed:
    attempt = Attempt(way, address, method, name, Result.SUCCEEDED, "")
    return Noticed(Noted(attempt, 1, NOW_MS, NOW_MS, agent), known or devices.program(way, address))


def record(tx: Transaction, account: Account, *several: Noticed) -> int:
    return new_devices.record(tx, account.id, several, token="t0", now_ms=NOW_MS + 60_000)


def phone(tx: Transaction, account: Account, number: int = 0) -> int:
    hashed = AppPasswordHash(bytes([number]) * 32, bytes(32), bytes(32))
    name = f'my "phone" {number}'
    return app_passwords.add(tx, account.id, hashed, name=name, scopes=frozenset({Scope.MAIL}), now_ms=NOW_MS)


def messages(tx: Transaction) -> list[bytes]:
    return [octets for (octets,) in tx.rows("SELECT octets FROM blob_octets ORDER BY id")]


def test_the_owner_is_told_of_the_second_device_once(tx: Transaction, anna: Account) -> None:
    assert record(tx, anna, noticed()) == 0
    away = noticed(address=AWAY, agent="Mail 1")
    assert record(tx, anna, away, away) == 1
    assert record(tx, anna, away) == 0
    (octets,) = messages(tx)
    header, body = Header.parse(octets)
    assert header.first("Return-Path") == b"<>"
    assert header.first("From") == b"Postmaster <postmaster@one.example>"
    assert header.first("To") == b"<anna@one.example>"
    assert header.first("Auto-Submitted") == b"auto-generated"
    assert header.first("Date") == b"Tue, 14 Nov 2023 22:14:20 +0000"
    text = octets[body:].decode()
    assert re.findall(r"^    (\S[^:]*): +(.*)\r$", text, re.MULTILINE) == [
        ("Account", "anna@one.example"),
        ("When", "Tue, 14 Nov 2023 22:13:20 +0000"),
        ("Device", "a mail program or an app"),
        ("By", "IMAP, with the password of the account"),
        ("From", AWAY),
        ("It calls itself", "Mail 1"),
    ]
    assert "If it was not you: change the password of your account now." in text
    assert "hat sich bei Ihrem Konto angemeldet" in text  # as in the other mails about an account
    assert "http" not in text
    inbox = mailboxes.by_name(tx, anna.id, "INBOX")
    assert (inbox.messages, inbox.unseen) == (1, 1)


def test_an_app_password_is_named_and_its_use_is_noted(tx: Transaction, anna: Account) -> None:
    record(tx, anna, noticed())
    number = phone(tx, anna)
    used = noticed(
        devices.of_app_password(number), address=AWAY, way=Way.SMTP, method="app password", name=PHONE
    )
    assert record(tx, anna, used) == 1
    text = messages(tx)[0].decode()
    assert 'By:              SMTP, with the app password "my "phone" 0"\r\n' in text
    assert "If it was not you: revoke that app password now." in text
    (listed,) = app_passwords.listing(tx, anna.id)
    assert (listed.last_used_at_ms, listed.last_used_address, listed.last_used_scope) == (
        NOW_MS,
        AWAY,
        "smtp",
    )
    assert sign_ins.listing(tx, anna.id)[0].attempt.name == 'my "phone" 0'
    assert devices.listing(tx, anna.id)[0].name == 'my "phone" 0'


def test_a_revoked_app_password_is_no_device_and_its_number_another(tx: Transaction, anna: Account) -> None:
    record(tx, anna, noticed())
    number = phone(tx, anna)
    used = noticed(devices.of_app_password(number), method="app password", name=PHONE)
    assert record(tx, anna, used) == 1
    app_passwords.revoke(tx, anna.id, number)
    assert record(tx, anna, used) == 0
    assert len(devices.listing(tx, anna.id)) == 1
    assert phone(tx, anna, 1) == number, "the number is used again"
    assert record(tx, anna, used) == 0
    (listed,) = app_passwords.listing(tx, anna.id)
    assert listed.last_used_at_ms is None
    assert sign_ins.listing(tx, anna.id)[0].count == 3, (
        "who has signed in with it before, is told all the same"
    )
    another = noticed(devices.of_app_password(number), method="app password", name='my "phone" 1')
    assert record(tx, anna, another) == 1


def test_who_is_over_quota_is_told_all_the_same(tx: Transaction, anna: Account) -> None:
    quota.set_account_quota(tx, anna.id, 1)
    assert record(tx, anna, noticed(), noticed(address=AWAY)) == 1
    assert len(messages(tx)) == 1


def test_who_does_not_wish_it_is_not_told(tx: Transaction, anna: Account) -> None:
    devices.want_notices(tx, anna.id, wanted=False)
    assert record(tx, anna, noticed(), noticed(address=AWAY)) == 0
    assert len(devices.listing(tx, anna.id)) == 2


def test_many_networks_are_a_few_mails(tx: Transaction, anna: Account) -> None:
    told = record(tx, anna, *(noticed(address=f"198.51.{number}.1") for number in range(50)))
    assert told == len(messages(tx)) == devices.NOTICES_A_DAY


def test_a_browser_is_told_of_by_its_name(tx: Transaction, anna: Account) -> None:
    record(tx, anna, noticed())
    assert (
        record(tx, anna, noticed(devices.browser("ab"), way=Way.WEB, method="password+totp", agent="Firefox"))
        == 1
    )
    text = messages(tx)[0].decode()
    assert "Device:          a browser\r\n" in text
    assert "By:              the web pages, with the password of the account and a one-time code\r\n" in text
    assert "sign out that browser, and change the password of your account now." in text


def test_an_account_that_is_gone_costs_nothing(tx: Transaction, anna: Account) -> None:
    accounts.remove(tx, anna.id)
    assert record(tx, anna, noticed(), noticed(address=AWAY)) == 0
    assert tx.value("SELECT count(*) FROM sign_ins") == tx.value("SELECT count(*) FROM devices") == 0


def test_an_account_without_a_mailbox_is_told_nothing(tx: Transaction) -> None:
    bert = person(tx, "bert@one.example")
    assert record(tx, bert, noticed(), noticed(address=AWAY)) == 0
    assert len(devices.listing(tx, bert.id)) == 2
