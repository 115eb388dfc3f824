"""The values that rows of contacts have, and what is put in the place of others.

What a card's row has besides its numbers is made of the card itself, and made again by a later repair.
"""

from typing import Final

from pillarbox.contacts.books import FIRST_NAME
from pillarbox.world.database.values import DATES_MS, TableValues, integer, octets, optional, text

_OF_ACCOUNT: Final = "account = ?"
_MODSEQ: Final = (
    "coalesce((SELECT max(l.modseq) FROM contact_log l WHERE l.account = contact_counters.account), 0)"
)
_LAST: Final = """
coalesce((SELECT max(l.id) FROM contact_log l WHERE l.account = contact_counters.account AND l.kind = {0}), 1)"""

_COUNTERS: Final = TableValues(
    name="contact-counter-values-valid",
    table="contact_counters",
    of_account=_OF_ACCOUNT,
    columns={
        "account": integer(),
        "modseq": integer(instead=_MODSEQ),
        **dict.fromkeys(("book_modseq", "card_modseq", "complete_from"), integer(instead="modseq")),
        "last_book": integer(instead=_LAST.format(1)),
        "last_card": integer(instead=_LAST.format(2)),
        "default_book": integer(instead="0"),
        **dict.fromkeys(("cards", "octets"), integer(instead="0")),
    },
    rule="The counters of contacts are numbers.",
    named="CAST(account AS INTEGER)",
    message="a counter of the contacts of account {0} is not a number",
    remedy="Count again; clients read everything once more.",
)

_BOOKS: Final = TableValues(
    name="address-book-values-valid",
    table="address_books",
    of_account=_OF_ACCOUNT,
    columns={
        **dict.fromkeys(("account", "id"), integer()),
        "name": text(f"'{FIRST_NAME}'"),
        "description": optional(text()),
        "sort_order": integer(instead="0"),
        "subscribed": integer(0, 1, "1"),
    },
    rule="An address book has a name, an order, and whether it is shown.",
    named="CAST(account AS INTEGER), CAST(id AS INTEGER)",
    message="address book {1} of account {0} has a name, order or mark of a wrong type",
    remedy=f"A name that is lost becomes {FIRST_NAME}. Without its number, its cards come into the default one.",
)

_CARDS: Final = TableValues(
    name="card-values-valid",
    table="contact_cards",
    of_account=_OF_ACCOUNT,
    columns={
        **dict.fromkeys(("account", "id"), integer()),
        "uid": text("'lost:' || id"),
        "kind": text("''"),
        **dict.fromkeys(("created_ms", "updated_ms"), optional(integer(*DATES_MS))),
        **dict.fromkeys(("given", "surname", "surname2"), text("''")),
        "octets": integer(instead="0"),
    },
    rule="What queries compare of a card has its types.",
    named="CAST(account AS INTEGER), CAST(id AS INTEGER)",
    message="card {1} of account {0} has a uid, kind, date, name or size of a wrong type",
    remedy="Take it from the card again.",
)

_CONTENTS: Final = TableValues(
    name="card-content-values-valid",
    table="contact_contents",
    of_account=_OF_ACCOUNT,
    columns={
        **dict.fromkeys(("account", "card"), integer()),
        "content": octets(),
        "texts": octets("CAST('{}' AS BLOB)"),
    },
    rule="The content of a card is octets.",
    named="CAST(account AS INTEGER), CAST(card AS INTEGER)",
    message="card {1} of account {0} has a content of a wrong type",
    remedy="What filters look for is taken from the card again. Without its content, the card is lost.",
)

_PLACED: Final = TableValues(
    name="card-book-values-valid",
    table="card_books",
    of_account=_OF_ACCOUNT,
    columns=dict.fromkeys(("account", "card", "book"), integer()),
    rule="A card is in an address book by their numbers.",
    named="CAST(account AS INTEGER), CAST(card AS INTEGER)",
    message="card {1} of account {0} is in an address book whose number is of a wrong type",
    remedy="Take it out; a card that is in no other one comes into the default one.",
)

_MEDIA: Final = TableValues(
    name="card-media-values-valid",
    table="card_media",
    of_account=_OF_ACCOUNT,
    columns={
        **dict.fromkeys(("account", "card"), integer()),
        "blob": octets(length=32),
        "size": integer(instead="coalesce((SELECT b.size FROM blobs b WHERE b.digest = card_media.blob), 0)"),
    },
    rule="An image or sound of a card has a digest and a size.",
    named="CAST(account AS INTEGER), CAST(card AS INTEGER)",
    message="an image or sound of card {1} of account {0} has a digest or size of a wrong type",
    remedy="Without its digest, the card does without it; its octets become a file in lost+found.",
)

_LOG: Final = TableValues(
    name="contact-log-values-valid",
    table="contact_log",
    of_account=_OF_ACCOUNT,
    columns={
        **dict.fromkeys(("account", "id"), integer()),
        "kind": integer(1, 2),
        **dict.fromkeys(("created_modseq", "modseq"), integer(instead="0")),
        "destroyed": integer(0, 1, "0"),
    },
    rule="The log of contacts has numbers.",
    named="CAST(account AS INTEGER)",
    message="what has changed of the contacts of account {0} is recorded with a wrong type",
    remedy="Clients read everything once more.",
)

TABLES: Final[tuple[TableValues, ...]] = (_COUNTERS, _BOOKS, _CARDS, _CONTENTS, _PLACED, _MEDIA, _LOG)
INVARIANTS = tuple(values.invariant() for values in TABLES)
"""In the order of repair."""
