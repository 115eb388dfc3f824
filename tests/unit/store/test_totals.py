"""What all accounts use together, and which use most."""

from pillarbox.mail.identifiers import AccountId
from pillarbox.store.account_counters import Usage, heaviest, total_usage
from pillarbox.store.schema import SCHEMA
from pillarbox.store.search import index
from tests.kit.database import open_transaction


def test_without_accounts_nothing_is_used() -> None:
    with open_transaction(SCHEMA) as tx:
        assert total_usage(tx) == Usage(0, 0)
        assert heaviest(tx, limit=3) == []
        assert index.backlog(tx, limit=5) == 0
        assert index.given_up(tx) == 0


def test_usage_adds_up_and_the_heaviest_come_first() -> None:
    with open_transaction(SCHEMA) as tx:
        for account, octets in ((1, 10), (2, 300), (3, 20)):
            tx.execute("INSERT INTO ledgers VALUES (?, 1, ?, 2, 0, 0, 0, 0, 1, 1, 1, 1)", (account, octets))
        assert total_usage(tx) == Usage(330, 6)
        assert heaviest(tx, limit=2) == [(AccountId(2), Usage(300, 2)), (AccountId(3), Usage(20, 2))]
