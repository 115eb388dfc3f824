"""Passwords of accounts: hashes of other servers; what may be chosen; whose sessions end."""

import hashlib
import imaplib
import json
import poplib
import smtplib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.protocol.sasl.client import Credentials, choose
from tests.kit.command_line import CommandLine, set_up
from tests.kit.served import Served

FOREIGN = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/"
"""Of `password`."""
BCRYPT = "{BLF-CRYPT}$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
"""Of `U*U`."""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    made, _ = set_up(tmp_path_factory.mktemp("provider"))
    for name in ("bob", "kim"):
        made.text("account", "add", f"{name}@example.org")
    return made


def test_a_hash_is_an_argument_or_on_standard_input(there: CommandLine) -> None:
    assert there.json("account", "password", "bob", "--hash", FOREIGN) == {"login": "bob"}
    assert "Password:" not in there.text("account", "password", "bob", "--hash", "-", typed=f"{BCRYPT}\n")
    assert "safely" in there.refused("account", "password", "bob", "--hash", "{DES-CRYPT}ab01FAX.bQRSU")
    assert "too long" in there.refused(
        "account", "password", "bob", "--hash", "-", typed="$2b$31$" + "x" * 53
    )
    assert "no hash" in there.refused("account", "password", "bob", "--hash", "")
    there.refused("account", "password", "bob", "--hash", FOREIGN, "--ask", code=2)
    assert "no account" in there.refused("account", "password", "nobody", "--hash", FOREIGN)
    assert "empty" in there.refused("account", "password", "bob", "--hash", "-", typed="{PLAIN}\n")
    assert "never an argument" in there.refused("account", "password", "bob", "--hash", "{PLAIN}pass word")
    there.text("account", "password", "bob", "--hash", "-", typed="{PLAIN}pass word\n")
    assert "no password" not in there.text("fsck")


def test_lines_are_imported_one_by_one(there: CommandLine, tmp_path: Path) -> None:
    there.text("account", "password", "bob")
    path = tmp_path / "passwd"
    path.write_bytes(
        b"# Dovecot's\n\n"
        b"bob@example.org:" + BCRYPT.encode() + b":1000:1000::/home/bob::userdb_quota_rule=*:storage=5G\r\n"
        b"nobody@example.org:" + FOREIGN.encode() + b"\n"
        b"kim:!locked:19000:0:99999:7:::\n"
        b"\xff\xfe:x\n"
        b"kim\n"
        b"kim:" + b"x" * 20_000 + b":" + b"y" * 5000 + b"\n"
        b"kim:{PLAIN}pass word\n"
    )
    dry = there.run("account", "import", str(path), "--dry-run", "--json")
    run = there.run("account", "import", str(path), "--json")
    outcomes = [(one["line"], one["login"][:18], one["outcome"]) for one in json.loads(run.stdout)]
    assert json.loads(dry.stdout) == json.loads(run.stdout)
    assert outcomes == [
        (3, "bob@example.org", "set"),
        (4, "nobody@example.org", "refused"),
        (5, "kim", "refused"),
        (6, "\ufffd\ufffd", "refused"),
        (7, "kim", "refused"),
        (8, "kim", "refused"),
        (9, "kim@example.org", "set"),
    ]
    assert (dry.exit_code, run.exit_code) == (1, 1)
    again = there.run("account", "import", str(path))
    assert "3     bob@example.org     unchanged" in again.output
    assert "Passwords: 1 set, 1 unchanged, 5 refused" in again.output
    assert "locked" in again.output
    assert "4096 octets" in again.output


def test_an_import_can_be_read_from_standard_input(there: CommandLine) -> None:
    assert "Passwords: 1 would be set" in there.text(
        "account", "import", "-", "--dry-run", typed=f"kim@example.org:{FOREIGN}"
    )
    assert "Passwords: 1 set, 0 unchanged, 0 refused" in there.text(
        "account", "import", "-", typed=f"kim@example.org:{FOREIGN}"
    )
    assert "Passwords: 0 set, 0 unchanged, 0 refused" in there.text("account", "import", "-", typed="")


def test_stolen_and_short_passwords_are_refused(tmp_path: Path) -> None:
    there, _ = set_up(tmp_path)
    stolen = hashlib.sha1(b"open sesame", usedforsecurity=False).hexdigest().upper()
    (tmp_path / "pwned").write_text(f"{stolen}:12\n")
    with there.config.open("a") as config:
        config.write("\n[passwords]\nshortest = 10\nbreached = 'pwned'\n")

    def refused(password: str) -> str:
        there.refused("account", "add", "x@example.org", "--password-stdin", typed=f"{password}\n")
        return there.refused("account", "password", "anna", "--password-stdin", typed=f"{password}\n")

    assert "needs 10 characters" in refused("123456789")
    assert "was seen 12 times" in refused("open sesame")
    there.text("account", "password", "anna", "--password-stdin", typed="nobody knows\n")
    (tmp_path / "pwned").write_text("hello\n")
    assert "'passwords.breached'" in refused("nobody knows")
    assert "pwned has lines that do not begin with a SHA-1 hash" in there.refused(
        "check", "--only", "machine"
    )
    (tmp_path / "pwned").unlink()
    assert "No such file" in there.refused("check", "--only", "machine")
    assert "No such file" in refused("nobody knows")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path)
    yield server
    server.end()


def test_a_change_ends_other_sessions_and_not_those_of_app_passwords(served: Served) -> None:
    there, login = served.there, "anna@example.org"
    app = there.json("app-password", "add", "anna", "phone", "--scope", "mail")["password"]
    there.text("account", "add", "bob@example.org", "--password-stdin", typed="pass word\n")
    context = ssl.create_default_context(cafile=str(there.data / "tls" / "ca.pem"))
    context.check_hostname = False

    kept, other, phone = served.imap(), served.imap("bob@example.org", "pass word"), served.imap(login, app)
    there.text("account", "password", "anna", "--password-stdin", "--keep-sessions", typed="pass word 2\n")
    # What came first is still there once what came later is not
    pop = poplib.POP3_SSL("127.0.0.1", served.ports["pop3s"], timeout=20, context=context)
    pop.user(login)
    pop.pass_("pass word 2")
    smtp = smtplib.SMTP_SSL("127.0.0.1", served.ports["submissions"], timeout=20, context=context)
    smtp.login(login, "pass word 2")
    idle = served.imap(login, "pass word 2")
    idle.select()
    idle.send(b"i IDLE\r\n")
    assert idle.readline().startswith(b"+")
    assert kept.noop()[0] == "OK"

    there.text("account", "password", "anna", "--hash", FOREIGN)
    while not (line := idle.readline()).startswith(b"* BYE"):
        assert b"EXISTS" in line or b"RECENT" in line, "the letter about the first change"
    assert kept.readline().startswith(b"* BYE")
    with pytest.raises(poplib.error_proto):
        pop.noop()
    assert smtp.getreply()[0] == 421
    assert other.noop()[0] == "OK"
    assert phone.noop()[0] == "OK"

    upgraded = served.imap(login, "password")
    served.until(lambda: scram_works(served, login, context))
    assert upgraded.noop()[0] == "OK", "it is still the same password"
    pop.close()
    smtp.close()
    for client in (kept, idle, other, phone, upgraded):
        client.shutdown()


def scram_works(served: Served, login: str, context: ssl.SSLContext) -> bool:
    """Whether the account has SCRAM keys, by which it was upgraded."""
    exchange = choose(
        ["SCRAM-SHA-256"], Credentials(login, "password"), nonce="c", binding=None, plain_allowed=False
    )
    assert exchange is not None
    client = imaplib.IMAP4_SSL("127.0.0.1", served.ports["imaps"], ssl_context=context, timeout=20)
    pending = [exchange.initial]
    try:
        client.authenticate(
            "SCRAM-SHA-256", lambda challenge: exchange.respond(challenge) if challenge else pending.pop()
        )
    except imaplib.IMAP4.error:
        return False
    finally:
        client.shutdown()
    return True


def test_owners_are_told_of_what_operators_do(there: CommandLine) -> None:
    there.text("account", "add", "lea@example.org")
    there.text("app-password", "add", "lea", "phone")
    there.text("account", "password", "lea")
    there.text("account", "notify", "lea", "off")
    there.text("account", "password", "lea")
    told = there.json("mail", "search", "lea")["messages"]
    assert sorted(one["subject"] for one in told) == [
        "An app password was made",
        "Mails about your account were switched off",
        "The password was changed",
    ]
