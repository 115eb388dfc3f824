"""Labels of charsets: those of the web, of Windows and of mail."""

import codecs
from collections import defaultdict

import pytest

from pillarbox.mail import charset_codec, charset_label, iso2022
from pillarbox.mail.charset_label import codec

# WHATWG Encoding Standard §4.2, but for the labels of US-ASCII.
WEB = {
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "cp866": "866 cp866 csibm866 ibm866",
    "iso8859-2": "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2",
    "iso8859-3": "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3",
    "iso8859-4": "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4",
    "iso8859-5": "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5"
    " iso_8859-5:1988",
    "iso8859-6": "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e"
    " iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987",
    "iso8859-7": "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597"
    " iso_8859-7 iso_8859-7:1987 sun_eu_greek",
    "iso8859-8": "csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598"
    " iso_8859-8 iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical",
    "iso8859-10": "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6",
    "iso8859-13": "iso-8859-13 iso8859-13 iso885913",
    "iso8859-14": "iso-8859-14 iso8859-14 iso885914",
    "iso8859-15": "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9",
    "iso8859-16": "iso-8859-16",
    "koi8-r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8-u": "koi8-ru koi8-u",
    "mac-roman": "csmacintosh mac macintosh x-mac-roman",
    "windows-874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "windows-1250": "cp1250 windows-1250 x-cp1250",
    "windows-1251": "cp1251 windows-1251 x-cp1251",
    "windows-1252": "cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1"
    " iso_8859-1:1987 l1 latin1 windows-1252 x-cp1252",
    "windows-1253": "cp1253 windows-1253 x-cp1253",
    "windows-1254": "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989"
    " l5 latin5 windows-1254 x-cp1254",
    "windows-1255": "cp1255 windows-1255 x-cp1255",
    "windows-1256": "cp1256 windows-1256 x-cp1256",
    "windows-1257": "cp1257 windows-1257 x-cp1257",
    "windows-1258": "cp1258 windows-1258 x-cp1258",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gb18030": "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk gb18030",
    "big5": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc-jp": "cseucpkdfmtjapanese euc-jp x-euc-jp",
    "iso-2022-jp": "csiso2022jp iso-2022-jp",
    "cp932": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "cp949": "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601"
    " windows-949",
    "iso-2022-kr": "csiso2022kr iso-2022-kr",
    "iso-2022-cn": "iso-2022-cn iso-2022-cn-ext",
    "hz": "hz-gb-2312",
    "utf-16-be": "unicodefffe utf-16be",
    "utf-16-le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16le",
    "utf-16": "utf-16",
    "x-user-defined": "x-user-defined",
}
WINDOWS_AND_MAIL = {
    "utf-8": "65001 cp65001 utf8mb4 UTF_8",
    "utf-7": "utf-7 unicode-1-1-utf-7 cp65000",
    "windows-1252": "latin-1 ISO_8859_1 8859-1 we8iso8859p1 win1252 x-windows-1252 cp-1252 cp28591",
    "iso8859-15": "latin-9 ISO8859_15 8859-15 cp28605 iso885915",
    "windows-874": "cp874 tis620 x-windows-874 iso-8859-11",
    "gb18030": "cp936 ms936 windows-936 euc-cn GB18030-2000 cp54936 x-cp20936 x-mac-chinesesimp",
    "big5": "cp950 ms950 windows-950 big5-eten big5-hkscs:2001 x-mac-chinesetrad",
    "cp932": "cp932 MS-Kanji x-ms-cp932 x-mac-japanese",
    "cp949": "cp949 ms949 uhc ksc5601-1987 x-mac-korean euc_kr",
    "iso-2022-jp": "iso-2022-jp-1 iso-2022-jp-2 iso-2022-jp-3 cp50220 x-cp50221 cp50222",
    "euc-jp": "eucjp x-eucjp eucjp-ms cp51932 ujis",
    "mac-roman": "macroman mac-roman cp10000",
    "mac-latin2": "x-mac-ce mac-centraleurope",
    "mac-greek": "x-mac-greek",
    "mac-turkish": "x-mac-turkish",
    "mac-iceland": "x-mac-icelandic",
    "mac-croatian": "x-mac-croatian",
    "mac-romanian": "x-mac-romanian",
    "koi8-r": "cp20866 KOI8R",
    "koi8-u": "cp21866 koi8u",
    "cp437": "cp437 ibm437 437 IBM-437 cspc8codepage437",
    "cp858": "cp858 ibm00858 ccsid00858",
    "viscii": "viscii csVISCII",
    "cp037": "ibm037 cp037",
    "johab": "x-johab cp1361 ksc5601-1992",
}


@pytest.mark.rfc("2978 §2.3", "MUST")
@pytest.mark.parametrize("table", [WEB, WINDOWS_AND_MAIL])
def test_labels_mean_what_browsers_windows_and_mail_mean(table: dict[str, str]) -> None:
    assert {name: [codec(label) for label in labels.split()] for name, labels in table.items()} == {
        name: [name] * len(labels.split()) for name, labels in table.items()
    }


@pytest.mark.parametrize(
    "label", ["'utf-8'", '" UTF 8 "', "Utf_8\t", "utf-8(Unicode)", "utf-8; format=flowed"]
)
def test_odd_case_quotes_spaces_and_what_follows_make_no_difference(label: str) -> None:
    assert codec(label) == "utf-8"


@pytest.mark.parametrize(
    "label",
    [
        "",
        "us-ascii",
        "ansi_x3.4-1968",
        "cp20127",
        "cp367",
        "unknown-8bit",
        "iso-8859-12",
        "cp99999",
        "base64",
        "idna",
        "\0",
        "utf-8" * 1_000,
        "é",
        "²",
        "cp٣",
    ],
)
def test_what_is_no_charset_is_not_known(label: str) -> None:
    assert codec(label) is None


def test_each_name_is_a_codec_and_its_own_label() -> None:
    for name in {*charset_label._NAMES, *charset_label._PAGES.values()} - {"us-ascii"}:
        if name not in {*charset_codec.SINGLE, *charset_codec.MULTI, *iso2022.SHIFTED}:
            codecs.lookup(name)
        assert codec(name) == name


def test_no_label_has_two_meanings() -> None:
    meanings = defaultdict(set)
    for name, labels in charset_label._NAMES.items():
        for label in (name, *labels.split()):
            meanings[charset_label._letters(label)].add(name)
    assert [label for label, names in meanings.items() if len(names) > 1] == []
