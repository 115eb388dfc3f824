"""mbsync keeps a Maildir and an account alike, both ways, and knows when there is nothing to do."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.interop.demo import Demo, Person
from tests.interop.programs import run
from tests.interop.reading import flagged, logged_in, messages

pytestmark = pytest.mark.interop

CONFIGURATION = """
IMAPStore ours
Host localhost
Port {port}
User {person.login}
Pass "{person.password}"
SSLType {tls}
CertificateFile {authority}
SystemCertificates no
{more}

MaildirStore theirs
Path {home}/mail/
Inbox {home}/mail/INBOX
SubFolders Verbatim

Channel all
Far :ours:
Near :theirs:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
CopyArrivalDate yes
"""


class Mbsync:
    """One person's Maildir."""

    def __init__(
        self, provider: Demo, person: Person, home: Path, tls: str = "IMAPS", more: str = ""
    ) -> None:
        self.mail = home / "mail"
        self.mail.mkdir()
        self._home = home
        text = CONFIGURATION.format(
            port=provider.ports["imaps" if tls == "IMAPS" else "imap"],
            person=person, tls=tls, authority=provider.authority, home=home, more=more,
        )  # fmt: skip
        (home / "mbsyncrc").write_text(text)

    def run(self) -> None:
        """Synchronize, without a word of complaint."""
        done = run("mbsync", "-c", self._home / "mbsyncrc", "-a", home=self._home)
        assert done.stderr == b""

    def files(self, box: str = "INBOX") -> list[Path]:
        """The messages of a folder."""
        return [path for part in ("cur", "new") for path in sorted((self.mail / box / part).iterdir())]

    def octets(self, box: str = "INBOX") -> list[bytes]:
        """The messages of a folder, as they were on the wire but for mbsync's own mark."""
        return [octets(path) for path in self.files(box)]

    def state(self) -> dict[str, int]:
        """Each message's file, and when it was last touched."""
        files = (
            path for path in self.mail.rglob("*") if path.parent.name in ("cur", "new") and path.is_file()
        )
        return {str(path): path.stat().st_mtime_ns for path in files}

    def put(self, content: bytes, box: str = "INBOX") -> None:
        """A new message, as another program would deliver it."""
        for part in ("cur", "new", "tmp"):
            (self.mail / box / part).mkdir(parents=True, exist_ok=True)
        (self.mail / box / "cur" / f"{hashlib.sha256(content).hexdigest()}:2,").write_bytes(content)

    def mark(self, content: bytes, flags: str, box: str = "INBOX") -> None:
        """Set a message's Maildir flags."""
        [path] = [path for path in self.files(box) if octets(path) == content]
        path.rename(self.mail / box / "cur" / f"{path.name.partition(':')[0]}:2,{flags}")


def octets(path: Path) -> bytes:
    """A Maildir file's message with CRLF."""
    return unmarked(re.sub(rb"\r?\n", b"\r\n", path.read_bytes()))


def unmarked(message: bytes) -> bytes:
    """Without the field that mbsync adds to what it carries over."""
    return re.sub(rb"(?m)^X-TUID: .*\n", b"", message, count=1)


def ours(provider: Demo, person: Person, box: str = "INBOX") -> list[bytes]:
    return [unmarked(message) for message in messages(provider, person, box)]


def letter(number: int) -> bytes:
    return b"From: ann@two.example\r\nSubject: letter %d\r\n\r\nbody %d\r\n" % (number, number)


def append(
    provider: Demo, person: Person, numbers: Iterable[int], box: str = "INBOX", flags: str = ""
) -> None:
    with logged_in(provider, person) as client:
        client.create(box)
        for number in numbers:
            word, _ = client.append(box, f"({flags})", None, letter(number))
            assert word == "OK"


def test_two_ways(any_provider: Demo, home: Path) -> None:
    person = any_provider.newcomer()
    append(any_provider, person, range(3))
    append(any_provider, person, [3], "Far/Deep", r"\Seen \Flagged")
    sync = Mbsync(any_provider, person, home)

    sync.run()
    assert sorted(sync.octets()) == [letter(number) for number in range(3)]
    assert [path.name.partition(":2,")[2] for path in sync.files("Far/Deep")] == ["FS"]
    assert {path.name for path in sync.mail.iterdir()} >= {
        "INBOX",
        "Drafts",
        "Sent",
        "Junk",
        "Trash",
        "Archive",
    }

    assert_nothing_to_do(any_provider, person, sync)

    # Theirs: a message and a folder of their own, flags, a deletion
    sync.put(letter(4).replace(b"\r\n", b"\n"))
    sync.put(letter(5).replace(b"\r\n", b"\n"), "Near")
    sync.mark(letter(0), "RS")
    sync.mark(letter(1), "ST")
    # Ours: the same
    append(any_provider, person, [6])
    append(any_provider, person, [7], "Far/New")
    with logged_in(any_provider, person) as client:
        client.select("INBOX")
        client.store("3", "+FLAGS", r"(\Flagged)")
    sync.run()
    assert sorted(ours(any_provider, person)) == [letter(number) for number in (0, 2, 4, 6)]
    assert sorted(sync.octets()) == [letter(number) for number in (0, 2, 4, 6)]
    flags = {unmarked(content): found for found, content in flagged(any_provider, person)}
    assert flags[letter(0)] == {r"\Answered", r"\Seen"}
    assert flags[letter(2)] == {r"\Flagged"}
    assert ours(any_provider, person, "Near") == [letter(5)]
    assert sync.octets("Far/New") == [letter(7)]
    assert {path.name.partition(":2,")[2] for path in sync.files() if octets(path) == letter(2)} == {"F"}

    # Ours deletes; and then there is nothing to do
    with logged_in(any_provider, person) as client:
        client.select("INBOX")
        client.store("1", "+FLAGS", r"(\Deleted)")
        client.expunge()
    sync.run()
    assert sorted(sync.octets()) == [letter(number) for number in (2, 4, 6)]
    assert_nothing_to_do(any_provider, person, sync)


def assert_nothing_to_do(provider: Demo, person: Person, sync: Mbsync) -> None:
    before = sync.state(), state(provider, person)
    sync.run()
    assert (sync.state(), state(provider, person)) == before


def state(provider: Demo, person: Person) -> list[str]:
    """Each mailbox with its last change."""
    found = []
    with logged_in(provider, person) as client:
        for line in client.list()[1]:
            name = str(line).split('"')[-2]
            found += client.status(name, "(MESSAGES UIDNEXT HIGHESTMODSEQ)")[1]
    return [line.decode() for line in found]


@pytest.mark.parametrize("more", ["PipelineDepth 1", "AuthMechs LOGIN", "DisableExtensions LITERAL+ UIDPLUS"])
def test_other_ways_to_talk(provider: Demo, home: Path, more: str) -> None:
    person = provider.newcomer()
    append(provider, person, range(20))
    sync = Mbsync(provider, person, home, "STARTTLS", more)
    sync.put(letter(99).replace(b"\r\n", b"\n"))
    sync.run()
    assert sorted(sync.octets()) == sorted(letter(number) for number in (*range(20), 99))
    assert sorted(ours(provider, person)) == sorted(sync.octets())
