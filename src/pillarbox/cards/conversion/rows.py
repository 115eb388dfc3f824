"""The vCard properties that become one object each, as a table (RFC 9555 §2.4 to §2.13): both ways are read from it."""

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from pillarbox.cards import scalars
from pillarbox.cards.conversion import forms
from pillarbox.cards.conversion.forms import Parameters
from pillarbox.cards.conversion.parameters import ADDRESS_CONTEXTS, CONTEXTS, Taken
from pillarbox.cards.objects import TYPES


class Row(Struct, frozen=True):
    """One vCard property."""

    vcard: str
    """Its name, in lower case."""
    path: str
    """Pointer to the `Id[...]` of the Card in which its objects are."""
    prefix: str
    """Of ids that are made: `EMAIL-1`."""
    type_name: str
    """Of the objects."""
    value: str = "uri"
    """The object's property that has the value."""
    uri: bool = True
    """Whether the value is a URI where VALUE says nothing; a text otherwise."""
    kind: str | None = None
    """The object's `kind`."""
    default_kind: bool = False
    """Whether an object without `kind` is meant as well."""
    build: "Callable[[Taken, dict[str, Any]], bool] | None" = None
    """Adds to an object what only this property has. False: it cannot be converted."""
    make: "Callable[[dict[str, Any], Parameters], str | None] | None" = None
    """The value, where it is not that of one property; adds parameters. None: it cannot be converted."""

    def holds(self, name: str) -> bool:
        """Whether its objects have a property."""
        return name in TYPES[self.type_name].properties


_ROWS: Final = (
    Row("source", "directories", "ENTRY", "Directory", kind="entry"),
    Row("org-directory", "directories", "DIRECTORY", "Directory", kind="directory"),
    Row("photo", "media", "PHOTO", "Media", kind="photo"),
    Row("logo", "media", "LOGO", "Media", kind="logo"),
    Row("sound", "media", "SOUND", "Media", kind="sound"),
    Row("key", "cryptoKeys", "KEY", "CryptoKey"),
    Row("caluri", "calendars", "CAL", "Calendar", kind="calendar"),
    Row("fburl", "calendars", "FBURL", "Calendar", kind="freeBusy"),
    Row("caladruri", "schedulingAddresses", "SCHEDULING", "SchedulingAddress"),
    Row("contact-uri", "links", "CONTACT", "Link", kind="contact"),
    Row("url", "links", "LINK", "Link"),
    Row("email", "emails", "EMAIL", "EmailAddress", "address", uri=False),
    Row("impp", "onlineServices", "OS", "OnlineService", build=forms.online_service,
        make=forms.make_online_service),
    Row("socialprofile", "onlineServices", "OS", "OnlineService", build=forms.online_service,
        make=forms.make_online_service),
    Row("lang", "preferredLanguages", "LANG", "LanguagePref", "language", uri=False),
    Row("tel", "phones", "PHONE", "Phone", "number", uri=False, build=forms.phone, make=forms.make_phone),
    Row("nickname", "nicknames", "NICK", "Nickname", "name", uri=False),
    Row("title", "titles", "TITLE", "Title", "name", uri=False, kind="title", default_kind=True),
    Row("role", "titles", "TITLE", "Title", "name", uri=False, kind="role"),
    Row("note", "notes", "NOTE", "Note", "note", uri=False, build=forms.note, make=forms.make_note),
    Row("pronouns", "speakToAs/pronouns", "PRONOUNS", "Pronouns", "pronouns", uri=False),
    Row("expertise", "personalInfo", "PERSINFO", "PersonalInfo", "value", uri=False, kind="expertise",
        build=forms.personal_info, make=forms.make_personal_info),
    Row("hobby", "personalInfo", "PERSINFO", "PersonalInfo", "value", uri=False, kind="hobby",
        build=forms.personal_info, make=forms.make_personal_info),
    Row("interest", "personalInfo", "PERSINFO", "PersonalInfo", "value", uri=False, kind="interest",
        build=forms.personal_info, make=forms.make_personal_info),
    Row("org", "organizations", "ORG", "Organization", "name", uri=False, build=forms.organization,
        make=forms.make_organization),
    Row("adr", "addresses", "ADDR", "Address", "components", uri=False, build=forms.address, make=forms.make_address),
    Row("bday", "anniversaries", "ANNIVERSARY", "Anniversary", "date", uri=False, kind="birth", build=forms.date,
        make=forms.make_date),
    Row("deathdate", "anniversaries", "ANNIVERSARY", "Anniversary", "date", uri=False, kind="death", build=forms.date,
        make=forms.make_date),
    Row("anniversary", "anniversaries", "ANNIVERSARY", "Anniversary", "date", uri=False, kind="wedding",
        build=forms.date, make=forms.make_date),
)  # fmt: skip
ROWS: Final = {row.vcard: row for row in _ROWS}
_BY_PATH: Final = {row.path: [each for each in _ROWS if each.path == row.path] for row in _ROWS}
PATHS: Final = tuple(_BY_PATH)


def row_of(path: str, found: dict[str, Any]) -> Row | None:
    """The vCard property that an object becomes."""
    kind = found.get("kind")
    for row in _BY_PATH[path]:
        if path == "onlineServices":
            if (row.vcard == "impp") == (
                str(found.get("vCardName", "")).lower() == "impp" and "uri" in found
            ):
                return row
        elif kind == row.kind or (kind is None and row.default_kind):
            return row
    return None


def contexts_of(row: Row) -> dict[str, str]:
    """TYPE values that are contexts; none where its objects have no contexts."""
    if not row.holds("contexts"):
        return {}
    return ADDRESS_CONTEXTS if row.type_name == "Address" else CONTEXTS


def build(row: Row, taken: Taken) -> dict[str, Any] | None:
    """The object of a property, with what is left of its parameters; None where there is none that is valid."""
    found: dict[str, Any] = {} if row.kind is None else {"kind": row.kind}
    contexts = taken.take_types(contexts_of(row))
    found |= {"contexts": contexts} if contexts else {}
    if row.holds("pref"):
        pref = taken.take_number("pref", scalars.pref)
        found |= {} if pref is None else {"pref": pref}
    if row.holds("mediaType"):
        media_type = taken.take("mediatype", scalars.media_type)
        found |= {} if media_type is None else {"mediaType": media_type}
    if row.holds("listAs"):
        index = taken.take_number("index", scalars.positive)
        found |= {} if index is None else {"listAs": index}
    if row.build is not None:
        if not row.build(taken, found):
            return None
    else:
        found[row.value] = forms.text_of(taken, uri=row.uri)
    taken.drop_value_type("uri" if row.uri else "text", *(["language-tag"] if row.vcard == "lang" else []))
    return found


def make(row: Row, found: dict[str, Any]) -> tuple[str, Parameters] | None:
    """The value and parameters of an object's property, without those of `vCardParams`."""
    parameters: Parameters = {}
    if isinstance(found.get("pref"), int):
        parameters["pref"] = [str(found["pref"])]
    forms.add_types(
        parameters, {name: each for each, name in contexts_of(row).items()}, found.get("contexts", {})
    )
    for name, parameter in (("mediaType", "mediatype"), ("listAs", "index")):
        if row.holds(name) and name in found:
            parameters[parameter] = [str(found[name])]
    value = (
        row.make(found, parameters) if row.make is not None else forms.value_of(found[row.value], uri=row.uri)
    )
    return None if value is None else (value, parameters)
