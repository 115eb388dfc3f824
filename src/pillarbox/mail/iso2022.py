"""ISO-2022-JP and its kin, -KR and -CN: text in seven bits, its charsets switched by escape sequences.

One decoder for all, since senders use sequences that their label does not have: RFC 1468 (JP), RFC 2237 (JP-1) and
RFC 1554 (JP-2), JIS X 0213 (JP-3), half-width katakana of code page 50220; RFC 1557 (KR); RFC 1922 (CN; CNS 11643
becomes U+FFFD). JIS X 0208 has the rows of NEC and IBM, as in the WHATWG Encoding Standard §13.2.

It never raises: an octet above 127, half a character and an unknown escape sequence become U+FFFD.
"""

import codecs
import re
from collections.abc import Callable
from typing import Final

from pillarbox.mail.charset_codec import EUC_JP, GB18030, JIS_2004, KOREAN, REPLACEMENT

Charset = Callable[[bytes], str]
"""The text of a designated charset's octets, all from 21 to 7E; of pairs, where it has two for each character."""

_MAX_ESCAPE_OCTETS: Final = 4
_SHIFT_OUT: Final = ord("\x0e")
_GRAPHIC: Final = bytes(range(0x21, 0x7F))
_TO_ASCII: Final = b"\x1b(B"
_HIGH: Final = bytes(octet | 0x80 for octet in range(256))

_TOKEN: Final = re.compile(
    rb"(?:\x1b(\$[@AB]|\$\([@A-DO-Q]|\$\)[ACG]|\$\*H|\([BHIJ]|\)I|\.[AF])|([\x0e\x0f]+)|\x1bN([!-\x7f])|(\x1b)|)"
    rb"([^\x0e\x0f\x1b]*)"
)
"""A designation, shifts, a character of G2, or an escape that begins none of these; then text."""
_SINGLES: Final = re.compile(rb"([!-~]+)|([\x00- \x7f]+)|[\x80-\xff]")
_PAIRS: Final = re.compile(rb"((?:[!-~][!-~])+)|([\x00- \x7f]+)|[!-~\x80-\xff]")
"""Characters, controls and spaces, or an octet that is neither."""
_PAIR: Final = re.compile(rb"(..)")
_THIRD: Final = b"\x8f\\1"
_SHIFT: Final = re.compile(rb"[\x0e\x0f]")


def _ascii(octets: bytes) -> str:
    return octets.decode("ascii")


def _roman(octets: bytes) -> str:
    return octets.decode("ascii").translate({ord("\\"): "¥", ord("~"): "‾"})


def _katakana(octets: bytes) -> str:
    return "".join(chr(octet - 0x21 + 0xFF61) if octet < 0x60 else REPLACEMENT for octet in octets)


def _jis_x_0208(octets: bytes) -> str:
    return EUC_JP.text(octets.translate(_HIGH))


def _jis_x_0212(octets: bytes) -> str:
    return EUC_JP.text(_PAIR.sub(_THIRD, octets.translate(_HIGH)))


def _jis_x_0213(octets: bytes) -> str:
    return JIS_2004.text(octets.translate(_HIGH))


def _jis_x_0213_plane_2(octets: bytes) -> str:
    return JIS_2004.text(_PAIR.sub(_THIRD, octets.translate(_HIGH)))


def _ks_x_1001(octets: bytes) -> str:
    return KOREAN.text(octets.translate(_HIGH))


def _gb_2312(octets: bytes) -> str:
    return GB18030.text(octets.translate(_HIGH))


def _unknown_pairs(octets: bytes) -> str:
    return REPLACEMENT * (len(octets) // 2)


_SINGLE: Final = frozenset({_ascii, _roman, _katakana})
_COMMON: Final[dict[Charset, bytes]] = {_ascii: b"", _jis_x_0208: b"\x1b$B"}

_G0: Final[dict[bytes, Charset]] = {
    b"(B": _ascii,
    b"(J": _roman,
    b"(H": _roman,  # an old mistake
    b"(I": _katakana,
    b"$@": _jis_x_0208,
    b"$B": _jis_x_0208,
    b"$(@": _jis_x_0208,
    b"$(B": _jis_x_0208,
    b"$(D": _jis_x_0212,
    b"$(O": _jis_x_0213,
    b"$(Q": _jis_x_0213,
    b"$(P": _jis_x_0213_plane_2,
    b"$A": _gb_2312,
    b"$(A": _gb_2312,
    b"$(C": _ks_x_1001,
}
_G1: Final[dict[bytes, Charset]] = {
    b")I": _katakana,
    b"$)A": _gb_2312,
    b"$)C": _ks_x_1001,
    b"$)G": _unknown_pairs,
}
_G2: Final = {b".A": "iso8859-1", b".F": "iso8859-7"}

SHIFTED: Final[dict[str, Charset]] = {
    "iso-2022-jp": _katakana,
    "iso-2022-kr": _ks_x_1001,
    "iso-2022-cn": _gb_2312,
}
"""What octets after Shift Out are, until a sequence says it."""


class Decoder(codecs.BufferedIncrementalDecoder):
    """Decodes text as its octets come; `name` is a key of `SHIFTED`."""

    def __init__(self, name: str) -> None:
        super().__init__("replace")
        self._g0: Charset = _ascii
        self._g1 = SHIFTED[name]
        self._g2 = "ascii"
        self._is_shifted = False

    def _buffer_decode(self, octets: bytes, _errors: str, final: bool) -> tuple[str, int]:  # type: ignore[override]
        texts = list[str]()
        at = self._common(octets, texts)
        for token in _TOKEN.finditer(octets, at):
            designation, shifts, single, unknown, text = token.groups()
            if designation is not None:
                self._designate(designation)
            elif shifts is not None:
                self._is_shifted = shifts[-1] == _SHIFT_OUT
            elif single is not None:
                texts.append(single.translate(_HIGH).decode(self._g2, "replace"))
            elif unknown is not None:
                if not final and len(octets) - token.start() < _MAX_ESCAPE_OCTETS:
                    break
                texts.append(REPLACEMENT)
            at = token.end()
            if text and (left := self._text(text, texts, is_open=not final and at == len(octets))):
                return "".join(texts), at - left
        return "".join(texts), at

    def _common(self, octets: bytes, texts: list[str]) -> int:
        """Decode Japanese text by Python's codec, which is faster, up to its last return to ASCII; return how far."""
        sequence = _COMMON.get(self._g0)
        if sequence is None or self._is_shifted or self._g1 is not _katakana:
            return 0
        end = octets.rfind(_TO_ASCII) + len(_TO_ASCII)
        if end < len(_TO_ASCII) or _SHIFT.search(octets, 0, end):
            return 0
        try:
            text = (sequence + octets[:end]).decode("iso2022_jp_ext")
        except UnicodeDecodeError:
            return 0
        if (
            "\x1b" in text
        ):  # it lets an escape pass that begins no sequence, and all up to the next line with it
            return 0
        texts.append(EUC_JP.corrected(text))
        self._g0 = _ascii
        return end

    def _designate(self, sequence: bytes) -> None:
        if found := _G0.get(sequence):
            self._g0 = found
        elif found := _G1.get(sequence):
            self._g1 = found
        elif sequence in _G2:
            self._g2 = _G2[sequence]

    def _text(self, octets: bytes, texts: list[str], *, is_open: bool) -> int:
        """Decode octets without escape sequences; return how many are left, half a character where more may come."""
        charset = self._g1 if self._is_shifted else self._g0
        if charset is _ascii:
            texts.append(octets.decode("ascii", "replace"))
            return 0
        is_single = charset in _SINGLE
        if not octets.translate(None, _GRAPHIC) and (is_single or len(octets) % 2 == 0):
            texts.append(charset(octets))
            return 0
        for run in (_SINGLES if is_single else _PAIRS).finditer(octets):
            if run.lastindex == 1:
                texts.append(charset(run[1]))
            elif run.lastindex == 2:
                texts.append(run[2].decode("ascii"))
            elif is_open and run.end() == len(octets) and octets[-1] < 0x80:
                return 1
            else:
                texts.append(REPLACEMENT)
        return 0
