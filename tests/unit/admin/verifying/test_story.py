"""What the checks found, in sentences."""

from ipaddress import ip_address
from typing import Any

from pillarbox.admin.verifying.examining import Handover, examine
from pillarbox.admin.verifying.story import MAX_SIGNATURES, story
from pillarbox.dns import Kind
from pillarbox.mail.address import Address
from pillarbox.mail.header import Header
from tests.kit.asking import Answers
from tests.kit.signed_mail import MESSAGE, NOW_S, ed25519_key, rsa_key, signed, zone

KEYS = (rsa_key(), ed25519_key())
CLIENT = Handover(
    ip=ip_address("192.0.2.1"),
    helo="mail.example.org",
    mail_from=Address("joe", "example.org"),
    mail_from_known=True,
    source="the Received field of mx.b.example",
)
RECORDS: dict[tuple[str, Kind], Any] = {
    **zone(*KEYS),
    ("example.org", Kind.TXT): [b"v=spf1 ip4:192.0.2.0/24 -all exp=e.example.org"],
    ("e.example.org", Kind.TXT): [b"ask postmaster"],
    ("_dmarc.example.org", Kind.TXT): [b"v=DMARC1; p=reject"],
}


def told(octets: bytes, handover: Handover = CLIENT, records: Any = RECORDS) -> str:
    header, _ = Header.parse(octets)
    found = Answers(records).to(examine(octets, handover, receiver="unknown", now=NOW_S))
    return story(header, handover, found)


def test_of_a_good_message() -> None:
    assert told(signed(MESSAGE, *KEYS)).splitlines() == [
        "From      Joe <joe@example.org>",
        "Subject   A  subject that is   folded",
        "Sender    joe@example.org",
        "Client    192.0.2.1, which called itself mail.example.org (so says the Received field of mx.b.example)",
        "",
        'SPF       pass: example.org designates 192.0.2.1 as permitted sender, by "ip4:192.0.2.0/24"',
        "DKIM      pass: example.org (selector rsa, rsa-sha256, 2048 bits) signed it, and it is as it was signed",
        "DKIM      pass: example.org (selector ed, ed25519-sha256) signed it, and it is as it was signed",
        "ARC       none: nobody who forwarded it has sealed it",
        "DMARC     pass: example.org: spf of example.org is aligned (strict)",
        "          example.org asks for p=reject",
        "",
        "In short: example.org stands behind this message.",
    ]


def test_of_a_forged_one() -> None:
    text = told(
        signed(MESSAGE, KEYS[0]) + b"more",
        Handover(ip=ip_address("198.51.100.1"), mail_from=CLIENT.mail_from, mail_from_known=True),
    )
    assert "example.org says: ask postmaster" in text
    assert "body has been changed" in text
    assert text.endswith(
        "In short: nothing shows that this message is by example.org; the domain wants such a message refused."
    )


def test_of_one_whose_client_is_not_known() -> None:
    text = told(MESSAGE, Handover())
    assert "so SPF cannot be told" in text
    assert "as far as it can be told without SPF" in text
    text = told(MESSAGE, Handover(mail_from=CLIENT.mail_from, mail_from_known=True))
    assert text.endswith("cannot be told.")
    assert "stands behind" in told(signed(MESSAGE, KEYS[0]), Handover())


def test_of_a_domain_without_a_policy() -> None:
    assert "Known is who handed it over or signed it: example.org." in told(
        signed(MESSAGE, KEYS[0]), records=zone(*KEYS)
    )
    assert told(MESSAGE, records={}).endswith("who may write in its name.")


def test_of_a_bounce_and_of_what_is_no_message() -> None:
    assert "nobody: it is a bounce" in told(MESSAGE, Handover(ip=CLIENT.ip, mail_from_known=True))
    text = told(b"Hello")
    assert "There is no From field." in text
    assert text.endswith("the message names no author whose domain could stand behind it.")


def test_what_strangers_wrote_is_visible_and_not_long() -> None:
    octets = b"From: \x1b[31m <a@b.example>\r\nSubject: =?utf-8?q?=E2=80=AEx?= " + b"y" * 5000 + b"\r\n"
    octets += b"DKIM-Signature: v=1; a=\x1b]0;; d=b.example\r\n" * (MAX_SIGNATURES + 5) + b"\r\n"
    text = told(octets)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[31m" in text
    assert "and 5 more signatures" in text
    assert max(map(len, text.splitlines())) < 1000


def test_of_one_whose_sender_is_not_known() -> None:
    text = told(MESSAGE, Handover(ip=CLIENT.ip, helo="example.org"))
    assert "Sender    unknown" in text
    assert "SPF HELO  pass" in text
    assert "DMARC     fail" in text, "who calls itself like the author has not sent in its name"
