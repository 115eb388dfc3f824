"""Commands for second factors; and what ends, in a whole server, when an account has got one."""

import imaplib
import poplib
import smtplib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pillarbox.admin import accounts
from pillarbox.app.commands.installation import Installation
from pillarbox.directory.sign_in import recovery_codes
from pillarbox.world.database import Transaction
from tests.kit.command_line import CommandLine, set_up
from tests.kit.second_factor import RECOVERY_CODES, give
from tests.kit.served import Served


def add_factor(there: CommandLine, login: str = "anna") -> None:
    """As its owner does, who has a page for it."""
    with Installation(there.config, as_json=False) as installation:
        account = installation.read(accounts.find, login).id
        installation.write(give, account, now_ms=installation.now_ms)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    made, _ = set_up(tmp_path_factory.mktemp("provider"))
    made.text("account", "add", "bob@example.org")
    return made


def test_showing_and_removing(there: CommandLine) -> None:
    none = {
        "login": "anna@example.org",
        "one_time_codes": False,
        "one_time_codes_since_ms": None,
        "recovery_codes": 0,
    }
    assert none.items() <= there.json("account", "second-factor", "anna").items()
    assert "One-time codes  none" in there.text("account", "second-factor", "anna")
    assert "has no second factor" in there.refused("account", "second-factor", "anna", "--remove")
    add_factor(there)
    shown = there.json("account", "second-factor", "anna")
    assert (shown["one_time_codes"], shown["recovery_codes"]) == (True, 10)
    assert shown["one_time_codes_since_ms"] > 0
    assert "Recovery codes  10 left" in there.text("account", "second-factor", "anna")
    assert "Nothing removed" in there.refused("account", "second-factor", "anna", "--remove", typed="n\n")
    assert "Nothing removed" in there.refused("account", "second-factor", "anna", "--remove", "--json")
    assert there.json("account", "second-factor", "anna") == shown
    assert there.json("account", "second-factor", "anna", "--remove", "--yes") == {"removed": shown}
    assert none.items() <= there.json("account", "second-factor", "anna").items()
    assert "no account" in there.refused("account", "second-factor", "nobody")
    assert "No errors found" in there.text("fsck")


def test_new_recovery_codes(there: CommandLine) -> None:
    assert "has no second factor" in there.refused("account", "recovery-codes", "bob")
    add_factor(there, "bob")
    codes = there.json("account", "recovery-codes", "bob")["codes"]
    assert len({*codes}) == 10
    assert not {*codes} & {*RECOVERY_CODES}
    text = there.text("account", "recovery-codes", "bob")
    assert text.count("\n  ") == 10
    assert "10 recovery codes made: bob" in text
    assert there.json("account", "second-factor", "bob")["recovery_codes"] == 10
    with Installation(there.config, as_json=False) as installation:
        account = installation.read(accounts.find, "bob").id

        def digests(tx: Transaction) -> list[Any]:
            return tx.rows("SELECT digest FROM recovery_codes WHERE account = ?", (account,))

        kept = installation.read(digests)
    assert all(len(digest) == recovery_codes.DIGEST_OCTETS for (digest,) in kept)
    there.text("account", "remove", "bob", "--yes")
    assert "No errors found" in there.text("fsck")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path)
    yield server
    server.end()


def test_what_the_own_password_has_opened_ends(served: Served) -> None:
    there, login = served.there, "anna@example.org"
    app = there.json("app-password", "add", "anna", "phone", "--scope", "mail")["password"]
    context = ssl.create_default_context(cafile=str(there.data / "tls" / "ca.pem"))
    context.check_hostname = False
    idle, phone = served.imap(), served.imap(login, app)
    idle.select()
    idle.send(b"i IDLE\r\n")
    assert idle.readline().startswith(b"+")
    pop = poplib.POP3_SSL("127.0.0.1", served.ports["pop3s"], timeout=20, context=context)
    pop.user(login)
    pop.pass_(served.password)
    smtp = smtplib.SMTP_SSL("127.0.0.1", served.ports["submissions"], timeout=20, context=context)
    smtp.login(login, served.password)
    add_factor(there)
    assert idle.readline() == b"* BYE This login is no longer valid: log in again\r\n"
    with pytest.raises(poplib.error_proto):
        pop.noop()
    code, said = smtp.getreply()
    assert (code, b"log in again" in said) == (421, True)
    assert phone.noop()[0] == "OK"
    with pytest.raises(imaplib.IMAP4.error, match="Application-specific password required"):
        served.imap()
    there.text("account", "second-factor", "anna", "--remove", "--yes")
    again = served.imap()
    assert phone.noop()[0] == again.noop()[0] == "OK"
    pop.close()
    smtp.close()
    for client in (idle, phone, again):
        client.shutdown()
