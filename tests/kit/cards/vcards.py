"""vCards that Hypothesis makes up: sound ones of words that are found again, and files with anything in them."""

from itertools import count

from hypothesis import strategies as st
from msgspec import Struct

_NAMES = (
    "FN", "N", "NICKNAME", "ADR", "TEL", "EMAIL", "IMPP", "LANG", "TZ", "GEO", "TITLE", "ROLE", "LOGO", "ORG",
    "MEMBER", "RELATED", "CATEGORIES", "NOTE", "PRODID", "SOUND", "UID", "URL", "KEY", "FBURL", "CALURI", "CALADRURI",
    "BDAY", "ANNIVERSARY", "DEATHDATE", "BIRTHPLACE", "DEATHPLACE", "EXPERTISE", "HOBBY", "INTEREST", "ORG-DIRECTORY",
    "CONTACT-URI", "SOCIALPROFILE", "PRONOUNS", "GRAMGENDER", "CREATED", "KIND", "GENDER", "CLIENTPIDMAP", "XML",
    "SOURCE", "PHOTO", "X-ABLabel", "X-FOO", "JSPROP", "LABEL", "AGENT", "SORT-STRING", "REV", "LANGUAGE",
)  # fmt: skip
_PARAMETERS = (
    "TYPE", "ALTID", "PID", "X-BAR", "MEDIATYPE", "SERVICE-TYPE", "USERNAME", "LEVEL", "INDEX", "LABEL", "GEO", "TZ",
    "CC", "CREATED", "AUTHOR", "AUTHOR-NAME", "SORT-AS", "JSCOMPS", "PHONETIC", "SCRIPT", "LANGUAGE", "VALUE",
    "CALSCALE", "DERIVED", "JSPTR", "PREF",
)  # fmt: skip
_SHAPES = (
    "{}",
    "{};{}",
    "{},{}",
    "https://{}.example/",
    "{}@example.com",
    "a\\,{}\\n\\;{}",
    ";;;{};;{};",
    "ü {}",
)
_PARAMETER_SHAPES = ("{}", '"{};{}"', "{},{}", '"https://{}.example/"', "home,{}", "fr-{}", "voice")


class MadeUp(Struct):
    """A card, and the words that stand in it."""

    octets: bytes
    words: list[bytes]


@st.composite
def vcards(draw: st.DrawFn) -> MadeUp:
    """A card of version 4.0 in which values and parameters have words of their own, but for ALTID, which only says
    what belongs together.
    """
    words: list[bytes] = []
    numbers = count()

    def filled(shape: str) -> str:
        made = [f"w{next(numbers)}w" for _ in range(shape.count("{}"))]
        words.extend(word.encode() for word in made)
        return shape.format(*made)

    lines = []
    for _ in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from(_NAMES))
        group = draw(st.sampled_from(("", "", "item1.", "item2.")))
        given = draw(st.lists(st.sampled_from(_PARAMETERS), max_size=3, unique=True))
        shapes = ["1" if each == "ALTID" else draw(st.sampled_from(_PARAMETER_SHAPES)) for each in given]
        parameters = "".join(f";{each}={filled(shape)}" for each, shape in zip(given, shapes, strict=True))
        lines.append(f"{group}{name}{parameters}:{filled(draw(st.sampled_from(_SHAPES)))}\r\n")
    return MadeUp(f"BEGIN:VCARD\r\nVERSION:4.0\r\n{''.join(lines)}END:VCARD\r\n".encode(), words)


_PIECES = (
    *(name.encode() for name in _NAMES + _PARAMETERS), b"BEGIN:VCARD\r\n", b"END:VCARD\r\n", b"VERSION:2.1\r\n",
    b"VERSION:3.0\n", b"VERSION:4.0\r\n", b"\r\n", b"\n ", b"\n\t", b":", b";", b",", b"=", b'"', b"^n", b"^^", b"\\",
    b"\\n", b"\xc3\xa4", b"\xff", b"\x00", b"=3D=0A", b"=\r\n", b";ENCODING=QUOTED-PRINTABLE", b";ENCODING=B",
    b"BASE64",
    b";CHARSET=ISO-8859-1", b";CHARSET=utf-16", b"item1.", b"1", b"-0500", b"19960415", b"19531015T231000Z",
    b"geo:1,2", b"1;2", b";PREF=1", b";TYPE=home", b"pref", b";LANGUAGE=fr", b";ALTID=1", b";PHONETIC=ipa",
    b'JSPROP;JSPTR="emails":null\n', b'JSPROP;JSPTR="a":{"b":[1]}\n', b"KIND:group\n", b"N:a;b;c,d;;;e\n", b"FN:x\n",
    b"LANGUAGE:en\n", b"AGENT:\n",
)  # fmt: skip


def file_of_vcards() -> st.SearchStrategy[bytes]:
    """Octets that look like a file of cards."""
    inside = st.lists(st.sampled_from(_PIECES) | st.binary(max_size=3), max_size=25).map(b"".join)
    versions = st.sampled_from((b"2.1", b"3.0", b"4.0"))
    card = st.builds(lambda version, lines: b"BEGIN:VCARD\nVERSION:%b\n%b\nEND:VCARD\n" % (version, lines), versions,
                     st.lists(_lines(), max_size=5).map(b"\n".join) | inside)  # fmt: skip
    return st.lists(card | inside, max_size=3).map(b"".join)


def _lines() -> st.SearchStrategy[bytes]:
    pieces = st.lists(st.sampled_from(_PIECES).filter(lambda piece: b"\n" not in piece), max_size=4).map(
        b"".join
    )
    names = st.sampled_from([name.encode() for name in _NAMES])
    return st.builds(lambda name, between, value: name + between + b":" + value, names, pieces, pieces)
