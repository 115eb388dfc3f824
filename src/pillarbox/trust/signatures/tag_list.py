"""Tag lists: `v=1; a=rsa-sha256; d=example.org` (RFC 6376 §3.2)."""

import binascii
import re
from collections.abc import Mapping
from typing import Final

from pillarbox.trust.signatures.rejected import quoted

MAX_OCTETS: Final = 16 * 1024
"""A longer list is malformed; one that names hundreds of fields has a fourth of it."""
MAX_TAGS: Final = 100

FWS: Final = " \t\r\n"
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NUMBER: Final = re.compile(r"[0-9]{1,76}")


class Malformed(ValueError):
    """No tag list, or a tag whose value is not what it has to be; the text says what is wrong."""


def parse(octets: bytes) -> dict[str, str]:
    """The values by tag, without the white space around them. Raises `Malformed`."""
    if len(octets) > MAX_OCTETS:
        raise Malformed(f"tag list longer than {MAX_OCTETS} octets")
    try:
        text = octets.decode()  # RFC 8616 §5: UTF-8 in internationalized messages
    except UnicodeDecodeError:
        raise Malformed("neither ASCII nor UTF-8") from None
    if _CONTROL.search(text):
        raise Malformed("control character in tag list")
    specs = text.split(";")
    if not specs[-1].strip(FWS):
        specs.pop()
    if len(specs) > MAX_TAGS:
        raise Malformed(f"more than {MAX_TAGS} tags")
    tags: dict[str, str] = {}
    for spec in specs:
        name, equals, value = spec.partition("=")
        name = name.strip(FWS)
        if not equals or not ((name.isascii() and name.isalpha()) or _NAME.fullmatch(name)):
            raise Malformed(f"no tag: {quoted(spec.strip(FWS))}")
        if name in tags:  # two readers would see two values
            raise Malformed(f"tag {quoted(name)} occurs twice")
        tags[name] = value.strip(FWS)
    return tags


def required(tags: Mapping[str, str], name: str) -> str:
    """The value of a tag that must be there. Raises `Malformed`."""
    value = tags.get(name)
    if not value:
        raise Malformed(f"{name}= is {'missing' if value is None else 'empty'}")
    return value


def number(tags: Mapping[str, str], name: str) -> int | None:
    """The value of a tag that is a decimal number, `None` without one. Raises `Malformed`."""
    value = tags.get(name)
    if value is None:
        return None
    if not _NUMBER.fullmatch(value):
        raise Malformed(f"{name}= is no number")
    return int(value)


def octets_of(tags: Mapping[str, str], name: str) -> bytes:
    """The value of a tag in base64; white space in it does not count. Raises `Malformed`."""
    text = without_fws(required(tags, name))
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise Malformed(f"{name}= is not base64") from None


def without_fws(value: str) -> str:
    """A value in which white space does not count, without it."""
    return value.replace(" ", "").replace("\n", "").replace("\r", "").replace("\t", "")


def items(value: str) -> tuple[str, ...]:
    """The items of a list between colons."""
    return tuple([item.strip(FWS) for item in value.split(":")])
