"""The vCard properties that become one object each, as a table (RFC 9555 §2.4 to §2.13): both ways are read from it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from pillarbox.cards import scalars
from pillarbox.cards.conversion import components, dates
from pillarbox.cards.conversion.parameters import ADDRESS_CONTEXTS, CONTEXTS, FEATURES, Taken
from pillarbox.cards.objects import TYPES
from pillarbox.cards.vcard import values

Parameters = dict[str, list[str]]


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


def text_of(taken: Taken, *, uri: bool) -> str:
    """A value as a text. URIs have no escapes, but older versions gave them some."""
    value = taken.row.value
    if uri and taken.value_type != "text":
        return values.unescaped(value) if "\\" in value else value
    return values.unescaped(value)


def value_of(text: str, *, uri: bool) -> str:
    """A text as a value."""
    return (
        text if uri and "\\" not in text and values.without_controls(text) == text else values.escaped(text)
    )


# --- what single properties have of their own


def _online_service(taken: Taken, found: dict[str, Any]) -> bool:
    """§2.7.2, §2.7.5."""
    user = taken.take("username")
    service = taken.take("service-type")
    found |= {} if service is None else {"service": service}
    value = text_of(taken, uri=True)
    if taken.row.name == "impp":
        found["vCardName"] = "impp"
    if taken.value_type != "text" and scalars.uri(value):
        found["uri"] = value
        found |= {} if user is None else {"user": user}
    elif taken.row.name == "impp" or user is not None:
        return False
    else:
        found["user"] = values.unescaped(taken.row.value)
        taken.drop_value_type("text")
    return True


def _make_online_service(found: dict[str, Any], parameters: Parameters) -> str | None:
    if "service" in found:
        parameters["service-type"] = [found["service"]]
    if "uri" in found:
        if "user" in found:
            parameters["username"] = [found["user"]]
        return value_of(found["uri"], uri=True)
    parameters["value"] = ["text"]
    return values.escaped(found["user"])


def _phone(taken: Taken, found: dict[str, Any]) -> bool:
    features = taken.take_types(FEATURES)
    found |= {"features": features} if features else {}
    found["number"] = text_of(taken, uri=taken.value_type == "uri")
    taken.drop_value_type("text", *(["uri"] if _is_phone_uri(found["number"]) else []))
    return True


def _is_phone_uri(number: str) -> bool:
    return scalars.uri(number) and number.partition(":")[0].lower() in ("tel", "sip", "sips")


def _make_phone(found: dict[str, Any], parameters: Parameters) -> str | None:
    names = {feature: name for name, feature in FEATURES.items()}
    add_types(parameters, names, found.get("features", {}))
    uri = _is_phone_uri(found["number"])
    if uri:
        parameters["value"] = ["uri"]
    return value_of(found["number"], uri=uri)


def _note(taken: Taken, found: dict[str, Any]) -> bool:
    created = taken.take("created", lambda text: dates.to_utc(text) is not None)
    found |= {"created": dates.to_utc(created)} if created else {}
    name, uri = taken.take("author-name"), taken.take("author")
    author = {key: text for key, text in (("name", name), ("uri", uri)) if text is not None}
    found |= {"author": author} if author else {}
    found["note"] = values.unescaped(taken.row.value)
    return True


def _make_note(found: dict[str, Any], parameters: Parameters) -> str | None:
    if "created" in found:
        parameters["created"] = [dates.from_utc(found["created"])]
    author = found.get("author", {})
    for key, name in (("name", "author-name"), ("uri", "author")):
        if key in author:
            parameters[name] = [author[key]]
    return values.escaped(found["note"])


_LEVELS: Final = {"beginner": "low", "average": "medium", "expert": "high"}


def _personal_info(taken: Taken, found: dict[str, Any]) -> bool:
    """§2.3.13."""
    known: Mapping[str, str] = (
        _LEVELS if taken.row.name == "expertise" else {level: level for level in ("low", "medium", "high")}
    )
    level = taken.take("level", lambda text: text.lower() in known)
    found |= {} if level is None else {"level": known[level.lower()]}
    found["value"] = values.unescaped(taken.row.value)
    return True


def _make_personal_info(found: dict[str, Any], parameters: Parameters) -> str | None:
    names = {level: name for name, level in _LEVELS.items()} if found["kind"] == "expertise" else {}
    if "level" in found:
        parameters["level"] = [names.get(found["level"], found["level"])]
    return values.escaped(found["value"])


def _organization(taken: Taken, found: dict[str, Any]) -> bool:
    """§2.9.4."""
    if taken.row.value.count(";") > components.MAX_ITEMS:
        return False
    name, *units = values.components(taken.row.value)
    while units and not units[-1]:
        del units[-1]
    if name:
        found["name"] = name
    if units:
        found["units"] = [{"name": unit} for unit in units]
    sort_as = ",".join(taken.left.get("sort-as", ()))
    items = components.read_sort_as(sort_as) if sort_as else []
    holders = [found, *found.get("units", ())]
    if items and len(items) <= len(holders):
        del taken.left["sort-as"]
        for holder, item in zip(holders, items, strict=False):
            holder |= {"sortAs": item} if item else {}
    return bool(name or units)


def _make_organization(found: dict[str, Any], parameters: Parameters) -> str | None:
    units = found.get("units", ())
    sort_as = components.write_sort_as([each.get("sortAs", "") for each in (found, *units)])
    if sort_as:
        parameters["sort-as"] = [sort_as]
    return ";".join(map(values.escaped, (found.get("name", ""), *(unit["name"] for unit in units))))


_ADDRESS_PARAMETERS: Final = (
    ("label", "full"),
    ("geo", "coordinates"),
    ("tz", "timeZone"),
    ("cc", "countryCode"),
)


def _address(taken: Taken, found: dict[str, Any]) -> bool:
    """§2.6.1."""
    read = components.read("adr", taken.row.value, taken.peek("jscomps"))
    if read is None:
        return False
    found |= read.properties
    if read.ordered:
        taken.take("jscomps")
    tests = {"coordinates": scalars.geo, "timeZone": scalars.time_zone, "countryCode": scalars.country}
    for parameter, name in _ADDRESS_PARAMETERS:
        given = taken.take(parameter, tests.get(name))
        if given is not None:
            found[name] = values.unescaped(given) if name == "full" else given
    return True


def _make_address(found: dict[str, Any], parameters: Parameters) -> str | None:
    written = components.write("adr", found)
    for parameter, name in _ADDRESS_PARAMETERS:
        if name in found:
            parameters[parameter] = [found[name]]
    if written.jscomps is not None:
        parameters["jscomps"] = [written.jscomps]
    return written.value


def _date(taken: Taken, found: dict[str, Any]) -> bool:
    """§2.5.1."""
    date = None if taken.value_type == "text" else dates.to_date(taken.row.value.strip())
    if date is None:
        return False
    taken.drop_value_type("date", "date-time", "timestamp", "date-and-or-time")
    if "@type" not in date:
        scale = taken.take("calscale", lambda text: scalars.calendar_scale(text.lower()))
        date |= {} if scale is None else {"calendarScale": scale.lower()}
    found["date"] = date
    return True


def _make_date(found: dict[str, Any], parameters: Parameters) -> str | None:
    scale = found["date"].get("calendarScale")
    if isinstance(scale, str):
        parameters["calscale"] = [scale]
    return dates.from_date(found["date"])


def add_types(parameters: Parameters, names: Mapping[str, str], found: Mapping[str, Any]) -> None:
    """TYPE values of a set; what has no such value is left out."""
    types = [names[each] for each in found if each in names]
    if types:
        parameters["type"] = [*parameters.get("type", []), *types]


# --- the table

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
    Row("impp", "onlineServices", "OS", "OnlineService", "uri", build=_online_service, make=_make_online_service),
    Row("socialprofile", "onlineServices", "OS", "OnlineService", "uri", build=_online_service,
        make=_make_online_service),
    Row("lang", "preferredLanguages", "LANG", "LanguagePref", "language", uri=False),
    Row("tel", "phones", "PHONE", "Phone", "number", uri=False, build=_phone, make=_make_phone),
    Row("nickname", "nicknames", "NICK", "Nickname", "name", uri=False),
    Row("title", "titles", "TITLE", "Title", "name", uri=False, kind="title", default_kind=True),
    Row("role", "titles", "TITLE", "Title", "name", uri=False, kind="role"),
    Row("note", "notes", "NOTE", "Note", "note", uri=False, build=_note, make=_make_note),
    Row("pronouns", "speakToAs/pronouns", "PRONOUNS", "Pronouns", "pronouns", uri=False),
    Row("expertise", "personalInfo", "PERSINFO", "PersonalInfo", "value", uri=False, kind="expertise",
        build=_personal_info, make=_make_personal_info),
    Row("hobby", "personalInfo", "PERSINFO", "PersonalInfo", "value", uri=False, kind="hobby",
        build=_personal_info, make=_make_personal_info),
    Row("interest", "personalInfo", "PERSINFO", "PersonalInfo", "value", uri=False, kind="interest",
        build=_personal_info, make=_make_personal_info),
    Row("org", "organizations", "ORG", "Organization", "name", uri=False, build=_organization,
        make=_make_organization),
    Row("adr", "addresses", "ADDR", "Address", "components", uri=False, build=_address, make=_make_address),
    Row("bday", "anniversaries", "ANNIVERSARY", "Anniversary", "date", uri=False, kind="birth", build=_date,
        make=_make_date),
    Row("deathdate", "anniversaries", "ANNIVERSARY", "Anniversary", "date", uri=False, kind="death", build=_date,
        make=_make_date),
    Row("anniversary", "anniversaries", "ANNIVERSARY", "Anniversary", "date", uri=False, kind="wedding", build=_date,
        make=_make_date),
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
        found[row.value] = text_of(taken, uri=row.uri)
    taken.drop_value_type("uri" if row.uri else "text", *(["language-tag"] if row.vcard == "lang" else []))
    return found


def make(row: Row, found: dict[str, Any]) -> tuple[str, Parameters] | None:
    """The value and parameters of an object's property, without those of `vCardParams`."""
    parameters: Parameters = {}
    if isinstance(found.get("pref"), int):
        parameters["pref"] = [str(found["pref"])]
    add_types(parameters, {name: each for each, name in contexts_of(row).items()}, found.get("contexts", {}))
    for name, parameter in (("mediaType", "mediatype"), ("listAs", "index")):
        if row.holds(name) and name in found:
            parameters[parameter] = [str(found[name])]
    value = row.make(found, parameters) if row.make is not None else value_of(found[row.value], uri=row.uri)
    return None if value is None else (value, parameters)
