"""The networks from which an app password may be used."""

import pytest

from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in import allowed_networks
from pillarbox.directory.sign_in.allowed_networks import (
    MAX_NETWORKS,
    joined,
    network_of,
    permit,
    plain_address,
)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        (" 192.0.2.7 ", "192.0.2.7/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8:0:0::1", "2001:db8::1/128"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::/0", "::/0"),
    ],
)
def test_a_network_is_kept_in_one_form(written: str, kept: str) -> None:
    assert network_of(written) == kept


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            " ",
            "/",
            "/24",
            "home",
            "192.0.2",
            "192.0.2.0/",
            "192.0.2.0/33",
            "192.0.2.0/-1",
            "192.0.2.0/ 24",
        ),
        *("192.0.2.0/255.255.255.0", "192.0.2.0/0.0.0.255", "192.0.2.0/\u0662\u0664", "192.0.2.0/24/24"),
        *("2001:db8::/129", "2001:db8::%eth0/64", "010.0.0.0/8", "1" * 5000, "192.0.2.0/" + "2" * 5000),
    ],
)
def test_what_is_no_network(written: str) -> None:
    with pytest.raises(NameRefused) as refused:
        network_of(written)
    assert len(str(refused.value)) < 200


def test_an_address_inside_of_a_network_is_not_taken_for_the_network() -> None:
    with pytest.raises(NameRefused, match=r"write 192\.0\.2\.0/24, or 192\.0\.2\.7"):
        network_of("192.0.2.7/24")


def test_no_more_than_so_many() -> None:
    several = [f"192.0.2.{number}" for number in range(MAX_NETWORKS)]
    assert len(joined([*several, *several]).split()) == MAX_NETWORKS
    with pytest.raises(NameRefused, match="at most 20"):
        joined([*several, "198.51.100.1"])


@pytest.mark.parametrize("address", ["", "here", "192.0.2.1", "::1"])
def test_without_networks_it_is_good_everywhere(address: str) -> None:
    assert permit("", address)


@pytest.mark.parametrize("damaged", ["zz", "192.0.2.7/24", "192.0.2.0/24 1/2", " "])
def test_damaged_networks_let_nobody_in(damaged: str) -> None:
    assert not permit(damaged, "192.0.2.7")


def test_a_zone_is_no_part_of_an_address() -> None:
    assert permit("fe80::/10", "fe80::1%eth0")
    assert plain_address("fe80::1%eth0") == "fe80::1"
    assert plain_address("::ffff:192.0.2.1") == "192.0.2.1"
    assert plain_address("") == ""


def test_every_network_that_is_kept_is_one_that_is_read() -> None:
    longest = f"{'ffff:' * 7}ffff/128"
    assert len(longest) < allowed_networks.MAX_NETWORK_CHARACTERS
    assert permit(joined([longest]), longest.partition("/")[0])
