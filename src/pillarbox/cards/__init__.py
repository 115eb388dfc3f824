"""What is a contact card? JSContact (RFC 9553), vCard (RFC 6350), and each made from the other (RFC 9555).

    card.py        what makes a valid Card, and how large it may be
    objects.py     the object types as tables
    kinds.py       what a property may hold
    scalars.py     what single values may be
    rules.py       what must hold between the properties of one object
    checking.py    a value against its kind
    pointers.py    JSON pointers, PatchObjects, and what differs between two Cards
    searching.py   what filters match and sort orders compare (RFC 9610)
    vcard/         octets to vCards and back
    conversion/    vCards to Cards and back

Pure: no IO, no clock, no chance. A Card is a dict, as its JSON is; a vCard is a `vcard.VCard`.
"""
