"""What owners are told of changed ways into their accounts: once for each act, few in a day, elsewhere as well."""

from collections.abc import Callable, Iterator

import pytest

from pillarbox.admin import accounts, app_passwords, second_factors
from pillarbox.admin.change_letters import Doing, letter
from pillarbox.app.database import SCHEMAS
from pillarbox.directory import quota
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import devices, link_tokens, recovery_addresses, totp
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.passkeys import NewPasskey
from pillarbox.directory.sign_in.recovery_addresses import DAY_MS, MAX_TOLD, Purpose
from pillarbox.mail.account_notice import compose
from pillarbox.store import mailboxes
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import SeededEntropy
from tests.kit.database import open_transaction
from tests.kit.people import NOW_MS, hashed, person

FAR = "anna@far.example"
URL = "https://mail.one.example"
DOING = Doing("x", URL, NOW_MS, address="192.0.2.1")
Act = Callable[[Transaction, Account, Doing | None], None]


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(*SCHEMAS) as opened:
        yield opened


@pytest.fixture
def anna(tx: Transaction) -> Account:
    account = person(tx, "anna@one.example", "open sesame")
    mailboxes.create_defaults(tx, account.id, now_ms=NOW_MS)
    return account


def set_up_codes(tx: Transaction, anna: Account, doing: Doing | None) -> None:
    secret, codes = (
        bytes(totp.SECRET_OCTETS),
        second_factors.FreshCodes(second_factors.generate(SeededEntropy(1)), bytes(32)),
    )
    totp.begin(tx, anna.id, secret, now_ms=NOW_MS)
    second_factors.confirm_one_time_codes(tx, anna.id, secret, 1, codes=codes, now_ms=NOW_MS, doing=doing)
    assert totp.has(tx, anna.id)


def add_passkey(tx: Transaction, anna: Account, doing: Doing | None, number: int = 1) -> None:
    new = NewPasskey(
        credential=b"%d" % number, public_key=b"key", sign_count=0, aaguid=bytes(16), domain="one.example",
        transports=(), verified=True, backup_eligible=False, backed_up=False,
    )  # fmt: skip
    codes = second_factors.FreshCodes(second_factors.generate(SeededEntropy(1)), bytes(32))
    second_factors.add_passkey(
        tx,
        anna.id,
        new,
        name=f"key {number}",
        codes=codes,
        now_ms=NOW_MS,
        doing=doing,
    )


def remove_passkey(tx: Transaction, anna: Account, doing: Doing | None) -> None:
    add_passkey(tx, anna, None)
    number = tx.value("SELECT max(id) FROM passkeys")
    second_factors.remove_passkey(tx, anna.id, number, doing=doing)
    second_factors.remove_passkey(tx, anna.id, number, doing=doing)


def remove_factors(tx: Transaction, anna: Account, doing: Doing | None) -> None:
    add_passkey(tx, anna, None)
    set_up_codes(tx, anna, None)
    second_factors.remove(tx, anna.login, doing=doing)
    second_factors.remove(tx, anna.login, doing=doing)


def make_app_password(tx: Transaction, anna: Account, doing: Doing | None) -> None:
    entropy = SeededEntropy(1)
    parameters = app_passwords.hash_parameters(tx, anna.login, entropy=entropy)
    _, made = app_passwords.generate(parameters, entropy=entropy)
    app_passwords.add(tx, anna.login, made, name="key 1", scopes=[Scope.MAIL], now_ms=NOW_MS, doing=doing)


def set_password(tx: Transaction, anna: Account, doing: Doing | None) -> None:
    accounts.set_password(tx, anna.login, hashed("another one"), now_ms=NOW_MS, doing=doing)


ACTS = [
    (set_up_codes, b"One-time codes of an app were set up", False),
    (add_passkey, b"A passkey was added", True),
    (remove_passkey, b"A passkey was removed", True),
    (remove_factors, b"passkeys and recovery codes were removed", False),
    (make_app_password, b"An app password was made", True),
    (set_password, b"The password was changed", False),
]


def in_mailbox(tx: Transaction, anna: Account) -> int:
    return mailboxes.by_name(tx, anna.id, "INBOX").messages


def queued(tx: Transaction) -> list[str]:
    return [address for (address,) in tx.rows("SELECT address FROM queue_recipients")]


def has_recovery_address(tx: Transaction, anna: Account) -> None:
    _, digest = link_tokens.issue(SeededEntropy(2))
    recovery_addresses.begin(tx, anna.id, FAR, digest, now_ms=NOW_MS)
    recovery_addresses.confirm(tx, digest, now_ms=NOW_MS)


@pytest.mark.parametrize(("act", "words", "named"), ACTS)
def test_an_owner_is_told_once_of_each(
    tx: Transaction, anna: Account, act: Act, words: bytes, named: bool
) -> None:
    quota.set_account_quota(tx, anna.id, 1)
    act(tx, anna, DOING)
    assert in_mailbox(tx, anna) == 1
    assert not queued(tx)
    (octets,) = (octets for (octets,) in tx.rows("SELECT octets FROM blob_octets"))
    for told in (words, b"anna@one.example", b"From: 192.0.2.1", f"{URL}/account".encode()):
        assert told in octets
    assert (b'"key 1"' in octets) is named


@pytest.mark.parametrize("act", [act for act, _, _ in ACTS])
def test_the_recovery_address_is_told_as_well(tx: Transaction, anna: Account, act: Act) -> None:
    has_recovery_address(tx, anna)
    act(tx, anna, DOING)
    assert (in_mailbox(tx, anna), queued(tx)) == (1, [FAR])


def test_an_address_that_is_not_confirmed_is_told_nothing(tx: Transaction, anna: Account) -> None:
    _, digest = link_tokens.issue(SeededEntropy(2))
    recovery_addresses.begin(tx, anna.id, FAR, digest, now_ms=NOW_MS)
    set_password(tx, anna, DOING)
    assert (in_mailbox(tx, anna), queued(tx)) == (1, [])


@pytest.mark.parametrize("act", [act for act, _, _ in ACTS])
def test_not_where_it_is_switched_off(tx: Transaction, anna: Account, act: Act) -> None:
    has_recovery_address(tx, anna)
    devices.want_notices(tx, anna.id, wanted=False)
    act(tx, anna, DOING)
    assert (in_mailbox(tx, anna), queued(tx)) == (0, [])


def test_no_more_than_a_few_of_each_kind_in_a_day(tx: Transaction, anna: Account) -> None:
    for number in range(MAX_TOLD + 2):
        add_passkey(tx, anna, DOING, number)
    assert in_mailbox(tx, anna) == MAX_TOLD
    set_password(tx, anna, DOING)
    assert in_mailbox(tx, anna) == MAX_TOLD + 1, "another kind"
    later = Doing("y", URL, NOW_MS + DAY_MS, address="192.0.2.1")
    assert recovery_addresses.remove_expired(tx, now_ms=NOW_MS + DAY_MS - 1) == 0
    add_passkey(tx, anna, later, MAX_TOLD + 2)
    assert in_mailbox(tx, anna) == MAX_TOLD + 2


def test_operators_are_named_and_a_server_without_pages_has_no_link(anna: Account) -> None:
    by_operator = letter(anna, anna.address, Purpose.PASSWORD_CHANGED, Doing("x", "", NOW_MS))
    assert "by a command on the server" in by_operator.text
    assert "http" not in by_operator.text


@pytest.mark.parametrize("change", [one for one in Purpose if one not in (Purpose.CONFIRM, Purpose.RESET)])
def test_letters_are_in_two_languages(anna: Account, change: Purpose) -> None:
    for doing in (DOING, Doing("x", "", NOW_MS)):
        written = letter(anna, FAR, change, doing, name="Schlüssel")
        assert "If it was not you" in written.text
        assert "Ändern Sie Ihr Passwort" in written.text
        assert max(map(len, written.text.splitlines())) <= 80
        assert "\n\n\n\n" not in written.text
        assert compose(written)
