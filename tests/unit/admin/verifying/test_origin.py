"""Who handed a saved message over, as its own fields tell."""

import pytest

from pillarbox.admin.verifying.examining import Handover
from pillarbox.admin.verifying.origin import origin
from pillarbox.mail.address import Address
from pillarbox.mail.header import Header


def of(*fields: str) -> Handover:
    header, _ = Header.parse("".join(f"{field}\r\n" for field in fields).encode() + b"\r\n")
    return origin(header)


@pytest.mark.parametrize(
    ("received", "ip", "helo"),
    [
        (
            "from mail.a.example (a.example [192.0.2.1])\r\n\tby mx.b.example; now",
            "192.0.2.1",
            "mail.a.example",
        ),
        ("from mail.a.example ([IPv6:2001:db8::1]) by mx.b.example; now", "2001:db8::1", "mail.a.example"),
        ("from a.example ([192.0.2.1] helo=mail.a.example) by mx.b.example", "192.0.2.1", "mail.a.example"),
        ("from unknown (HELO mail.a.example) (192.0.2.1) by mx.b.example", "192.0.2.1", "mail.a.example"),
        ("from [192.0.2.1] (port=1 helo=a.example) by mx.b.example", "192.0.2.1", "a.example"),
        (
            "from X.example (2001:db8::1) by\r\n Y.example (2001:db8::2) with HTTPS",
            "2001:db8::1",
            "X.example",
        ),
    ],
)
def test_forms_of_received(received: str, ip: str, helo: str) -> None:
    found = of(f"Received: {received}")
    assert (str(found.ip), found.helo) == (ip, helo)
    assert found.source.startswith("the Received field of ")


def test_hops_within_a_network_are_passed_over_and_nothing_below_a_public_one_is_read() -> None:
    found = of(
        "Received: by mx.b.example with LMTP id 1",
        "Received: from localhost (localhost [127.0.0.1]) by mx.b.example",
        "Received: from relay (relay [10.0.0.1]) by in.b.example",
        "Received: from mail.a.example (a.example [192.0.2.1]) by relay.b.example",
        "Received: from forged (forged [198.51.100.1]) by mail.a.example",
    )
    assert str(found.ip) == "192.0.2.1"
    assert found.source == "the Received field of relay.b.example"


@pytest.mark.parametrize(
    "received",
    [
        "from",
        "",
        "from a (b [999.1.2.3]) by c",
        "from a by c ([192.0.2.1])",
        "from a (b [::1]) by c",
        "\xff" * 3000,
    ],
)
def test_what_names_nobody(received: str) -> None:
    assert of(f"Received: {received}").ip is None


def test_the_sender_of_the_envelope() -> None:
    assert of("Return-Path: <joe@a.example>", "Return-Path: <x@b.example>").mail_from == Address(
        "joe", "a.example"
    )
    bounce = of("Return-Path: <>")
    assert bounce.mail_from is None
    assert bounce.mail_from_known
    assert not of("Subject: x").mail_from_known
