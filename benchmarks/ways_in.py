"""Ways to log in: by IMAP, POP3, SMTP and HTTP. Each is a function of a connection and the token of an app password."""

import hashlib
import hmac
import os
import socket
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import cache
from pathlib import Path

USER, PASSWORD = "u0@one.example", "secret"

_APP_PASSWORD = """
import sys
from importlib import import_module
from pathlib import Path
from pillarbox.app.database import opened_database
from pillarbox.config.data_directory import DataDirectory
from pillarbox.directory import accounts
def found(name):
    try:
        return import_module("pillarbox.directory.sign_in." + name)
    except ImportError:  # the tree that is compared with may be an older one
        return import_module("pillarbox.directory." + name)
app_passwords, credentials, secrets = map(found, ("app_passwords", "credentials", "secrets"))
def verb(tx):
    account = accounts.by_login(tx, sys.argv[2]).id
    password = app_passwords.format_app_password(bytes(range(app_passwords.RANDOM_OCTETS)))
    secret = secrets.ensure(tx, secrets.CREDENTIALS, bytes(range(secrets.SECRET_OCTETS)))
    salt, iterations = credentials.scram_parameters(tx, account)
    made = app_passwords.hash_app_password(password, secret=secret, scram_salt=salt, iterations=iterations)
    app_passwords.add(tx, account, made, name="x", scopes=frozenset([app_passwords.Scope.MAIL]), now_ms=0)
    return password
with opened_database(DataDirectory(Path(sys.argv[1]))) as database:
    print(database.write_now(verb))
"""


def make_app_password(python: str, source: str, folder: Path) -> str:
    """In the data directory of a demo: one that opens all. `source`: where the modules are that `python` is to use."""
    command = [python, "-c", _APP_PASSWORD, str(folder), USER]
    environment = {**os.environ, "PYTHONPATH": source}
    made = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return made.stdout.strip()


class Line:
    """A connection; what is said and answered are lines."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")

    def ask(self, *said: str, until: str = "") -> str:
        """Say lines; the first answer that begins so."""
        if said:
            self._socket.sendall("".join(f"{one}\r\n" for one in said).encode())
        while line := self._reader.readline().decode():
            if line.startswith(until):
                return line
        raise ConnectionError(f"no {until!r}")

    def close(self) -> None:
        """Hang up."""
        self._reader.close()
        self._socket.close()


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


PLAIN = encoded(f"\0{USER}\0{PASSWORD}")


def imap(there: Line, _token: str) -> str:
    there.ask(until="* OK")
    return there.ask(f"a AUTHENTICATE PLAIN {PLAIN}", until="a OK")


def pop3(there: Line, _token: str) -> str:
    there.ask(until="+OK")
    there.ask(f"USER {USER}", until="+OK")
    return there.ask(f"PASS {PASSWORD}", until="+OK")


def submission(there: Line, _token: str) -> str:
    there.ask(until="220")
    there.ask("EHLO bench.example", until="250 ")
    return there.ask(f"AUTH PLAIN {PLAIN}", until="235")


@cache
def scram_keys(salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """Kept, as clients keep them: the server is what is measured."""
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, iterations)
    key = hmac.digest(salted, b"Client Key", "sha256")
    return key, hashlib.sha256(key).digest()


def scram(there: Line, _token: str) -> str:
    there.ask(until="* OK")
    bare = f"n={USER},r=bench"
    told = there.ask(f"a AUTHENTICATE SCRAM-SHA-256 {encoded(f'n,,{bare}')}", until="+ ")
    first = b64decode(told[2:]).decode()
    parts = dict(part.split("=", 1) for part in first.split(","))
    key, stored = scram_keys(b64decode(parts["s"]), int(parts["i"]))
    unproven = f"c=biws,r={parts['r']}"
    signature = hmac.digest(stored, f"{bare},{first},{unproven}".encode(), "sha256")
    proof = b64encode(bytes(one ^ other for one, other in zip(key, signature, strict=True))).decode()
    there.ask(encoded(f"{unproven},p={proof}"), until="+ ")
    return there.ask("", until="a OK")


def http(there: Line, field: str) -> str:
    return there.ask(
        "GET /jmap/session HTTP/1.1", "Host: localhost", f"Authorization: {field}", "", until="HTTP/1.1 200"
    )


def basic(there: Line, _token: str) -> str:
    return http(there, f"Basic {encoded(f'{USER}:{PASSWORD}')}")


def bearer(there: Line, token: str) -> str:
    return http(there, f"Bearer {token}")


WAYS: dict[str, tuple[str, Callable[[Line, str], str]]] = {
    "IMAP PLAIN": ("imap", imap),
    "IMAP SCRAM": ("imap", scram),
    "POP3 PASS": ("pop3", pop3),
    "SMTP PLAIN": ("submission", submission),
    "HTTP Basic": ("http", basic),
    "HTTP Bearer": ("http", bearer),
}
