"""Mailboxes that Python's own `mailbox` writes, and exports that it reads: another program's view of the formats."""

import mailbox
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pillarbox.admin.exporting.maildir import MaildirWriter
from pillarbox.admin.exporting.mbox import MboxWriter
from pillarbox.admin.exporting.pages import export
from pillarbox.store import mailboxes
from tests.component.admin.test_importing import Provider
from tests.kit.mail import elsewhere


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(tmp_path / "data")
    yield made
    made.database.close_now()


LETTERS = [elsewhere.octets(number, 1_000_000_000_000 + number * 1_000) for number in range(14)]
# Its mboxes quote "From " only, and all ">From " that come back lose one ">".
UNQUOTED = [octets for octets in LETTERS if b"\n>From " not in octets and b"\n>>From " not in octets]


def _held(provider: Provider, name: str) -> list[tuple[bytes, str]]:
    return [(octets, flags) for octets, flags, _ in provider.held()[name]]


def _write_mbox(path: Path, flags: tuple[str, ...]) -> None:
    with closing(mailbox.mbox(path)) as box:
        for octets, letters in zip(UNQUOTED, flags, strict=False):
            message = mailbox.mboxMessage(octets.replace(b"\r\n", b"\n"))
            message.set_flags(letters)
            box.add(message)


def test_an_mbox_and_its_flags(provider: Provider, tmp_path: Path) -> None:
    _write_mbox(tmp_path / "m.mbox", ("", "R", "RO", "ROF", "A", "RODF") * 3)
    provider.bring(tmp_path / "m.mbox")

    expected = ("", "\\Seen", "\\Seen", "\\Flagged \\Seen", "\\Answered", "\\Flagged \\Deleted \\Seen") * 3
    assert _held(provider, "INBOX") == [*zip(UNQUOTED, expected, strict=False)]


def test_a_maildir_with_folders(provider: Provider, tmp_path: Path) -> None:
    top = mailbox.Maildir(tmp_path / "m", create=True)
    for folder in (top, top.add_folder("Work.2026")):
        for octets, info in zip(LETTERS, ("", "S", "FRS", "DT", "P") * 3, strict=False):
            message = mailbox.MaildirMessage(octets.replace(b"\r\n", b"\n"))
            message.set_flags(info)
            folder.add(message)
    provider.bring(tmp_path / "m")

    flags = ("", "\\Seen", "\\Answered \\Flagged \\Seen", "\\Deleted \\Draft", "$Forwarded") * 3
    for name in ("INBOX", "Work/2026"):
        assert sorted(_held(provider, name)) == sorted(zip(LETTERS, flags, strict=False))


def test_folders_of_mh(provider: Provider, tmp_path: Path) -> None:
    top = mailbox.MH(tmp_path / "m", create=True)
    for folder in (top.add_folder("inbox"), top.add_folder("Work")):
        for octets in LETTERS:
            folder.add(octets.replace(b"\r\n", b"\n"))
    assert provider.bring(tmp_path / "m").skipped == []
    for name in ("INBOX", "Work"):
        assert _held(provider, name) == [(octets, "") for octets in LETTERS]


@pytest.mark.parametrize("form", ["maildir", "mbox"])
def test_it_reads_what_is_exported(provider: Provider, tmp_path: Path, form: str) -> None:
    _write_mbox(tmp_path / "m.mbox", ("ROF",) * len(UNQUOTED))
    provider.bring(tmp_path / "m.mbox")
    listing = provider.database.read_now(mailboxes.listing, provider.account)
    writer = MaildirWriter(tmp_path / "out") if form == "maildir" else MboxWriter(tmp_path / "out")
    export(provider.database, provider.blobs, provider.account, listing, writer)

    if form == "maildir":
        messages: list[mailbox.MaildirMessage | mailbox.mboxMessage] = [*mailbox.Maildir(tmp_path / "out")]
        assert {message.get_flags() for message in messages} == {"FS"}
    else:
        with closing(mailbox.mbox(tmp_path / "out" / "INBOX.mbox")) as box:
            messages = [*box]
        assert {message.get_flags() for message in messages} == {"ROF"}
    subjects = {octets.partition(b"\r\nSubject: ")[2].partition(b"\r\n")[0].decode() for octets in UNQUOTED}
    assert {message["Subject"] for message in messages} == subjects
