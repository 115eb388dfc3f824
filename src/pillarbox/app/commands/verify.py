"""`pillarbox verify`: SPF, DKIM, ARC and DMARC of a message, or of what test suites ask."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from pillarbox.app.commands.installation import CommandFailed, Output, json_option

if TYPE_CHECKING:
    from pillarbox.admin.verifying.answering import Server, Verifier
    from pillarbox.admin.verifying.examining import Handover
    from pillarbox.mail.header import Header
    from pillarbox.world.resolver import Resolver

STANDARD_INPUT = Path("-")
MAX_MESSAGE_OCTETS = 48 * 1024 * 1024
"""As many as a request on a line may have."""


@click.command("verify")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path), required=False
)
@click.option("--ip", help="The address of the client that handed the message over.")
@click.option("--helo", help="What the client called itself.")
@click.option("--mail-from", help="The sender of the envelope; empty for a bounce.")
@click.option("--dns", metavar="ADDRESS[:PORT]", help="Ask this name server instead of the machine's.")
@click.option("--time", type=click.IntRange(0, 2**40), help="Judge as of this UNIX time instead of now.")
@json_option
def command(
    file: Path | None,
    ip: str | None,
    helo: str | None,
    mail_from: str | None,
    dns: str | None,
    time: int | None,
    as_json: bool,
) -> None:
    """Say what SPF, DKIM, ARC and DMARC make of the message in FILE (- is standard input), and why.

    Who handed the message over is taken from its topmost Received field that names a public address, and from
    Return-Path, unless it is given: with --ip, nothing is taken from the message.

    Without FILE, requests are read from standard input, a JSON object on each line, and each is answered by a line, as
    test suites want it: {"op": "spf", "ip": "192.0.2.1", "helo": "mail.example.org", "mail_from": "joe@example.org"}.
    Other values of "op" are "dkim" and "arc", which have a "message" in base64; "dmarc", which has all of these; and
    "psl", which has a "domain". Each may have the name server to ask, "dns": ["127.0.0.1", 5353], and the time in UNIX
    seconds, "time". An answer has "result", "why" and more, or "error". Nothing of the DNS is remembered between two
    lines.

    No installation is needed. Exit code 1: the message could not be read.
    """
    if file is None:
        if any(value is not None for value in (ip, helo, mail_from, dns, time)) or as_json:
            raise click.UsageError(
                "Options are for a FILE; without one, each line on standard input has its own."
            )
        _answer_lines(sys.stdin.buffer, sys.stdout.buffer)
        return
    output = Output(as_json=as_json)
    with output.reporting_errors():
        _tell(output, file, dns, ip=ip, helo=helo, mail_from=mail_from, time=time)


def _answer_lines(requests: BinaryIO, answers: BinaryIO) -> None:
    from pillarbox.admin.verifying.requests import lines

    if sys.stdin.isatty():
        click.echo("Requests are read from here, one on a line. See: pillarbox verify --help", err=True)
    with asyncio.Runner() as runner:
        verifier = _verifier()
        try:
            for line in lines(requests):
                answer = runner.run(verifier.answer(line))
                answers.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
                answers.flush()
        finally:
            runner.run(verifier.close())


def _tell(
    output: Output,
    file: Path,
    dns: str | None,
    *,
    ip: str | None,
    helo: str | None,
    mail_from: str | None,
    time: int | None,
) -> None:
    from pillarbox.admin.verifying import examining, requests, verdicts
    from pillarbox.admin.verifying.answering import RECEIVER
    from pillarbox.admin.verifying.story import story
    from pillarbox.mail.header import Header

    octets = requests.transmitted(_read(file))
    header, _ = Header.parse(octets)
    try:
        handover = _handover(header, ip, helo, mail_from)
        server = _server(dns)
    except requests.RequestRefused as refused:
        raise CommandFailed(str(refused)) from None

    async def examined() -> examining.Examination:
        verifier = _verifier()
        try:
            now = verifier.now_s if time is None else time
            check = examining.examine(octets, handover, receiver=RECEIVER, now=now)
            return await verifier.run(check, server)
        finally:
            await verifier.close()

    found = asyncio.run(examined())
    sender = handover.mail_from
    client = {
        "ip": handover.ip and str(handover.ip),
        "helo": handover.helo,
        "mail_from": (f"{sender.local}@{sender.domain}" if sender else "")
        if handover.mail_from_known
        else None,
        "source": handover.source,
    }
    data = {"client": client, **verdicts.of_examination(found)}
    output.show(data, story(header, handover, found))


def _read(file: Path) -> bytes:
    if file == STANDARD_INPUT:
        octets = sys.stdin.buffer.read(MAX_MESSAGE_OCTETS + 1)
    else:
        with file.open("rb") as stream:
            octets = stream.read(MAX_MESSAGE_OCTETS + 1)
    if len(octets) > MAX_MESSAGE_OCTETS:
        raise CommandFailed(f"The message is longer than {MAX_MESSAGE_OCTETS} octets")
    return octets


def _handover(header: "Header", ip: str | None, helo: str | None, mail_from: str | None) -> "Handover":
    from msgspec.structs import replace

    from pillarbox.admin.verifying.examining import Handover
    from pillarbox.admin.verifying.origin import origin
    from pillarbox.admin.verifying.requests import address_of, sender_of

    found = origin(header) if ip is None else Handover(ip=address_of(ip, "--ip"))
    if helo is not None:
        found = replace(found, helo=helo)
    if mail_from is not None:
        found = replace(found, mail_from=sender_of(mail_from), mail_from_known=True)
    return found


def _server(text: str | None) -> "Server | None":
    """`127.0.0.1`, `127.0.0.1:5353`, `::1`, `[::1]:5353`."""
    from pillarbox.admin.verifying.requests import RequestRefused, address_of
    from pillarbox.world.resolver.servers import DNS_PORT

    if text is None:
        return None
    address, port = text, str(DNS_PORT)
    if text.startswith("["):
        address, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    if not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65536):
        raise RequestRefused(f'"--dns" has no valid port: {port}')
    return str(address_of(address, "--dns")), int(port)


def _verifier() -> "Verifier":
    """With the machine's clock and the DNS, and without the web, which none of these checks asks."""
    from pillarbox.admin.verifying.answering import Verifier
    from pillarbox.world.clock import SystemClock
    from pillarbox.world.fetcher.memory import MemoryFetcher

    return Verifier(_resolver, MemoryFetcher(), SystemClock())


def _resolver(server: "Server | None") -> "Resolver":
    from pillarbox.world.resolver.servers import NameServer
    from pillarbox.world.resolver.system import SystemResolver

    return SystemResolver([NameServer(*server)] if server else [])
