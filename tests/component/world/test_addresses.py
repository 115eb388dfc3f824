"""The addresses of hosts that an operator names."""

import asyncio

import pytest

from pillarbox.world.network import NetworkFailure
from pillarbox.world.network.system import addresses_of


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_address_is_its_own(address: str) -> None:
    assert asyncio.run(addresses_of(address)) == [address]


def test_the_hosts_file_counts() -> None:
    assert set(asyncio.run(addresses_of("localhost"))) <= {"127.0.0.1", "::1"}


def test_a_name_that_no_host_can_have_is_a_failure_of_the_network() -> None:
    with pytest.raises(NetworkFailure):
        asyncio.run(addresses_of("x" * 70 + ".example"))
