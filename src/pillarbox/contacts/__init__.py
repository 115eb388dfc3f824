"""Whom does somebody know? Address books and the cards in them (RFC 9610), of each account.

schema.py     the tables
limits.py     how much an account may have
log.py        what has changed, and the states of JMAP
books.py      address books
cards.py      cards: reading and writing them
emptying.py   an address book goes with its cards
row.py        a card as its row has it
media.py      the images and sounds of cards, as uses of blobs
looking.py    all cards of an account, for queries
refusal.py    why something is not written
removal.py    what goes with an account
invariants.py, values.py   what `fsck` checks
"""
