"""A real mailbox: a demo reads a mailing list's archive by `--mbox`, and clients read it all, octet for octet."""

import gzip
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from pillarbox.mail.mbox import Entry
from tests.interop.demo import Demo, demo
from tests.interop.imap import connected
from tests.interop.test_mbsync import Mbsync
from tests.kit.corpora import mailing_list, needs_corpora
from tests.kit.paths import CORPORA

pytestmark = [pytest.mark.interop, needs_corpora, pytest.mark.timeout(240)]

ARCHIVE = CORPORA / "dovecot-list.mbox.gz"
OWN = 3
"""Messages that the first account of a demo has anyway."""


@cache
def posts() -> tuple[bytes, ...]:
    """The archive's messages, as they must be read back."""
    return tuple(entry.message for entry in mailing_list() if isinstance(entry, Entry))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("archive"), "--mbox", ARCHIVE) as running:
        yield running


def digests(messages: Iterable[bytes]) -> Counter[bytes]:
    """What is there, without regard to order and CR, which mbsync takes off or adds where line ends are mixed."""
    return Counter(hashlib.sha256(octets.replace(b"\r", b"")).digest() for octets in messages)


def test_every_post_is_there(archive: Demo) -> None:
    with gzip.open(ARCHIVE) as file:
        lines = sum(line.startswith(b"From ") for line in file)
    assert len(posts()) == lines - 3, "three of those lines are sentences"
    found: list[bytes] = []
    with connected(archive, archive.people[0]) as imap:
        [exists] = imap.select("INBOX").numbers(b"EXISTS")
        assert exists == len(posts()) + OWN
        for start in range(1, exists + 1, 500):
            answer = imap.ok(b"FETCH %d:%d (BODY.PEEK[] RFC822.SIZE)" % (start, min(start + 499, exists)))
            for items in answer.fetched.values():
                assert items[b"RFC822.SIZE"] == len(items[b"BODY[]"])
                found.append(items[b"BODY[]"])
    assert Counter(posts()) - Counter(found) == Counter()
    assert (Counter(found) - Counter(posts())).total() == OWN


def test_mbsync_reads_them_all(archive: Demo, home: Path) -> None:
    sync = Mbsync(archive, archive.people[0], home)
    sync.run()
    assert digests(posts()) - digests(sync.octets()) == Counter()
    assert len(sync.files()) == len(posts()) + OWN
