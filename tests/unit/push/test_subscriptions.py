"""What is kept of push subscriptions, and for how long."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from pillarbox.mail.identifiers import AccountId
from pillarbox.push import subscriptions
from pillarbox.push.schema import SCHEMA
from pillarbox.push.subscriptions import (
    HOUR_MS,
    MAX_VERIFIED_AT_HOST,
    NEW,
    REMOVED_TOGETHER,
    Progress,
    Subscription,
    SubscriptionRefused,
)
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction

NOW_MS = 1_700_000_000_000
ANNA, BERT = AccountId(1), AccountId(2)
ONE = Subscription(
    id=0,
    account=ANNA,
    credential="mark",
    device="phone",
    url="https://push.example/secret",
    p256dh=b"\4" * 65,
    auth=b"a" * 16,
    vapid_key=1,
    types=None,
    email_push=None,
    code="code",
    state=NEW,
    expires_at_ms=NOW_MS + HOUR_MS,
    told="Email=1",
    told_email=5,
    failures=0,
    retry_at_ms=0,
)


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(SCHEMA) as opened:
        yield opened


def make(tx: Transaction, one: Subscription = ONE, host: str = "push.example", now_ms: int = NOW_MS) -> int:
    return subscriptions.create(tx, one, host, now_ms=now_ms)


def there(tx: Transaction, account: AccountId = ANNA, now_ms: int = NOW_MS) -> list[int]:
    return [one.id for one in subscriptions.of_account(tx, account, now_ms=now_ms)]


def test_what_is_kept_is_read_again(tx: Transaction) -> None:
    number = make(tx)
    (found,) = subscriptions.of_account(tx, ANNA, now_ms=NOW_MS)
    assert found == replace(ONE, id=number)
    assert not there(tx, now_ms=NOW_MS + HOUR_MS), "it has expired"
    assert "secret" not in repr(found)


def test_a_number_is_used_once(tx: Transaction) -> None:
    first = make(tx)
    subscriptions.remove(tx, [first])
    assert make(tx) > first


@pytest.mark.rfc("8620 §8.6", "MUST")
def test_no_host_is_flooded_by_many_accounts(tx: Transaction) -> None:
    rows = [(number, "push.example", NOW_MS - 1) for number in range(1000, 1000 + MAX_VERIFIED_AT_HOST)]
    tx.execute_many("INSERT INTO push_verifications VALUES (?, ?, ?)", rows)
    with pytest.raises(SubscriptionRefused) as refused:
        make(tx)
    assert refused.value.type == "rateLimit"
    make(tx, host="other.example")
    make(tx, now_ms=NOW_MS + HOUR_MS)
    make(tx, now_ms=NOW_MS - 2 * HOUR_MS)  # the clock was set back


def test_a_code_is_to_be_sent_once(tx: Transaction) -> None:
    number = make(tx)
    assert subscriptions.begin_verification(tx, number)
    assert not subscriptions.begin_verification(tx, number)
    assert not subscriptions.begin_verification(tx, number + 1)


def test_progress_never_goes_back_behind_an_email(tx: Transaction) -> None:
    number = make(tx)
    subscriptions.note_progress(tx, [Progress(number, "Email=2", 9, 1, 77), Progress(404, "", 0, 0, 0)])
    subscriptions.note_progress(tx, [Progress(number, "Email=3", 7, 2, 78)])
    (found,) = subscriptions.of_account(tx, ANNA, now_ms=NOW_MS)
    assert (found.told, found.told_email, found.failures, found.retry_at_ms) == ("Email=3", 9, 2, 78)


def test_only_those_of_passwords_that_are_there_are_kept(tx: Transaction) -> None:
    kept, other = make(tx), make(tx, replace(ONE, credential="another"))
    bert = make(tx, replace(ONE, account=BERT, credential="another"))
    subscriptions.keep_only(tx, ANNA, {"mark": None})
    assert (there(tx), there(tx, BERT)) == ([kept], [bert])
    assert other not in there(tx)


def test_what_has_expired_is_removed_some_at_a_time(tx: Transaction) -> None:
    numbers = [
        subscriptions.create(tx, replace(ONE, account=AccountId(number)), f"{number}.example", now_ms=NOW_MS)
        for number in range(1, REMOVED_TOGETHER + 3)
    ]
    assert not subscriptions.any_expired(tx, now_ms=NOW_MS)
    later = NOW_MS + HOUR_MS
    assert subscriptions.any_expired(tx, now_ms=later)
    assert subscriptions.remove_expired(tx, now_ms=later) == REMOVED_TOGETHER
    assert subscriptions.remove_expired(tx, now_ms=later) == len(numbers) - REMOVED_TOGETHER
    assert not subscriptions.any_expired(tx, now_ms=later)
    assert tx.value("SELECT COUNT(*) FROM push_verifications") == 0
