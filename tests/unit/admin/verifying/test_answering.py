"""Requests and their answers."""

import asyncio
import base64
import io
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.admin.verifying import requests
from pillarbox.admin.verifying.answering import MAX_SERVERS, Server, Verifier
from pillarbox.dns import Failure, Kind, Outcome
from pillarbox.trust.dkim import verification
from pillarbox.trust.spf import session
from pillarbox.world.clock import VirtualClock
from pillarbox.world.fetcher.memory import MemoryFetcher
from pillarbox.world.resolver import Resolver
from tests.kit.asking import Answers, Zone
from tests.kit.signed_mail import MESSAGE, NOW_S, crafted, ed25519_key, rsa_key, signed, zone

CLIENT = "192.0.2.1"


class Counting(Resolver):
    """Given records, of which each question counts."""

    def __init__(self, records: Zone) -> None:
        self.answers = Answers(records)
        self.asked: list[tuple[str, Kind]] = []
        self.closed = False

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        self.asked.append((name, kind))
        return self.answers.lookup(name, kind)

    async def close(self) -> None:
        self.closed = True


class Opened:
    """A verifier, and the resolvers that it has opened."""

    def __init__(self, records: Zone) -> None:
        self.records = records
        self.resolvers: dict[Server | None, Counting] = {}

    def open(self, server: Server | None) -> Resolver:
        self.resolvers[server] = Counting(self.records)
        return self.resolvers[server]

    def answers(self, *lines: bytes | None) -> list[dict[str, Any]]:
        async def all_of_them() -> list[dict[str, Any]]:
            verifier = Verifier(self.open, MemoryFetcher(), VirtualClock(NOW_S * 1000))
            try:
                return [await verifier.answer(line) for line in lines]
            finally:
                await verifier.close()

        return asyncio.run(all_of_them())

    def ask(self, **request: Any) -> dict[str, Any]:
        if isinstance(request.get("message"), bytes):
            request["message"] = base64.b64encode(request["message"]).decode()
        (answer,) = self.answers(json.dumps(request).encode())
        return answer


def texts(records: Mapping[str, str]) -> dict[tuple[str, Kind], Any]:
    return {(name, Kind.TXT): [text.encode()] for name, text in records.items()}


def test_spf_and_its_explanation() -> None:
    there = Opened(texts({"a.example": "v=spf1 -all exp=e.a.example", "e.a.example": "%{r} refuses %{s}"}))
    asked = {"op": "spf", "ip": CLIENT, "helo": "mail.a.example", "mail_from": "joe@a.example"}
    answer = there.ask(**asked, receiver="mx.example")
    assert (answer["result"], answer["explanation"]) == ("fail", "mx.example refuses joe@a.example")
    assert there.ask(**asked)["explanation"] == "unknown refuses joe@a.example"


@pytest.mark.parametrize("sender", [{}, {"mail_from": ""}, {"mail_from": "<>"}, {"mail_from": None}])
def test_the_null_sender_is_that_of_helo(sender: dict[str, str]) -> None:
    there = Opened(texts({"mail.a.example": "v=spf1 +all"}))
    assert there.ask(op="spf", ip=CLIENT, helo="mail.a.example", **sender)["domain"] == "mail.a.example"


KEYS = (rsa_key(), ed25519_key())
GOOD = signed(MESSAGE, *KEYS)


@pytest.mark.parametrize(
    ("message", "records", "expected"),
    [
        (GOOD, zone(*KEYS), "pass"),
        (GOOD.replace(b"\r\n", b"\n"), zone(*KEYS), "pass"),  # as it is saved on Unix
        (MESSAGE, {}, "none"),
        (GOOD + b"more", zone(*KEYS), "fail"),
        (GOOD, {}, "permerror"),
        (GOOD, zone(KEYS[0]), "pass"),  # the best one decides
        (GOOD + b"more", zone(KEYS[0]), "fail"),
        (GOOD, {("rsa._domainkey.example.org", Kind.TXT): Failure("SERVFAIL")}, "temperror"),
        (crafted(MESSAGE, KEYS[0], {"a": "rsa-sha1"}), zone(*KEYS), "permerror"),
        (crafted(MESSAGE, KEYS[0], {"v": "2"}), zone(*KEYS), "permerror"),
        (crafted(MESSAGE, KEYS[0], {"l": "3"}), zone(*KEYS), "fail"),
        (crafted(MESSAGE, KEYS[0], {"t": "1", "x": "2"}), zone(*KEYS), "fail"),
    ],
)
def test_dkim_in_five_words(message: bytes, records: Zone, expected: str) -> None:
    assert Opened(records).ask(op="dkim", message=message)["result"] == expected


@pytest.mark.rfc("6376 §3.6.1", "MUST")
def test_a_signature_that_fails_while_its_domain_tests_is_as_none() -> None:
    ((name, (text,)),) = zone(KEYS[0]).items()
    there = Opened({name: [text + b"; t=y"]})
    assert there.ask(op="dkim", message=crafted(MESSAGE, KEYS[0]) + b"more")["result"] == "none"
    assert there.ask(op="dkim", message=crafted(MESSAGE, KEYS[0]))["result"] == "pass"


def test_the_time_is_now_or_given() -> None:
    late = crafted(MESSAGE, KEYS[0], {"t": "1000", "x": "2000"})
    there = Opened(zone(*KEYS))
    assert there.ask(op="dkim", message=late)["result"] == "fail"
    assert there.ask(op="dkim", message=late, time=1500)["result"] == "pass"


def test_dmarc_has_a_policy_and_what_is_aligned() -> None:
    records = {
        **zone(*KEYS),
        **texts({"_dmarc.example.org": "v=DMARC1; p=reject", "b.example": "v=spf1 +all"}),
    }
    asked = {"op": "dmarc", "ip": CLIENT, "helo": "b.example", "mail_from": "x@b.example"}
    answer = Opened(records).ask(**asked, message=GOOD)
    assert (answer["result"], answer["policy"]) == ("pass", "reject")
    assert answer["alignment"] == {"method": "dkim", "domain": "example.org", "mode": "strict"}
    assert answer["spf"]["result"] == "pass"
    answer = Opened(records).ask(**asked, message=MESSAGE)
    assert (answer["result"], answer["policy"], answer["alignment"]) == ("fail", "reject", None)


def test_without_a_client_dmarc_does_not_know_what_spf_would_have_said() -> None:
    records = texts({"_dmarc.example.org": "v=DMARC1; p=reject"})
    for sender, expected in (("x@example.org", "temperror"), ("x@b.example", "fail")):
        answer = Opened(records).ask(op="dmarc", mail_from=sender, message=MESSAGE)
        assert (answer["result"], answer["spf"]) == (expected, None)


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("www.example.co.uk", "example.co.uk"),
        ("co.uk", None),
        ("", None),
        ("WWW.B\u00fccher.example", "b\u00fccher.example"),
        ("www.xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("www\u3002b\u00fccher.example", "xn--bcher-kva.example"),
    ],
)
def test_organizational_domains(domain: str, expected: str | None) -> None:
    assert Opened({}).ask(op="psl", domain=domain) == {"result": expected}


@pytest.mark.parametrize(
    "line",
    [
        b"", b"\n", b"{", b"[]", b"1", b"null", b"{}", b"\xff", b'{"op": "rm"}', b'{"op": 1}', b'{"op": "spf"}',
        b'{"op": "spf", "ip": "nobody"}', b'{"op": "spf", "ip": "fe80::1%eth0"}', b'{"op": "dkim"}',
        b'{"op": "dkim", "message": "\\u00fc"}', b'{"op": "dkim", "message": "A"}', b'{"op": "psl"}',
        b'{"op": "spf", "ip": "1.2.3.4", "dns": ["localhost", 53]}', b'{"op": "psl", "domain": "\\ud800"}',
        b'{"op": "spf", "ip": "1.2.3.4", "dns": ["127.0.0.1", 0]}', b'{"op": "spf", "ip": "1.2.3.4", "dns": []}',
        b'{"op": "dkim", "message": "", "time": -1}', b'{"op": "psl", "domain": "%b"}' % (b"x" * 2000),
        b'{"op": "psl", "domain": "a.example", "x": %b}' % (b"[" * 100_000 + b"]" * 100_000), None,
    ],
)  # fmt: skip
def test_what_is_no_request_is_told_and_the_next_is_answered(line: bytes | None) -> None:
    refused, answered = Opened({}).answers(line, b'{"op": "psl", "domain": "a.b.example", "other": {}}')
    assert list(refused) == ["error"]
    assert answered == {"result": "b.example"}


def test_a_line_that_is_too_long_is_passed_over() -> None:
    stream = io.BytesIO(b"ab\n" + b"x" * 100_000 + b"\ncd\n" + b"12345678\n" + b"123456789")
    assert list(requests.lines(stream, 9)) == [b"ab\n", None, b"cd\n", b"12345678\n", b"123456789"]


def test_resolvers_are_kept_but_not_all_of_them() -> None:
    there = Opened({})
    lines = [
        json.dumps({"op": "spf", "ip": CLIENT, "helo": "a.example", "dns": [f"127.0.0.{n}", 53]}).encode()
        for n in [*range(1, MAX_SERVERS + 2), 1, 1]
    ]
    there.answers(*lines)
    assert len(there.resolvers) == MAX_SERVERS + 1
    assert all(resolver.closed for resolver in there.resolvers.values())
    assert len(there.resolvers["127.0.0.1", 53].asked) == 2  # opened anew


def test_nothing_is_remembered_from_line_to_line() -> None:
    there = Opened({})
    there.answers(*[b'{"op": "spf", "ip": "192.0.2.1", "helo": "a.example"}'] * 3)
    assert there.resolvers[None].asked == [("a.example", Kind.TXT)] * 3


def asked_by(records: Zone, **request: Any) -> tuple[dict[str, Any], int]:
    there = Opened(records)
    answer = there.ask(**request)
    return answer, len(there.resolvers[None].asked)


def test_a_hundred_signatures_take_ten_questions() -> None:
    many = b"".join(
        b"DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=s%d; h=from; bh=YWE=; b=YWE=\r\n" % n
        for n in range(100)
    )
    answer, asked = asked_by({}, op="dkim", message=many + MESSAGE)
    assert (answer["result"], len(answer["signatures"])) == ("permerror", verification.MAX_READ)
    assert asked == verification.MAX_VERIFIED


def test_a_key_of_16384_bits_is_not_calculated_with() -> None:
    text = "v=DKIM1; p=" + base64.b64encode(bytes(2048 + 40)).decode()
    key = {("rsa._domainkey.example.org", Kind.TXT): [text.encode()]}
    answer, _ = asked_by(key, op="dkim", message=crafted(MESSAGE, KEYS[0]))
    assert (answer["result"], answer["why"]) == ("permerror", "key has more than 4096 bits")


def test_ten_thousand_fields_are_not_verified() -> None:
    answer, _ = asked_by(zone(*KEYS), op="dkim", message=b"X: y\r\n" * 10_000 + GOOD)
    assert answer["result"] == "none"
    answer, asked = asked_by(
        zone(*KEYS), op="dkim", message=GOOD.replace(b"\r\n\r\n", b"\r\n" + b"X: y\r\n" * 10_000 + b"\r\n", 1)
    )
    assert (answer["result"], asked) == ("permerror", 0)


BOMBS = {
    "includes of two includes each": {
        f"i{n}.a.example": f"v=spf1 include:i{2 * n}.a.example include:i{2 * n + 1}.a.example -all"
        for n in range(1, 600)
    },
    "itself": {"i1.a.example": "v=spf1 include:i1.a.example -all"},
    "macros": {"i1.a.example": "v=spf1 " + " ".join(["exists:" + "%{s}" * 60 + "%{d}.a.example"] * 200) + " -all"},
    "names of the client": {"i1.a.example": "v=spf1 " + " ".join(["exists:%{p}.%{i}.a.example"] * 200) + " -all"},
    "a long record": {"i1.a.example": "v=spf1 " + "a:x.example " * 5000},
}  # fmt: skip


@pytest.mark.rfc("7208 §4.6.4", "MUST")
@pytest.mark.parametrize("records", BOMBS.values(), ids=list(BOMBS))
def test_records_that_ask_for_more_and_more(records: dict[str, str]) -> None:
    answer, asked = asked_by(
        texts(records), op="spf", ip=CLIENT, helo="x", mail_from=f"{'x' * 400}@i1.a.example"
    )
    assert answer["result"] == "permerror"
    assert asked <= session.MAX_QUESTIONS


_TEXTS = st.text(alphabet="ab1.:@<>[]%{}\\ \0\u00fc\u202e", max_size=30)
_VALUES = st.one_of(st.none(), _TEXTS, st.integers(), st.lists(_TEXTS, max_size=3), st.just(CLIENT))


@given(
    st.dictionaries(
        st.sampled_from(["ip", "helo", "mail_from", "domain", "dns", "time", "receiver", "x"]), _VALUES
    ),
    st.sampled_from(["spf", "dkim", "arc", "dmarc", "psl", ""]),
    st.binary(max_size=200),
)
def test_whatever_is_asked_has_an_answer(request: dict[str, Any], op: str, message: bytes) -> None:
    request |= {"op": op, "message": base64.b64encode(message).decode()}
    (answer,) = Opened({}).answers(json.dumps(request).encode("utf-8", "surrogatepass"))
    assert ("result" in answer) != ("error" in answer)
