"""Dovecot's own files: what it writes is imported, and it reads what is exported."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.admin.exporting.maildir import MaildirWriter
from pillarbox.admin.exporting.pages import export
from pillarbox.store import mailboxes
from tests.component.admin.test_importing import Provider
from tests.interop.programs import run
from tests.kit.permissions import grant_others_access

pytestmark = pytest.mark.interop

CONFIG = """
base_dir = {home}/run
log_path = /dev/stderr
ssl = no
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 1
mail_uid = {user}
mail_gid = {group}
userdb {{
  driver = static
  args = uid={user} gid={group} home={home}
}}
namespace inbox {{
  inbox = yes
}}
mail_location = {location}
"""
BODY = b"From here on\r\n>From there\r\n\r\nFrom a@b Tue Jul 23 19:39:23 2002\r\nSubject: x\r\n\r\n"
LETTERS = {number: b"From: a@b.example\r\nSubject: %d\r\n\r\n" % number + BODY for number in (1, 2, 3)}


class Dovecot:
    """`doveadm` on a folder of mail; Dovecot does not work as root."""

    def __init__(self, home: Path, location: str) -> None:
        self.user, self.group = (os.getuid(), os.getgid()) if os.getuid() else (65_534, 65_534)
        self._home = home
        self._config = home / "dovecot.conf"
        self._config.write_text(
            CONFIG.format(home=home, user=self.user, group=self.group, location=location), encoding="utf-8"
        )
        self.own(home)

    def own(self, folder: Path) -> None:
        """Give the folder to the user that Dovecot works as."""
        if os.getuid() == 0:
            grant_others_access(folder)
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.user, self.group)

    def __call__(self, *words: str, letter: bytes = b"") -> str:
        done = run(
            "doveadm",
            "-c",
            self._config,
            *words,
            input=letter.replace(b"\r\n", b"\n"),
            home=self._home,
            environment={"USER": "anna"},
        )
        return done.stdout.decode()


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(tmp_path / "data")
    yield made
    made.database.close_now()


@pytest.mark.parametrize(
    ("location", "separator"), [("maildir:{mail}", "."), ("mbox:{mail}:INBOX={mail}/inbox", "/")]
)
def test_what_dovecot_writes_is_imported(
    provider: Provider, tmp_path: Path, location: str, separator: str
) -> None:
    home = tmp_path / "home"
    mail = home / "mail"
    mail.mkdir(parents=True)
    doveadm = Dovecot(home, location.format(mail=mail))
    folder = f"Work{separator}Grüße"
    for letter in LETTERS.values():
        doveadm("save", letter=letter)
    doveadm("mailbox", "create", "-s", folder, "Leer")
    doveadm("save", "-m", folder, letter=LETTERS[1])
    doveadm("flags", "add", "\\Seen $Forwarded Work", "mailbox", "INBOX", "1")
    doveadm("flags", "add", "\\Answered \\Flagged \\Draft", "mailbox", "INBOX", "2")
    doveadm("flags", "add", "\\Deleted", "mailbox", "INBOX", "3")

    result = provider.bring(mail)

    assert result.skipped == []
    held = {name: [(octets, flags) for octets, flags, _ in found] for name, found in provider.held().items()}
    flags = ("\\Seen $Forwarded Work", "\\Answered \\Flagged \\Draft", "\\Deleted")
    assert held == {
        "INBOX": [*zip(LETTERS.values(), flags, strict=True)],
        "Work/Grüße": [(LETTERS[1], "")],
    }
    there = {
        box.name: box.subscribed for box in provider.database.read_now(mailboxes.listing, provider.account)
    }
    assert there["Leer"]
    assert there["Work/Grüße"]


def test_dovecot_reads_what_is_exported(provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(
        b"From a@b Tue Jul 23 19:39:23 2002\nStatus: RO\nX-Status: F\nX-Keywords: $Forwarded Work\nSubject: 1\n\nx\n"
    )
    provider.bring(tmp_path / "m")
    provider.bring(tmp_path / "m", into="Work/Grüße")
    home = tmp_path / "home"
    home.mkdir()
    listing = provider.database.read_now(mailboxes.listing, provider.account)
    export(provider.database, provider.blobs, provider.account, listing, MaildirWriter(home / "mail"))
    doveadm = Dovecot(home, f"maildir:{home}/mail")

    fields = "flags size.virtual date.received.unixtime"
    for mailbox in ("INBOX", "Work.Grüße"):
        (message,) = doveadm("-f", "tab", "fetch", fields, "mailbox", mailbox).splitlines()[1:]
        flags, size, received = message.split("\t")
        assert set(flags.split()) - {"\\Recent"} == {"\\Seen", "\\Flagged", "$Forwarded", "Work"}
        assert (size, received) == ("17", "1027453163")
    assert "Work.Grüße" in doveadm("mailbox", "list", "-s").splitlines()
