"""What is a contact card? JSContact (RFC 9553), vCard (RFC 6350, RFC 2426), and each made from the other (RFC 9555).

Pure: no IO, no clock, no chance. A card is a dict as its JSON is; a vCard is a `vcard.card.VCard`.
"""
