"""A value that nobody wrote, in any column of contacts, is the world's failure, and never ours."""

from typing import Any

import pytest

from pillarbox.contacts.values import TABLES
from pillarbox.world.database.failures import RowRefused
from tests.kit.contacts import fill
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.contacts import OWN, full_name

COLUMNS = [(values.table, column) for values in TABLES for column in values.columns]
VALUES = ("'zz'", "x'ff00'", "-7", "1.5")
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("AddressBook/get", {}),
    ("AddressBook/changes", {"sinceState": "1"}),
    ("ContactCard/get", {}),
    ("ContactCard/changes", {"sinceState": "2"}),
    (
        "ContactCard/query",
        {"filter": {"text": "joe", "inAddressBook": "D1"}, "sort": [{"property": "name/given"}]},
    ),
    (
        "ContactCard/query",
        {"filter": {"createdBefore": "2030-01-01T00:00:00Z"}, "sort": [{"property": "updated"}]},
    ),
    ("ContactCard/queryChanges", {"sinceQueryState": "2"}),
    ("ContactCard/set", {"create": {"c": {"addressBookIds": OWN, "uid": "new"}}}),
    ("ContactCard/set", {"update": {"C1": {"name": full_name("x")}, "C2": {"addressBookIds/D2": True}}}),
    ("ContactCard/export", {}),
    ("AddressBook/set", {"update": {"D2": {"name": "x"}}, "onSuccessSetIsDefault": "D2"}),
    ("ContactCard/set", {"destroy": ["C1", "C2"]}),
    ("AddressBook/set", {"destroy": ["D1", "D2"], "onDestroyRemoveContents": True}),
)


@pytest.mark.parametrize("table", sorted({table for table, _ in COLUMNS}))
@pytest.mark.parametrize("value", VALUES)
def test_what_is_damaged_is_never_our_mistake(table: str, value: str) -> None:
    columns = [column for name, column in COLUMNS if name == table]

    async def one(client: JmapClient, column: str) -> None:
        database = client.provider.world.database
        await database.write(fill)
        try:
            await database.write(lambda tx: tx.execute(f"UPDATE {table} SET {column} = {value}"))
        except RowRefused:
            return  # a key: only one row could have it
        for method, arguments in CALLS:
            name, said = await client.call(method, **arguments)
            assert name in (method, "error")
            if name == "error":
                expected = ("serverUnavailable", "cannotCalculateChanges", "serverPartialFail")
                assert said["type"] in expected, (column, method, said)
        assert not client.provider.telemetry.failures, column

    for column in columns:

        async def test(client: JmapClient, column: str = column) -> None:
            await one(client, column)

        run_with_jmap(test)
