"""Logins: a thousand at once, wrong and right ones; whoever has logged in goes on, and others log in meanwhile."""

import imaplib
import re
import resource
from base64 import b64encode
from collections.abc import Callable
from contextlib import ExitStack
from threading import Event, Thread
from typing import Final

from tests.blocking.case import Case
from tests.blocking.target import Target
from tests.blocking.wire import SMTP_REPLY, Wire

MANY: Final = 1000
CHALLENGES: Final = 1200
"""Of each connection."""
WRONG: Final = "a wrong password"
PATIENCE_S: Final = 150.0


def imap(login: str, password: str) -> bytes:
    """LOGIN."""
    return f'a LOGIN "{login}" "{password}"\r\n'.encode()


def submission(login: str, password: str) -> bytes:
    """AUTH, with all in one line."""
    return b"AUTH PLAIN " + b64encode(f"\0{login}\0{password}".encode()) + b"\r\n"


def http(login: str, password: str) -> bytes:
    """The smallest request that needs a login."""
    field = b64encode(f"{login}:{password}".encode())
    return b"GET /jmap/session HTTP/1.1\r\nHost: a\r\nAuthorization: Basic " + field + b"\r\n\r\n"


Ask = Callable[[str, str], bytes]
SERVICES: Final[dict[str, tuple[Ask, bytes, bytes, bytes]]] = {
    "imap": (imap, b"", rb"^\* OK[^\r\n]*\r\n", rb"^(a (?:OK|NO)|\* BYE)[^\r\n]*\r\n"),
    "submission": (submission, b"EHLO a\r\n", rb"^250 [^\r\n]*\r\n\Z", SMTP_REPLY),
    "http": (http, b"", rb"", rb"^HTTP/1.1 \d\d\d[^\r\n]*\r\n"),
}
"""By service: a login, what comes before, how that is answered, and how a login is."""


class Others:
    """Somebody else who logs in again and again meanwhile, from a client that their account knows."""

    def __init__(self, target: Target) -> None:
        self._host, self._port = target.provider.host, target.provider.ports["imap"]
        self._who = target.provider.accounts[1]
        self._stop = Event()
        self.logins = 0
        self._thread = Thread(target=self._log_in)

    def __enter__(self) -> "Others":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _log_in(self) -> None:
        while not self._stop.is_set():
            with imaplib.IMAP4(self._host, self._port, timeout=60) as client:
                client.login(self._who.login, self._who.password)
            self.logins += 1


def flood(service: str) -> Callable[[Target], str]:
    """Most logins of nobody; of ten, one is right, and one is a guess at the same account."""
    ask, before, greeted, answered = SERVICES[service]

    def login(target: Target, number: int) -> bytes:
        if number % 10 > 1:
            return ask(f"nobody{number}@one.example", WRONG)
        return ask(target.victim.login, WRONG if number % 10 else target.victim.password)

    def attack(target: Target) -> str:
        with ExitStack() as stack:
            wires: list[Wire] = []
            for _ in range(_possible()):
                wires.append(stack.enter_context(target.wire(service)))
                if before or greeted:
                    wires[-1].exchange(before, greeted)
            with Others(target) as others:
                for number, wire in enumerate(wires):
                    wire.send(login(target, number))
                first = wires[0].exchange(b"", answered, patience_s=PATIENCE_S)
                began = others.logins
                answers = [
                    first,
                    *(wire.exchange(b"", answered, patience_s=PATIENCE_S) for wire in wires[1:]),
                ]
                meanwhile = others.logins - began
        # While the others wait for their turn: all of them take seconds
        assert meanwhile > 10, "nobody else could log in"
        let_in = sum(b"OK" in answer or b"235" in answer or b"200" in answer for answer in answers)
        return f"{let_in} are let in, as were others meanwhile"

    return attack


def passkeys(target: Target) -> str:
    """Strangers ask for challenges of passkeys, of which nothing is kept: nobody's open one is pushed out."""
    where = f"localhost:{target.provider.ports['http']}"
    asked = (
        f"POST /passkeys/show/sign-in/options HTTP/1.1\r\nHost: {where}\r\nOrigin: http://{where}\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    ).encode()
    with ExitStack() as stack:
        wires = [stack.enter_context(target.wire("http")) for _ in range(20)]
        first = wires[0].exchange(asked, rb"\r\n\r\n\{.*\}")
        cookie = re.search(rb"(?i)^set-cookie: ([^;]+)", first, re.MULTILINE)
        assert cookie is not None, first
        for wire in wires[1:]:
            wire.send(asked * CHALLENGES)
        head, _, body = asked.replace(b"/options", b"").partition(b"\r\n\r\n")
        shown = head + b"\r\nCookie: " + cookie[1] + b"\r\n\r\n" + body
        for wire in wires[1:]:
            wire.exchange(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", rb"\Zcannot be")
    with target.wire("http") as wire:
        answer = wire.exchange(shown, rb"^HTTP/1.1 \d\d\d[^\r\n]*\r\n")
    assert b" 403 " in answer, "the first one is still open, for a passkey that is right"
    return "the first one is still open"


def _possible() -> int:
    """As many connections as this process may have, at most."""
    files, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < MANY + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(MANY + 200, hard), hard))
    return MANY


_LIMIT: Final = "128 MiB for the checks of clients that are known, and of others; these come last"
CASES: Final = (
    Case(f"{MANY} log-ins at once (IMAP)", _LIMIT, flood("imap")),
    Case(f"{MANY} log-ins at once (SMTP)", _LIMIT, flood("submission")),
    Case(f"{MANY} log-ins at once (HTTP)", _LIMIT, flood("http")),
    Case("22,800 challenges of passkeys", "nothing is kept of them", passkeys),
)
