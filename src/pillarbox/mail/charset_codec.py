"""Codecs of the WHATWG Encoding Standard (§9 to §14) where Python's differ, by the names of `charset_label`.

Python's codecs do the work; what they lack or have otherwise stands here and in `iso2022`:

* Single octets: those that Windows leaves undefined are C1 controls; KOI8-U has the Belarusian letter; VISCII
  (RFC 1456) and x-user-defined.
* EUC-JP: NEC's row 13 and the IBM extensions of code page 932, whose mapping of six signs is taken too.
* GB 18030: the euro at 80 of code page 936, and the characters of 2005 and 2022 where Python has private ones.
* Big5: HKSCS of 2008, the euro, pictures of controls and signs of code page 950.

Nothing here raises. What has no meaning becomes U+FFFD: an octet, or the octets of a character that is not assigned;
an octet of US-ASCII never vanishes with them.
"""

import codecs
import re
from collections.abc import Mapping
from typing import Final

REPLACEMENT: Final = "\ufffd"

# --- one octet

_ASCII: Final = "".join(map(chr, range(128)))
_VISCII_HIGH: Final = (
    "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯ"
    "ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡưàáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ"
)


def _table(codec: str, others: Mapping[int, str] | None = None) -> str:
    text = bytes(range(256)).decode(codec, "replace")
    return "".join((others or {}).get(code, text[code]) for code in range(256))


def _windows(page: int) -> str:
    table = _table(f"cp{page}")
    controls = {code: chr(code) for code in range(0x80, 0xA0) if table[code] == REPLACEMENT}
    return _table(f"cp{page}", {**controls, 0xCA: "\u05ba"} if page == 1255 else controls)


SINGLE: Final = {
    **{f"windows-{page}": _windows(page) for page in (874, *range(1250, 1259))},
    "koi8-u": _table("koi8-u", {0xAE: "ў", 0xBE: "Ў"}),
    "viscii": _table("ascii", {2: "Ẳ", 5: "Ẵ", 6: "Ẫ", 0x14: "Ỷ", 0x19: "Ỹ", 0x1E: "Ỵ"})[:128] + _VISCII_HIGH,
    "x-user-defined": _ASCII + "".join(map(chr, range(0xF780, 0xF800))),
}
"""Charsets of one octet: the character of each."""


# --- several octets

_MAX_KEPT_OCTETS: Final = 3
"""Of characters so long there are few enough to remember them all."""
_SHORT_OCTETS: Final = 12
"""So few are sooner looked up than decoded."""

_EUC: Final = re.compile(rb"[\xa1-\xfe][\xa1-\xfe]|\x8e[\xa1-\xdf]|\x8f[\xa1-\xfe][\xa1-\xfe]|.", re.DOTALL)
_GB: Final = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]|[\x81-\xfe][0-9][\x81-\xfe][0-9]|.", re.DOTALL)
_BIG5: Final = re.compile(rb"[\x81-\xfe][\x40-\x7e\xa1-\xfe]|.", re.DOTALL)


class MultiByte:
    """A charset whose characters are an octet of US-ASCII, or several, the first above 127."""

    codec: str
    """Python's codec, which knows most of it."""
    character: re.Pattern[bytes]
    """A character by its form, or one octet."""
    most_octets = 2
    """Octets of the longest."""
    others: Mapping[int, str | int] = {}
    """Characters that Python's codec returns, and what they should be."""
    unknown: Mapping[bytes, str] = {}
    """Characters that it does not know."""

    def __init__(self) -> None:
        self._characters = _Characters(self)

    def missing(self, octets: bytes) -> str | None:
        """A character that Python's codec does not know."""
        return self.unknown.get(octets)

    def decode(self, octets: bytes, *, final: bool = True) -> tuple[str, int]:
        """The text of octets and how many of them it is: unless final, what may become a character is left."""
        if final and len(octets) <= _SHORT_OCTETS:
            return self._one_by_one(self.character.findall(octets)), len(octets)
        try:
            return self.corrected(octets.decode(self.codec)), len(octets)
        except UnicodeDecodeError as error:
            # Mostly all that is wrong is that the last character is not whole yet.
            if not final and len(octets) - error.start < self.most_octets:
                return self.corrected(octets[: error.start].decode(self.codec)), error.start
        characters = self.character.findall(octets)
        left = 0 if final else self._unfinished(characters)
        at = len(octets) - len(b"".join(characters[len(characters) - left :]))
        return self._one_by_one(characters[: len(characters) - left]), at

    def text(self, octets: bytes) -> str:
        """The text of octets after which none follow."""
        return self.decode(octets)[0]

    def corrected(self, text: str) -> str:
        """What Python's codec returned, as it should be."""
        is_other = any(map(text.__contains__, map(chr, self.others)))  # much faster than to translate at once
        return text.translate(self.others) if is_other else text

    def _one_by_one(self, characters: list[bytes]) -> str:
        return "".join(map(self._characters.__getitem__, characters))

    def _unfinished(self, characters: list[bytes]) -> int:
        """How many of the last entries, one octet each, may begin a character."""
        unfinished = octets = 0
        for place, character in enumerate(reversed(characters[-self.most_octets + 1 :]), 1):
            octets += len(character)
            if octets < self.most_octets and len(character) == 1 and character >= b"\x80":
                unfinished = place
        return unfinished


class _Characters(dict[bytes, str]):
    """Characters by their octets, found when they are first asked for."""

    def __init__(self, charset: MultiByte) -> None:
        super().__init__()
        self._charset = charset

    def __missing__(self, octets: bytes) -> str:
        try:
            found = self._charset.corrected(octets.decode(self._charset.codec))
        except UnicodeDecodeError:
            # A second octet of US-ASCII may be a sign of mark-up.
            kept = "".join(chr(octet) for octet in octets if octet < 128)
            found = self._charset.missing(octets) or REPLACEMENT + kept
        if len(octets) <= _MAX_KEPT_OCTETS:
            self[octets] = found
        return found


class _EucJp(MultiByte):
    codec, character, most_octets = "euc_jp", _EUC, 3
    others = str.maketrans("〜‖−¢£¬", "～∥－￠￡￢")

    def missing(self, octets: bytes) -> str | None:
        """Rows that code page 932 has besides JIS X 0208; it keeps two rows under one first octet."""
        if len(octets) != 2:
            return None
        half, is_second = divmod(octets[0] - 0xA1, 2)
        cell = octets[1] - 0xA1
        first = half + (0x81 if half < 0x1F else 0xC1)
        second = cell + (0x9F if is_second else 0x40 if cell < 0x3F else 0x41)
        try:
            return bytes((first, second)).decode("cp932")
        except UnicodeDecodeError:
            return None


class _Jis2004(MultiByte):
    codec, character, most_octets = "euc_jis_2004", _EUC, 3


class _Korean(MultiByte):
    codec, character = "cp949", _EUC


class _Gb18030(MultiByte):
    codec, character, most_octets = "gb18030", _GB, 4
    others = str.maketrans(
        "\ue5e5\ue7c7\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796"
        "\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864",
        "\u3000\u1e3f\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19"
        "\u9fb4\u9fb5\u9fb6\u9fb7\u9fb8\u9fb9\u9fba\u9fbb",
    )
    unknown: Mapping[bytes, str] = {b"\x80": "€"}


_HKSCS_2008: Final = (
    "㡵𡵓𣚞𦀡㻬𥣞㫵竼龗𤅡𨤍𣇪𠪊𣉞䌊蒄龖鐯䤰蘓墖靊鈘秐稲晠権袝瑌篅枂稬剏遆"
    "㓦珄𥶹瓆鿇垳䤯呌䄱𣚎堘穲𧭥讏䚮𦺈䆁𥶙箮𢒼鿈𢓁𢓉𢓌鿉蔄𣖻䂴鿊䓡𪷿拁灮鿋"
)
"""From 877A on."""
_BIG5_OTHERS: Final = (
    "8e697bb8 8e6f7c06 8e7e7cce 8eab7dd2 8eb47e1d 8ecd8005 8ed08028 8f5783c1 8f6984a8 8f6e840f 8fcb89a6 "
    "8fcc89a9 8ffe8d77 906d90fd 907a92b9 90dc975c 90f197ff 91bf9f16 92448503 92af5159 92b0515b 92b1515d "
    "92b2515e 92c8936e 92d17479 94476d67 94ca799b 95d99097 9644975d 96ed701e 96fc5b28 9b767201 9b7877d7 "
    "9b7b7e87 9bc699d6 9bde91d4 9bec60de 9bf66fb6 9c428f36 9c534fbb 9c6271df 9c689104 9c6b9df0 9c7783cf "
    "9cbc5c10 9cbd79e3 9cd05a67 9d578f0b 9d5a7b51 9dc462d0 9ea96062 9eef75f9 9efd6c4a 9f609b2e 9f669f17 "
    "9fcb50ed 9fd85f0c a063880f a07762ce a0d57468 a0df7162 a0e47250 c6cf5ef4 c6d365e0 c6d57676 c6d796b6 "
    "c6de3003 c6df4edd fa5f5029 fa66507d fabd5305 fac55344 fad5537f fb485605 fbb85a77 fbf35e75 fbf95ed0 "
    "fc4f5f58 fc6c60a4 fcb96490 fce26674 fcf1675e fdb76c9c fdb86e1d fdbb6e2f fdf1716e fe52732a fe6f745c "
    "feaa74e9 fedd7809"
)
"""An octet pair and its character each: HKSCS once had them, and now has them elsewhere."""


def _big5_unknown() -> dict[bytes, str]:
    seconds = (*range(0x7A, 0x7F), *range(0xA1, 0xE0))
    table = {bytes((0x87, second)): to for second, to in zip(seconds, _HKSCS_2008, strict=True)}
    table |= {bytes((0xA3, 0xC0 + at)): chr(0x2400 + at) for at in range(0x20)}
    table |= {b"\xa3\xe0": "\u2421", b"\xa3\xe1": "€"}
    return table | {bytes.fromhex(pair[:4]): chr(int(pair[4:], 16)) for pair in _BIG5_OTHERS.split()}


class _Big5(MultiByte):
    codec, character = "big5hkscs", _BIG5
    others = str.maketrans("•､‾∼♁☉¥¢£", "‧﹑¯～⊕⊙￥￠￡")
    unknown = _big5_unknown()


EUC_JP: Final = _EucJp()
JIS_2004: Final = _Jis2004()
KOREAN: Final = _Korean()
GB18030: Final = _Gb18030()
MULTI: Final[dict[str, MultiByte]] = {"euc-jp": EUC_JP, "gb18030": GB18030, "big5": _Big5()}
"""Charsets of several octets for a character."""


class MultiByteDecoder(codecs.BufferedIncrementalDecoder):
    """Decodes one of them as its octets come."""

    def __init__(self, charset: MultiByte) -> None:
        super().__init__("replace")
        self._charset = charset

    def _buffer_decode(self, octets: bytes, _errors: str, final: bool) -> tuple[str, int]:  # type: ignore[override]
        return self._charset.decode(octets, final=final)
