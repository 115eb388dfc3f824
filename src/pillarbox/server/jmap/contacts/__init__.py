"""AddressBook and ContactCard (RFC 9610), over the room `contacts`.

books.py      AddressBook/get, /changes and /set
states.py     the state strings of both, and what has changed since one
get.py        ContactCard/get and /changes
query.py      ContactCard/query and /queryChanges; filters.py: what a card must be like
set.py        ContactCard/set; copying.py: /copy
media.py      images and sounds of a card as blobs
making.py     a card that a client has sent, checked, as it is written
writing.py    several cards in one transaction
vcards.py     ContactCard/parse and /export (urn:pillarbox:jmap:vcard)
"""
