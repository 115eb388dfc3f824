"""Labels of charsets (WHATWG Encoding Standard §4.2, "Names and labels"; IANA's registry, RFC 2978).

Labels mean what they mean in browsers, since that is what senders test with: `iso-8859-1` means windows-1252, `gb2312`
GB 18030, `ks_c_5601-1987` windows-949. To these come IANA's names, the code pages of Windows, and what programs wrote
into mail. Four things differ from the web:

* US-ASCII is no charset here: with octets above 127 it is a wrong label, and UTF-8 is the best guess;
* ISO-2022-KR, ISO-2022-CN, HZ and UTF-7 are decoded, not replaced: they were made for mail;
* UTF-16 without a byte order mark is big-endian (RFC 2781 §4.3), where browsers say little-endian;
* labels are compared by their letters and digits alone, so that `Latin-9`, `latin 9` and `"latin9"` are one.
"""

import re
from functools import lru_cache
from typing import Final

MAX_LABEL_CHARACTERS: Final = 100
"""Characters of a label that are looked at."""

_NAMES: Final = {
    "utf-8": "utf-8 unicode-1-1-utf-8 unicode-2-0-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8 x-utf-8"
    " utf-8-sig utf8mb3 utf8mb4 utf-8-mac csutf8",
    # ISO 8859. Parts 1, 9 and 11 are Windows code pages.
    "iso8859-2": "latin2 l2 csisolatin2 iso-ir-101 iso_8859-2:1987",
    "iso8859-3": "latin3 l3 csisolatin3 iso-ir-109 iso_8859-3:1988",
    "iso8859-4": "latin4 l4 csisolatin4 iso-ir-110 iso_8859-4:1988",
    "iso8859-5": "cyrillic csisolatincyrillic iso-ir-144 iso_8859-5:1988",
    "iso8859-6": "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6-e iso-8859-6-i"
    " iso-ir-127 iso_8859-6:1987",
    "iso8859-7": "greek greek8 csisolatingreek ecma-118 elot_928 iso-ir-126 iso_8859-7:1987 sun_eu_greek",
    "iso8859-8": "hebrew csiso88598e csisolatinhebrew iso-8859-8-e iso-ir-138 iso_8859-8:1988 visual"
    " csiso88598i iso-8859-8-i logical",
    "iso8859-10": "latin6 l6 csisolatin6 iso-ir-157 iso_8859-10:1992",
    "iso8859-13": "latin7 l7 csiso885913",
    "iso8859-14": "latin8 l8 csiso885914 iso-ir-199 iso-celtic iso_8859-14:1998",
    "iso8859-15": "latin9 l9 csisolatin9 csiso885915",
    "iso8859-16": "latin10 l10 csiso885916 iso-ir-226 iso_8859-16:2001",
    # Windows
    "windows-874": "tis-620 tis-620-0 iso-8859-11 iso-8859-11:2001 cstis620 iso-ir-166 thai",
    "windows-1250": "cswindows1250",
    "windows-1251": "cswindows1251 ansi-1251",
    "windows-1252": "cswindows1252 csisolatin1 iso-8859-1 iso_8859-1:1987 iso-ir-100 latin1 l1 iso8859 8859"
    " cswindows30latin1 cswindows31latin1 iso-8859-1-windows-3.0-latin-1 iso-8859-1-windows-3.1-latin-1",
    "windows-1253": "cswindows1253",
    "windows-1254": "cswindows1254 csisolatin5 cswindows31latin5 iso-8859-9 iso-8859-9-windows-latin-5"
    " iso-ir-148 iso_8859-9:1989 l5 latin5",
    "windows-1255": "cswindows1255",
    "windows-1256": "cswindows1256",
    "windows-1257": "cswindows1257",
    "windows-1258": "cswindows1258",
    # DOS, whose pages go by their numbers
    "cp437": "cspc8codepage437",
    "cp850": "cspc850multilingual",
    "cp852": "cspcp852",
    "cp858": "pc-multilingual-850+euro",
    "cp862": "cspc862latinhebrew",
    "cp775": "cspc775baltic",
    # Macintosh
    "mac-roman": "macintosh mac csmacintosh x-mac-roman",
    "mac-latin2": "x-mac-ce x-mac-centraleurroman mac-centraleurope maccentraleurope",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian mac-uk",
    "mac-greek": "x-mac-greek",
    "mac-turkish": "x-mac-turkish",
    "mac-iceland": "x-mac-icelandic mac-is",
    "mac-croatian": "x-mac-croatian",
    "mac-romanian": "x-mac-romanian",
    "mac-arabic": "x-mac-arabic",
    "mac-farsi": "x-mac-farsi",
    # Others of one octet
    "koi8-r": "koi koi8 cskoi8r",
    "koi8-u": "koi8-ru cskoi8u",
    "koi8-t": "",
    "kz1048": "kz-1048 strk1048-2002 rk1048 cskz1048",
    "ptcp154": "csptcp154 pt154 cp154 cyrillic-asian",
    "viscii": "csviscii viscii1.1-1",
    "x-user-defined": "",
    "hp-roman8": "roman8 r8 cshproman8",
    # Chinese
    "gb18030": "gb2312 gb2312-80 gb_2312-80 gb2312-1980 gbk x-gbk euc-cn euc-gb2312-cn chinese csgb2312"
    " csiso58gb231280 iso-ir-58 csgbk csgb18030 x-gb18030 gb-18030-2000 cn-gb hp15cn x-mac-chinesesimp",
    "big5": "big5-hkscs big5-hkscs:1999 big5-hkscs:2001 big5-hkscs:2004 big5hk cn-big5 csbig5 csbig5hkscs"
    " x-x-big5 x-big5 big5-eten x-chinese-eten big5-tw big-five bigfive x-mac-chinesetrad",
    "hz": "hz-gb hz-gb-2312 cshzgb2312",
    "iso-2022-cn": "iso-2022-cn-ext csiso2022cn csiso2022cnext",
    # Japanese
    "cp932": "shift_jis sjis x-sjis shift-jis x-shift-jis ms-kanji csshiftjis windows-31j cswindows31j mskanji"
    " x-mac-japanese x-ms-cp932 shiftjis-ms sjis-win",
    "shift_jis_2004": "shift_jisx0213 sjis2004 sjisx0213",
    "euc-jp": "cseucpkdfmtjapanese x-euc x-euc-jp eucjp-ms eucjp-win x-eucjp ujis japanese-euc"
    " extended_unix_code_packed_format_for_japanese",
    "euc_jis_2004": "euc-jisx0213 eucjis2004",
    "iso-2022-jp": "csiso2022jp csiso2022jp2 iso-2022-jp-1 iso-2022-jp-2 iso-2022-jp-3 iso-2022-jp-ext"
    " iso-2022-jp-2004 iso-2022-jp-ms jis jis7 junet",
    # Korean
    "cp949": "euc-kr uhc ks_c_5601-1987 ks_c_5601-1989 ks_c_5601 ksc5601-1987 ks-x-1001 ksx1001 korean"
    " cseuckr csksc56011987 iso-ir-149 x-euc-kr x-mac-korean x-windows-949 x-kscwansung wansung",
    "johab": "x-johab ks_c_5601-1992",
    "iso-2022-kr": "csiso2022kr",
    # Unicode
    "utf-16": "csutf16 x-utf-16",
    "utf-16-be": "utf-16be unicodefffe csutf16be",
    "utf-16-le": "utf-16le unicode unicodefeff csunicode csutf16le iso-10646-ucs-2 ucs-2",
    "utf-32": "utf-32be csutf32 csutf32be iso-10646-ucs-4 ucs-4 csucs4",
    "utf-32-le": "utf-32le csutf32le",
    "utf-7": "unicode-1-1-utf-7 unicode-2-0-utf-7 csunicode11utf7 csutf7 x-unicode-2-0-utf-7 x-utf-7",
}
"""Codecs, each with its labels besides its own name: those of `charset_codec`, and Python's."""

_PAGES: Final = {
    **{page: f"windows-{page}" for page in (874, *range(1250, 1259))},
    **{
        page: f"cp{page}"
        for page in (
            437,
            720,
            737,
            775,
            850,
            852,
            855,
            857,
            858,
            860,
            861,
            862,
            863,
            864,
            865,
            866,
            869,
            1125,
        )
    },
    # EBCDIC
    **{page: f"cp{page:03}" for page in (37, 273, 424, 500, 875, 1026, 1140)},
    **dict.fromkeys((367, 20127), "us-ascii"),
    **dict.fromkeys((819, 28591), "windows-1252"),
    **{28590 + part: f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    28599: "windows-1254",
    28601: "windows-874",
    38598: "iso8859-8",
    708: "iso8859-6",
    10000: "mac-roman",
    10004: "mac-arabic",
    10006: "mac-greek",
    10007: "mac-cyrillic",
    10010: "mac-romanian",
    10017: "mac-cyrillic",
    10029: "mac-latin2",
    10079: "mac-iceland",
    10081: "mac-turkish",
    10082: "mac-croatian",
    878: "koi8-r",
    20866: "koi8-r",
    21866: "koi8-u",
    **dict.fromkeys((932, 942, 943, 10001), "cp932"),
    **dict.fromkeys((954, 20932, 51932), "euc-jp"),
    **dict.fromkeys((50220, 50221, 50222), "iso-2022-jp"),
    **dict.fromkeys((949, 970, 1363, 10003, 20949, 51949), "cp949"),
    1361: "johab",
    50225: "iso-2022-kr",
    50227: "iso-2022-cn",
    50229: "iso-2022-cn",
    52936: "hz",
    **dict.fromkeys((936, 1386, 10008, 20936, 51936, 54936), "gb18030"),
    **dict.fromkeys((950, 951, 1370, 10002), "big5"),
    1200: "utf-16-le",
    1201: "utf-16-be",
    12000: "utf-32-le",
    12001: "utf-32",
    65000: "utf-7",
    65001: "utf-8",
}
"""Code pages of Windows, DOS and IBM by their numbers."""

_PAGE: Final = re.compile(
    r"(?:x|cs|)(?:windows|cp|ibm|cpibm|ccsid|win|dos|ms|mscp|pc|)0*([1-9][0-9]{1,4})"
).fullmatch
_FURTHER: Final = re.compile(r"[(;,].*", re.DOTALL)
_NOISE: Final = re.compile(r"[^a-z0-9]+")
_PART: Final = re.compile(r"(?:x|we8|)(?:iso|)8859p?([1-9][0-9]?)").fullmatch


def _letters(label: str) -> str:
    return _NOISE.sub("", label.lower())


_LABELS: Final = {
    _letters(label): name for name, labels in _NAMES.items() for label in (name, *labels.split())
}


@lru_cache(maxsize=1024)
def codec(label: str) -> str | None:
    """The name of the codec (see `charset_codec`) for a label; None for an unknown label and for US-ASCII."""
    # `utf-8(Unicode)`, `utf-8; format=flowed`: what follows is no part of it.
    letters = _letters(_FURTHER.sub("", label[:MAX_LABEL_CHARACTERS]))
    if named := _LABELS.get(letters):
        return named
    if part := _PART(letters):  # `8859-15`
        return _LABELS.get(f"iso8859{part[1]}")
    page = _PAGE(letters)
    named = _PAGES.get(int(page[1])) if page else None
    return None if named == "us-ascii" else named
