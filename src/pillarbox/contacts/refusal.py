"""Why an address book or a card is not as its client wants it."""


class ContactsRefused(Exception):
    """`type` is that of a SetError (RFC 8620 §5.3, RFC 9610 §2.3); nothing has changed."""

    def __init__(self, type_: str, description: str, *properties: str) -> None:
        super().__init__(description)
        self.type = type_
        self.description = description
        self.properties = properties


class UidTaken(ContactsRefused):
    """Another card of the account has the uid: there are never two (RFC 9610 §3)."""

    def __init__(self, existing: int) -> None:
        """`existing`: the id of the card that has it."""
        super().__init__("invalidProperties", "Another card of the account has this uid", "uid")
        self.existing = existing
