"""A mailbox to search, and how far the index of it has come."""

from collections.abc import Iterator
from contextlib import contextmanager

from pillarbox.mail.query import Query
from pillarbox.store import mailbox_cache
from pillarbox.store.search import evaluate, feeding
from pillarbox.world.blobs import DatabaseBlobs
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.stored_mail import ANNA, NOW_MS, mailbox, octets, open_store, put

BLOBS = DatabaseBlobs()


def catch_up(tx: SqliteTransaction, *, max_characters: int = feeding.MAX_INDEXED_CHARACTERS) -> int:
    """Feed all that is not indexed yet; how many emails that were."""
    fed = 0
    while (attempt := feeding.begin(tx)) is not None:
        while (batch := feeding.gather(tx, BLOBS, attempt, max_characters=max_characters)) is not None:
            fed += feeding.feed(tx, batch).emails
    return fed


def gathered(tx: SqliteTransaction) -> feeding.Batch:
    """What is read first of all that is not indexed yet."""
    attempt = feeding.begin(tx)
    assert attempt is not None
    batch = feeding.gather(tx, BLOBS, attempt)
    assert batch is not None
    return batch


def find(tx: SqliteTransaction, query: Query, *, name: str = "INBOX") -> list[int]:
    """UIDs of Anna's messages that match."""
    return evaluate(tx, BLOBS, mailbox_cache.load(tx, ANNA, mailbox(tx, name)), query, now_ms=NOW_MS).tolist()


TEXTS = [
    octets("The quick brown fox", subject="Foxes"),
    octets("Straße und Grüße", subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?= aus Berlin", to="Bob <bob@two.example>"),
    octets("今日は東京へ行きます。", subject="東京"),
    octets("nothing to see", x_mood="dark=20chocolate", cc="Carol <carol@three.example>"),
    octets("cafe\u0301 noir", subject="folded\r\n over two lines", x_fox="brown"),
    octets("<html><body>h&eacute;llo <b>bold</b>words</body></html>", content_type="text/html"),
    octets(
        "=E4=F6", content_type="text/plain; charset=iso-8859-1", content_transfer_encoding="quoted-printable"
    ),
]


@contextmanager
def searchable(fed: str) -> Iterator[SqliteTransaction]:
    """The texts and a crowd, so that asking the index is worth it; `fed`: how far the index has come."""
    with open_store() as tx:
        for number, text in enumerate(TEXTS):
            put(tx, text)
            if fed == "half" and number == 3:
                catch_up(tx)
        for number in range(20):
            put(tx, octets(f"filler {number}", subject="crowd"))
        if fed == "all":
            catch_up(tx)
        yield tx
