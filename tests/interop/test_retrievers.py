"""getmail and fetchmail fetch mail by POP3 and IMAP, and know the next time what they have already."""

import re
from pathlib import Path

import pytest

from tests.interop.demo import Demo, Person
from tests.interop.programs import run
from tests.interop.reading import logged_in, messages

pytestmark = pytest.mark.interop

GETMAIL = """
[retriever]
type = Simple{kind}SSLRetriever
server = localhost
port = {port}
username = {person.login}
password = {person.password}
ca_certs = {authority}
{more}
[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", "cat > {home}/mail/$$")
allow_root_commands = true
[options]
read_all = false
delete = {delete}
delivered_to = false
received = false
"""
FETCHMAIL = """
set no bouncemail
poll localhost protocol {kind} port {port} {more}
  username "{person.login}" password "{person.password}"
  {tls} sslcertck sslcertfile "{authority}"
  mda "cat >> {home}/mail"
  {keep} {folder}
"""
TEXTS = (
    b".one dot\r\n..two\r\nFrom here\r\n",
    b"no end of line",
    b"gr\xc3\xbc\xc3\x9fe \xff\r\n",
    b"x" * 3000 + b"\r\n",
)


def letters() -> list[bytes]:
    return [b"From: ann@two.example\r\nSubject: letter %d\r\n\r\n%s" % item for item in enumerate(TEXTS)]


def fill(provider: Demo, person: Person) -> None:
    with logged_in(provider, person) as client:
        for letter in letters():
            client.append("INBOX", "", "", letter)


def brought(home: Path) -> list[bytes]:
    """What getmail brought; it writes LF, ends each message with one, and adds fields of its own."""
    files = (path.read_bytes() for path in (home / "mail").iterdir())
    found = [re.sub(rb"(?m)^(?:Return-Path|X-getmail-\S+): .*\n", b"", octets) for octets in files]
    return sorted(octets.replace(b"\n", b"\r\n").removesuffix(b"\r\n") for octets in found)


@pytest.mark.parametrize("kind", ["POP3", "IMAP"])
@pytest.mark.parametrize("delete", [False, True], ids=["keep", "delete"])
def test_getmail(any_provider: Demo, home: Path, kind: str, delete: bool) -> None:
    person = any_provider.newcomer()
    fill(any_provider, person)
    (home / "mail").mkdir()
    text = GETMAIL.format(
        kind=kind, port=any_provider.ports[f"{kind.lower()}s"], person=person, home=home, delete=delete,
        authority=any_provider.authority, more="mailboxes = ('INBOX',)" if kind == "IMAP" else "",
    )  # fmt: skip
    (home / "getmailrc").write_text(text)
    once = sorted(letter.removesuffix(b"\r\n") for letter in letters())
    for _time in range(2):
        run("getmail", "--getmaildir", home, "--rcfile", "getmailrc", home=home)
        assert brought(home) == once
    assert len(messages(any_provider, person)) == (0 if delete else len(TEXTS))


@pytest.mark.parametrize(
    ("kind", "more"),
    [("POP3", "uidl"), ("POP3", "auth password"), ("IMAP", ""), ("IMAP", "auth password")],
)
@pytest.mark.parametrize("tls", ["ssl", "sslproto TLS1.2+"], ids=["tls", "starttls"])
@pytest.mark.parametrize("keep", ["keep", "fetchall nokeep"])
def test_fetchmail(provider: Demo, home: Path, kind: str, more: str, tls: str, keep: str) -> None:
    person = provider.newcomer()
    fill(provider, person)
    door = kind.lower() + ("s" if tls == "ssl" else "")
    text = FETCHMAIL.format(
        kind=kind, port=provider.ports[door], more=more, person=person, tls=tls, authority=provider.authority,
        home=home, keep=keep, folder="folder INBOX" if kind == "IMAP" else "",
    )  # fmt: skip
    path = home / "fetchmailrc"
    path.write_text(text)
    path.chmod(0o600)
    command = ("fetchmail", "-f", path, "--nodetach", "--pidfile", home / "pid", "--idfile", home / "ids")
    run(*command, home=home)
    mail = (home / "mail").read_bytes().replace(b"\r\n", b"\n")
    assert re.findall(rb"(?m)^Subject: letter (\d)", mail) == [b"0", b"1", b"2", b"3"]
    assert b"\n.one dot\n..two\nFrom here\n" in mail
    assert b"gr\xc3\xbc\xc3\x9fe \xff\n" in mail
    if not (kind == "POP3" and more == "auth password" and keep == "keep"):
        run(*command, home=home, expect=1)  # no new mail
        assert len((home / "mail").read_bytes().replace(b"\r\n", b"\n")) == len(mail)
    assert len(messages(provider, person)) == (len(TEXTS) if keep == "keep" else 0)
