"""Many clients at once on a demo with two workers, random commands, each checking what it is sent."""

import asyncio

import pytest

from tests.interop.demo import Demo
from tests.stress.imap import Account, stress

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("seed", [1, 2])
def test_responses_never_contradict_each_other(busy_provider: Demo, seed: int) -> None:
    people = [busy_provider.newcomer() for _ in range(2)]
    accounts = [
        Account(busy_provider.host, busy_provider.ports["imap"], person.login, person.password)
        for person in people
    ]
    assert asyncio.run(stress(accounts, clients=14, steps=120, seed=seed)) > 1000
