"""Images and mark certificates are fetched from public servers that answer at once, and from no others."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.x509 import DNSName

from pillarbox.dns import Kind
from pillarbox.trust.bimi import MAX_EVIDENCE_OCTETS
from pillarbox.world.clock import SystemClock
from pillarbox.world.fetcher.addresses import is_public
from pillarbox.world.fetcher.https import HttpsFetcher
from pillarbox.world.network.system import SystemNetwork
from pillarbox.world.resolver.zone import ZoneResolver
from tests.kit.certificate import made_pem
from tests.kit.https import HERE, context_of, ok, response, web
from tests.kit.marks import SVG, Issuer
from tests.kit.smtp.indicators import Receiver, publish
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp

HOST = "logo.example.org"


def anybody(_address: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("image", "mark", "address", "admits", "reason"),
    [
        ("/logo.svg", "/mark.pem", HERE, anybody, ""),
        ("/moved.svg", "/mark.pem", HERE, anybody, "the indicator could not be fetched: the server says 302"),
        ("/logo.svg", "/moved.pem", HERE, anybody, "the mark certificate could not be fetched: the server says 302"),
        ("/large", "/mark.pem", HERE, anybody, "the indicator could not be fetched"),
        ("/logo.svg", "/large", HERE, anybody, "the mark certificate could not be fetched"),
        ("/logo.svg", "/mark.pem", HERE, is_public, f"{HOST} has no public address"),
        ("/logo.svg", "/mark.pem", "10.0.0.1", is_public, f"{HOST} has no public address"),
        ("/logo.svg", "/mark.pem", "169.254.169.254", is_public, f"{HOST} has no public address"),
    ],
)  # fmt: skip
def test_where_images_are_fetched(
    tmp_path: Path, image: str, mark: str, address: str, admits: Callable[[str], bool], reason: str
) -> None:
    root = Issuer("root")
    (tmp_path / "roots.pem").write_bytes(root.pem())
    pem = made_pem([DNSName(HOST)], common_name=HOST)
    (tmp_path / "server.pem").write_bytes(pem)

    async def test(provider: SmtpProvider) -> None:
        async with web(context=context_of(pem, tmp_path)) as server:
            server.pages |= {
                "/logo.svg": ok(SVG),
                "/mark.pem": ok(root.mark(["example.org"])),
                "/moved.svg": response("302 Found", b"", "Location: /logo.svg"),
                "/moved.pem": response("302 Found", b"", "Location: /mark.pem"),
                "/large": ok(b"x" * (MAX_EVIDENCE_OCTETS + 1)),
            }
            fetcher = HttpsFetcher(
                SystemNetwork(),
                ZoneResolver([HOST], {(HOST, Kind.A): [address]}),
                SystemClock(),
                authorities=tmp_path / "server.pem",
                ports=[server.port],
                admits=admits,
            )
            publish(provider, record=f"v=BIMI1; l={server.url(image, HOST)}; a={server.url(mark, HOST)}")
            receiver = Receiver(provider, fetcher, roots=tmp_path / "roots.pem")
            assert await receiver.taken() == ""
            assert await receiver.taken() == ("fail" if reason else "pass")
            assert reason in receiver.kept.reason
            asked = {request.path for request in server.requests}
            assert asked == (set() if admits is is_public else {image, mark})

    run_with_smtp(test)
