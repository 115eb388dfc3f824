"""vCards as octets: versions 2.1, 3.0 and 4.0 are read, 4.0 is written (RFC 6350, RFC 2426).

card.py          a card as its properties, and what is said of one that cannot be read
reading.py       a file to its cards, in pieces
lines.py         octets to content lines
content_line.py  a line to a name, parameters and a value
older.py         what 2.1 and 3.0 write in another way
values.py        texts, lists and compound values
writing.py       cards to a file
limits.py        how much a file may hold
"""

from pillarbox.cards.vcard.card import BadCard, Parameter, Property, VCard
from pillarbox.cards.vcard.limits import Limits
from pillarbox.cards.vcard.reading import pieces, read
from pillarbox.cards.vcard.writing import write

__all__ = ["BadCard", "Limits", "Parameter", "Property", "VCard", "pieces", "read", "write"]
