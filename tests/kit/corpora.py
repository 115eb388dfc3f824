"""The public mail corpora beside the checkout: real, malformed and legacy messages, as octets."""

import gzip
from collections.abc import Iterator
from functools import cache

import pytest

from pillarbox.mail import mbox
from tests.kit.paths import CORPORA

needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason=f"no public mail corpora at {CORPORA}")

_SUFFIXES = {"mail-parser": (".eml",), "mime4j": (".msg",), "mimekit": (".eml", ".txt")}


@cache
def single_messages() -> tuple[tuple[str, bytes], ...]:
    """Each message file of the test collections: its path below the corpora, its octets."""
    return tuple(
        (str(path.relative_to(CORPORA)), path.read_bytes())
        for collection, suffixes in _SUFFIXES.items()
        for path in sorted((CORPORA / collection).rglob("*"))
        if path.suffix in suffixes and "_decoded" not in path.name
    )


def mailing_list() -> Iterator[mbox.Entry | mbox.Oversized]:
    """The mailing list's archive, read in chunks as an import would."""
    with gzip.open(CORPORA / "dovecot-list.mbox.gz") as archive:
        yield from mbox.messages(iter(lambda: archive.read(64 * 1024), b""))
