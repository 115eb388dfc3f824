"""Guessing passwords, and headers that pretend: what is looked at for safety costs little whatever it is."""

import base64
from contextlib import ExitStack

from tests.blocking.case import Case
from tests.blocking.target import STRANGER, Target
from tests.blocking.wire import SMTP_REPLY, Wire, last_line

GUESSERS = 40
TAGGED = rb"^g (OK|NO|BAD)[^\r\n]*\r\n"


def _guesses_at_once(target: Target) -> str:
    """Wrong passwords for accounts that exist and do not, on many connections together."""
    with ExitStack() as stack:
        wires = [stack.enter_context(target.imap(log_in=False)) for _ in range(GUESSERS)]
        for number, wire in enumerate(wires):
            login = (
                target.victim.login
                if number % 2
                else f"nobody{number}@{target.victim.login.partition('@')[2]}"
            )
            wire.send(f'g LOGIN "{login}" "guess{number}"\r\n'.encode())
        return target.all_of([last_line(wire.exchange(b"", TAGGED)) for wire in wires])


def _submission(target: Target) -> Wire:
    wire = target.wire("submission")
    wire.exchange(b"", SMTP_REPLY)
    wire.exchange(b"EHLO client.example\r\n", SMTP_REPLY)
    secret = base64.b64encode(f"\0{target.victim.login}\0{target.victim.password}".encode())
    wire.exchange(b"AUTH PLAIN " + secret + b"\r\n", SMTP_REPLY)
    return wire


def _submitted(target: Target, message: bytes, *recipients: str) -> str:
    with _submission(target) as wire:
        wire.exchange(f"MAIL FROM:<{target.victim.address}>\r\n".encode(), SMTP_REPLY)
        for recipient in recipients or (target.victim.address,):
            wire.exchange(f"RCPT TO:<{recipient}>\r\n".encode(), SMTP_REPLY)
        wire.exchange(b"DATA\r\n", SMTP_REPLY)
        return last_line(wire.exchange(message + b"\r\n.\r\n", SMTP_REPLY))


def _authors(target: Target) -> str:
    own = target.victim.address.replace("@", "+%d@")
    many = ",".join(own % number for number in range(160)).encode()
    odd = (b"@" * 4000, b"a@b " * 1000, b"(" * 4000, b'"@' * 2000, b"a:;" * 1300 + b"x@y", many)
    return target.all_of([_submitted(target, b"From: " + value[:4000] + b"\r\n\r\nx") for value in odd])


def _forged_results(target: Target) -> str:
    claim = b"Authentication-Results: " + b"(" * 100 + b"one.example; spf=pass\r\n"
    return target.deliver(claim * 3900 + b"Return-Path: <x@y>\r\nSubject: x\r\n\r\n" + STRANGER.encode())


def _folds(target: Target) -> str:
    author = f"From: {target.victim.address}\r\n".encode()
    folded = (b"Date: x\r\n" + b" \r\n" * 333_000, b"Bcc: x\r\n" + b" a@b,\r\n" * 100_000)
    return target.all_of(
        [_submitted(target, author + field + b"\r\nx").partition(" OK ")[0] for field in folded]
    )


def _failures(target: Target) -> str:
    """Every recipient fails, each job of a hundred makes one report, and returns a header of 100 KB."""
    domain = target.provider.domains[1]
    nobody = [f"nobody{number}@{domain}" for number in range(900)]
    header = f"From: {target.victim.address}\r\n".encode() + b"X-Y: " + b"z" * 900 + b"\r\n"
    return _submitted(target, header + b"X-Y: z\r\n" * 3_900 + b"\r\nx", *nobody).partition(" OK ")[0]


CASES = (
    Case(
        f"{GUESSERS} wrong passwords at once, on as many connections",
        "4 checks at once, in threads that give way; delays after failures",
        _guesses_at_once,
        settle_s=3.0,
    ),
    Case("From of a submission, 4 KB of what may be addresses", "4 KB of From fields", _authors),
    Case("3,900 results of authentication in our name", "4,000 fields; removed", _forged_results),
    Case(
        "a submission with a field of 333,000 lines",
        "a header of 64 KiB is read in a thread",
        _folds,
    ),
    Case(
        "a submission to 900 who do not exist",
        "more than 10 failures are reported in a thread",
        _failures,
        settle_s=5.0,
    ),
)
