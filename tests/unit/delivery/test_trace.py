import pytest

from pillarbox.delivery.trace import Client, Hop, client_of, marks, received, return_path, with_trace
from pillarbox.mail.header import unfold
from pillarbox.mail.received import parse

HOP = Hop(
    client_name="client.example",
    client_address="192.0.2.7",
    hostname="mx.one.example",
    protocol="ESMTPS",
    trace_id="ABC",
    recipient="anna@one.example",
    cipher="TLS_AES_256_GCM_SHA384",
    at_ms=1_700_000_000_000,
)


def changed(**fields: object) -> str:
    values = {name: getattr(HOP, name) for name in Hop.__struct_fields__} | fields
    return received(Hop(**values)).decode()


@pytest.mark.rfc("3848 §1", "MUST")
@pytest.mark.rfc("5321 §4.4", "MUST")
def test_received() -> None:
    assert received(HOP) == (
        b"Received: from client.example ([192.0.2.7])\r\n"
        b"\tby mx.one.example with ESMTPS id ABC\r\n"
        b"\tfor <anna@one.example>\r\n"
        b"\ttls TLS_AES_256_GCM_SHA384;\r\n"
        b"\tTue, 14 Nov 2023 22:13:20 +0000\r\n"
    )


@pytest.mark.parametrize(
    ("name", "address", "clause"),
    [
        ("[192.0.2.7]", "192.0.2.7", "from [192.0.2.7] ([192.0.2.7])\r\n"),
        ("client.example", "2001:db8::1", "from client.example ([IPv6:2001:db8::1])\r\n"),
        ("client.example", "", "from client.example\r\n"),
        ("my_laptop", "192.0.2.7", "from [192.0.2.7] (my_laptop)\r\n"),
        ("(evil)\\", "192.0.2.7", "from [192.0.2.7] (\\(evil\\)\\\\)\r\n"),
        ("büro", "192.0.2.7", "from [192.0.2.7] (b?ro)\r\n"),
        ("a;b", "", "from localhost (a;b)\r\n"),
        ("[IPv6:2001:db8::1]", "", "from [IPv6:2001:db8::1]\r\n"),
        ("[)by(us]", "192.0.2.7", "from [192.0.2.7] ([\\)by\\(us])\r\n"),
        ("[x;by=us]", "192.0.2.7", "from [192.0.2.7] ([x;by=us])\r\n"),
    ],
)
def test_the_from_clause_is_in_the_grammar_whatever_the_client_says(
    name: str, address: str, clause: str
) -> None:
    assert clause in changed(client_name=name, client_address=address)


def test_optional_clauses() -> None:
    assert "for <" not in changed(recipient=None)
    assert "tls" not in changed(cipher=None)
    assert "\r\n\t(sender domain \\(x\\));\r\n" in changed(remark="sender domain (x)")


@pytest.mark.rfc("8314 §4.3", "SHOULD")
@pytest.mark.parametrize(
    ("openssl", "registered"),
    [
        ("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        ("ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        ("ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
        ("OTHER-CIPHER", "OTHER_CIPHER"),
    ],
)
def test_cipher_suites_have_their_registered_names(openssl: str, registered: str) -> None:
    assert f"tls {registered};" in changed(cipher=openssl)


def test_marks() -> None:
    seen = marks(b"Received: a\r\nreceived: b\r\nX-Received: c\r\nRETURN-PATH: <>\r\n\r\nReceived: d\r\n")
    assert (seen.hops, seen.forged) == (2, True)
    seen = marks(b"hello\r\n\r\nReturn-Path: x")
    assert (seen.hops, seen.forged) == (0, False)
    assert marks(b"").hops == 0


def test_hops_are_counted_however_they_are_written() -> None:
    assert marks(b"received : a\r\nReceived\t:b\r\nReceived: c\r\nReceived-SPF: d\r\n\r\n").hops == 3


TRACE = return_path("<a@mail.example>") + b"Received: x\r\n"


@pytest.mark.rfc("5321 §4.4", "SHOULD")
@pytest.mark.parametrize(
    ("message", "rest"),
    [
        (b"Subject: x\r\n\r\nbody", b"Subject: x\r\n\r\nbody"),
        (b"Return-Path: <forged>\r\nSubject: x\r\n\r\nReturn-Path: <>", b"Subject: x\r\n\r\nReturn-Path: <>"),
        (b"Subject: x\r\nReturn-Path\t:\r\n <forged>\r\n\r\nbody", b"Subject: x\r\n\r\nbody"),
        (b"Return-Path: x\r\nstray text\r\n\r\nbody", b"\r\nstray text\r\n\r\nbody"),
        (b" continued\r\nSubject: x\r\n\r\n", b"\r\n continued\r\nSubject: x\r\n\r\n"),
        (b"\r\nbody", b"\r\nbody"),
        (b"hello\r\n\r\nworld", b"\r\nhello\r\n\r\nworld"),
        (b"", b"\r\n"),
        (b"Subject: no end", b"Subject: no end"),
    ],
)
def test_trace_goes_on_top_and_keeps_apart_from_text(message: bytes, rest: bytes) -> None:
    assert with_trace(message, TRACE, marks(message)) == TRACE + rest


OUR_NAMES = ("mx.one.example", "one.example")


@pytest.mark.rfc("8601 §5", "MUST")
@pytest.mark.parametrize(
    "claim",
    [
        b"Authentication-Results: mx.one.example; dmarc=pass\r\n",
        b"AUTHENTICATION-RESULTS : MX.One.Example 1; spf=pass\r\n",
        b"Authentication-Results:\r\n (us;) mx.one.example;\r\n spf=pass\r\n",
        b'Authentication-Results: "mx.one\\.example."; spf=pass\r\n',
        b"Authentication-Results: one.example; none\r\n",
        b"Authentication-Results: (a=b (c) (d;)) mx.one.example; spf=pass\r\n",
        b"Authentication-Results: ((((()))) mx.one.example; spf=pass\r\n",
    ],
)
def test_results_that_claim_to_be_ours_are_removed(claim: bytes) -> None:
    message = b"Subject: x\r\n" + claim + b"To: y\r\n\r\nbody"
    kept = b"Subject: x\r\nTo: y\r\n\r\nbody"
    assert with_trace(message, TRACE, marks(message), our_names=OUR_NAMES) == TRACE + kept
    assert with_trace(message, TRACE, marks(message)) == TRACE + message


@pytest.mark.parametrize(
    "others",
    [
        b"Authentication-Results: mx.one.example.attacker.example; spf=pass\r\n",
        b"Authentication-Results: mail.example (not mx.one.example); spf=pass smtp.helo=mx.one.example\r\n",
        b"ARC-Authentication-Results: i=1; mx.one.example; spf=pass\r\n",
    ],
)
def test_results_of_others_stay(others: bytes) -> None:
    message = b"Subject: x\r\n" + others + b"\r\nbody"
    assert with_trace(message, TRACE, marks(message), our_names=OUR_NAMES) == TRACE + message


IMAGES = b"BIMI-Indicator: PHN2Zz4=\r\nbimi-location : v=BIMI1; l=x\r\n\tcont\r\nBIMI-Logo-Preference: avp=brand\r\n"


@pytest.mark.parametrize("before", [b"", b"Subject: x\r\n"])
def test_images_that_claim_to_have_been_checked_are_removed(before: bytes) -> None:
    kept = b"BIMI-Selector: v=BIMI1; s=one\r\nX: BIMI-Indicator: y\r\n\r\nBIMI-Indicator: z\r\n"
    octets = before + IMAGES + kept
    assert with_trace(octets, b"", marks(octets), ("mx.one.example",)) == before + kept
    assert with_trace(octets, b"", marks(octets)) == octets


@pytest.mark.parametrize(
    ("name", "address", "helo"),
    [
        ("mail.example", "192.0.2.7", "mail.example"),
        ("mail.example", "2001:db8::7", "mail.example"),
        ("[198.51.100.1]", "192.0.2.7", "[198.51.100.1]"),
        ("[198.51.100.1] ", "192.0.2.7", "[198.51.100.1] "),
        ("([198.51.100.1])", "192.0.2.7", "([198.51.100.1])"),
        ("[198.51.100.1]) by mx.example (x", "192.0.2.7", "[198.51.100.1]) by mx.example (x"),
        ("x; from [198.51.100.1]", "2001:db8::7", "x; from [198.51.100.1]"),
        ("a\\", "192.0.2.7", "a\\"),
        ("mail.example", "", "mail.example"),
        ("[198.51.100.1]", "", "[198.51.100.1]"),
        ("x y", "", "x y"),
    ],
)
def test_our_field_tells_the_client_whatever_it_called_itself(name: str, address: str, helo: str) -> None:
    written = changed(client_name=name, client_address=address)
    found = parse(unfold(written.encode().partition(b":")[2]))
    assert client_of(found.source, found.remarks) == Client(helo, address)
    assert found.by == HOP.hostname
    assert found.suite == "" or found.suite.startswith("TLS_")
