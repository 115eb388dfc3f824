"""What versions 2.1 and 3.0 have in another form, in the form of 4.0 (RFC 6350 appendix A)."""

import binascii
from typing import Final

from pillarbox.cards.vcard import values
from pillarbox.cards.vcard.card import Parameter, Property
from pillarbox.cards.vcard.content_line import Content, Malformed

V2_1: Final = "2.1"
V3_0: Final = "3.0"
V4_0: Final = "4.0"
VERSIONS: Final = frozenset((V2_1, V3_0, V4_0))

_CHARSETS: Final = frozenset(
    (
        "ascii", "us-ascii", "utf-8", "utf8", "utf-16", "latin1", "big5", "gb2312", "gbk", "gb18030", "shift_jis",
        "shift-jis", "sjis", "euc-jp", "euc-kr", "ks_c_5601-1987", "iso-2022-jp", "koi8-r", "koi8-u", "macintosh",
        *(f"iso-8859-{part}" for part in range(1, 17) if part != 12),
        *(f"windows-{page}" for page in range(1250, 1259)),
        *(f"cp{page}" for page in range(1250, 1259)),
    )
)  # fmt: skip
"""Decoders that take time in proportion to their input."""
_USUAL: Final = "cp1252"
_MEDIA: Final = {"photo": "image", "logo": "image", "sound": "audio"}
_KEYS: Final = {"pgp": "application/pgp-keys", "x509": "application/pkix-cert"}
_MEDIA_SUBTYPES: Final = {"wave": "wav", "jpg": "jpeg", "tif": "tiff"}
_COMPOUND: Final = frozenset(("n", "adr", "org"))
_TEXTS: Final = frozenset(
    ("fn", "nickname", "note", "title", "role", "email", "tel", "label", "mailer", "tz", "uid", "prodid", "name",
     "sort-string", "class", "profile", "rev", "bday", "anniversary", "impp")
)  # fmt: skip


def decoded(octets: bytes, charset: str | None, version: str) -> str:
    """A line, or a value of one. Raises Malformed."""
    name = (charset or "").strip().lower()
    if name and name not in _CHARSETS:
        raise Malformed("A property is in a charset that is not known")
    try:
        return octets.decode(name or "utf-8")
    except UnicodeDecodeError:
        pass
    if version == V4_0:
        raise Malformed("A line is not UTF-8")
    for fallback in ("utf-8", _USUAL):
        try:
            return octets.decode(fallback)
        except UnicodeDecodeError:
            continue
    return octets.decode("latin-1")


def as_property(content: Content, version: str) -> Property:
    """The property that a line stands for. Raises Malformed."""
    value = content.value
    parameters = list(
        content.other_parameters("charset", "encoding") if version != V4_0 else content.other_parameters()
    )
    if version != V4_0:
        encoding = (content.first("encoding") or "").upper()
        if encoding == "QUOTED-PRINTABLE":
            octets = binascii.a2b_qp(value.encode("utf-8", "surrogateescape"))
            value = _with_line_feeds(decoded(octets, content.first("charset"), version))
        if encoding in ("BASE64", "B"):
            value, parameters = _embedded(content, value, parameters)
        elif content.name == "geo":
            value = _as_geo_uri(value)
        elif version == V2_1:
            value = _escaped_as_4(content.name, value)
        parameters = [each for one in parameters for each in _split_preference(one)]
    value = values.without_controls(value).replace("\n", "\\n")
    return Property(content.name, value, tuple(parameters), content.group)


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _split_preference(parameter: Parameter) -> list[Parameter]:
    """`TYPE=pref` became PREF (RFC 6350 §5.3, §5.6)."""
    if parameter.name != "type":
        return [parameter]
    types = [each for value in parameter.values for each in value.split(",")]
    others = tuple(each for each in types if each.lower() != "pref")
    kept = [Parameter("type", others)] if others else []
    return [*kept, Parameter("pref", ("1",))] if len(others) < len(types) else kept


def _embedded(content: Content, value: str, parameters: list[Parameter]) -> tuple[str, list[Parameter]]:
    """Octets in the card became `data:` URIs."""
    kind = content.first("type") or ""
    subtype = kind.lower().rpartition("/")[2]
    media_type = "application/octet-stream"
    if content.name in _MEDIA and subtype:
        media_type = f"{_MEDIA[content.name]}/{_MEDIA_SUBTYPES.get(subtype, subtype)}"
    elif content.name == "key" and subtype in _KEYS:
        media_type = _KEYS[subtype]
    used = media_type != "application/octet-stream"
    others = [each for each in parameters if each.name != "value" and not (used and each.name == "type")]
    if not (content.name in _MEDIA or content.name == "key"):
        others.append(Parameter("value", ("uri",)))
    return f"data:{media_type};base64,{''.join(value.split())}", others


def _as_geo_uri(value: str) -> str:
    """GEO was two numbers, latitude first: with a semicolon between them in 3.0, a comma in 2.1."""
    plain = value.replace("\\", "").replace(";", ",").replace(" ", "")
    return plain if plain[:4].lower() == "geo:" else f"geo:{plain}"


def _escaped_as_4(name: str, value: str) -> str:
    """2.1 escapes semicolons, and nothing else for sure; a comma divides nothing but CATEGORIES."""
    if name in _COMPOUND:
        return ";".join(map(values.escaped, values.components(value)))
    return values.escaped(values.unescaped(value)) if name in _TEXTS else value
