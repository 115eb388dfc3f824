"""A JSContact Card from a vCard, and a vCard from a JSContact Card (RFC 9555, RFC 9554).

reading.py     a vCard to a Card
building.py    the Card as it grows, property by property
localized.py   other languages, and how names are pronounced
writing.py     a Card to a vCard
making.py      the vCard's properties, one after another
rows.py        the properties that become one object each, both ways
single.py      those that become one value, or an entry of a set
components.py  the fields of N and ADR, and their order
parameters.py  what is taken of parameters, and what is left
dates.py       dates and times
jcard.py       what JSContact has no place for: vCardProps
patches.py     what vCard has no form for: JSPROP
"""

from pillarbox.cards.conversion.reading import to_card
from pillarbox.cards.conversion.writing import to_vcard

__all__ = ["to_card", "to_vcard"]
