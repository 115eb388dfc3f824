"""Which addresses the web may lead to."""

from ipaddress import ip_network

import pytest

from pillarbox.world.fetcher.addresses import is_public, public_or_in


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "193.0.6.139", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1", "2001:67c::1"],
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.9",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:1.1.1.1",
        "64:ff9b::7f00:1",
        "64:ff9b::101:101",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff::1",
        "fc00::1",
        "fd00::1",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1111%eth0",
        "fec0::1",
        "ff02::1",
        "5f00::1",
        "",
        "one.example",
    ],
)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


def test_networks_that_were_named_are_admitted_as_well() -> None:
    admits = public_or_in([ip_network("10.1.0.0/16"), ip_network("fd00:1::/32")])
    assert all(map(admits, ["1.1.1.1", "10.1.2.3", "fd00:1::7"]))
    assert not any(
        map(admits, ["10.2.0.1", "127.0.0.1", "::1", "fd00:2::1", "::ffff:10.1.2.3", "", "one.example"])
    )
