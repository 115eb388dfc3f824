"""Sign-ins and devices of a server with two workers: told once, and ended in both."""

import asyncio
import imaplib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from pillarbox.server.sign_in.ending import end_device
from tests.kit.provider import open_provider
from tests.kit.served import Served

LOGIN = "anna@example.org"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path, "--workers", "2")
    yield served
    if served.process.poll() is None:
        assert served.end() == 0


def is_ended(client: imaplib.IMAP4_SSL) -> bool:
    try:
        client.noop()
    except (client.abort, OSError):
        client.shutdown()
        return True
    return False


def test_what_a_device_has_open_in_two_workers_is_ended(served: Served) -> None:
    there = served.there
    clients = [served.imap() for _ in range(6)]
    served.until(lambda: there.json("account", "devices", LOGIN))
    (device,) = there.json("account", "devices", LOGIN)
    assert (device["kind"], device["name"], device["way"]) == ("program", "127.0.0.0/24", "imap")
    assert there.json("account", "devices", LOGIN, "--end", str(device["id"]))["sessions"] == 6
    for client in clients:
        served.until(partial(is_ended, client))

    made = there.json("app-password", "add", LOGIN, "phone")
    clients = [served.imap(password=made["password"]) for _ in range(4)]
    served.until(lambda: len(there.json("account", "devices", LOGIN)) == 2)
    phone = there.json("account", "devices", LOGIN)[0]
    assert (phone["kind"], phone["name"]) == ("app password", "phone")
    there.text("account", "devices", LOGIN, "--end", str(phone["id"]))
    for client in clients:
        served.until(partial(is_ended, client))
    assert there.json("app-password", "list", LOGIN) == []

    clients = [served.imap() for _ in range(4)]

    async def by_a_page() -> None:
        provider = await open_provider(there.data, people=False)
        await end_device(provider.world, replace(provider.config, data=there.data), LOGIN, device["id"])
        await provider.close()

    asyncio.run(by_a_page())
    for client in clients:
        served.until(partial(is_ended, client))

    # Repeated ones are held in memory for minutes, and written when the server ends
    assert served.end() == 0
    found = there.json("account", "sign-ins", LOGIN)
    assert {(one["name"], one["method"], one["result"]): one["count"] for one in found} == {
        ("", "password", "succeeded"): 10,
        ("phone", "app password", "succeeded"): 4,
    }
    told = there.json("mail", "search", LOGIN)["messages"]
    assert sorted(one["subject"] for one in told) == [
        "A new device has signed in to your account",
        "An app password was made",
    ]
