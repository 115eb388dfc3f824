"""Decoding text by charset label (WHATWG Encoding Standard, "Names and labels"; RFC 2046 §4.1.2, RFC 2978).

Labels mean what they mean in browsers, since that is what senders test with: `iso-8859-1` means
windows-1252, `gb2312` means GB 18030, `ks_c_5601-1987` means windows-949. Three things differ
from the web:

* `us-ascii` with octets above 127 is a wrong label, and UTF-8 is the best guess;
* ISO-2022-KR, HZ and UTF-7 (RFC 2152) are decoded, not replaced: they were made for mail;
* a few DOS code pages that occur in old mail are supported.

`decode` never raises: with an unknown label it guesses, an invalid octet becomes U+FFFD. `pieces` is the same in pieces
of bounded size.
"""

import codecs
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final

MAX_PENDING_OCTETS: Final = 64 * 1024
"""Octets without a character, of a shift sequence in UTF-7, after which it is decoded as if it had ended."""

_ISO_8859: Final = {
    2: "csisolatin2 iso-ir-101 iso_8859-2:1987 l2 latin2",
    3: "csisolatin3 iso-ir-109 iso_8859-3:1988 l3 latin3",
    4: "csisolatin4 iso-ir-110 iso_8859-4:1988 l4 latin4",
    5: "csisolatincyrillic cyrillic iso-ir-144 iso_8859-5:1988",
    6: "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6-e iso-8859-6-i"
    " iso-ir-127 iso_8859-6:1987",
    7: "csisolatingreek ecma-118 elot_928 greek greek8 iso-ir-126 iso_8859-7:1987 sun_eu_greek",
    8: "csiso88598e csisolatinhebrew hebrew iso-8859-8-e iso-ir-138 iso_8859-8:1988 visual"
    " csiso88598i iso-8859-8-i logical",
    10: "csisolatin6 iso-ir-157 l6 latin6",
    13: "",
    14: "",
    15: "csisolatin9 l9",
    16: "",
}
"""Parts of ISO 8859 with their irregular labels. Parts 1, 9 and 11 are Windows code pages."""

_OTHERS: Final = {
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "cp866": "866 cp866 csibm866 ibm866",
    "koi8-r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8-u": "koi8-ru koi8-u",
    "mac-roman": "csmacintosh mac macintosh x-mac-roman",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "cp874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "cp1252": "cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1"
    " iso_8859-1:1987 l1 latin1",
    "cp1254": "csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5",
    "gb18030": "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk gb18030",
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc-jp": "cseucpkdfmtjapanese euc-jp x-euc-jp",
    "iso2022-jp-ext": "csiso2022jp iso-2022-jp",
    "cp932": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "cp949": "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601"
    " windows-949",
    "utf-16-be": "unicodefffe utf-16be",
    "utf-16-le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
    # Used in mail, not on the web.
    "iso2022-kr": "csiso2022kr iso-2022-kr",
    "hz": "hz-gb-2312",
    "utf-7": "utf-7 unicode-1-1-utf-7 csunicode11utf7",
    "utf-32": "utf-32",
    **{
        f"cp{page}": f"cp{page} ibm{page} cspc{page}"
        for page in (437, 850, 852, 855, 857, 858, 860, 862, 863, 865)
    },
}

_NOT_ASCII_BASED: Final = frozenset(
    {"utf-16-be", "utf-16-le", "utf-32", "iso2022-kr", "iso2022-jp-ext", "hz", "utf-7"}
)


def _labels() -> dict[str, str]:
    table = {label: codec for codec, labels in _OTHERS.items() for label in labels.split()}
    for part, labels in _ISO_8859.items():
        regular = f"iso-8859-{part} iso8859-{part} iso8859{part} iso_8859-{part}"
        table |= dict.fromkeys(f"{regular} {labels}".split(), f"iso8859-{part}")
    for page in range(1250, 1259):
        table |= dict.fromkeys((f"cp{page}", f"windows-{page}", f"x-cp{page}"), f"cp{page}")
    return table


_CODECS: Final = _labels()


def codec(label: str) -> str | None:
    """Python's codec for a label; None for an unknown label and for US-ASCII."""
    return _CODECS.get(label.strip("\t\n\f\r '\"").lower())


def reads_ascii(label: str | None) -> bool:
    """Whether US-ASCII octets with this label decode to the same ASCII text."""
    return label is None or codec(label) not in _NOT_ASCII_BASED


def decode(octets: bytes, label: str | None = None) -> str:
    """Decode octets with this label; guess where it is absent or unknown."""
    name = codec(label) if label else None
    if octets.isascii() and name not in _NOT_ASCII_BASED:
        return octets.decode("ascii")
    if name is None:
        return guess(octets)
    if name == "utf-8":
        octets = octets.removeprefix(b"\xef\xbb\xbf")
    elif name.startswith("utf-16") and octets[:2] in (b"\xff\xfe", b"\xfe\xff"):
        name = "utf-16"
    try:
        return _characters(octets.decode(name, "replace"), name)
    except (UnicodeError, ValueError):  # a few stateful codecs raise in spite of "replace"
        return guess(octets)


def _characters(text: str, name: str) -> str:
    # UTF-7 can encode a lone surrogate, which is not a character.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if name == "utf-7" else text


def guess(octets: bytes) -> str:
    """Decode unlabelled text: as UTF-8 if valid, else as windows-1252, the most common of the others."""
    try:
        return octets.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")


Source = Callable[[], Iterable[bytes]]
"""Returns the same pieces anew each time."""


def pieces(source: Source, label: str | None) -> Iterator[str]:
    """`decode` of octets that come in pieces: a piece of text, perhaps empty, for each that is read.

    Guessing reads all before it decodes any.
    """
    name = codec(label) if label else None
    if name is not None:
        name = _marked(source, name)
    if name is None or name in _NOT_ASCII_BASED:
        decodes = yield from _decodes(source, name or "utf-8", "replace" if name else "strict")
        if name and not decodes:
            name, decodes = None, (yield from _decodes(source, "utf-8", "strict"))
        name = name or ("utf-8-sig" if decodes else "cp1252")
    yield from _decoded(source(), name, "replace")


def _marked(source: Source, name: str) -> str:
    """The codec that a byte order mark, or its absence, makes of a codec."""
    match name:
        case "utf-8":
            return "utf-8-sig"
        case "utf-16-be" | "utf-16-le":
            return "utf-16" if _beginning(source, 2) in (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE) else name
        case "utf-32":  # little-endian without a mark, as in `decode`
            return (
                name if _beginning(source, 4) in (codecs.BOM_UTF32_BE, codecs.BOM_UTF32_LE) else "utf-32-le"
            )
    return name


def _beginning(source: Source, octets: int) -> bytes:
    begun = b""
    for piece in source():
        begun += piece
        if len(begun) >= octets:
            break
    return begun[:octets]


def _decodes(source: Source, name: str, errors: str) -> Generator[str, None, bool]:
    """Whether the octets can be decoded so; yields nothing for each piece that was read."""
    try:
        for _ in _decoded(source(), name, errors):
            yield ""
    except (UnicodeError, ValueError):
        return False
    return True


def _decoded(octets: Iterable[bytes], name: str, errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(name)(errors)
    for piece in octets:
        yield _characters(decoder.decode(piece), name)
        if name == "utf-7" and len(decoder.getstate()[0]) > MAX_PENDING_OCTETS:
            yield _characters(decoder.decode(b"", True), name)
            decoder.reset()
    yield _characters(decoder.decode(b"", True), name)
