"""DANE by zones that are really signed: nsd serves them, unbound validates."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from pillarbox.dns import Tlsa
from pillarbox.world.resolver.servers import NameServer
from pillarbox.world.resolver.system import SystemResolver
from tests.interop.nsd import nsd
from tests.interop.unbound import SignedZone, unbound
from tests.kit.certificates import issued
from tests.kit.smtp.next_hop import NextHop, delivered_by_relay, served

HOST = "mx.two.example"
NOW = dt.datetime.now(dt.UTC)
ROOT = issued("root", ca=True, now=NOW)
SERVER = issued("", ROOT, names=(HOST,), now=NOW)
OTHER = issued("", ROOT, names=("other.example",), now=NOW)


def _zone(port: int, record: Tlsa) -> str:
    numbers = f"{record.usage} {record.selector} {record.matching_type}"
    return f"@ MX 10 mx\nmx A 127.0.0.1\nalias CNAME mx\n_{port}._tcp.mx TLSA {numbers} {record.association.hex()}\n"


UNSIGNED = "@ MX 10 mx.two.example.\n"


@pytest.mark.rfc("7672 §2.2", "MUST")
@pytest.mark.parametrize(
    ("domain", "record", "tampered", "reason"),
    [
        ("two.example", SERVER.tlsa(3), False, ""),
        ("two.example", ROOT.tlsa(2, 0), False, ""),
        ("three.example", SERVER.tlsa(3), False, ""),
        ("two.example", OTHER.tlsa(3), False, "as the TLSA records of mx.two.example demand"),
        ("three.example", OTHER.tlsa(3), False, "mx.two.example (host authenticated, MX not) demand"),
        ("two.example", SERVER.tlsa(3), True, "cannot be looked up"),
    ],
)
def test_mail_goes_where_signed_records_say(
    domain: str, record: Tlsa, tampered: bool, reason: str, tmp_path: Path
) -> None:
    async def test() -> None:
        hop = NextHop(tmp_path, SERVER, ROOT)
        async with served(hop) as port:
            signed = SignedZone(tmp_path / "keys", "two.example", _zone(port, record))
            text = signed.text
            if tampered:  # another record under the same signature
                text = text.replace(record.association.hex(), OTHER.tlsa(3).association.hex())
                assert text != signed.text
            zones = {"two.example": text, "three.example": UNSIGNED}
            with (
                nsd(tmp_path / "nsd", zones) as there,
                unbound(tmp_path / "unbound", zones, there, anchors=[signed.anchor]) as here,
            ):
                resolver = SystemResolver([NameServer("127.0.0.1", here)])
                try:
                    found = await delivered_by_relay(hop, port, resolver, domain=domain)
                finally:
                    await resolver.close()
        assert (found == "") == (reason == ""), found
        assert reason in found

    asyncio.run(test())
