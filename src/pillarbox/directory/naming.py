"""How addresses are compared in the directory.

RFC 5321 §2.4 leaves the meaning of a local part, its case included, to its host. Here local parts are compared
case-insensitively, in every script and Unicode normal form: `Anna@` and `anna@` are the same address.
"""

from pillarbox.mail.address import Address, InvalidAddress, domain_key
from pillarbox.mail.normalization import caseless
from pillarbox.mail.visible import has_hidden, has_ignorable, is_blank


class NameRefused(ValueError):
    """A domain, address or account that can't be created or changed; the text is for the operator."""


def local_key(local: str) -> str:
    """A local part in the form for comparison: case-folded, NFC."""
    return caseless(local)


def domain_name(text: str) -> str:
    """A domain to be served, as lower-case A-labels. Raises `NameRefused`."""
    try:
        name = domain_key(text.removesuffix("."))
    except InvalidAddress as invalid:
        raise NameRefused(f"'{text}': {invalid}") from None
    if name.startswith("["):
        raise NameRefused(f"'{text}' is an address literal, not a domain")
    return name


def shown_name(text: str) -> str:
    """A name that is only shown: that of an owner, or none. Raises `NameRefused`."""
    if has_hidden(text):
        raise NameRefused(f"'{text}': a name has no control characters")
    if text and is_blank(text):
        raise NameRefused("there is nothing in this name that can be seen")
    return text


def telling_name(text: str, what: str) -> str:
    """A name by which `what` is told from others: a group, an app password. Raises `NameRefused`.

    Invisible characters may be in it: Persian is written with them, and emoji are put together by them.
    """
    if is_blank(text):
        raise NameRefused(f"{what} needs a name that can be seen")
    return shown_name(text)


def parse_address(text: str) -> Address:
    """An address to be served or forwarded to. Raises `NameRefused`."""
    if has_ignorable(text):  # RFC 8264 §9.13: it would look like another one
        raise NameRefused(f"'{text}': address has an invisible character")
    try:
        return Address.parse(text)
    except InvalidAddress as invalid:
        raise NameRefused(f"'{text}': {invalid}") from None
