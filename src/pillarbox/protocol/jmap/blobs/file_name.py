"""Content-Disposition: how a browser treats a download, and under which name it saves it (RFC 6266, RFC 8187)."""

from typing import Final
from unicodedata import category

MAX_NAME_OCTETS: Final = 255
"""Of a name in UTF-8, as file systems have it."""
_NOT_IN_NAMES: Final = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Controls, and what is not seen but changes what is: `invoice<U+202E>gpj.exe` would be shown as `invoiceexe.jpg`."""
_JOINERS: Final = "\u200c\u200d"
"""Of the same kind, and part of Persian words and of emojis."""
_ATTRIBUTE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`|~")
"""RFC 8187 §3.2.1, attr-char."""


def disposition(kind: str, name: str) -> str:
    """The value of the field; `kind` is `inline` or `attachment`.

    A name that is not plain ASCII is there twice: exactly, and for those who do not know how to read that.
    """
    cleaned = clean(name)
    if not cleaned:
        return kind
    plain = "".join([letter if _is_plain(letter) else "_" for letter in cleaned])
    if plain == cleaned:
        return f'{kind}; filename="{plain}"'
    encoded = "".join([chr(octet) if octet in _ATTRIBUTE else f"%{octet:02X}" for octet in cleaned.encode()])
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def _is_plain(letter: str) -> bool:
    # "%" is decoded by some, and "\" an escape for others (RFC 6266, appendix D)
    return " " <= letter <= "~" and letter not in '"\\%'


def clean(name: str) -> str:
    """A name without what is no part of a file's name: folders, controls, and letters that turn others around."""
    kept = "".join(
        [
            "_" if letter in "/\\" else letter
            for letter in name[:MAX_NAME_OCTETS]
            if letter in _JOINERS or category(letter) not in _NOT_IN_NAMES
        ]
    )
    # What is left of a letter that was cut is dropped
    kept = kept.encode()[:MAX_NAME_OCTETS].decode(errors="ignore").strip()
    return kept if kept.strip(".") else ""
