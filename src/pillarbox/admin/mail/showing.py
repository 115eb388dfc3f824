"""One message, decoded for people."""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pillarbox.admin.mail.finding import NoSuchEmail
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.mail import encoded_word, object_id
from pillarbox.mail.header import Header
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import parse
from pillarbox.mail.text import plain_pieces, shown_parts
from pillarbox.mail.transfer import MAX_PIECE_OCTETS
from pillarbox.mail.visible import visible
from pillarbox.store import fetch
from pillarbox.store.account_counters import account_of
from pillarbox.world.blobs import Blobs, OpenBlob
from pillarbox.world.database import Transaction

MAX_TEXT_CHARACTERS: Final = 100_000
"""Of the header, and of the text; more is left out."""
_MAIN_FIELDS: Final = frozenset(
    ["from", "sender", "reply-to", "to", "cc", "bcc", "date", "subject", "message-id"]
)
_WRAP_COLUMNS: Final = 100
"""Of HTML, which comes as one line."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not shown as text."""

    name: str
    content_type: str
    size_octets: int
    """As it stands in the message, encoded."""


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """What people read of a message."""

    header: str
    """A decoded field in each line."""
    text: str
    attachments: tuple[Attachment, ...]
    cut: bool
    """There is more than `MAX_TEXT_CHARACTERS` of header or text."""


@may(OPERATOR)
def opened(tx: Transaction, blobs: Blobs, ident: str) -> OpenBlob:
    """The octets of a message, by its id. Raises `NoSuchEmail`, or `BlobDamaged`."""
    email = object_id.email(ident)
    places = [] if email is None else fetch.find(tx, account_of(email), email)
    if email is None or not places:
        raise NoSuchEmail(f"No such message: {ident}. See: pillarbox mail search")
    return blobs.open(tx, fetch.digest(tx, account_of(email), *places[0]))


def show(octets: bytes, *, all_fields: bool = False) -> ShownMessage:
    """A message for people, of any octets: the fields that people look at, or all; the text; what else it has."""
    root = parse(octets)
    parts = shown_parts(root)
    header, header_cut = _limited(_fields(root.header, every=all_fields))
    texts = []
    left, cut = MAX_TEXT_CHARACTERS, header_cut
    for part in parts:
        text, text_cut = _limited(plain_pieces(octets, part), left)
        texts.append(
            _wrapped(text) if part.content_type == "text/html" else text.replace("\r\n", "\n").rstrip()
        )
        left, cut = left - len(text), cut or text_cut
    return ShownMessage(header, "\n\n".join(filter(None, texts)), tuple(_attachments(root, parts)), cut)


def _fields(header: Header, *, every: bool) -> Iterator[str]:
    """A line for each field, whatever its encoded words hold."""
    separator = ""
    for field in header.fields:
        if every or field.key in _MAIN_FIELDS:
            yield separator + visible(f"{field.name.decode('latin-1')}: " if field.name else "")
            if len(field.body) <= MAX_PIECE_OCTETS:
                yield visible(encoded_word.decode(field.body))
            else:
                yield from map(visible, encoded_word.pieces(field.body))
            separator = "\n"


def _attachments(part: Part, shown: list[Part]) -> Iterator[Attachment]:
    """The parts below that no reader sees as text; a message in a message is one."""
    if part.is_message() or not part.children:
        if part not in shown and part.size:
            yield Attachment(part.filename or "", part.content_type, part.size)
        return
    for child in part.children:
        yield from _attachments(child, shown)


def _limited(pieces: Iterable[str], limit: int = MAX_TEXT_CHARACTERS) -> tuple[str, bool]:
    """The beginning of a text, and whether there is more."""
    gathered, characters = list[str](), 0
    for piece in pieces:
        gathered.append(piece)
        characters += len(piece)
        if characters > limit:
            return "".join(gathered)[:limit], True
    return "".join(gathered), False


def _wrapped(line: str) -> str:
    return textwrap.fill(line, _WRAP_COLUMNS, break_on_hyphens=False, replace_whitespace=False)
