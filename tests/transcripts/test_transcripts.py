"""Every transcript, against the session alone, against a whole server, and against any other server."""

import asyncio
import functools
import imaplib
import os
import ssl
from pathlib import Path
from typing import Any

import pytest

from pillarbox.config.services import SERVICES
from tests.kit.certificate import client_context
from tests.kit.provider import DOMAINS, HOSTNAME, PASSWORD, PEOPLE, open_provider
from tests.kit.server import factories, serve
from tests.transcripts import script as scripts
from tests.transcripts.runner import BareWire, OpenWire, Player, SocketWire
from tests.transcripts.script import Script

HERE = Path(__file__).parent
ELSEWHERE = os.environ.get("TRANSCRIPT_HOST")
BARE = {"pop3", "imap"}
"""Doors whose sessions need nothing but their machine and the provider."""


def _cases() -> list[Any]:
    cases = []
    for path in sorted(HERE.rglob("*.txt")):
        script = scripts.read(path)
        marks = [pytest.mark.rfc(section, level) for section, level in script.rfcs]
        name = path.relative_to(HERE).with_suffix("").as_posix()
        for way in _ways(script):
            cases.append(pytest.param(script, way, id=f"{name}-{way}", marks=marks))
    return cases


def _ways(script: Script) -> list[str]:
    if ELSEWHERE:
        return ["elsewhere"] if script.only != "bare" else []
    ways = [] if script.only == "bare" else ["server"]
    if script.only != "server" and set(script.services.values()) <= BARE:
        ways.append("bare")
    return ways


@pytest.mark.parametrize(("script", "way"), _cases())
def test_transcript(script: Script, way: str) -> None:
    {"bare": _bare, "server": _server, "elsewhere": _elsewhere}[way](script)


def _server(script: Script) -> None:
    plain = script.options.get("plain") != "no"
    with serve(*set(script.services.values()), plain_allowed=plain) as server:
        for person, names in script.mail.items():
            for name in names:
                server.run(server.provider.deliver(int(person[1:]), script.blocks[name]))
        services = {
            name: _door("127.0.0.1", port, name, client_context()) for name, port in server.ports.items()
        }
        Player(script, services, _values()).play()


def _bare(script: Script) -> None:
    with asyncio.Runner() as runner:
        provider = runner.run(open_provider())
        provider.plain_allowed = script.options.get("plain") != "no"
        for person, names in script.mail.items():
            for name in names:
                runner.run(provider.deliver(int(person[1:]), script.blocks[name]))
        makers = factories(provider)
        services: dict[str, OpenWire] = {
            name: functools.partial(BareWire, make, runner.run) for name, make in makers.items()
        }
        Player(script, services, _values()).play()
        runner.run(provider.close())
        assert not provider.telemetry.failures


def _elsewhere(script: Script) -> None:
    ports = dict(pair.split("=") for pair in os.environ["TRANSCRIPT_PORTS"].split())
    if missing := set(script.services.values()) - ports.keys():
        pytest.skip(f"no port for {', '.join(missing)}")
    allowed = dict(pair.split("=") for pair in os.environ.get("TRANSCRIPT_OPTIONS", "").split())
    if script.options.items() - allowed.items():
        pytest.skip("the server is not set up like that")
    logins, password = os.environ["TRANSCRIPT_LOGINS"].split(), os.environ["TRANSCRIPT_PASSWORD"]
    for number, login in enumerate(logins):
        blocks = [script.blocks[name] for name in script.mail.get(f"u{number}", [])]
        _refill(str(ELSEWHERE), int(ports["imap"]), login, password, blocks)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    services = {name: _door(str(ELSEWHERE), int(port), name, trusting) for name, port in ports.items()}
    Player(script, services, _values(logins, password)).play()


def _door(host: str, port: int, name: str, tls: ssl.SSLContext) -> OpenWire:
    return lambda: SocketWire(host, port, tls, implicit_tls=SERVICES[name].implicit_tls)


def _refill(host: str, port: int, login: str, password: str, blocks: list[bytes]) -> None:
    """Empty the INBOX and put these messages there."""
    with imaplib.IMAP4(host, port) as client:
        client.login(login, password)
        client.select("INBOX")
        client.store("1:*", "+FLAGS", r"(\Deleted)")
        client.expunge()
        for block in blocks:
            client.append("INBOX", "", None, block)  # None: the server's time


def _values(logins: list[str] | None = None, password: str = PASSWORD) -> dict[str, bytes]:
    logins = logins or [address.split("@")[0] for address in PEOPLE]
    values = {f"u{number}": login for number, login in enumerate(logins)}
    values |= {f"address{number}": address for number, address in enumerate(PEOPLE)}
    values |= {"password": password, "domain": DOMAINS[0], "hostname": HOSTNAME}
    return {name: value.encode() for name, value in values.items()}
