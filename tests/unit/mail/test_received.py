"""Received fields of many servers, and what each says."""

from typing import Any

import pytest

from pillarbox.mail import received
from pillarbox.mail.header import Header, unfold
from pillarbox.mail.received import Received, parse, version_of
from tests.kit.corpora import needs_corpora, single_messages
from tests.kit.linear import assert_linear

AT_MS = 1_700_000_000_000
DATE = "Tue, 14 Nov 2023 22:13:20 +0000"

FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "postfix": (
        (
            "from mail.example (unknown [192.0.2.7])\r\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 "
            "(256/256 bits)\r\n\t key-exchange X25519 server-signature ECDSA (P-256))"
            "\r\n\t(No client certificate requested)"
            "\r\n\tby mx.example (Postfix) with ESMTPS id 4SVR\r\n\tfor <anna@one.example>"
        ),
        {
            "helo": "mail.example",
            "ip": "192.0.2.7",
            "by": "mx.example",
            "protocol": "ESMTPS",
            "recipient": "anna@one.example",
            "tls_version": "TLSv1.3",
            "cipher": "TLS_AES_256_GCM_SHA384",
        },
    ),
    "postfix, from a user": ("by mx.example (Postfix, from userid 1000)\r\n\tid 4SVR", {"by": "mx.example"}),
    "exim": (
        (
            "from [192.0.2.7] (helo=mail.example)\r\n\tby mx.example with esmtps (TLS1.3) tls TLS_AES_128_GCM_SHA256"
            "\r\n\t(Exim 4.96)\r\n\t(envelope-from <joe@two.example>)\r\n\tid 1r31\r\n\tfor anna@one.example"
        ),
        {
            "helo": "mail.example",
            "ip": "192.0.2.7",
            "by": "mx.example",
            "protocol": "esmtps",
            "recipient": "anna@one.example",
            "tls_version": "TLSv1.3",
            "cipher": "TLS_AES_128_GCM_SHA256",
            "suite": "TLS_AES_128_GCM_SHA256",
        },
    ),
    "exim of old, with a port": (
        (
            "from relay.example ([192.0.2.7]:4711 helo=mail.example) by mx.example with esmtpsa "
            "(TLSv1.2:ECDHE-RSA-AES256-GCM-SHA384:256) (Exim 4.80) id 1K0H"
        ),
        {
            "helo": "mail.example",
            "name": "relay.example",
            "ip": "192.0.2.7",
            "by": "mx.example",
            "protocol": "esmtpsa",
            "tls_version": "TLSv1.2",
            "cipher": "ECDHE-RSA-AES256-GCM-SHA384",
        },
    ),
    "sendmail": (
        (
            "from mail.example (host.example [IPv6:2001:db8::7] (may be forged))\r\n\tby mx.example (8.15.2/8.15.2) "
            "with ESMTPS id x\r\n\t(version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 bits=256 verify=NO)"
            "\r\n\tfor <a@b.example>"
        ),
        {
            "helo": "mail.example",
            "name": "host.example",
            "ip": "2001:db8::7",
            "by": "mx.example",
            "protocol": "ESMTPS",
            "recipient": "a@b.example",
            "tls_version": "TLSv1.2",
            "cipher": "ECDHE-RSA-AES256-GCM-SHA384",
        },
    ),
    "gmail": (
        (
            "from mail-ed1-f41.google.com (mail-ed1-f41.google.com. [209.85.208.41])\r\n        by mx.google.com with "
            "ESMTPS id r1-2\r\n        for <a@b.example>"
            "\r\n        (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128)"
        ),
        {
            "helo": "mail-ed1-f41.google.com",
            "name": "mail-ed1-f41.google.com",
            "ip": "209.85.208.41",
            "by": "mx.google.com",
            "protocol": "ESMTPS",
            "recipient": "a@b.example",
            "tls_version": "TLSv1.3",
            "cipher": "TLS_AES_128_GCM_SHA256",
        },
    ),
    "gmail, inside": (
        "by 2002:a05:6402:1:b0:540 with SMTP id x",
        {"by": "2002:a05:6402:1:b0:540", "protocol": "SMTP"},
    ),
    "exchange": (
        (
            "from A.PROD.OUTLOOK.COM (2603:10a6:600:197::17) by B.PROD.OUTLOOK.COM (2603:10a6:600:21c::9) with "
            "Microsoft SMTP Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.4909.8 via "
            "Frontend Transport"
        ),
        {
            "helo": "A.PROD.OUTLOOK.COM",
            "ip": "2603:10a6:600:197::17",
            "by": "B.PROD.OUTLOOK.COM",
            "protocol": "Microsoft SMTP Server",
            "tls_version": "TLSv1.2",
            "cipher": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        },
    ),
    "qmail": (
        "from unknown (HELO mail.example) (192.0.2.7)\r\n  by mx.example with SMTP",
        {"helo": "mail.example", "ip": "192.0.2.7", "by": "mx.example", "protocol": "SMTP"},
    ),
    "qmail, inside": ("(qmail 31873 invoked by uid 60001)", {}),
    "ours": (
        (
            "from mail.example ([192.0.2.7])\r\n\tby mx.example with ESMTPS id x\r\n\tfor <a@b.example>\r\n"
            "\ttls TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\r\n\t(spf=pass)"
        ),
        {
            "helo": "mail.example",
            "ip": "192.0.2.7",
            "by": "mx.example",
            "protocol": "ESMTPS",
            "recipient": "a@b.example",
            "tls_version": "TLSv1.2",
            "cipher": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "suite": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        },
    ),
}
TEXTS = ("helo", "name", "ip", "by", "protocol", "recipient", "tls_version", "cipher", "suite")


@pytest.mark.parametrize("server", FORMS)
def test_forms(server: str) -> None:
    text, said = FORMS[server]
    found = parse(unfold(f"{text};\r\n\t{DATE}".encode()))
    assert {name: value for name in TEXTS if (value := getattr(found, name))} == said
    assert found.at_ms == AT_MS
    assert found.understood


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "from",
        "by ; x",
        "from a by b with c",
        "nonsense; Tue, 14 Nov 2023 22:13:20 +0000",
        "from a by b; yesterday",
        "(" * 3_000,
        ")" * 3_000 + "; Tue, 14 Nov 2023 22:13:20 +0000",
        '"from a by b; Tue',
        "\\",
    ],
)
def test_other_text_is_borne(text: str) -> None:
    assert not parse(text.encode()).understood


def test_no_octets_are_too_odd() -> None:
    found = parse(b"from \xff\x00 (\xc3\xa4 [999.0.2.7]) by b\xfe; Tue, 14 Nov 2023 22:13:20 +0000")
    assert (found.ip, found.understood) == ("", True)


def test_what_is_long_is_cut_and_its_date_is_found() -> None:
    found = parse(b"from a (" + b"x" * 100_000 + b") by b; " + DATE.encode())
    assert (found.source, found.by, found.at_ms) == ("a", "", AT_MS)
    assert len(parse(b"from " + b"a" * 1_000 + b" by b").source) == received.MAX_TEXT


def test_a_comment_names_no_clause_and_escapes_are_read() -> None:
    found = parse(rb"from a (x \) by evil with tls TLS_NULL) by b with SMTP; " + DATE.encode())
    assert (found.by, found.protocol, found.suite) == ("b", "SMTP", "")
    assert found.remarks == ("x ) by evil with tls TLS_NULL",)


@pytest.mark.parametrize(
    ("suite", "version"),
    [
        ("TLS_CHACHA20_POLY1305_SHA256", "TLSv1.3"),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLSv1.2"),
        ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", ""),
        ("", ""),
    ],
)
def test_a_suite_tells_its_version(suite: str, version: str) -> None:
    assert version_of(suite) == version


@pytest.mark.parametrize("piece", [b"(", b")", b"from ", b'"', b"\\", b"a(", b"[1.2.3.4] ", b"; "])
def test_reading_takes_time_in_proportion_to_the_field(piece: bytes) -> None:
    assert_linear(parse, lambda size: piece * (size // len(piece)), received.MAX_OCTETS * 4)


@needs_corpora
def test_of_the_fields_in_the_corpora_all_are_understood() -> None:
    found: list[Received] = []
    for _, octets in single_messages():
        found += map(parse, Header.parse(octets)[0].all("received"))
    assert len(found) > 70
    assert sum(one.understood for one in found) == len(found)
    assert sum(bool(one.ip) for one in found if one.source) > 35
