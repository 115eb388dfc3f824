"""Which sessions a request to the server selects."""

import pytest

from pillarbox.admin.control.messages import Selection, Session
from pillarbox.server.control.answers import matching


def session(address: str) -> Session:
    return Session("1.imap.2", "imap", address, 7, "a@x", "", "", "", "", 1.0, None, None, None)


@pytest.mark.parametrize(
    ("network", "address", "is_selected"),
    [
        ("192.0.2.0/24", "192.0.2.7", True),
        ("192.0.2.0/24", "::ffff:192.0.2.7", True),
        ("192.0.2.0/24", "::ffff:192.0.3.7", False),
        ("2001:db8::/48", "2001:db8:0:1::1", True),
        ("2001:db8::/48", "192.0.2.7", False),
        ("192.0.2.0/24", "", False),
    ],
)
def test_a_network_selects_its_addresses_however_they_are_written(
    network: str, address: str, is_selected: bool
) -> None:
    assert matching(Selection(network=network))(session(address)) is is_selected
