"""Every withdrawal of an address, account, password or quota is announced to all processes."""

import ast
import inspect
from types import ModuleType

import pytest

from pillarbox.directory import accounts, addresses, domains, quota
from pillarbox.directory.schema import SCHEMA
from pillarbox.directory.sign_in import app_passwords, credentials
from pillarbox.directory.withdrawal import WITHDRAWN
from pillarbox.world.signals import _datagram
from pillarbox.world.topic import Topic
from tests.kit.database import open_transaction
from tests.kit.people import person

TAKING = (
    "DELETE FROM addresses",
    "DELETE FROM accounts",
    "DELETE FROM app_passwords",
    "INSERT INTO passwords",
    "DELETE FROM domains",
    "SET enabled",
    "SET quota_octets",
)


NOT_BY_THEMSELVES = ("_store", "set_foreign")
"""`credentials._retire` announces for them; an upgrade withdraws nothing (`test_foreign_passwords`)."""


@pytest.mark.parametrize("module", [accounts, addresses, app_passwords, credentials, domains, quota])
def test_every_withdrawal_is_announced(module: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(module))
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        if function.name in NOT_BY_THEMSELVES:
            continue
        source = ast.unparse(function)
        assert not any(taking in source for taking in TAKING) or "announce_withdrawal(tx)" in source, (
            function.name
        )


def test_only_withdrawals_are_announced() -> None:
    with open_transaction(SCHEMA) as tx:
        anna = person(tx, "anna@one.example")
        accounts.add_address(tx, anna.id, "second@one.example")
        assert WITHDRAWN not in tx.announced
        accounts.remove_address(tx, anna.id, "second@one.example")
        assert WITHDRAWN in tx.announced


def test_a_signal_can_carry_it() -> None:
    assert Topic.parse(_datagram([WITHDRAWN]).decode()) == WITHDRAWN
