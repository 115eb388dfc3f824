"""What is exported and imported again is the same: octets, flags, dates, mailboxes, roles, subscriptions."""

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.admin.exporting.maildir import MaildirWriter
from pillarbox.admin.exporting.mbox import MboxWriter
from pillarbox.admin.exporting.pages import Writer, export
from pillarbox.admin.importing import manifest
from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.summary import summarize
from pillarbox.store import mailboxes
from pillarbox.store.append import Arrival, Message, append_all
from pillarbox.store.mailbox import Role
from pillarbox.world.database import Transaction
from tests.component.admin.test_importing import NOW_MS, Provider
from tests.kit.mail import elsewhere

FORMATS = pytest.mark.parametrize("form", ["maildir", "mbox"])

OCTETS = (
    b"Subject: plain\r\n\r\nx\r\n",
    b"Status: in progress\r\nStatus: RO\r\nX-Keywords: sale, shoes\r\nX-Status: F\r\n\r\nits own fields\r\n",
    b"X-Mozilla-Status: 0009\r\nX-Mozilla-Keys: a b\r\nX-Gmail-Labels: Trash\r\n\r\nfields of other programs\r\n",
    b"X-Pillarbox: received=1 size=2 lines=crlf flags=\\Seen\r\n\r\nour own field\r\n",
    b"From a@b Tue Jul 23 19:39:23 2002\r\n\r\nFrom \r\nFrom - \r\n>From x\r\n>>From x\r\n",
    b"Subject: no line end\r\n\r\nlast",
    b"Subject: empty lines\r\n\r\n\r\n\r\n",
    b"Subject: bare\r\n\r\none\ntwo\r\rthree\n",
    b"Content-Length: 1\r\n\r\nx\r\n\r\nFrom a@b Tue Jul 23 19:39:23 2002\r\n\r\n",
    b" begins with a folded line\r\nSubject: x\r\n\r\n",
    b"Subject: octets\r\n\r\n\x00\xff\xfe\r\n",
    b"no header at all",
    gzip.compress(b"what a server has packed begins so\r\n"),
    b"\x1f\x8b no header\r\n",
    b"BZh no header\r\n",
    b"\xfd7zXZ\x00 no header\n",
    b"\x28\xb5\x2f\xfd no header\r\n",
)
DATES = (0, 1, 1_000, -86_400_000, 2**31 * 1000 - 1, 2**31 * 1000, 2**32 * 1000 + 7, 4_102_444_800_123)
NAMES = (
    "Work",
    "r1/a.b",
    "A.b\\c/Grüße & mehr",
    ".",
    "..",
    "../..",
    "_",
    "Work.mbox/below",
    "work",
    "Work.sbd/x",
    ".hidden/cur",
    ".x",
    "cur",
    "new/tmp",
    "INBOX/sub",
    "quote\"'`$(x)*%?<>|:",
    "x" * 255,
    "/".join("y" * 30 for _ in range(32)),
    "日本語/" + "語" * 80,
    "~user",
    "a\\2eb",
    "&AOk-",
    " space ",
    "pillarbox-mailboxes.json",
    "subscriptions",
    "dovecot-keywords",
    "2026",
    "letter.eml",
)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(tmp_path / "data")
    yield made
    made.database.close_now()


def _writer(form: str, folder: Path) -> Writer:
    return MaildirWriter(folder) if form == "maildir" else MboxWriter(folder)


def _append(provider: Provider, name: str, messages: list[tuple[bytes, str, int]]) -> None:
    def append(tx: Transaction) -> None:
        there = {box.name: box.id for box in mailboxes.listing(tx, provider.account)}
        mailbox = there.get(name) or mailboxes.create(tx, provider.account, name, now_ms=NOW_MS).id
        arrivals = [
            Arrival(Message(provider.blobs.keep_ready(octets), summarize(octets)), flags, at_ms)
            for octets, flags, at_ms in messages
        ]
        append_all(tx, provider.account, mailbox, arrivals, now_ms=NOW_MS)

    provider.database.write_now(append)


def _there_and_back(provider: Provider, folder: Path, form: str, names: tuple[str, ...] = ()) -> AccountId:
    listing = provider.database.read_now(mailboxes.listing, provider.account)
    known = {box.name for box in listing}
    subscribed = provider.database.read_now(mailboxes.subscriptions, provider.account)
    chosen = [box for box in listing if not names or box.name in names]
    export(
        provider.database,
        provider.blobs,
        provider.account,
        chosen,
        _writer(form, folder),
        subscriptions=[name for name in subscribed if name not in known],
    )
    other = provider.another("bob@example.org")
    result = provider.bring(folder, account=other)
    assert result.skipped == []
    return other


Listed = dict[str, tuple[Role | None, bool]]


def _listed(provider: Provider, account: AccountId) -> tuple[Listed, list[str]]:
    listing = provider.database.read_now(mailboxes.listing, account)
    subscribed = provider.database.read_now(mailboxes.subscriptions, account)
    return {box.name: (box.role, box.subscribed) for box in listing}, subscribed


@FORMATS
def test_octets_flags_and_dates(provider: Provider, tmp_path: Path, form: str) -> None:
    flags = ("", "\\Seen", "\\Answered \\Flagged \\Deleted \\Seen \\Draft", "\\Seen $Forwarded Work {odd}")
    messages = [
        (
            octets,
            flags[place % len(flags)] if place % 4 != 3 else "\\Seen $Forwarded Work",
            DATES[place % len(DATES)],
        )
        for place, octets in enumerate(OCTETS)
    ]
    _append(provider, "INBOX", messages)
    other = _there_and_back(provider, tmp_path / "out", form)
    assert provider.held(other)["INBOX"] == messages


@pytest.mark.parametrize("how", ["copied", "a.zip", "a.tgz"])
@FORMATS
def test_a_copy_of_an_export_keeps_the_dates(provider: Provider, tmp_path: Path, form: str, how: str) -> None:
    messages = [
        (b"Subject: %d\r\n\r\n" % second, "", second * 1_000) for second in (-86_400, 1, 10**9, 10**10)
    ]
    _append(provider, "INBOX", messages)
    listing = provider.database.read_now(mailboxes.listing, provider.account)
    export(provider.database, provider.blobs, provider.account, listing[:3], _writer(form, tmp_path / "out"))
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    for path in files:
        os.utime(path, (5, 5))
    copy = tmp_path / "out"
    if how != "copied":
        copy = tmp_path / how
        elsewhere.archive(copy, {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in files})
    other = provider.another("bob@example.org")
    provider.bring(copy, account=other)
    assert sorted(provider.held(other)["INBOX"]) == sorted(messages)


@FORMATS
@pytest.mark.parametrize("suffix", [".zip", ".tgz"])
def test_an_archive_of_an_export_has_the_names(
    provider: Provider, tmp_path: Path, form: str, suffix: str
) -> None:
    for number, name in enumerate(NAMES):
        _append(provider, name, [(b"Subject: %d\r\n\r\n" % number, "\\Seen", 1_000)])
    listing = provider.database.read_now(mailboxes.listing, provider.account)
    export(provider.database, provider.blobs, provider.account, listing, _writer(form, tmp_path / "out"))
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    members = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in files}
    elsewhere.archive(tmp_path / f"a{suffix}", members)
    other = provider.another("bob@example.org")
    assert provider.bring(tmp_path / f"a{suffix}", account=other).skipped == []
    assert provider.held(other) == provider.held()


@FORMATS
def test_any_number_of_keywords(provider: Provider, tmp_path: Path, form: str) -> None:
    messages = [
        (
            b"Subject: %d\r\n\r\n" % number,
            " ".join(sorted(f"k{number:02}{letter:03}" for letter in range(100))),
            number,
        )
        for number in range(3)
    ]
    _append(provider, "INBOX", messages)
    other = _there_and_back(provider, tmp_path / "out", form)
    assert provider.held(other)["INBOX"] == messages


@FORMATS
def test_mailboxes_of_every_name(provider: Provider, tmp_path: Path, form: str) -> None:
    for number, name in enumerate(NAMES):
        _append(provider, name, [(b"Subject: %d\r\n\r\n" % number, "", 1_000)] if number % 3 else [])
    other = _there_and_back(provider, tmp_path / "out", form)
    assert _listed(provider, other) == _listed(provider, provider.account)
    assert provider.held(other) == provider.held()


@FORMATS
def test_roles_and_subscriptions(provider: Provider, tmp_path: Path, form: str) -> None:
    def arrange(tx: Transaction) -> None:
        sent = mailboxes.create(tx, provider.account, "Gesendet/2026", now_ms=NOW_MS)
        mailboxes.set_role(tx, provider.account, sent.id, Role.SENT)
        mailboxes.subscribe(tx, provider.account, "Junk", subscribed=False)
        mailboxes.subscribe(tx, provider.account, "Gone/for good")

    provider.database.write_now(arrange)
    other = _there_and_back(provider, tmp_path / "out", form)
    assert _listed(provider, other) == _listed(provider, provider.account)
    assert _listed(provider, other)[0]["Gesendet/2026"] == (Role.SENT, False)


@FORMATS
def test_some_mailboxes_keep_their_names(provider: Provider, tmp_path: Path, form: str) -> None:
    """Without INBOX there is no Maildir at the top."""
    _append(provider, "r1/a.b", [(b"Subject: x\r\n\r\n", "", 1_000)])
    other = _there_and_back(provider, tmp_path / "out", form, ("r1/a.b",))
    assert list(provider.held(other)) == ["r1/a.b"]


def test_a_maildir_keeps_its_names_without_the_manifest(provider: Provider, tmp_path: Path) -> None:
    for name in ("r1/a.b", "Grüße/&"):
        _append(provider, name, [(b"Subject: x\r\n\r\n", "", 1_000)])
    chosen = [box for box in provider.database.read_now(mailboxes.listing, provider.account) if box.messages]
    export(provider.database, provider.blobs, provider.account, chosen, MaildirWriter(tmp_path / "out"))
    (tmp_path / "out" / manifest.FILE).unlink()
    other = provider.another("bob@example.org")
    provider.bring(tmp_path / "out", account=other)
    assert sorted(provider.held(other)) == ["Grüße/&", "r1/a.b"]


@FORMATS
@pytest.mark.parametrize("umask", [0, 0o777])
def test_an_export_is_private_whatever_the_umask(
    provider: Provider, tmp_path: Path, form: str, umask: int
) -> None:
    _append(provider, "Work/2026", [(OCTETS[0], "a", 1_000)])
    listing = provider.database.read_now(mailboxes.listing, provider.account)
    before = os.umask(umask)
    try:
        export(provider.database, provider.blobs, provider.account, listing, _writer(form, tmp_path / "out"))
    finally:
        os.umask(before)
    modes = {
        (path.is_dir(), oct(path.stat().st_mode & 0o7777))
        for path in (tmp_path / "out", *(tmp_path / "out").rglob("*"))
    }
    assert modes == {(True, "0o700"), (False, "0o600")}


@FORMATS
def test_into_a_mailbox(provider: Provider, tmp_path: Path, form: str) -> None:
    for name in ("INBOX", "Work/a.b"):
        _append(provider, name, [(OCTETS[0], "", 1_000)])
    listing = provider.database.read_now(mailboxes.listing, provider.account)
    export(provider.database, provider.blobs, provider.account, listing, _writer(form, tmp_path / "out"))
    other = provider.another("bob@example.org")
    provider.bring(tmp_path / "out", into="Old", account=other)
    assert sorted(provider.held(other)) == ["Old", "Old/Work/a.b"]
    assert _listed(provider, other)[0]["Sent"] == (Role.SENT, True)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"{",
        b"[]",
        b'{"version": 2}',
        b'{"version": 1, "mailboxes": [{"path": 1}]}',
        b'{"version": 1, "mailboxes": [{"path": "m.mbox", "name": "a//b"}, {"path": "../x", "name": "Y"}]}',
        b'{"version": 1, "subscriptions": ["", "a\\u0000b", "\\ud800"]}',
        b"[" * 100_000,
    ],
)
def test_a_wrong_manifest_harms_nothing(provider: Provider, tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "m.mbox").write_bytes(b"From a@b Tue Jul 23 19:39:23 2002\nSubject: m\n\nx\n")
    (tmp_path / "in" / manifest.FILE).write_bytes(octets)
    result = provider.bring(tmp_path / "in")
    assert list(provider.held()) == ["m"]
    assert all(manifest.FILE in skipped.where for skipped in result.skipped)
