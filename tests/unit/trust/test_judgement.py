"""What all checks together say of a message."""

from ipaddress import IPv4Address

import pytest

from pillarbox.dns import Kind
from pillarbox.mail.header import Header
from pillarbox.trust import arc
from pillarbox.trust.dmarc.handling import Action, Mode, decide
from pillarbox.trust.judgement import Client, judge
from pillarbox.trust.results import Result
from pillarbox.trust.signatures.body_hash import body_digest
from tests.kit.asking import Answers
from tests.kit.signed_mail import DOMAIN, MESSAGE, NOW_S, ed25519_key, zone

SEALER = ed25519_key()
ZONE = {**zone(SEALER), ("_dmarc.victim.example", Kind.TXT): (b"v=DMARC1; p=reject",)}
FORGED = MESSAGE.replace(b"joe@example.org", b"ceo@victim.example")


def sealed(octets: bytes, results: str) -> bytes:
    header, body_start = Header.parse(octets)
    digest = body_digest(octets[body_start:])
    return arc.seal(header, digest, SEALER, verdict=Result.NONE, results=results, sealed_s=NOW_S) + octets


@pytest.mark.rfc("8617 §7.2.1", "MAY")
@pytest.mark.parametrize(
    ("results", "action"),
    [
        ("lists.example; dmarc=pass header.from=victim.example", Action.ACCEPT),
        ("lists.example; dmarc=pass header.from=Victim.Example", Action.ACCEPT),
        # a user of a trusted sealer, who has changed From after the message came there
        ("lists.example; dmarc=pass header.from=evil.example", Action.REJECT),
        (
            "lists.example; dmarc=pass header.from=evil.example; dmarc=pass header.from=victim.example",
            Action.REJECT,
        ),
        ("lists.example; dmarc=fail header.from=victim.example", Action.REJECT),
        ("lists.example; dmarc=pass", Action.REJECT),
        ("lists.example; spf=pass", Action.REJECT),
    ],
)
def test_a_seal_excuses_what_passed_under_the_same_author_only(results: str, action: Action) -> None:
    header, body_start = Header.parse(octets := sealed(FORGED, results))
    client = Client(IPv4Address("192.0.2.1"), "mx.example", None)
    found = Answers(ZONE).to(
        judge(client, header, [octets[body_start:]], receiver="mx.example.net", now=NOW_S)
    )
    assert (found.chain.result, found.dmarc.result) == (Result.PASS, Result.FAIL)
    decided = decide(found.dmarc, Mode.REJECT, chain=found.sealed, trusted_sealers={DOMAIN})
    assert decided.action is action
