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


def _submitted(target: Target, message: bytes) -> str:
    with _submission(target) as wire:
        wire.exchange(f"MAIL FROM:<{target.victim.address}>\r\n".encode(), SMTP_REPLY)
        wire.exchange(f"RCPT TO:<{target.victim.address}>\r\n".encode(), SMTP_REPLY)
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


CASES = (
    Case(
        f"{GUESSERS} wrong passwords at once, on as many connections",
        "4 checks at once, in threads that give way; delays after failures",
        _guesses_at_once,
        settle_s=3.0,
    ),
    Case("From of a submission, 4 KB of what may be addresses", "4 KB of From fields", _authors),
    Case("3,900 results of authentication in our name", "4,000 fields; removed", _forged_results),
)
