"""Header text: RFC 2047 encoded words, RFC 6532 raw UTF-8, and unlabelled 8-bit text of old mailers.

`decode` returns readable text of a field value and never raises. It follows RFC 2047 §6.2 (white space between two
encoded words is dropped) and is lenient: an encoded word may touch its neighbours, contain spaces, lack base64
padding, or hold only part of a character's octets (adjacent words in one charset are decoded together). `pieces` is the
same in pieces of bounded size, for a field of any size.

`decode_text` is for JMAP, which forbids to be lenient (RFC 8621 §4.1.2.2): it decodes a word only where RFC 2047 §5
lets it stand, and only if its charset is known.
"""

import binascii
import re
from collections.abc import Iterable, Iterator
from typing import Final

from pillarbox.mail import charset, transfer

# RFC 2047 §2, with the language of RFC 2231 §5. No class matches "?", so the scan is linear.
_WORD: Final = re.compile(rb"=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
# RFC 2047 §2 and §5: no white space inside, and nothing else around.
_PLACED: Final = re.compile(rb"(?<![^ \t])=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?\s]*)\?=(?![^ \t])")
_CONTROLS: Final = re.compile("[\0-\x1f\x7f-\x9f]")
_PIECE_OCTETS: Final = transfer.MAX_PIECE_OCTETS
_LF: Final = ord(b"\n")
_LINE_END: Final = re.compile(rb"\r?\n")


def decode(value: bytes | str) -> str:
    """Readable text of a field value."""
    octets = value.encode("utf-8", "replace") if isinstance(value, str) else value
    if _LF in octets:
        octets = _LINE_END.sub(b"", octets)
    if octets.find(b"=?") < 0:
        return octets.decode("ascii") if octets.isascii() else charset.guess(octets)
    return "".join(_decoded((octets,)))


def decode_text(value: bytes) -> str:
    """Readable text of an unfolded value, by the rules of RFC 8621 §4.1.2.2, steps 3 and 4; without NUL.

    Of what was encoded, control characters are dropped; what has no meaning in its charset becomes U+FFFD.
    """
    if value.find(b"=?") < 0:
        return charset.guess(value).replace("\0", "")
    texts = list[str]()
    label, words, at = "", list[bytes](), 0
    for found in _PLACED.finditer(value):
        named = found[1].lower().decode("latin-1")
        if not charset.is_known(named):
            continue
        between, at = value[at : found.start()], found.end()
        is_next = bool(words) and not between.strip(b" \t")
        if words and (named != label or not is_next):
            texts.append(_without_controls(words, label))
            words = []
        if not is_next:
            texts.append(charset.guess(between).replace("\0", ""))
        words.append(_word_octets(found[2], found[3]))
        label = named
    texts += (_without_controls(words, label), charset.guess(value[at:]).replace("\0", ""))
    return "".join(texts)


def _without_controls(words: list[bytes], label: str) -> str:
    return _CONTROLS.sub("", charset.decode(b"".join(words), label))


def pieces(raw: bytes, start: int = 0, *, size: int = _PIECE_OCTETS) -> Iterator[str]:
    """`decode` of a folded value from an offset on, some text for each `size` of its octets."""
    return _decoded(_windows(raw, start, size))


def _windows(raw: bytes, start: int, size: int) -> Iterator[bytes]:
    """A value unfolded and cut behind white space where there is any, so that no encoded word is cut."""
    at = start
    while at < len(raw):
        until = min(at + size, len(raw))
        if until < len(raw):
            until = max(raw.rfind(space, at, until) for space in (b" ", b"\t", b"\n")) + 1 or until
        yield _LINE_END.sub(b"", raw[at:until])
        at = until


def _decoded(windows: Iterable[bytes]) -> Iterator[str]:
    label, words, words_octets = "", list[bytes](), 0
    gap, after_word = b"", False
    for window in windows:
        at = 0
        for found in _WORD.finditer(window):
            between, at = gap + window[at : found.start()], found.end()
            gap, is_blank = b"", not between.strip(b" \t")
            named = found[1].lower().decode("latin-1")
            if words and (named != label or not is_blank or words_octets > _PIECE_OCTETS):
                yield charset.decode(b"".join(words), label)
                words, words_octets = [], 0
            if not (after_word and is_blank):
                yield charset.decode(between)
            words.append(_word_octets(found[2], found[3]))
            words_octets += len(words[-1])
            label, after_word = named, True
        gap += window[at:]
        if gap.strip(b" \t") or len(gap) > _PIECE_OCTETS:
            yield charset.decode(b"".join(words), label)
            yield charset.decode(gap)
            words, words_octets, gap, after_word = [], 0, b"", False
    yield charset.decode(b"".join(words), label)
    yield charset.decode(gap)


def _word_octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"bB":
        return transfer.decode_base64(text)
    # RFC 2047 §4.2: "_" is a space, whatever the charset.
    return binascii.a2b_qp(text, header=True)
