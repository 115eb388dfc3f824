"""What is not mail, broken, hostile or oddly named: it is reported, and the rest goes on."""

import gzip
import io
import os
import socket
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.admin.importing import discover as discovering
from pillarbox.admin.importing.archive import ArchiveSource
from pillarbox.admin.importing.reading import CHUNK_OCTETS, MAX_RATIO
from pillarbox.admin.importing.run import MAX_MAILBOXES, MAX_SKIPPED, ImportResult
from pillarbox.store import mailboxes
from tests.component.admin.test_importing import Provider, maildir, mbox, subjects
from tests.kit.mail import elsewhere
from tests.kit.permissions import grant_others_access


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(tmp_path / "data")
    yield made
    made.database.close_now()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with one mbox, to which a test adds."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "good.mbox").write_bytes(mbox("good"))
    return tmp_path / "in"


def reasons(result: ImportResult) -> dict[str, str]:
    return {skipped.where.rpartition("/")[2]: skipped.why for skipped in result.skipped}


def held(provider: Provider) -> dict[str, list[str]]:
    return {name: subjects(messages) for name, messages in provider.held().items()}


def test_what_is_no_mail_is_reported(provider: Provider, tree: Path) -> None:
    (tree / "program").write_bytes(b"\x7fELF" + os.urandom(4_000))
    (tree / "noise").write_bytes(bytes(range(256)) * 40)
    (tree / "notes.txt").write_bytes(b"Remember: milk\n")
    (tree / "story").write_bytes(b"From here to eternity\n\nFrom dawn to dusk:\n")
    (tree / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (tree / "letter.eml").write_bytes(b"\x00\x01\x02")
    result = provider.bring(tree)
    assert reasons(result) == dict.fromkeys(
        ["program", "noise", "notes.txt", "story", "photo.jpg", "letter.eml"], "it is no mail"
    )
    assert held(provider) == {"good": ["good"]}


def test_a_truncated_gz_gives_what_is_whole(provider: Provider, tree: Path) -> None:
    letters = [f"{number} " + os.urandom(5_000).hex() for number in range(30)]
    packed = gzip.compress(mbox(*letters))
    (tree / "cut.mbox.gz").write_bytes(packed[: len(packed) // 2])
    (tree / "damaged.mbox.gz").write_bytes(packed[: len(packed) // 2] + b"\xff" * 100 + packed[-9:])
    (tree / "at once.mbox.gz").write_bytes(packed[:12])
    result = provider.bring(tree)

    told = reasons(result)
    assert told.pop("at once.mbox.gz") == "it is truncated"
    assert all(why.startswith(("it is truncated", "it is damaged")) for why in told.values())
    assert len(told) == 2
    again = provider.bring(tree)
    assert [skipped.where for skipped in again.skipped] == [skipped.where for skipped in result.skipped]
    cut = held(provider)["cut"]
    assert cut == letters[: len(cut)]
    assert 10 < len(cut) < 16

    (tree / "cut.mbox.gz").write_bytes(packed)
    provider.bring(tree)
    assert held(provider)["cut"] == letters


def test_an_unreadable_folder_is_reported(
    provider: Provider, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "secret").mkdir()
    maildir(tree / "Mail", "1.a")
    original = os.scandir

    def scandir(path: Path) -> object:
        if Path(path).name in ("secret", "new"):
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    result = provider.bring(tree)
    assert reasons(result) == {"secret": "Permission denied", "new": "Permission denied"}
    assert held(provider) == {"good": ["good"]}


def test_folders_that_can_be_listed_or_entered_only(tree: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    grant_others_access(tree)
    for name, mode in (("nothing", 0), ("listed", 0o444), ("entered", 0o111)):
        maildir(tree / name, "1.a")
        (tree / name).chmod(mode)
    os.seteuid(65_534)
    try:
        found = discovering.discover(tree, into=None)
    finally:
        os.seteuid(0)
    assert {skipped.where.rpartition("/")[2]: skipped.why for skipped in found.skipped}.items() >= {
        ("nothing", "Permission denied"),
        ("entered", "Permission denied"),
    }
    assert "good" in {source.mailbox for source in found.sources}


def test_labels_do_not_make_mailboxes_without_end(provider: Provider, tree: Path) -> None:
    entry = b"From - \nX-Gmail-Labels: %b\nSubject: %d\n\nx\n\n"
    labels = (b",".join(b"%d %d" % (number, label) for label in range(200)) for number in range(28))
    (tree / "labels.mbox").write_bytes(b"".join(entry % (text, place) for place, text in enumerate(labels)))
    assert provider.bring(tree).stored == 29
    there = provider.database.read_now(mailboxes.listing, provider.account)
    assert len(there) == MAX_MAILBOXES
    assert subjects(provider.held()["INBOX"]) == ["24", "25", "26", "27"]


def test_links_pipes_and_sockets_are_not_read(provider: Provider, tree: Path, tmp_path: Path) -> None:
    """Whose mail it is must not choose what root reads."""
    (tmp_path / "outside").write_bytes(mbox("outside"))
    maildir(tree / "Mail", "1.a")
    maildir(tmp_path / "other", "2.b")
    for name in ("link.mbox", "link.eml", "Mail/cur/3.c:2,S", "Mail/dovecot-keywords"):
        (tree / name).symlink_to(tmp_path / "outside")
    (tree / "Other").mkdir()
    (tree / "Other" / "cur").symlink_to(tmp_path / "other" / "new")
    (tree / "loop").symlink_to(tree)
    os.mkfifo(tree / "pipe")
    os.mkfifo(tree / "Mail" / "new" / "4.d")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tree / "socket"))
        provider.bring(tree)
    assert held(provider) == {"good": ["good"], "Mail": ["1"]}


def test_odd_names_in_a_maildir(provider: Provider, tmp_path: Path) -> None:
    names = {
        b"..a": "a",
        b".a..b": "a/b",
        b".line\nfeed": "line\\x0afeed",
        b".\xff\xfe": "ÿþ",
        b".&bad": "&bad",
        b"." + b".".join([b"d"] * 40): "/".join(["d"] * 31) + "/" + "_".join(["d"] * 9),
        b".\xe2\x80\xaeevil": "\\u202eevil",
        b"." + b"l" * 250: "l" * 250,
    }
    for number, name in enumerate(names):
        folder = tmp_path / "m" / os.fsdecode(name) / "cur"
        folder.mkdir(parents=True)
        (folder / os.fsdecode(b"%d.\xff\n:2,S" % number)).write_bytes(b"Subject: %d\n\nx\n" % number)
    (tmp_path / "m" / "cur").mkdir()

    result = provider.bring(tmp_path / "m")
    assert result.skipped == []
    found = held(provider)
    assert {
        name: [str(number)] for number, name in enumerate(names.values()) if name
    }.items() <= found.items()
    assert sum(map(len, found.values())) == len(names)
    assert provider.bring(tmp_path / "m").already == len(names)


def test_messages_of_one_name_from_folders_that_lead_to_one_mailbox(
    provider: Provider, tmp_path: Path
) -> None:
    for folder, texts in (("in", "ab"), ("in/.INBOX", "cd")):
        for part, text in zip(("cur", "new"), texts, strict=True):
            (tmp_path / folder / part).mkdir(parents=True)
            (tmp_path / folder / part / "1").write_bytes(
                f"Subject: {text * len(part + folder)}\n\nx\n".encode()
            )
    (tmp_path / "in/new/1").write_bytes(b"Subject: another size\n\nx\n")
    provider.bring(tmp_path / "in")
    provider.bring(tmp_path / "in")
    found = held(provider)["INBOX"]
    assert sorted(subject[:1] for subject in found) == ["a", "a", "c", "d"]


def test_the_info_of_a_maildir_file(provider: Provider, tmp_path: Path) -> None:
    maildir(tmp_path / "m")
    for name in ("1.a:2,S", "2.b;2,F", "3.c!2,R", "4.d,S=12,W=14:2,", "5.e:2,Zz!", "6.f:1,x"):
        (tmp_path / "m" / "cur" / name).write_bytes(b"Subject: %b\n\nx\n" % name[:1].encode())
    provider.bring(tmp_path / "m")
    assert [flags for _, flags, _ in provider.held()["INBOX"]] == [
        "\\Seen",
        "\\Flagged",
        "\\Answered",
        "",
        "",
        "",
    ]
    for name, after in (("1.a:2,S", "1.a;2,RS"), ("2.b;2,F", "2.b")):
        (tmp_path / "m" / "cur" / name).rename(tmp_path / "m" / "cur" / after)
    assert provider.bring(tmp_path / "m").stored == 0


def test_packed_messages_and_those_of_thunderbird(provider: Provider, tmp_path: Path) -> None:
    maildir(tmp_path / "m")
    for name, octets in {
        "1.a,S=14:2,S": gzip.compress(b"Subject: 1\n\nx\n"),
        "2.b:2,S": b"\x28\xb5\x2f\xfd" + bytes(20),
        "3.eml": b"X-Mozilla-Status: 0005\nSubject: 3\n\nx\n",
        "4.eml": b"X-Mozilla-Status: 0009\nSubject: 4\n\nx\n",
        "5.c:2,S": gzip.compress(b"Subject: 5\n\nx\n")[:20],
    }.items():
        (tmp_path / "m" / "cur" / name).write_bytes(octets)
    result = provider.bring(tmp_path / "m")
    assert reasons(result) == {
        "2.b:2,S": "it is packed in a way that is not read here",
        "5.c:2,S": "it is truncated",
    }
    found = [(octets, flags) for octets, flags, _ in provider.held()["INBOX"]]
    assert found == [(b"Subject: 1\r\n\r\nx\r\n", "\\Seen"), (b"Subject: 3\r\n\r\nx\r\n", "\\Flagged \\Seen")]


MAGIC = [b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"Dovecot-LZ4"]


@pytest.mark.parametrize("place", ["m", "m.zip"])
def test_a_file_of_the_size_in_its_name_is_not_packed(provider: Provider, tmp_path: Path, place: str) -> None:
    """Messages may begin with anything; those of an export come back octet by octet."""
    messages = [*(magic + b" words\r\n" for magic in MAGIC), gzip.compress(b"words")]
    files = {
        f"cur/1.E1V1U{number}.pillarbox-kept,S={len(octets)}:2,": octets
        for number, octets in enumerate(messages, 1)
    }
    files["cur/2.E1V1U7.pillarbox,S=11:2,S"] = b"BZh words\n\n"
    files["cur/3.M1.host,S=12,W=13:2,"] = b"BZh dovecot\n"
    elsewhere.archive(tmp_path / "m.zip", files)
    with zipfile.ZipFile(tmp_path / "m.zip") as packed:
        packed.extractall(tmp_path / "m")
    assert provider.bring(tmp_path / place).skipped == []
    found = [octets for octets, _, _ in provider.held()["INBOX"]]
    assert found == [*messages, b"BZh words\r\n\r\n", b"BZh dovecot\r\n"]


def test_packed_messages_of_a_maildir_in_an_archive(provider: Provider, tmp_path: Path) -> None:
    files = {
        "cur/1.a,S=14:2,S": gzip.compress(b"Subject: 1\n\nx\n"),
        "cur/2.b:2,S": b"\x28\xb5\x2f\xfd" + bytes(20),
        "cur/3.c:2,S": gzip.compress(b"Subject: 5\n\nx\n")[:20],
    }
    elsewhere.archive(tmp_path / "m.zip", files)
    assert reasons(provider.bring(tmp_path / "m.zip")) == {
        "2.b:2,S": "it is packed in a way that is not read here",
        "3.c:2,S": "it is truncated",
    }
    assert [octets for octets, _, _ in provider.held()["INBOX"]] == [b"Subject: 1\r\n\r\nx\r\n"]


@pytest.mark.parametrize("place", ["m", "m.zip"])
def test_an_emlx_that_ends_too_early_is_imported_when_it_is_whole(
    provider: Provider, tmp_path: Path, place: str
) -> None:
    (tmp_path / "m").mkdir()
    for octets in (b"Subject: cut\n\n", b"Subject: cut\n\nwords\n"):
        (tmp_path / "m" / "1.emlx").write_bytes(b"20\n" + octets)
        elsewhere.archive(tmp_path / "m.zip", {"1.emlx": b"20\n" + octets})
        result = provider.bring(tmp_path / place)
        assert [skipped.why for skipped in result.skipped] == ["it is truncated"] * (len(octets) < 20)
    assert [octets for octets, _, _ in provider.held()["INBOX"]] == [b"Subject: cut\r\n\r\nwords\r\n"]


@pytest.mark.parametrize("place", ["m", "m.zip", "m/1.eml", "letter"])
def test_line_ends_of_an_old_mac(provider: Provider, tmp_path: Path, place: str) -> None:
    """A bare CR ends a line where the file has no LF, and a field comes behind the first one."""
    files = {
        "1.eml": b"Subject: one\rDate: Tue, 23 Jul 2002 19:39:23 +0000\r\rwords\r",
        "2.eml": b"Subject: two\r\rwords\r",
        "3.eml": b"Subject: three\rlonger",
        "4.eml": b"Subject: four\rDate: x\r\n\r\n",
        "5.eml": b"From ann@else.example Tue Jul 23 19:39:23 2002\rSubject: five\r\rwords\r",
    }
    elsewhere.archive(tmp_path / "m.zip", files)
    with zipfile.ZipFile(tmp_path / "m.zip") as packed:
        packed.extractall(tmp_path / "m")
    (tmp_path / "letter").write_bytes(files["1.eml"])
    provider.bring(tmp_path / place)
    found = provider.held()["INBOX"]
    assert found[0] == (
        b"Subject: one\r\nDate: Tue, 23 Jul 2002 19:39:23 +0000\r\n\r\nwords\r\n",
        "",
        1_027_453_163_000,
    )
    assert [octets for octets, _, _ in found[1:]] in (
        [],
        [
            b"Subject: two\r\n\r\nwords\r\n",
            b"Subject: three\rlonger",
            b"Subject: four\rDate: x\r\n\r\n",
            b"Subject: five\r\n\r\nwords\r\n",
        ],
    )


@pytest.mark.parametrize("before", [b"", b"\r\r"])
@pytest.mark.parametrize("place", ["m", "m/In", "m.zip", "m.tgz", "In.gz"])
def test_an_mbox_with_line_ends_of_an_old_mac(
    provider: Provider, tmp_path: Path, place: str, before: bytes
) -> None:
    """As Eudora wrote it. A message is larger than what is read at once."""
    large = b"x" * 70 + b"\r"
    texts = [b"one", b"two", large * (CHUNK_OCTETS // len(large) + 1)]
    separator = b"From ???@??? Tue Jul 23 19:39:23 2002\r"

    def put(texts: list[bytes]) -> None:
        octets = before + b"".join(separator + b"Subject: s\r\r%b\r\r" % text for text in texts)
        (tmp_path / "m").mkdir(exist_ok=True)
        (tmp_path / "m" / "In").write_bytes(octets)
        (tmp_path / "In.gz").write_bytes(gzip.compress(octets))
        for archive in ("m.zip", "m.tgz"):
            elsewhere.archive(tmp_path / archive, {"In": octets})

    def held() -> list[bytes]:
        return [octets for box in provider.held().values() for octets, _, _ in box]

    put(texts)
    result = provider.bring(tmp_path / place)
    assert (result.stored, result.skipped) == (3, [])
    messages = [b"Subject: s\r\n\r\n%b\r\n" % text.replace(b"\r", b"\r\n") for text in texts]
    assert sorted(held()) == sorted(messages)
    for changed, new in (([*texts, b"four"], 1), ([b"five", *texts], 1), (texts[1:], 0)):
        put(changed)
        again = provider.bring(tmp_path / place)
        assert (again.stored, again.already) == (new, len(changed) - new)
    assert len(held()) == 5


def test_a_cr_in_an_mbox_with_other_line_ends_stays(provider: Provider, tmp_path: Path) -> None:
    for name, end in (("lf", b"\n"), ("crlf", b"\r\n")):
        lines = (b"From ann@else.example Tue Jul 23 19:39:23 2002", b"Subject: s", b"", b"a\rb", b"")
        (tmp_path / name).write_bytes(end.join(lines))
        provider.bring(tmp_path / name)
    assert [octets for octets, _, _ in provider.held()["INBOX"]] == [b"Subject: s\r\n\r\na\rb\r\n"] * 2


def test_messages_of_one_second_are_in_their_order(provider: Provider, tmp_path: Path) -> None:
    maildir(tmp_path / "m")
    for number, name in enumerate(("9.M1", "10.M9P1.a", "10.M10P1.a", "10.M100P1.a", "11.a_2", "11.a_10")):
        (tmp_path / "m" / "new" / name).write_bytes(b"Subject: %d\n\n" % number)
    provider.bring(tmp_path / "m")
    assert held(provider) == {"INBOX": ["0", "1", "2", "3", "4", "5"]}


@pytest.mark.parametrize(
    "octets", [b"", b"0\n", b"99999999999999999999 a\n", b"\xff" * 10_000, b"0 a b\n1 \x00\n", b":" * 999]
)
def test_wrong_lists_of_keywords_harm_nothing(provider: Provider, tmp_path: Path, octets: bytes) -> None:
    maildir(tmp_path / "m", "1.a:2,Sab")
    (tmp_path / "m" / "courierimapkeywords").mkdir()
    for name in ("dovecot-keywords", "courierimapkeywords/:list", "subscriptions", "courierimapsubscribed"):
        (tmp_path / "m" / name).write_bytes(octets)
    assert provider.bring(tmp_path / "m").stored == 1
    assert provider.held()["INBOX"][0][1].startswith("\\Seen")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("subscriptions", "Work\nA.R&AOk-sum&AOk-s\n"),
        ("subscriptions", "V\t2\n\nWork\nA\tR&AOk-sum&AOk-s\n"),
        ("courierimapsubscribed", "INBOX.Work\nINBOX.A.R&AOk-sum&AOk-s\n"),
    ],
)
def test_subscriptions_of_a_maildir(provider: Provider, tmp_path: Path, name: str, text: str) -> None:
    for folder in ("", ".Work", ".A.R&AOk-sum&AOk-s", ".Other"):
        maildir(tmp_path / "m" / folder)
    (tmp_path / "m" / name).write_text(text)
    provider.bring(tmp_path / "m")
    found = {one.name: one.subscribed for one in discovering.discover(tmp_path / "m", into=None).mailboxes}
    assert found == {"INBOX": True, "Work": True, "A/Résumés": True, "Other": False}


def test_folders_in_folders_without_end(provider: Provider, tree: Path) -> None:
    deep = tree
    for _ in range(discovering.MAX_DEPTH + 5):
        deep /= "d"
    deep.mkdir(parents=True)
    (deep / "m").write_bytes(mbox("deep"))
    result = provider.bring(tree)
    assert [why.partition(" are ")[0] for why in reasons(result).values()] == [
        "more than 100 folders in each other"
    ]
    assert held(provider) == {"good": ["good"]}


def test_a_bomb_is_not_unpacked(provider: Provider, tree: Path) -> None:
    zeros = gzip.compress(mbox("before") + bytes(70_000_000), mtime=0)
    (tree / "bomb.gz").write_bytes(zeros)
    result = provider.bring(tree)
    assert reasons(result)["bomb.gz, octet 0"].startswith(f"it is packed more than {MAX_RATIO} times smaller")
    assert held(provider) == {"good": ["good"]}


def test_a_bomb_in_a_zip(provider: Provider, tree: Path) -> None:
    with zipfile.ZipFile(tree / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a/bomb.mbox", mbox("before") + bytes(70_000_000))
        packed.writestr("a/good.eml", b"Subject: small\n\nx\n")
        packed.writestr("b.mbox", mbox("inside"))
    result = provider.bring(tree)
    told = {skipped.where.partition(".zip: ")[2]: skipped.why for skipped in result.skipped}
    assert told["a/bomb.mbox, octet 0"].startswith("it is packed more than")
    assert held(provider) == {"good": ["good"], "a": ["small"], "b": ["inside"]}


@pytest.mark.parametrize("name", ["a.zip", "a.tgz"])
def test_a_large_message_in_an_archive(provider: Provider, tmp_path: Path, name: str) -> None:
    elsewhere.archive(
        tmp_path / name, {"1.eml": b"Subject: large\n\n" + b"x" * 2_000, "2.eml": b"Subject: s\n\n"}
    )
    result = provider.bring_source(ArchiveSource(tmp_path / name, "INBOX", max_message_octets=1_000))
    assert [skipped.why for skipped in result.skipped] == ["2016 octets are over the limit of 1000"]
    assert held(provider) == {"INBOX": ["s"]}


def test_what_is_skipped_is_not_listed_without_end(provider: Provider, tmp_path: Path) -> None:
    noise = {f"{number}.bin": b"\0" for number in range(MAX_SKIPPED + 5)}
    elsewhere.archive(tmp_path / "a.zip", noise)
    result = provider.bring(tmp_path / "a.zip")
    assert (len(result.skipped), result.unlisted) == (MAX_SKIPPED, 5)


def test_a_zip_with_a_large_directory_is_not_read(provider: Provider, tree: Path) -> None:
    elsewhere.archive(tree / "a.zip", {"a.mbox": mbox("a")})
    octets = bytearray((tree / "a.zip").read_bytes())
    end = octets.rindex(b"PK\x05\x06")
    octets[end + 12 : end + 16] = (200_000_000).to_bytes(4, "little")
    (tree / "a.zip").write_bytes(octets)
    result = provider.bring(tree)
    assert "directory" in reasons(result)["a.zip"]
    assert held(provider) == {"good": ["good"]}


@pytest.mark.parametrize("keep", [0.2, 0.6, 0.95])
@pytest.mark.parametrize("name", ["a.zip", "a.tgz"])
def test_a_truncated_archive(provider: Provider, tree: Path, name: str, keep: float) -> None:
    members = {
        f"{number}.eml": b"Subject: %d\n\n" % number + os.urandom(2_000).hex().encode()
        for number in range(50)
    }
    elsewhere.archive(tree / name, members)
    octets = (tree / name).read_bytes()
    (tree / name).write_bytes(octets[: int(len(octets) * keep)])
    result = provider.bring(tree)
    assert len(result.skipped) == 1
    assert held(provider)["good"] == ["good"]


def test_a_tar_whose_header_lies_about_its_size(provider: Provider, tree: Path) -> None:
    """A name of many gigabytes would be read into memory."""
    header = bytearray(512)
    header[0:13] = b"././@LongLink"
    header[100:108] = b"0000644\0"
    header[124:136] = b"77777777777\0"
    header[156:157] = b"L"
    header[257:265] = b"ustar  \0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (tree / "a.tar").write_bytes(bytes(header) + bytes(2_000_000))
    result = provider.bring(tree)
    assert "a.tar" in reasons(result)
    assert held(provider) == {"good": ["good"]}


def test_a_tar_with_a_time_that_is_none(provider: Provider, tree: Path) -> None:
    with tarfile.open(tree / "a.tar", "w") as tar:
        for time in ("nan", "inf", "1e300"):
            member = tarfile.TarInfo(f"m/cur/{time}:2,S")
            member.pax_headers = {"mtime": time}
            member.size = 14
            tar.addfile(member, io.BytesIO(b"Subject: nan\n\n"))
    assert provider.bring(tree).skipped == []
    assert held(provider) == {"INBOX": ["nan"] * 3, "good": ["good"]}


def test_flags_that_changed_in_place_do_not_matter(provider: Provider, tmp_path: Path) -> None:
    """Thunderbird writes flags into the file."""
    entry = b"From - \nX-Mozilla-Status: %b\nSubject: %d\n\nx\n\n"
    path = tmp_path / "m"
    path.write_bytes(entry % (b"0000", 1) + entry % (b"0000", 2))
    provider.bring(path)
    path.write_bytes(entry % (b"0001", 1) + entry % (b"0001", 2) + entry % (b"0000", 3))
    again = provider.bring(path)
    assert (again.stored, again.already) == (1, 2)
