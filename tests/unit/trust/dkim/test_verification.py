"""Which DKIM signatures are good, and what is said of the others (RFC 6376 §6)."""

import pytest

from pillarbox.dns import Answer, Failure, Kind, NoData, NxDomain
from pillarbox.mail.header import Header
from pillarbox.trust import dkim
from pillarbox.trust.results import MethodResult, Property, Result
from tests.kit.asking import Answers
from tests.kit.signed_mail import (
    DOMAIN,
    MESSAGE,
    NOW_S,
    crafted,
    ed25519_key,
    rsa_key,
    signed,
    verified,
    zone,
)

ZONE = zone(rsa_key(), ed25519_key())
NAME = ("ed._domainkey.example.org", Kind.TXT)


def outcome(octets: bytes, records: object = None, *, received_s: int = NOW_S) -> dkim.SignatureOutcome:
    (found,) = verified(octets, ZONE if records is None else records, received_s=received_s)  # type: ignore[arg-type]
    return found


def result(*tags: tuple[str, str | None]) -> Result:
    return outcome(crafted(MESSAGE, ed25519_key(), dict(tags))).result


def test_a_good_signature() -> None:
    found = outcome(crafted(MESSAGE, rsa_key(), {"i": "joe@mail.example.org", "t": "1"}))
    assert found.result is Result.PASS
    assert (found.domain, found.selector, found.algorithm) == (DOMAIN, "rsa", "rsa-sha256")
    assert (found.identity, found.key_bits, found.test_mode) == ("joe@mail.example.org", 2048, False)
    assert found.signed_names == ("from", "to", "subject", "date")
    assert (found.covers_body, found.covers_from, found.reason) == (True, True, "")


@pytest.mark.rfc("8601 §2.7.1", "MUST")
@pytest.mark.rfc("6008 §4", "MUST")
def test_as_results_for_authentication_results() -> None:
    octets = signed(MESSAGE, rsa_key(), ed25519_key())
    first, second = dkim.method_results(verified(octets, ZONE))
    prefix = octets.partition(b" b=")[2][:8].decode()
    assert first == MethodResult(
        "dkim",
        Result.PASS,
        DOMAIN,
        "",
        (
            Property("header", "d", DOMAIN),
            Property("header", "s", "rsa"),
            Property("header", "a", "rsa-sha256"),
            Property("header", "b", prefix),
        ),
    )
    assert second.properties[2].value == "ed25519-sha256"
    assert dkim.method_results(()) == (MethodResult("dkim", Result.NONE, reason="message not signed"),)


TLS_REPORT = (
    b"From: tlsrpt@example.org\r\nTo: r@example.net\r\nSubject: Report\r\nDate: Tue, 1 Dec 2026 01:00:00 +0000\r\n"
    b"TLS-Report-Domain: example.net\r\nTLS-Report-Submitter: example.org\r\n"
    b'Content-Type: Multipart/Report; report-type="tlsrpt";\r\n boundary="x"\r\n\r\n--x\r\n\r\n--x--\r\n'
)


@pytest.mark.rfc("8460 §3", "SHOULD")
@pytest.mark.parametrize(
    ("services", "message", "expected"),
    [
        (b"tlsrpt", TLS_REPORT, Result.PASS),
        (b"other : tlsrpt", TLS_REPORT, Result.PASS),
        (b"tlsrpt", MESSAGE, Result.PERMERROR),
        (b"other", TLS_REPORT, Result.PERMERROR),
        # The receiver MAY ignore reports by other keys, and does not
        (b"email", TLS_REPORT, Result.PASS),
        (b"*", TLS_REPORT, Result.PASS),
        (b"email:tlsrpt", MESSAGE, Result.PASS),
        (b"tlsrpt", TLS_REPORT.replace(b"TLS-Report-Domain", b"X-Domain"), Result.PERMERROR),
        (b"tlsrpt", TLS_REPORT.replace(b'"tlsrpt"', b"delivery-status"), Result.PERMERROR),
        (b"tlsrpt", TLS_REPORT.replace(b"Multipart/Report", b"multipart/mixed"), Result.PERMERROR),
        (b"tlsrpt", b"Content-Type: text/html\r\n" + TLS_REPORT, Result.PERMERROR),
        (b"tlsrpt", TLS_REPORT.replace(b"boundary=", b"a=" + b"x" * 2000 + b"; boundary="), Result.PERMERROR),
    ],
)
def test_a_key_for_reports_about_tls_is_for_nothing_else(
    services: bytes, message: bytes, expected: Result
) -> None:
    ((name, (record,)),) = zone(ed25519_key()).items()
    found = outcome(crafted(message, ed25519_key()), {name: (record + b"; s=" + services,)})
    assert found.result is expected
    assert found.reason == ("" if expected is Result.PASS else "key is not for mail")


@pytest.mark.rfc("6008 §4", "MUST")
def test_the_prefix_is_as_long_as_it_must_be_to_tell_signatures_apart() -> None:
    outcomes = [
        dkim.SignatureOutcome(Result.FAIL, signature_text=text)
        for text in ("AAAAAAAABBB", "AAAAAAAACCC", "AA")
    ]
    assert [each.properties[0].value for each in dkim.method_results(outcomes)] == [
        "AAAAAAAABBB",
        "AAAAAAAACCC",
        "AA",
    ]
    same = dkim.method_results([outcomes[0]] * 2)
    assert [each.properties[0].value for each in same] == ["AAAAAAAA"] * 2


@pytest.mark.rfc("6376 §3.5", "MUST")
@pytest.mark.parametrize(
    "forms",
    [None, "simple", "relaxed", "simple/simple", "simple/relaxed", "relaxed/simple", "Relaxed/Relaxed"],
)
def test_all_ways_to_say_canonicalization(forms: str | None) -> None:
    octets = crafted(MESSAGE, ed25519_key(), {"c": forms and forms.lower()})
    assert outcome(octets).result is Result.PASS
    refolded = octets.replace(b"that\r\n is", b"that is")
    relaxed_header = (forms or "").lower().startswith("relaxed")
    assert (outcome(refolded).result is Result.PASS) is relaxed_header
    spaced = octets.replace(b"Hello  Ann", b"Hello Ann")
    assert (outcome(spaced).result is Result.PASS) is (forms or "").lower().endswith("/relaxed")


@pytest.mark.rfc("6376 §3.5", "MUST")
def test_names_in_h_as_they_occur() -> None:
    octets = b"X: 1\r\nReceived: two\r\n" + MESSAGE
    signature = crafted(octets, ed25519_key(), {"h": "From : from: X-None:\r\n Received:Received:Received"})
    assert outcome(signature).result is Result.PASS
    assert outcome(signature.replace(b"Received: two", b"Received: three")).result is Result.FAIL
    assert outcome(signature.replace(b"X: 1", b"X: 2")).result is Result.PASS
    assert outcome(signature.replace(b"X: 1", b"X-None: 1")).result is Result.FAIL


@pytest.mark.rfc("6376 §6.1.1", "MUST")
@pytest.mark.parametrize("tag", ["v", "a", "b", "bh", "d", "h", "s"])
def test_a_required_tag_is_missing(tag: str) -> None:
    octets = crafted(MESSAGE, ed25519_key())
    without = octets.replace(f" {tag}=".encode(), f" y{tag}=".encode(), 1)
    found = outcome(without)
    assert (found.result, found.reason) == (Result.NEUTRAL, f"syntax error: {tag}= is missing")


@pytest.mark.rfc("6376 §6.1.1", "MUST")
@pytest.mark.parametrize(
    ("tag", "value", "expected", "reason"),
    [
        ("v", "2", Result.NEUTRAL, "unknown version '2'"),
        ("a", "foo-sha256", Result.NEUTRAL, "unknown algorithm 'foo-sha256'"),
        ("a", "rsa-sha1", Result.POLICY, "rsa-sha1 is no longer valid"),
        ("bh", "AAAA", Result.FAIL, "body has been changed (body hash did not verify)"),
        ("d", "org", Result.NEUTRAL, "syntax error: d= is no domain"),
        ("d", "[192.0.2.1]", Result.NEUTRAL, "syntax error: d= is no domain"),
        ("d", "a b.example", Result.NEUTRAL, "syntax error: d= is no domain"),
        ("d", "x." + "a" * 300, Result.NEUTRAL, "syntax error: d= is no domain"),
        ("d", "a.example; d=b.example", Result.NEUTRAL, "syntax error: tag 'd' occurs twice"),
        ("s", "a b", Result.NEUTRAL, "syntax error: s= is no selector"),
        ("s", "a..b", Result.NEUTRAL, "syntax error: s= is no selector"),
        ("h", "to", Result.PERMERROR, "From is not signed"),
        ("h", "from:", Result.NEUTRAL, "syntax error: h= has what is no name of a field"),
        ("h", "from:a b", Result.NEUTRAL, "syntax error: h= has what is no name of a field"),
        ("h", "from" + ":x" * 1000, Result.NEUTRAL, "syntax error: h= has more than 1000 names"),
        ("i", "joe@example.net", Result.PERMERROR, "domain of i= is not within d="),
        ("i", "joe@badexample.org", Result.PERMERROR, "domain of i= is not within d="),
        ("i", "a=0D=0Ab@example.org", Result.NEUTRAL, "syntax error: control character in i="),
        ("i", "x" * 320 + "@example.org", Result.NEUTRAL, "syntax error: i= longer than 320 octets"),
        ("i", "joe", Result.NEUTRAL, "syntax error: i= has no domain"),
        ("l", "-1", Result.NEUTRAL, "syntax error: l= is no number"),
        ("l", "1000", Result.PERMERROR, "l= is larger than the body of 27 octets"),
        ("q", "dns/other", Result.NEUTRAL, "unknown key query 'dns/other'"),
        ("q", "x : dns/txt", Result.PASS, ""),
        ("t", "now", Result.NEUTRAL, "syntax error: t= is no number"),
        ("z", "From:x|Y:=20", Result.PASS, ""),
        ("unknown", "whatever", Result.PASS, ""),
    ],
)
def test_values_of_tags(tag: str, value: str, expected: Result, reason: str) -> None:
    written = {tag: value} if tag != "a" else {}
    octets = crafted(MESSAGE, ed25519_key(), written)
    if tag == "a":
        octets = octets.replace(b"ed25519-sha256", value.encode())
    found = outcome(octets)
    assert (found.result, found.reason) == (expected, reason)


@pytest.mark.rfc("8301 §3.1", "MUST")
def test_a_signature_that_is_not_known_harms_only_itself() -> None:
    octets = crafted(MESSAGE, rsa_key())
    foreign = crafted(octets, ed25519_key()).replace(b"a=ed25519-sha256", b"a=foo-sha256")
    assert [each.result for each in verified(foreign, ZONE)] == [Result.NEUTRAL, Result.PASS]


@pytest.mark.rfc("6376 §3.5", "MUST")
@pytest.mark.rfc("8616 §5", "SHOULD")
@pytest.mark.parametrize("domain", ["xn--bcher-kva.example", "bücher.example", "XN--BCHER-KVA.Example"])
def test_international_domains_are_looked_up_and_told_as_a_labels(domain: str) -> None:
    records = {("ed._domainkey.xn--bcher-kva.example", Kind.TXT): ZONE[NAME]}
    octets = crafted(MESSAGE, ed25519_key(), {"d": domain, "i": "joe@BÜCHER.example"})
    found = outcome(octets, records)
    assert (found.result, found.domain) == (Result.PASS, "xn--bcher-kva.example")
    assert found.identity == "joe@BÜCHER.example"


def test_encoded_characters_in_the_identity() -> None:
    octets = crafted(MESSAGE, ed25519_key(), {"i": "joe=3Bx\r\n @example.org"})
    assert outcome(octets).identity == "joe;x@example.org"
    octets = crafted(MESSAGE, ed25519_key(), {"i": "=C3=BC=FF@example.org"})
    assert outcome(octets).identity == "ü\ufffd@example.org"


@pytest.mark.rfc("6376 §6.1.2", "MUST")
@pytest.mark.parametrize(
    ("found", "expected", "reason"),
    [
        (Failure("SERVFAIL"), Result.TEMPERROR, "key cannot be looked up: 'SERVFAIL'"),
        (NoData(1), Result.PERMERROR, "no key in the DNS"),
        (NxDomain(1), Result.PERMERROR, "no key in the DNS"),
        (Answer((), 1), Result.PERMERROR, "no key record"),
    ],
)
def test_there_is_no_key(found: object, expected: Result, reason: str) -> None:
    got = outcome(crafted(MESSAGE, ed25519_key()), {NAME: found})
    assert (got.result, got.reason) == (expected, reason)


@pytest.mark.rfc("6376 §3.6.1", "MUST")
@pytest.mark.parametrize("changed", [False, True])
def test_a_key_in_test_mode(changed: bool) -> None:
    octets = crafted(MESSAGE, ed25519_key())
    if changed:
        octets = octets.replace(b"Hello", b"Hallo")
    got = outcome(octets, {NAME: [ZONE[NAME][0] + b"; t=y:x"]})
    assert got.test_mode
    assert (got.result, got.reason) == (
        (Result.NEUTRAL, "key in test mode; body has been changed (body hash did not verify)")
        if changed
        else (Result.PASS, "key in test mode")
    )


@pytest.mark.rfc("6376 §3.6.1", "MUST")
def test_a_strict_key_is_for_its_domain_alone() -> None:
    records = {NAME: [ZONE[NAME][0] + b"; t=s"]}
    below = crafted(MESSAGE, ed25519_key(), {"i": "@mail.example.org"})
    assert outcome(below).result is Result.PASS
    got = outcome(below, records)
    assert (got.result, got.reason) == (Result.PERMERROR, "key is not for subdomains in i= (t=s)")
    assert outcome(crafted(MESSAGE, ed25519_key(), {"i": "@example.org"}), records).result is Result.PASS
    assert outcome(crafted(MESSAGE, ed25519_key()), records).result is Result.PASS


@pytest.mark.rfc("6376 §3.5", "MUST")
@pytest.mark.parametrize(
    ("tag", "after_s", "expected"),
    [
        ("t", 60, Result.PASS),
        ("t", 3600, Result.POLICY),
        ("t", -(10**9), Result.PASS),
        ("x", -60, Result.PASS),
        ("x", -3600, Result.FAIL),
        ("x", 10**12, Result.PASS),
    ],
)
def test_times(tag: str, after_s: int, expected: Result) -> None:
    assert result((tag, str(NOW_S + after_s))) is expected


@pytest.mark.rfc("6376 §3.5", "MUST")
def test_an_expiry_before_the_signature_is_a_syntax_error() -> None:
    assert result(("t", str(NOW_S)), ("x", str(NOW_S))) is Result.NEUTRAL
    assert result(("t", str(NOW_S)), ("x", str(NOW_S + 1))) is Result.PASS


@pytest.mark.rfc("6376 §3.5", "MUST")
def test_expiry_counts_when_the_message_first_came() -> None:
    octets = crafted(MESSAGE, ed25519_key(), {"x": str(NOW_S + 1000)})
    assert outcome(octets, received_s=NOW_S).result is Result.PASS
    late = outcome(octets, received_s=NOW_S + 2000)
    assert (late.result, late.reason) == (Result.FAIL, "expired 1000 s before it came")


@pytest.mark.rfc("6376 §8.2", "SHOULD")
def test_a_body_that_is_signed_in_part_passes_only_while_nothing_follows() -> None:
    octets = crafted(MESSAGE, ed25519_key(), {"l": "27"})
    found = outcome(octets)
    assert (found.result, found.covers_body) == (Result.PASS, True)
    longer = outcome(octets.rstrip() + b"\r\nappended\r\n")
    assert (longer.result, longer.covers_body) == (Result.POLICY, False)
    assert longer.reason == "only 27 of 37 octets of the body are signed (l=)"


@pytest.mark.rfc("6376 §8.15", "SHOULD")
@pytest.mark.parametrize("name", ["From", "Subject", "Date"])
@pytest.mark.parametrize("above", [True, False])
def test_a_second_field_that_is_not_signed(name: str, above: bool) -> None:
    octets = crafted(MESSAGE, ed25519_key())
    other = f"{name}: x@evil.example\r\n".encode()
    added = other + octets if above else octets.replace(b"MIME-Version", other + b"MIME-Version")
    found = outcome(added)
    if above:
        assert found.reason == f"message has 2 {name} fields, not all are signed"
    assert found.result is (Result.POLICY if above else Result.FAIL)
    assert found.covers_from is (name != "From")


def test_two_fields_that_were_signed_so() -> None:
    octets = b"From: other@example.org\r\n" + MESSAGE
    found = outcome(crafted(octets, ed25519_key(), {"h": "from:from"}))
    assert (found.result, found.covers_from) == (Result.PASS, True)


def test_the_questions_are_known_with_the_header() -> None:
    octets = crafted(crafted(MESSAGE, rsa_key()), ed25519_key())
    header, body_start = Header.parse(octets)
    verification = dkim.Verification(header, received_s=NOW_S)
    answers = Answers(ZONE)
    verification.update(octets[body_start:])
    answers.to(verification.look_up_keys())
    assert tuple(answers.asked) == verification.lookups
    assert [each.result for each in verification.conclude()] == [Result.PASS, Result.PASS]


@pytest.mark.parametrize("own", [DOMAIN, f"mail.{DOMAIN}"])
def test_keys_that_may_be_the_author_s_are_asked_for_first(own: str) -> None:
    """Others may be in names whose servers stall."""
    octets = MESSAGE
    for domain in (own, "two.example", "three.example"):
        octets = crafted(octets, rsa_key(), {"d": domain})
    verification = dkim.Verification(Header.parse(octets)[0], received_s=NOW_S)
    asked = [lookup.name.partition("_domainkey.")[2] for lookup in verification.lookups]
    assert asked == [own, "three.example", "two.example"]


def test_a_key_that_was_not_looked_up_is_a_temporary_error() -> None:
    verification = dkim.Verification(Header.parse(crafted(MESSAGE, rsa_key()))[0], received_s=NOW_S)
    assert verification.conclude()[0].result is Result.TEMPERROR


def test_a_key_is_asked_for_once() -> None:
    octets = crafted(crafted(MESSAGE, rsa_key()), rsa_key())
    header, body_start = Header.parse(octets)
    answers = Answers(ZONE)
    assert len(answers.to(dkim.verify(header, [octets[body_start:]], received_s=NOW_S))) == 2
    assert len(answers.asked) == 1
