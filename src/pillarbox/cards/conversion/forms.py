"""Values in the form that single vCard properties have, both ways: what the table of `rows` cannot say.

The functions without `make_` add to an object what only this property has; False: it cannot be converted. The others
return the value of an object's property and add its parameters; None: it cannot be converted. Sections: RFC 9555.
"""

from collections.abc import Mapping
from typing import Any, Final

from pillarbox.cards import scalars
from pillarbox.cards.conversion import components, dates
from pillarbox.cards.conversion.parameters import FEATURES, Taken
from pillarbox.cards.vcard import values

Parameters = dict[str, list[str]]


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


def online_service(taken: Taken, found: dict[str, Any]) -> bool:
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


def make_online_service(found: dict[str, Any], parameters: Parameters) -> str | None:
    """IMPP and SOCIALPROFILE."""
    if "service" in found:
        parameters["service-type"] = [found["service"]]
    if "uri" in found:
        if "user" in found:
            parameters["username"] = [found["user"]]
        return value_of(found["uri"], uri=True)
    parameters["value"] = ["text"]
    return values.escaped(found["user"])


def phone(taken: Taken, found: dict[str, Any]) -> bool:
    """§2.7.6."""
    features = taken.take_types(FEATURES)
    found |= {"features": features} if features else {}
    found["number"] = text_of(taken, uri=taken.value_type == "uri")
    taken.drop_value_type("text", *(["uri"] if is_phone_uri(found["number"]) else []))
    return True


def is_phone_uri(number: str) -> bool:
    """Whether a number is written as a URI."""
    return scalars.uri(number) and number.partition(":")[0].lower() in ("tel", "sip", "sips")


def make_phone(found: dict[str, Any], parameters: Parameters) -> str | None:
    """TEL."""
    names = {feature: name for name, feature in FEATURES.items()}
    add_types(parameters, names, found.get("features", {}))
    uri = is_phone_uri(found["number"])
    if uri:
        parameters["value"] = ["uri"]
    return value_of(found["number"], uri=uri)


def note(taken: Taken, found: dict[str, Any]) -> bool:
    """§2.11.4."""
    created = taken.take("created", lambda text: dates.to_utc(text) is not None)
    found |= {"created": dates.to_utc(created)} if created else {}
    name, uri = taken.take("author-name"), taken.take("author")
    author = {key: text for key, text in (("name", name), ("uri", uri)) if text is not None}
    found |= {"author": author} if author else {}
    found["note"] = values.unescaped(taken.row.value)
    return True


def make_note(found: dict[str, Any], parameters: Parameters) -> str | None:
    """NOTE."""
    if "created" in found:
        parameters["created"] = [dates.from_utc(found["created"])]
    author = found.get("author", {})
    for key, name in (("name", "author-name"), ("uri", "author")):
        if key in author:
            parameters[name] = [author[key]]
    return values.escaped(found["note"])


_LEVELS: Final = {"beginner": "low", "average": "medium", "expert": "high"}


def personal_info(taken: Taken, found: dict[str, Any]) -> bool:
    """§2.3.13."""
    known: Mapping[str, str] = (
        _LEVELS if taken.row.name == "expertise" else {level: level for level in ("low", "medium", "high")}
    )
    level = taken.take("level", lambda text: text.lower() in known)
    found |= {} if level is None else {"level": known[level.lower()]}
    found["value"] = values.unescaped(taken.row.value)
    return True


def make_personal_info(found: dict[str, Any], parameters: Parameters) -> str | None:
    """EXPERTISE, HOBBY and INTEREST."""
    names = {level: name for name, level in _LEVELS.items()} if found["kind"] == "expertise" else {}
    if "level" in found:
        parameters["level"] = [names.get(found["level"], found["level"])]
    return values.escaped(found["value"])


def organization(taken: Taken, found: dict[str, Any]) -> bool:
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


def make_organization(found: dict[str, Any], parameters: Parameters) -> str | None:
    """ORG."""
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


def address(taken: Taken, found: dict[str, Any]) -> bool:
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


def make_address(found: dict[str, Any], parameters: Parameters) -> str | None:
    """ADR."""
    written = components.write("adr", found)
    for parameter, name in _ADDRESS_PARAMETERS:
        if name in found:
            parameters[parameter] = [found[name]]
    if written.jscomps is not None:
        parameters["jscomps"] = [written.jscomps]
    return written.value


def date(taken: Taken, found: dict[str, Any]) -> bool:
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


def make_date(found: dict[str, Any], parameters: Parameters) -> str | None:
    """BDAY, DEATHDATE and ANNIVERSARY."""
    scale = found["date"].get("calendarScale")
    if isinstance(scale, str):
        parameters["calscale"] = [scale]
    return dates.from_date(found["date"])


def add_types(parameters: Parameters, names: Mapping[str, str], found: Mapping[str, Any]) -> None:
    """TYPE values of a set; what has no such value is left out."""
    types = [names[each] for each in found if each in names]
    if types:
        parameters["type"] = [*parameters.get("type", []), *types]
