"""For any records, answers and sessions: an SPF check ends with a result, and within its questions."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.dns import Answer, Failure, Kind, Mx, NoData, NxDomain, Outcome
from pillarbox.mail.address import Address
from pillarbox.trust.questions import Asking, Lookup
from pillarbox.trust.spf import Record, SpfResult, check_helo, check_mail_from, parse
from pillarbox.trust.spf.explanation import MAX_EXPLANATION_OCTETS
from pillarbox.trust.spf.macros import MAX_NAME_OCTETS
from pillarbox.trust.spf.session import MAX_QUESTIONS

# Pieces that mean something to SPF, so that chance meets the interesting cases
_PIECES = st.sampled_from(
    [
        " ", " ", "a", "mx", "ptr", "all", "-all", "+", "?", "~", "include:", "exists:", "ip4:192.0.2.0", "ip6:::",
        "redirect=", "exp=", "x=", "/", "//", "0", "24", ":", ".", "a.example", "b.example", "%{d}.example", "%{p}",
        "%{l1r-}.example", "%{S}.example", "%{ir}.%{v}.example", "%{c}", "%", "%%", "%_", "\xfc", "\0", "%{h}.",
        " include:a.example", " redirect=b.example", " mx:a.example", " a:%{h}.b.example", " exp=a.example",
    ]
)  # fmt: skip
_RECORDS = st.lists(_PIECES, max_size=25).map(lambda pieces: ("v=spf1 " + "".join(pieces)).encode("latin-1"))
_TERMS = st.lists(
    st.sampled_from(
        [
            "a", "mx", "ptr", "?all", "-all", "include:a.example", "include:b.example", "-include:%{d}", "a:%{p}",
            "exists:%{l}.%{o}", "redirect=a.example", "exp=%{p}.example", "ip4:192.0.2.0/24", "mx:b.example/8//8",
            "ip6:2001:db8::/32", "a:%{s}%{s}%{s}%{s}", "ptr:%{h}",
        ]
    ),
    max_size=14,
).map(lambda terms: " ".join(["v=spf1", *terms]).encode())  # fmt: skip
_TEXTS = st.binary(max_size=40) | _RECORDS | _TERMS
_NAMES = st.sampled_from(
    ["a.example", "b.example", "mail.example.org", "example.org", "", "a..b", "\\032.a"]
) | st.text(max_size=20)
_ADDRESSES_4 = st.ip_addresses(v=4).map(str) | st.sampled_from(["192.0.2.1", "203.0.113.1", "none"])
_ADDRESSES_6 = st.ip_addresses(v=6).map(str) | st.sampled_from(["2001:db8::1", "::", "fe80::1%eth0"])


def _answer(records: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[Outcome[Any]]:
    answers = st.lists(records, max_size=most).map(lambda found: Answer(tuple(found), 300))
    return answers | answers | st.sampled_from([NoData(300), NxDomain(300), Failure("timed out")])


_OUTCOMES: dict[Kind, st.SearchStrategy[Outcome[Any]]] = {
    Kind.TXT: _TERMS.map(lambda text: Answer((text,), 300)) | _answer(_TEXTS, 3),
    Kind.A: _answer(_ADDRESSES_4, 12),
    Kind.AAAA: _answer(_ADDRESSES_6, 12),
    Kind.MX: _answer(st.builds(Mx, st.integers(0, 65535), _NAMES), 12),
    Kind.PTR: _answer(_NAMES, 12),
}
_IPS = st.sampled_from(["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"]).map(ip_address)
_SENDERS = st.none() | st.builds(
    Address, st.sampled_from(["joe", "", "a-b+c", "\xfc"]) | st.text(), st.just("example.org") | st.text()
)


def _ended(asking: Asking[SpfResult], outcome: Callable[[Kind], Outcome[Any]]) -> SpfResult:
    asked = 0
    try:
        question = next(asking)
        while True:
            asked += 1
            assert asked <= MAX_QUESTIONS
            assert isinstance(question, Lookup)
            assert question.name.isascii()
            assert 0 < len(question.name) <= MAX_NAME_OCTETS
            question = asking.send(outcome(question.kind))
    except StopIteration as stop:
        found = stop.value
    assert isinstance(found, SpfResult)
    return found


@given(st.data(), _IPS, _SENDERS, st.just("mail.example.org") | st.text())
@settings(max_examples=400)
def test_every_check_ends(
    data: st.DataObject, ip: IPv4Address | IPv6Address, sender: Address | None, helo: str
) -> None:
    def outcome(kind: Kind) -> Outcome[Any]:
        return data.draw(_OUTCOMES[kind])

    for found in (
        _ended(check_mail_from(ip, sender, helo, receiver="mx.example.net", now=0), outcome),
        _ended(check_helo(ip, helo, receiver="", now=0), outcome),
    ):
        for text in (found.domain, found.reason, found.mechanism, found.explanation):
            assert text.isascii()
            assert text.isprintable() or not text
        assert len(found.explanation) <= MAX_EXPLANATION_OCTETS
        assert found.method_result.result is found.result


@given(st.text() | st.lists(_PIECES, max_size=40).map("".join))
@settings(max_examples=400)
def test_any_text_is_a_record_or_has_mistakes_in_it(text: str) -> None:
    for each in (text, f"v=spf1 {text}"):
        found = parse(each)
        if not isinstance(found, Record):
            assert found
            assert all(0 <= mistake.position <= len(each) for mistake in found)
            assert all(str(mistake).isascii() for mistake in found)
