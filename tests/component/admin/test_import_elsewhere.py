"""Mail of other programs, imported and compared message by message."""

import gzip
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pillarbox.admin.importing.discover import discover
from pillarbox.admin.importing.message_files import MessageFilesSource
from pillarbox.admin.importing.run import ImportResult
from pillarbox.admin.importing.source import Source
from pillarbox.store import mailboxes
from tests.component.admin.test_importing import Provider
from tests.kit.mail import elsewhere
from tests.kit.mail.elsewhere import Letter


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(tmp_path / "data")
    yield made
    made.database.close_now()


Message = tuple[bytes, str, int]


def expected(letters: list[Letter]) -> dict[str, list[Message]]:
    found: dict[str, list[Message]] = {}
    for letter in letters:
        for mailbox in letter.mailboxes:
            found.setdefault(mailbox, []).append((letter.octets, letter.flags, letter.at_ms))
    return found


def names(provider: Provider) -> set[str]:
    return {box.name for box in provider.database.read_now(mailboxes.listing, provider.account)}


def test_a_profile_of_thunderbird(provider: Provider, tmp_path: Path) -> None:
    letters = elsewhere.thunderbird_profile(tmp_path / "profile")
    result = provider.bring(tmp_path / "profile")

    assert result.skipped == []
    assert provider.held() == expected(letters)
    assert "Work" in names(provider)
    assert provider.bring(tmp_path / "profile").already == len(letters)


def test_a_folder_of_thunderbird(provider: Provider, tmp_path: Path) -> None:
    letters = elsewhere.thunderbird_profile(tmp_path / "profile")
    provider.bring(tmp_path / "profile" / "Mail" / "Local Folders", into="Old")
    below = {"Old" if name == "INBOX" else f"Old/{name}": held for name, held in expected(letters).items()}
    assert provider.held() == below


def test_an_mbox_of_takeout(provider: Provider, tmp_path: Path) -> None:
    octets, letters = elsewhere.takeout_mbox()
    (tmp_path / "All mail.mbox").write_bytes(octets)
    assert provider.bring(tmp_path / "All mail.mbox").stored == len(letters)
    assert provider.held() == expected(letters)
    emails = provider.database.read_now(lambda tx: tx.value("SELECT COUNT(*) FROM emails"))
    assert emails == len(letters)


@pytest.mark.parametrize("name", ["takeout.zip", "takeout.tgz"])
@pytest.mark.parametrize("into", [None, "Gmail"])
def test_an_archive_of_takeout(provider: Provider, tmp_path: Path, name: str, into: str | None) -> None:
    letters = elsewhere.takeout_archive(tmp_path / name)
    result = provider.bring(tmp_path / name, into=into)

    assert result.skipped == []
    wanted = expected(letters)
    if into:
        wanted = {into if name == "INBOX" else f"{into}/{name}": held for name, held in wanted.items()}
    assert provider.held() == wanted
    again = provider.bring(tmp_path / name, into=into)
    assert (again.stored, again.already) == (0, len(letters))


def test_takeout_by_label_gives_each_message_once(provider: Provider, tmp_path: Path) -> None:
    octets, letters = elsewhere.takeout_mbox()
    members = {f"Takeout/Mail/{label}.mbox": octets for label in ("Inbox", "Work/A", "Sent")}
    elsewhere.archive(tmp_path / "a.zip", members)
    result = provider.bring(tmp_path / "a.zip")
    assert (result.stored, result.already) == (len(letters), 2 * len(letters))
    assert provider.held() == expected(letters)
    assert provider.bring(tmp_path / "a.zip", into="Gmail").stored == len(letters)


@pytest.mark.parametrize("make", [elsewhere.apple_mboxes, elsewhere.apple_library])
def test_mailboxes_of_apple_mail(
    provider: Provider, tmp_path: Path, make: Callable[[Path], list[Letter]]
) -> None:
    letters = make(tmp_path / "apple")
    result = provider.bring(tmp_path / "apple")

    assert result.skipped == []
    held = provider.held()
    assert {name: Counter(messages) for name, messages in held.items()} == {
        name: Counter(messages) for name, messages in expected(letters).items()
    }


def test_one_mailbox_of_apple_mail_keeps_its_name(provider: Provider, tmp_path: Path) -> None:
    letters = [letter for letter in elsewhere.apple_mboxes(tmp_path) if "INBOX" not in letter.mailboxes]
    provider.bring(tmp_path / "Travel.mbox")
    assert provider.held() == expected(letters)


EML = b"Subject: eml\r\n\r\n>From is kept as it is\r\n"


def test_messages_in_files_of_their_own(provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "mh" / "inbox").mkdir(parents=True)
    (tmp_path / "mh" / "a").mkdir()
    (tmp_path / "mh" / "a" / "One.EML").write_bytes(EML)
    for number in (10, 9):
        (tmp_path / "mh" / "inbox" / str(number)).write_bytes(b"Subject: %d\n\nx\n" % number)
    (tmp_path / "mh" / ".mh_sequences").write_bytes(b"unseen: 1\n")
    (tmp_path / "mh" / "a" / "two.eml.gz").write_bytes(gzip.compress(b"Subject: packed\n\n"))
    (tmp_path / "one.eml").write_bytes(b"From - x\n" + EML)

    assert provider.bring(tmp_path / "mh").skipped == []
    assert provider.bring(tmp_path / "one.eml", into="One").stored == 1
    held = {name: [octets for octets, _, _ in found] for name, found in provider.held().items()}
    assert held == {
        "INBOX": [b"Subject: 9\r\n\r\nx\r\n", b"Subject: 10\r\n\r\nx\r\n"],
        "a": [b"Subject: packed\r\n\r\n", EML],
        "One": [EML],
    }
    assert provider.bring(tmp_path / "mh").already == 4


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_an_archive_is_read_as_the_folder_that_was_packed(
    provider: Provider, tmp_path: Path, name: str
) -> None:
    mbox = b"From a@b Tue Jul 23 19:39:23 2002\nSubject: m\n\nx\n"
    elsewhere.archive(
        tmp_path / name,
        {
            "Maildir/dovecot-keywords": b"0 Work\n",
            "Maildir/cur/1.a:2,Sa": b"Subject: 1\n\nx\n",
            "Maildir/new/2.b": b"Subject: 2\n\nx\n",
            "Maildir/tmp/3.c": b"Subject: 3\n\nx\n",
            "Maildir/.A.R&AOk-sum&AOk-s/cur/4.d;2,F": b"Subject: 4\n\nx\n",
            "Maildir/.A.R&AOk-sum&AOk-s/courierimapkeywords/:list": b"One\nTwo\n\n4.d:0 1\n",
            "Maildir/Old/2025.mbox": mbox,
            "Maildir/Old/letter.eml": EML,
            "../../Maildir/Old/../up.eml": b"Subject: up\n\nx\n",
            "Maildir/program.exe": b"MZ\x90\0\x03" + bytes(50),
            "Maildir/inner.zip": b"PK\x03\x04" + bytes(50),
        },
    )
    result = provider.bring(tmp_path / name)

    reasons = {skipped.where.rpartition("/")[2]: skipped.why for skipped in result.skipped}
    assert reasons == {"program.exe": "it is no mail", "inner.zip": "an archive in an archive"}
    held = {
        mailbox: sorted((octets.partition(b"\r\n")[0].decode(), flags) for octets, flags, _ in found)
        for mailbox, found in provider.held().items()
    }
    assert held == {
        "INBOX": [("Subject: 1", "\\Seen Work"), ("Subject: 2", "")],
        "A/Résumés": [("Subject: 4", "\\Flagged One Two")],
        "Old/2025": [("Subject: m", "")],
        "Old": [("Subject: eml", ""), ("Subject: up", "")],
    }
    again = provider.bring(tmp_path / name)
    assert (again.stored, again.already) == (0, 6)


def _sources(folder: Path) -> list[Source]:
    elsewhere.takeout_archive(folder / "a.zip")
    elsewhere.takeout_archive(folder / "a.tgz")
    (folder / "eml").mkdir()
    for number in range(7):
        (folder / "eml" / f"{number}.eml").write_bytes(elsewhere.octets(number, 10**12))
    found = [
        discover(folder / name, into=name.replace(".", "")).sources for name in ("a.zip", "a.tgz", "eml")
    ]
    return [source for sources in found for source in sources]


def test_each_source_goes_on_where_it_was_interrupted(provider: Provider, tmp_path: Path) -> None:
    class Cut(Exception):
        pass

    def cut(_octets: int, brought: ImportResult) -> None:
        if brought.stored >= 3:
            raise Cut

    for source in _sources(tmp_path):
        stored = 0
        for _ in range(2):
            with pytest.raises(Cut):
                provider.bring_source(source, max_batch_messages=3, progress=cut)
            stored += 3
        rest = provider.bring_source(source)
        assert rest.already == stored
        assert rest.stored == (1 if isinstance(source, MessageFilesSource) else 12)
    held = provider.held()
    assert all(len(set(messages)) == len(messages) for messages in held.values())
    assert sum(map(len, held.values())) == 7 + 2 * 22


def test_an_archive_that_was_read_in_part_is_read_on(provider: Provider, tmp_path: Path) -> None:
    """A tar is read in one direction only."""
    octets, letters = elsewhere.takeout_mbox()
    half = octets[: octets.index(b"From %d@xxx" % (1864464279665606918 + 9))]
    members = {"a.mbox": half, "b.eml": EML}
    elsewhere.archive(tmp_path / "a.tgz", members)
    assert provider.bring(tmp_path / "a.tgz").stored == 9
    elsewhere.archive(tmp_path / "a.tgz", {**members, "a.mbox": octets})
    again = provider.bring(tmp_path / "a.tgz")
    assert (again.stored, again.already, again.skipped) == (len(letters) - 8, 9, [])
