"""How addresses are compared in this directory.

RFC 5321 §2.4 leaves the meaning of a local part, its case included, to the host it belongs to. Here case
never tells two people apart: `Anna@` and `anna@` are one, in every script, however it was composed.
"""

import unicodedata

from pillarbox.mail.address import Address, InvalidAddress, domain_key


class NameRefused(ValueError):
    """A domain, address or account that cannot be made; the text is fit for an operator's eyes."""


def local_key(local: str) -> str:
    """A local part as it is compared: case-folded, NFC."""
    if local.isascii():
        return local.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).casefold())


def domain_name(text: str) -> str:
    """A domain to be served, as lower-case A-labels. Raises `NameRefused`."""
    try:
        name = domain_key(text.removesuffix("."))
    except InvalidAddress as invalid:
        raise NameRefused(f"'{text}': {invalid}") from None
    if name.startswith("["):
        raise NameRefused(f"'{text}' is an address literal, not a domain")
    return name


def parse_address(text: str) -> Address:
    """An address to be served or forwarded to. Raises `NameRefused`."""
    try:
        return Address.parse(text)
    except InvalidAddress as invalid:
        raise NameRefused(f"'{text}': {invalid}") from None
