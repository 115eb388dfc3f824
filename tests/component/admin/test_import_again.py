"""A second import of what has changed meanwhile: all that is new comes, and nothing twice."""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import pytest

from pillarbox.admin import accounts
from pillarbox.admin.importing import checkpoint
from pillarbox.admin.importing.discover import discover
from pillarbox.admin.importing.mbox import MboxSource
from pillarbox.admin.importing.source import Checkpoint, Source
from pillarbox.store.account_counters import OverQuota
from pillarbox.world.database import Transaction
from tests.component.admin.test_importing import SEPARATOR, Provider, maildir, mbox, subjects
from tests.kit.mail import elsewhere


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(tmp_path / "data")
    yield made
    made.database.close_now()


def letter(subject: str) -> bytes:
    return f"Subject: {subject}\n\nwords\n".encode()


def write(path: Path, files: dict[str, bytes]) -> None:
    """A folder, or an archive, with these files and no others."""
    if path.suffix:
        elsewhere.archive(path, files)
        return
    for old in path.rglob("*"):
        if old.is_file():
            old.unlink()
    for name, octets in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(octets)


def held(provider: Provider) -> dict[str, list[str]]:
    return {name: sorted(subjects(messages)) for name, messages in provider.held().items()}


def messages(provider: Provider) -> list[bytes]:
    return [octets for box in provider.held().values() for octets, _, _ in box]


FORMS = [("m", "{}.eml"), ("m", "{}"), ("m.zip", "{}.eml"), ("m.tgz", "{}.eml"), ("m.zip", "cur/{}:2,S")]


@pytest.mark.parametrize(("place", "name"), FORMS)
def test_another_message_under_the_same_name_is_imported(
    provider: Provider, tmp_path: Path, place: str, name: str
) -> None:
    """Of the same size: only the content tells."""
    one, two = name.format(1), name.format(2)
    write(tmp_path / place, {one: letter("a"), two: letter("b")})
    assert provider.bring(tmp_path / place).stored == 2
    write(tmp_path / place, {one: letter("a"), two: letter("c")})

    again = provider.bring(tmp_path / place)

    assert (again.stored, again.already, again.skipped) == (1, 1, [])
    assert held(provider) == {"INBOX": ["a", "b", "c"]}
    assert provider.bring(tmp_path / place).already == 2


@pytest.mark.parametrize(("place", "name"), FORMS)
def test_messages_that_are_numbered_anew_come_once(
    provider: Provider, tmp_path: Path, place: str, name: str
) -> None:
    write(tmp_path / place, {name.format(number): letter(text) for number, text in enumerate("abc", 1)})
    provider.bring(tmp_path / place)
    write(tmp_path / place, {name.format(number): letter(text) for number, text in enumerate("cbd", 1)})

    again = provider.bring(tmp_path / place)

    assert (again.stored, again.already) == (1, 2)
    assert held(provider) == {"INBOX": ["a", "b", "c", "d"]}


@pytest.mark.parametrize(("place", "name"), FORMS)
def test_each_of_several_messages_with_the_same_octets_is_imported_once(
    provider: Provider, tmp_path: Path, place: str, name: str
) -> None:
    write(tmp_path / place, {name.format(number): letter("a") for number in (1, 2)})
    assert provider.bring(tmp_path / place).stored == 2
    write(tmp_path / place, {name.format(number): letter("a") for number in (1, 2, 3)})
    again = provider.bring(tmp_path / place)
    assert (again.stored, again.already) == (1, 2)


@pytest.mark.parametrize("place", ["m", "m.zip"])
def test_the_same_message_in_two_folders_is_in_both(provider: Provider, tmp_path: Path, place: str) -> None:
    write(tmp_path / place, {"A/1.eml": letter("a"), "B/1.eml": letter("a")})
    assert provider.bring(tmp_path / place).stored == 2
    assert held(provider) == {"A": ["a"], "B": ["a"]}


@pytest.mark.parametrize(("place", "name"), FORMS)
def test_what_an_earlier_version_recorded_by_name_comes_not_again(
    provider: Provider, tmp_path: Path, place: str, name: str
) -> None:
    one, two = name.format(1), name.format(2)
    write(tmp_path / place, {one: letter("a"), two: letter("b")})
    (source,) = discover(tmp_path / place, into=None).sources

    def record(tx: Transaction) -> None:
        for item in (one, two):
            checkpoint.save(tx, provider.account, source.name, Checkpoint(item))

    provider.database.write_now(record)
    assert provider.bring(tmp_path / place).already == 2
    write(tmp_path / place, {one: letter("b"), two: letter("c")})
    again = provider.bring(tmp_path / place)
    assert (again.stored, again.already) == (1, 1)
    assert held(provider) == {"INBOX": ["c"]}


def test_flags_that_apple_mail_changed_in_an_emlx_do_not_matter(provider: Provider, tmp_path: Path) -> None:
    octets = letter("a")
    plist = b"<plist version='1.0'><dict><key>flags</key><integer>%d</integer></dict></plist>"
    for flags in (0, 1):
        write(tmp_path / "m", {"1.emlx": b"%d\n" % len(octets) + octets + plist % flags})
        provider.bring(tmp_path / "m")
    assert held(provider) == {"INBOX": ["a"]}


# --- an mbox that is another now


@pytest.mark.parametrize("place", ["m", "m.zip", "m.tgz"])
@pytest.mark.parametrize(
    ("after", "new"),
    [("bcd", "d"), ("cab", ""), ("dc", "d"), ("", ""), ("abbc", "b"), ("xyz", "xyz"), ("aabcd", "ad")],
)
def test_of_an_mbox_that_was_changed_only_new_messages_come(
    provider: Provider, tmp_path: Path, place: str, after: str, new: str
) -> None:
    """Thunderbird compacts its files, and other programs delete and move messages in theirs."""
    where = f"{place}/in.mbox" if place == "m" else place

    def put(texts: str) -> None:
        write(tmp_path / place, {"in.mbox": mbox(*texts), "other.mbox": mbox("o")})

    put("abc")
    assert provider.bring(tmp_path / place).stored == 4
    put(after)
    again = provider.bring(tmp_path / place)
    assert (again.stored, again.already, again.skipped) == (len(new), len(after) - len(new) + 1, []), where
    assert held(provider) == {"in": sorted("abc" + new), "other": ["o"]}
    put(after + "e")
    assert provider.bring(tmp_path / place).stored == 1


@pytest.mark.parametrize("place", ["m", "m.zip", "m.tgz"])
def test_a_message_that_leaves_an_mbox_and_comes_back_is_not_imported_again(
    provider: Provider, tmp_path: Path, place: str
) -> None:
    for texts, new in (("abx", 3), ("ab", 0), ("abx", 0), ("xab", 0), ("aabx", 1), ("abxxx", 2), ("abxy", 1)):
        write(tmp_path / place, {"in.mbox": mbox(*texts)})
        again = provider.bring(tmp_path / place)
        assert (again.stored, again.already) == (new, len(texts) - new), texts
    assert held(provider) == {"in": sorted("aabxxxy")}


@pytest.mark.parametrize("meanwhile", ["", "abcd"])
@pytest.mark.parametrize("place", ["in.mbox", "m.zip"])
def test_a_changed_mbox_whose_import_is_stopped_is_read_on_rightly(
    provider: Provider, tmp_path: Path, place: str, meanwhile: str
) -> None:
    """`meanwhile`: as it was at first, with what the run that was stopped has imported behind it."""

    def put(texts: str) -> Source:
        octets = mbox(*texts)
        write(tmp_path / "m.zip", {"in.mbox": octets})
        (tmp_path / "in.mbox").write_bytes(octets)
        (source,) = discover(tmp_path / place, into=None).sources
        return source

    provider.bring_source(put("abc"))
    source = put("defabc")
    provider.database.write_now(accounts.set_quota, "anna", sum(map(len, messages(provider))) + 60)
    with pytest.raises(OverQuota):
        provider.bring_source(source, max_batch_messages=1)
    assert len(messages(provider)) == 4
    provider.database.write_now(accounts.set_quota, "anna", 0)

    if meanwhile:
        assert provider.bring_source(put(meanwhile)).stored == 0
    again = provider.bring_source(put("defabc"))
    assert (again.stored, again.already) == (2, 4)
    assert sorted(subjects([(octets, "", 0) for octets in messages(provider)])) == list("abcdef")


def test_of_a_changed_mbox_a_message_over_the_limit_is_not_reported_again(
    provider: Provider, tmp_path: Path
) -> None:
    source = MboxSource(tmp_path / "m", "INBOX", max_message_octets=2_000)
    large = SEPARATOR + b"Subject: large\n\n" + b"x" * 5_000 + b"\n\n"
    for before, reported in (("ab", 1), ("b", 0), ("cb", 0)):
        (tmp_path / "m").write_bytes(mbox(*before) + large + mbox("d"))
        assert len(provider.bring_source(source).skipped) == reported
    (tmp_path / "m").write_bytes(large + large)
    assert len(provider.bring_source(source).skipped) == 1


def test_an_mbox_that_grew_and_was_compacted_then(provider: Provider, tmp_path: Path) -> None:
    """What came in several runs is recorded as well, also where messages have the same octets."""
    for texts in ("ab", "aba", "abac", "aac"):
        (tmp_path / "m").write_bytes(mbox(*texts))
        provider.bring(tmp_path / "m")
    assert held(provider) == {"INBOX": ["a", "a", "b", "c"]}


def test_fields_that_mutt_writes_into_an_mbox_do_not_make_messages_new(
    provider: Provider, tmp_path: Path
) -> None:
    entry = b"From ann@else.example Tue Jul 23 19:39:23 2002\nSubject: %b\n%b\nwords\n\n"
    notes = b"Status: RO\nContent-Length: 6\nLines: 1\n"
    for fields in (b"", notes, b"Status: O\n" + notes[11:] + b"X-Status: A\n"):
        (tmp_path / "m").write_bytes(b"".join(entry % (text, fields) for text in (b"a", b"b")))
        provider.bring(tmp_path / "m")
    assert held(provider) == {"INBOX": ["a", "b"]}


def test_annotations_of_mh_do_not_make_messages_new(provider: Provider, tmp_path: Path) -> None:
    for note in (b"", b"Replied: Tue, 23 Jul 2002 19:39:23 +0000\nReplied: ann@else.example\n"):
        write(tmp_path / "m", {"1": note + letter("a")})
        assert provider.bring(tmp_path / "m").already == bool(note)


def test_an_mbox_of_an_earlier_version_that_was_changed_is_not_guessed_at(
    provider: Provider, tmp_path: Path
) -> None:
    """Its messages were not recorded one by one."""
    path = tmp_path / "m"
    path.write_bytes(mbox("a", "b"))
    provider.bring(path)
    (source,) = discover(path, into=None).sources
    latest = provider.database.read_now(checkpoint.find, provider.account, source.name, "")
    assert latest is not None
    fingerprint = blake2b(b"Subject: b\r\n\r\nFrom here\r\nwords\r\n", digest_size=16).digest()
    old = Checkpoint("", latest.position, fingerprint, latest.messages)

    def make_old(tx: Transaction) -> None:
        checkpoint.delete(tx, provider.account, source.name)
        checkpoint.save(tx, provider.account, source.name, old)

    provider.database.write_now(make_old)
    path.write_bytes(mbox("a", "b", "c"))
    again = provider.bring(path)
    assert (again.stored, again.already, again.skipped) == (1, 2, [])
    path.write_bytes(mbox("b", "c", "d"))
    again = provider.bring(path)
    assert (again.stored, [skipped.where for skipped in again.skipped]) == (0, [str(path)])
    assert again.skipped[0].why.startswith("it was changed since")
    assert again.skipped[0].why.endswith("--again")
    assert held(provider) == {"INBOX": ["a", "b", "c"]}


def test_messages_of_takeout_that_share_an_id_are_told_apart(provider: Provider, tmp_path: Path) -> None:
    entries = b"".join(
        b"From 1600@xxx Tue Jul 23 19:39:23 2002\nX-Gmail-Labels: Inbox,Work\nSubject: %b\n\nx\n\n" % text
        for text in (b"a", b"b", b"c")
    )
    write(tmp_path / "m", {"Inbox.mbox": entries, "Work.mbox": entries})
    result = provider.bring(tmp_path / "m")
    assert (result.stored, result.already) == (3, 3)
    assert held(provider) == {"INBOX": ["a", "b", "c"], "Work": ["a", "b", "c"]}


# --- what is there, and is deleted


@pytest.mark.parametrize("place", ["m", "m.zip"])
@pytest.mark.parametrize("name", [",3", "#3"])
def test_what_mh_has_removed_stays_removed(provider: Provider, tmp_path: Path, place: str, name: str) -> None:
    write(tmp_path / place, {"inbox/1": letter("a"), f"inbox/{name}": letter("removed")})
    assert provider.bring(tmp_path / place).skipped == []
    assert held(provider) == {"INBOX": ["a"]}


@pytest.mark.parametrize("place", ["m", "m.zip"])
def test_a_maildir_of_thunderbird(provider: Provider, tmp_path: Path, place: str) -> None:
    """Its names have the suffix `.eml`, or nothing."""
    maildir(tmp_path / "m")
    top = b"From - Mon Nov 30 10:00:00 2020\nX-Mozilla-Status: %b\nX-Mozilla-Keys: $label1\n"
    files = {
        "cur/1.eml": top % b"0001" + letter("a"),
        "cur/2": top % b"0001" + letter("b"),
        "cur/3": (top % b"0001" + letter("c")).partition(b"\n")[2],
        "cur/4": top % b"0009" + letter("deleted"),
        "cur/5.eml": top % b"0009" + letter("deleted"),
    }
    write(tmp_path / place, files)
    assert provider.bring(tmp_path / place).skipped == []
    assert sorted((octets, flags) for octets, flags, _ in provider.held()["INBOX"]) == [
        (b"Subject: %b\r\n\r\nwords\r\n" % text, "\\Seen $label1") for text in (b"a", b"b", b"c")
    ]


@pytest.mark.parametrize("name", ["cur/1:2,", "new/1"])
def test_fields_of_thunderbird_elsewhere_in_a_maildir_are_the_messages_own(
    provider: Provider, tmp_path: Path, name: str
) -> None:
    maildir(tmp_path / "m")
    (tmp_path / "m" / name).write_bytes(b"X-Mozilla-Status: 0001\n" + letter("a"))
    provider.bring(tmp_path / "m")
    assert provider.held()["INBOX"][0][:2] == (
        b"X-Mozilla-Status: 0001\r\nSubject: a\r\n\r\nwords\r\n",
        "",
    )
