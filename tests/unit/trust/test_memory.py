"""What is held of a message and of records while the DNS is asked: strangers decide how many wait, and for how long."""

import tracemalloc
from collections.abc import Callable
from ipaddress import ip_address
from itertools import product
from string import ascii_lowercase, digits

from pillarbox.dns import Answer, Kind
from pillarbox.mail.address import Address
from pillarbox.mail.header import Header
from pillarbox.trust import arc, dkim
from pillarbox.trust.questions import Lookup
from pillarbox.trust.spf import check_mail_from
from tests.kit.signed_mail import DOMAIN, MESSAGE, NOW_S

NAMES = ":".join([first + second for first, second in product(ascii_lowercase + digits, repeat=2)][:990])


def held(make: Callable[[], object]) -> int:
    """Octets that are held with what was made."""
    make()  # what is remembered of the first time does not count
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = make()
        after = tracemalloc.get_traced_memory()[0]
        assert kept
        return after - before
    finally:
        tracemalloc.stop()


def test_a_check_of_spf_that_waits_holds_what_may_still_decide() -> None:
    terms = ["exists:one.example", *["a:other.example/24"] * 300, *["ip4:192.0.2.9"] * 100]
    record = f"v=spf1 {' '.join(terms)}".encode()

    def waiting() -> object:
        check = check_mail_from(
            ip_address("192.0.2.1"), Address("a", "b.example"), "c.example", receiver="d.example", now=NOW_S
        )
        assert next(check) == Lookup("b.example", Kind.TXT)
        assert check.send(Answer((record,), 300)) == Lookup("one.example", Kind.A)
        return check

    assert held(waiting) < 2 * len(record)


def test_a_signature_that_waits_for_its_key_holds_its_names_as_they_came() -> None:
    fields = b"".join(
        [
            f"DKIM-Signature: v=1; a=rsa-sha256; d={DOMAIN}; s=s{place}; h=from:{NAMES}; bh=aaaa; b=aaaa\r\n".encode()
            for place in range(10)
        ]
    )
    header = Header.parse(fields + MESSAGE)[0]

    def waiting() -> object:
        verification = dkim.Verification(header, received_s=NOW_S)
        assert verification.count == 10
        return verification

    assert held(waiting) < 4 * len(header.octets)


def test_sets_of_arc_that_wait_for_their_keys_hold_names_as_they_came() -> None:
    fields = b"".join(
        [
            (
                f"ARC-Seal: i={place}; a=rsa-sha256; d={DOMAIN}; s=s; cv={'pass' if place > 1 else 'none'}; b=aaaa\r\n"
                f"ARC-Message-Signature: i={place}; a=rsa-sha256; d={DOMAIN}; s=s; h={NAMES}; bh=aaaa; b=aaaa\r\n"
                f"ARC-Authentication-Results: i={place}; a.example; none\r\n"
            ).encode()
            for place in range(1, 51)
        ]
    )
    header = Header.parse(fields + MESSAGE)[0]

    def waiting() -> object:
        verification = arc.Verification(header)
        assert verification.count == 50 + 11
        return verification

    assert held(waiting) < 4 * len(header.octets)
