"""mutt, by batch commands: it reads a mailbox of thousands, searches, marks, copies, and sends."""

from pathlib import Path

import pytest

from tests.interop.demo import Demo, Person
from tests.interop.imap import connected
from tests.interop.programs import run, run_on_a_terminal
from tests.interop.reading import flagged, messages

pytestmark = pytest.mark.interop

SETTINGS = """
set ssl_ca_certificates_file = {authority}
set certificate_file = {authority}
set ssl_force_tls = yes
set imap_user = "{person.login}"
set imap_pass = "{person.password}"
set smtp_pass = "{person.password}"
set smtp_url = "smtps://{person.login}@localhost:{submissions}/"
set from = {person.address}
set use_envelope_from = yes
set folder = imaps://localhost:{imaps}/
set spoolfile = +INBOX
set record = +Sent
set postponed = +Drafts
set mbox = +Archive
set move = no
set delete = yes
set confirmappend = no
set confirmcreate = no
set quit = yes
set wait_key = no
set header_cache = {home}/cache
set imap_condstore = {fast}
set imap_qresync = {fast}
set sleep_time = 0
"""
MANY, NEEDLE = 3000, 1234


def settings(provider: Demo, person: Person, home: Path, *, fast: bool = True) -> Path:
    """A muttrc."""
    text = SETTINGS.format(
        authority=provider.authority, person=person, home=home, fast="yes" if fast else "no", **provider.ports
    )
    path = home / "muttrc"
    path.write_text(text)
    (home / "cache").mkdir(exist_ok=True)
    return path


def press(muttrc: Path, keys: str) -> None:
    """Run mutt and press keys, the last of which end it."""
    with muttrc.open("a") as lines:
        lines.write(f"push '{keys}'\n")
    run_on_a_terminal("mutt", "-n", "-F", muttrc, home=muttrc.parent)


def letter(number: int) -> bytes:
    subject = b"needle" if number == NEEDLE else b"letter %d" % number
    return b"From: ann@two.example\r\nSubject: %s\r\n\r\nbody %d\r\n" % (subject, number)


def fill(provider: Demo, person: Person) -> None:
    with connected(provider, person) as imap:
        for start in range(0, MANY, 500):
            imap.append("INBOX", [letter(number) for number in range(start, start + 500)])


def test_it_sends_and_keeps_a_copy(any_provider: Demo, home: Path) -> None:
    sender, receiver = any_provider.newcomer(), any_provider.newcomer()
    picture = home / "rot \N{EM DASH} red.png"
    picture.write_bytes(bytes(range(256)) * 100)
    command = ("mutt", "-n", "-F", settings(any_provider, sender, home), "-s", "Grüße", "-a", picture, "--")
    run(*command, receiver.address, input="schöne\n.\n".encode(), home=home)
    [arrived] = messages(any_provider, receiver)
    [(flags, kept)] = flagged(any_provider, sender, "Sent")
    assert b"Subject: =?iso-8859-1?" in arrived
    assert arrived.partition(b"\r\n\r\n")[2] == kept.partition(b"\r\n\r\n")[2]
    assert flags == {r"\Seen"}


@pytest.mark.parametrize("fast", [True, False], ids=["qresync", "plain"])
def test_it_reads_and_changes_a_mailbox_of_thousands(provider: Demo, home: Path, fast: bool) -> None:
    person = provider.newcomer()
    fill(provider, person)
    keys = (
        "<limit>~s needle<enter><flag-message><limit>all<enter>"
        '<tag-pattern>~s "letter 1[0-9]$"<enter><tag-prefix><save-message>=Box<enter>'
        '<tag-pattern>~s "letter 2[0-9]$"<enter><tag-prefix><delete-message>'
        "<sync-mailbox><exit>"
    )
    press(settings(provider, person, home, fast=fast), keys)
    assert sorted(messages(provider, person, "Box")) == sorted(letter(number) for number in range(10, 20))
    left = flagged(provider, person)
    assert len(left) == MANY - 20
    assert [octets for flags, octets in left if r"\Flagged" in flags] == [letter(NEEDLE)]
    # Once more, with what it remembers: everything to a file, octets and all
    export = "<tag-pattern>~A<enter><tag-prefix><copy-message>" + f"{home}/export<enter><exit>"
    press(settings(provider, person, home, fast=fast), export)
    assert (home / "export").read_bytes().count(b"\nSubject: ") == MANY - 20
