"""Whatever some reader of an address field might take for an address.

`address_list` reads a field as most mail programs do, and at most so many addresses of it. For a decision about
safety that is too little: in `boss@bank.example anna@one.example` programs disagree about which one is the author.
Here every "@" counts that is neither quoted, nor in a comment or a proper encoded word, to the end of the field.
"""

import re
from collections.abc import Iterator
from typing import Final

from pillarbox.mail.address_tokens import TOKEN, TOKEN_UNQUOTED, comment_ends

_ATOM: Final = rb"[^\s<>,;:()\"?@]"
# Tried where an atom begins only: from each of its octets, a long one would be read again
_IN_ENCODED_WORD: Final = re.compile(rb"(?<!%b)(%b++)@(%b++)" % (_ATOM, _ATOM, _ATOM)).findall
_SPECIALS: Final = re.compile(rb"[<>,;:]").search


def apparent_addresses(value: bytes) -> list[tuple[bytes, bytes]]:
    """Local part and domain beside each "@" of an unfolded value, empty where there is none; never raises.

    White space, comments and quotes around them are left out.
    """
    found: list[tuple[bytes, bytes]] = []
    words = list(_words(value))
    for place, (kind, text) in enumerate(words):
        if kind == "special" and text == b"@":
            found.append((_word(words, place - 1), _word(words, place + 1)))
        elif kind == "word" and b"@" in text and _SPECIALS(text):
            # RFC 2047 §5 (3) allows no specials in an encoded word: a strict reader sees them outside of one
            found += _IN_ENCODED_WORD(text)
    return found


def is_disputed(value: bytes) -> bool:
    """Whether more text follows an address without a comma between, so that programs disagree about whose it is.

    For instance `boss@bank.example anna@one.example`, `boss@ba nk.example` and `<anna@one.example> boss@bank.example`;
    but of `boss@bank.example <anna@one.example>` they all take what is in brackets. Of an unfolded value.
    """
    bare_domain = in_brackets = behind_brackets = disputed = False
    before = b""
    for kind, text in _words(value):
        if kind != "special":
            # RFC 5322 §4.4: white space and comments around a dot mean nothing
            disputed |= bare_domain and bool(before) and not (before.endswith(b".") or text.startswith(b"."))
            before = text
            continue
        before = b""
        if text == b"<":
            in_brackets, bare_domain, disputed = True, False, False
        elif text == b">":
            in_brackets, behind_brackets = False, True
        elif in_brackets:
            continue
        elif text == b"@":
            disputed |= bare_domain or behind_brackets
            bare_domain = True
        elif disputed:
            return True
        else:
            bare_domain = behind_brackets = False
    return disputed


def _words(value: bytes) -> Iterator[tuple[str, bytes]]:
    """The tokens between white space and comments, and their kinds."""
    scan, position, end = TOKEN, 0, len(value)
    comments = comment_ends(value)
    while position < end:
        token = scan(value, position)
        assert token is not None  # `other` takes any octet
        position = token.end()
        kind = token.lastgroup or ""
        if kind == "other" and token.start() in comments:
            position = comments[token.start()] + 1
        elif kind == "other" and token[0] == b'"':  # never closed: from here on quotes mean nothing
            scan = TOKEN_UNQUOTED
        elif kind != "space":
            yield kind, token["quoted"] if kind == "quoted" else token[0]


def _word(words: list[tuple[str, bytes]], place: int) -> bytes:
    if not 0 <= place < len(words):
        return b""
    kind, text = words[place]
    return b"" if kind == "special" else text
