"""The signed messages in RFC 6376 App. A and RFC 8463 App. A, with keys as they are in the DNS.

The first one is signed in simple form, where every blank counts: in the RFC's text two are lost, or added, by its
formatter. Folds begin with six of them, and one follows the full stop.
"""

import pytest

from pillarbox.dns import Kind
from pillarbox.trust.results import Result
from tests.kit.signed_mail import verified

FIELDS_AND_TEXT = """\
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
"""

RFC_6376 = """\
DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
      c=simple/simple; q=dns/txt; i=joe@football.example.com;
      h=Received : From : To : Subject : Date : Message-ID;
      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
      4bmp/YzhwvcubU4=;
Received: from client1.football.example.com  [192.0.2.1]
      by submitserver.example.com with SUBMISSION;
      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
""" + FIELDS_AND_TEXT.replace("game.  Are", "game. Are")
RFC_8463 = (
    """\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
"""
    + FIELDS_AND_TEXT
)
ZONE = {
    ("brisbane._domainkey.example.com", Kind.TXT): (
        (
            b"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ"
            b"KBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"
            b"IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v"
            b"/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi"
            b"tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"
        ),
    ),
    ("brisbane._domainkey.football.example.com", Kind.TXT): (
        b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    ),
    ("test._domainkey.football.example.com", Kind.TXT): (
        (
            b"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
            b"iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
            b"DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"
            b"Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
        ),
    ),
}


def octets(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


@pytest.mark.rfc("6376 §A.3", "MUST")
def test_rsa_over_the_simple_form() -> None:
    (outcome,) = verified(octets(RFC_6376), ZONE)
    assert (outcome.result, outcome.domain, outcome.identity) == (
        Result.PASS,
        "example.com",
        "joe@football.example.com",
    )
    assert outcome.reason == "key has 1024 bits, fewer than 2048"


@pytest.mark.rfc("8463 §A.3", "MUST")
def test_both_algorithms_over_the_relaxed_form() -> None:
    ed25519, rsa = verified(octets(RFC_8463), ZONE)
    assert (ed25519.result, ed25519.algorithm, ed25519.key_bits) == (Result.PASS, "ed25519-sha256", 256)
    assert (rsa.result, rsa.algorithm, rsa.key_bits) == (Result.PASS, "rsa-sha256", 1024)


@pytest.mark.parametrize("text", [RFC_6376, RFC_8463])
def test_every_octet_of_the_text_counts(text: str) -> None:
    changed = octets(text).replace(b"hungry", b"Hungry")
    assert {outcome.result for outcome in verified(changed, ZONE)} == {Result.FAIL}
