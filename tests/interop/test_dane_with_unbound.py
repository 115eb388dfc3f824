"""DANE by zones that are really signed: nsd serves them, unbound validates."""

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pillarbox.dns import Tlsa
from pillarbox.world.resolver.servers import NameServer
from pillarbox.world.resolver.system import SystemResolver
from pillarbox.world.tls.client import verified
from tests.interop.nsd import nsd
from tests.interop.unbound import SignedZone, unbound
from tests.kit.certificates import Issued, issued
from tests.kit.smtp.next_hop import NextHop, delivered_by_relay, served

HOST = "mx.two.example"
NOW = dt.datetime.now(dt.UTC)
ROOT = issued("root", ca=True, now=NOW)
"""A public authority, as the relay believes."""
PRIVATE = issued("private", ca=True, now=NOW)
SERVER = issued("", ROOT, names=(HOST,), now=NOW)
OWN = issued("", PRIVATE, names=(HOST,), now=NOW)
"""Of the same host, by the private authority."""
FOLLOWING = issued("", ROOT, names=(HOST,), now=NOW)
"""The host's next one."""
OTHER = issued("", names=("other.example",), now=NOW)
RIGHT = (SERVER.tlsa(3),)
WRONG = (OTHER.tlsa(3),)
UNUSABLE = (Tlsa(1, 1, 1, bytes(32)), Tlsa(3, 7, 1, bytes(32)), Tlsa(3, 1, 9, bytes(32)), Tlsa(3, 1, 1, b"x"))

UNSIGNED = "@ MX 10 mx.two.example.\nmx A 127.0.0.1\nalias CNAME mx.two.example.\n"
"""The zone three.example: its answers are not secure, those of its host are."""

NO_TLS = "TLS is required, but was not offered, as the TLSA records of mx.two.example demand"
NO_MATCH = "matches none of its TLSA records, as the TLSA records of mx.two.example demand"
NO_MATCH_MX_UNSIGNED = "mx.two.example (host authenticated, MX not) demand"
NO_MX = "the name servers for two.example do not answer"
NO_ADDRESS = "the address of mx.two.example cannot be found"
NO_TLSA = "mx.two.example: the TLSA records of mx.two.example cannot be looked up"


def unchanged(signed: str) -> str:
    return signed


def with_another_record(signed: str) -> str:
    """Another record under the same signature."""
    return signed.replace(RIGHT[0].association.hex(), WRONG[0].association.hex())


def without_the_record(signed: str) -> str:
    """What somebody does who wants no TLS: it is as if the name were not there."""
    return "".join(line for line in signed.splitlines(keepends=True) if "TLSA" not in line)


def without_signatures(signed: str) -> str:
    """All of it, as if the zone were not signed."""
    return "".join(line for line in signed.splitlines(keepends=True) if "\tRRSIG\t" not in line)


def with_another_address(signed: str) -> str:
    return signed.replace("\tA\t127.0.0.1", "\tA\t127.0.0.2")


@dataclass(frozen=True)
class Case:
    """What the DNS says, what the host is like, and what becomes of the mail."""

    why_not: str = ""
    """A part of the reason why the mail waits; empty where it arrives."""
    records: tuple[Tlsa, ...] = RIGHT
    chain: tuple[Issued, ...] = (SERVER, ROOT)
    domain: str = "two.example"
    host: str = HOST
    """In the MX record of two.example."""
    records_at: str = HOST
    edited: Callable[[str], str] = unchanged
    """What becomes of the zone after it was signed."""
    expired: bool = False
    """The signatures were valid once."""
    anchored: bool = True
    """The zone has the key that the zone above names."""
    offers_tls: bool = True
    encrypted: bool = True
    """How it arrives."""


CASES = {
    "right": Case(),
    "right, MX unsigned": Case(domain="three.example"),
    "wrong": Case(NO_MATCH, WRONG),
    "wrong, MX unsigned": Case(NO_MATCH_MX_UNSIGNED, WRONG, domain="three.example"),
    # RFC 7671 §8.1
    "rolled over, not yet used": Case(records=(*RIGHT, FOLLOWING.tlsa(3))),
    "rolled over, used": Case(records=(*RIGHT, FOLLOWING.tlsa(3)), chain=(FOLLOWING,)),
    "rolled over, only the old record": Case(NO_MATCH, RIGHT, (FOLLOWING, ROOT)),
    # RFC 7672 §3.1.2: the trust anchor is the one in the record, and no other
    "trust anchor": Case(records=(PRIVATE.tlsa(2),), chain=(OWN, PRIVATE)),
    "trust anchor, in full": Case(records=(PRIVATE.tlsa(2, 0, 0),), chain=(OWN, PRIVATE)),
    "trust anchor, beside a wrong record": Case(records=(*WRONG, PRIVATE.tlsa(2)), chain=(OWN, PRIVATE)),
    "trust anchor, and a public one": Case("lead to none of the trust anchors", (PRIVATE.tlsa(2),)),
    # RFC 7672 §2.2: TLS with whomever
    "unusable": Case(records=UNUSABLE, chain=(OTHER,)),
    "unusable, no TLS": Case(NO_TLS, UNUSABLE, offers_tls=False),
    "unusable, beside a wrong one": Case(NO_MATCH, (*UNUSABLE, *WRONG)),
    # RFC 7672 §1.3.1: no way back to plain text
    "no TLS": Case(NO_TLS, offers_tls=False),
    "no TLS, MX unsigned": Case(NO_MATCH_MX_UNSIGNED, domain="three.example", offers_tls=False),
    # RFC 7672 §2.1.2: proven to be none, so there is no DANE
    "no records": Case(records=(), chain=(OTHER,)),
    "no records, no TLS": Case(records=(), offers_tls=False, encrypted=False),
    "no records, MX unsigned": Case(records=(), domain="three.example", offers_tls=False, encrypted=False),
    # RFC 7672 §2.2.2, §2.2.3: aliases, which are followed as far as all is secure
    "alias": Case(host="alias.two.example"),
    "alias, wrong": Case(NO_MATCH, WRONG, host="alias.two.example"),
    "alias with records of its own": Case(host="alias.two.example", records_at="alias.two.example"),
    "alias to an unsigned host": Case(host="far.two.example", records_at="far.two.example"),
    "alias to an unsigned host, wrong": Case(
        "as the TLSA records of far.two.example demand",
        WRONG,
        host="far.two.example",
        records_at="far.two.example",
    ),
    "unsigned alias": Case(records=WRONG, host="alias.three.example", offers_tls=False, encrypted=False),
    # What cannot be validated is not used
    "another record": Case(NO_TLSA, edited=with_another_record),
    "record taken away": Case(NO_TLSA, edited=without_the_record, offers_tls=False),
    "another address": Case(NO_ADDRESS, edited=with_another_address),
    "another address, MX unsigned": Case(NO_ADDRESS, domain="three.example", edited=with_another_address),
    "signatures taken away": Case(NO_MX, edited=without_signatures, offers_tls=False),
    "expired": Case(NO_MX, expired=True),
    "expired, MX unsigned": Case(NO_ADDRESS, domain="three.example", expired=True),
    "another key": Case(NO_MX, anchored=False),
    "another key, MX unsigned": Case(NO_ADDRESS, domain="three.example", anchored=False),
}


def zone(port: int, case: Case) -> str:
    """The zone two.example, unsigned."""
    lines = [f"@ MX 10 {case.host}.", "mx A 127.0.0.1", "alias CNAME mx", "far CNAME mx.three.example."]
    for one in case.records:
        numbers = f"{one.usage} {one.selector} {one.matching_type}"
        lines.append(f"_{port}._tcp.{case.records_at}. TLSA {numbers} {one.association.hex()}")
    return "\n".join([*lines, ""])


@pytest.fixture(autouse=True)
def public_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("SSL_CERT_FILE", str(ROOT.pem(tmp_path)))
    verified.cache_clear()
    yield
    verified.cache_clear()


@pytest.mark.rfc("7672 §2.1.2", "MUST NOT")
@pytest.mark.rfc("7672 §2.2", "MUST")
@pytest.mark.rfc("7672 §2.2.1", "MAY")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_mail_goes_where_signed_records_say(case: Case, tmp_path: Path) -> None:
    async def test() -> str:
        hop = NextHop(tmp_path, *case.chain, offers_tls=case.offers_tls)
        async with served(hop) as port:
            records = zone(port, case)
            signed = SignedZone(tmp_path / "keys", "two.example", records, expired=case.expired)
            anchor = signed.anchor
            if not case.anchored:
                anchor = SignedZone(tmp_path / "other", "two.example", records).anchor
            zones = {"two.example": case.edited(signed.text), "three.example": UNSIGNED}
            assert (zones["two.example"] == signed.text) == (case.edited is unchanged)
            with (
                nsd(tmp_path / "nsd", zones) as there,
                unbound(tmp_path / "unbound", zones, there, anchors=[anchor]) as here,
            ):
                resolver = SystemResolver([NameServer("127.0.0.1", here)])
                try:
                    found = await delivered_by_relay(hop, port, resolver, domain=case.domain)
                finally:
                    await resolver.close()
        if not case.why_not and case.encrypted and case.records:
            assert hop.names == [case.records_at]
        elif not case.why_not:
            assert bool(hop.names) == case.encrypted
        return found

    found = asyncio.run(test())
    assert (found == "") == (case.why_not == ""), found
    assert case.why_not in found
