"""The names of a hosts file, for hosts that the operator names."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pillarbox.dns import Answer, Failure, Kind, NxDomain, Outcome
from pillarbox.world.resolver.hosts import HostsFile
from pillarbox.world.resolver.zone import ZoneResolver

ZONE = ZoneResolver(
    ("example",), {("mail.example", Kind.A): ("192.0.2.1",)}, outside=Failure("outside of the zone")
)


@pytest.fixture
def asked(tmp_path: Path) -> Callable[[bytes | None, str], Outcome[str]]:
    path = tmp_path / "hosts"

    def ask(content: bytes | None, name: str) -> Outcome[str]:
        if content is not None:
            path.write_bytes(content)
        return asyncio.run(HostsFile(ZONE, path).host_addresses(name))

    return ask


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("relay", ("10.0.0.7", "2001:db8::7")),
        ("Relay.Internal.", ("10.0.0.7",)),
        ("localhost", ("127.0.0.1",)),
        ("mail.example", ("192.0.2.1",)),
    ],
)
def test_the_file_comes_before_the_dns(
    asked: Callable[[bytes | None, str], Outcome[str]], name: str, addresses: tuple[str, ...]
) -> None:
    content = (
        b"127.0.0.1 localhost\n# 10.0.0.8 relay\n10.0.0.7\trelay.internal relay # the old one\n"
        b"2001:db8::7 relay\r\n10.0.0.7 relay\nno-address relay\n10.0.0.9\n\xff\xfe\n"
    )
    found = asked(content, name)
    assert isinstance(found, Answer)
    assert found.records == addresses


def test_without_a_file_there_is_localhost(asked: Callable[[bytes | None, str], Outcome[str]]) -> None:
    assert asked(None, "localhost") == Answer(("::1", "127.0.0.1"), 0)
    assert isinstance(asked(None, "no.example"), NxDomain)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    async def test() -> None:
        path = tmp_path / "hosts"
        resolver = HostsFile(ZONE, path)
        for number, content in enumerate((b"10.0.0.1 relay.example", b"10.0.0.2 relay.example")):
            path.write_bytes(content)
            os.utime(path, (number, number))
            assert await resolver.host_addresses("relay.example") == Answer((f"10.0.0.{number + 1}",), 0)
        path.unlink()
        assert isinstance(await resolver.host_addresses("relay.example"), NxDomain)

    asyncio.run(test())


def test_what_the_dns_says_of_domains_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_bytes(b"10.0.0.7 mail.example no.example")
    resolver = HostsFile(ZONE, path)
    assert asyncio.run(resolver.lookup("mail.example", Kind.A)) == asyncio.run(
        ZONE.lookup("mail.example", Kind.A)
    )
    assert isinstance(asyncio.run(resolver.addresses("no.example")), NxDomain)
