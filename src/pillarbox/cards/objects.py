"""The object types of JSContact as tables (RFC 9553 §2): what each property may hold, and which must be there."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from pillarbox.cards import scalars
from pillarbox.cards.kinds import (
    BOOLEAN,
    CONTEXTS,
    FILLED,
    ID,
    LANGUAGE,
    LIST_AS,
    PREF,
    TEXT,
    URI,
    UTC,
    JCardParameters,
    JCardProperty,
    Kind,
    ListOf,
    MapOf,
    Of,
    Patches,
    Scalar,
    SetOf,
    enum,
    ids,
)


class ObjectType(Struct, frozen=True):
    """One object type."""

    name: str
    properties: Mapping[str, Kind]
    mandatory: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    """At least one of these is there."""

    def named_like(self, name: str) -> bool:
        """Whether an unknown property differs from a known one by case only (§1.7.1)."""
        return name.lower() in _lower_names(self)


NAME_KINDS: Final = ("title", "given", "given2", "surname", "surname2", "credential", "generation")
ADDRESS_KINDS: Final = (
    "room", "apartment", "floor", "building", "number", "name", "block", "subdistrict", "district", "locality",
    "region", "postcode", "country", "direction", "landmark", "postOfficeBox",
)  # fmt: skip
RELATIONS: Final = (
    "acquaintance", "agent", "child", "co-resident", "co-worker", "colleague", "contact", "crush", "date", "emergency",
    "friend", "kin", "me", "met", "muse", "neighbor", "parent", "sibling", "spouse", "sweetheart",
)  # fmt: skip
FEATURES: Final = ("mobile", "voice", "text", "video", "main-number", "textphone", "fax", "pager")
CARD_KINDS: Final = ("individual", "group", "org", "location", "device", "application")
GENDERS: Final = ("animate", "common", "feminine", "inanimate", "masculine", "neuter")
LEVELS: Final = ("high", "medium", "low")
SEPARATOR: Final = "separator"
VERSION: Final = "1.0"
_ADDRESS_CONTEXTS: Final = SetOf(scalars.one_of("private", "work", "billing", "delivery"))
_PHONETIC: Final[dict[str, Kind]] = {
    "phoneticScript": Scalar(scalars.script),
    "phoneticSystem": enum("ipa", "jyut", "piny"),
}
_ANYWHERE: Final[dict[str, Kind]] = {
    "@type": TEXT,
    "vCardName": Scalar(scalars.vcard_name),
    "vCardParams": JCardParameters(),
}
"""`@type` is compared with the type's name; the others: RFC 9555 §5.3."""


def _type(
    name: str, properties: dict[str, Kind], mandatory: tuple[str, ...] = (), any_of: tuple[str, ...] = ()
) -> ObjectType:
    return ObjectType(name, {**_ANYWHERE, **properties}, mandatory, any_of)


def _resource(name: str, *kinds: str, mandatory: bool = True, **more: Kind) -> ObjectType:
    """§1.4.4."""
    properties: dict[str, Kind] = {
        "kind": enum(*kinds),
        "uri": URI,
        "mediaType": Scalar(scalars.media_type),
        "contexts": CONTEXTS,
        "pref": PREF,
        "label": TEXT,
    }
    return _type(name, properties | more, ("kind", "uri") if mandatory else ("uri",))


_TYPES: Final = (
    _type(
        "Card",
        {
            "version": Scalar(VERSION.__eq__),
            "created": UTC,
            "kind": enum(*CARD_KINDS),
            "language": LANGUAGE,
            "members": SetOf(scalars.text),
            "prodId": FILLED,
            "relatedTo": MapOf(scalars.text, Of(("Relation",))),
            "uid": TEXT,
            "updated": UTC,
            "name": Of(("Name",)),
            "nicknames": ids("Nickname"),
            "organizations": ids("Organization"),
            "speakToAs": Of(("SpeakToAs",)),
            "titles": ids("Title"),
            "emails": ids("EmailAddress"),
            "onlineServices": ids("OnlineService"),
            "phones": ids("Phone"),
            "preferredLanguages": ids("LanguagePref"),
            "calendars": ids("Calendar"),
            "schedulingAddresses": ids("SchedulingAddress"),
            "addresses": ids("Address"),
            "cryptoKeys": ids("CryptoKey"),
            "directories": ids("Directory"),
            "links": ids("Link"),
            "media": ids("Media"),
            "localizations": Patches(),
            "anniversaries": ids("Anniversary"),
            "keywords": SetOf(scalars.text),
            "notes": ids("Note"),
            "personalInfo": ids("PersonalInfo"),
            "vCardProps": ListOf(JCardProperty()),
        },
        ("@type", "version", "uid"),
    ),
    _type("Relation", {"relation": SetOf(scalars.one_of(*RELATIONS))}),
    _type(
        "Name",
        {
            "components": ListOf(Of(("NameComponent",))),
            "isOrdered": BOOLEAN,
            "defaultSeparator": TEXT,
            "full": TEXT,
            "sortAs": MapOf(scalars.one_of(*NAME_KINDS), TEXT),
            **_PHONETIC,
        },
        any_of=("components", "full"),
    ),
    _type(
        "NameComponent",
        {"value": TEXT, "kind": enum(*NAME_KINDS, SEPARATOR), "phonetic": TEXT},
        ("value", "kind"),
    ),
    _type("Nickname", {"name": TEXT, "contexts": CONTEXTS, "pref": PREF}, ("name",)),
    _type(
        "Organization",
        {"name": TEXT, "units": ListOf(Of(("OrgUnit",)), 1), "sortAs": TEXT, "contexts": CONTEXTS},
        any_of=("name", "units"),
    ),
    _type("OrgUnit", {"name": TEXT, "sortAs": TEXT}, ("name",)),
    _type(
        "SpeakToAs",
        {"grammaticalGender": enum(*GENDERS), "pronouns": ids("Pronouns")},
        any_of=("grammaticalGender", "pronouns"),
    ),
    _type("Pronouns", {"pronouns": TEXT, "contexts": CONTEXTS, "pref": PREF}, ("pronouns",)),
    _type("Title", {"name": TEXT, "kind": enum("title", "role"), "organizationId": ID}, ("name",)),
    _type(
        "EmailAddress",
        {"address": Scalar(scalars.email_address), "contexts": CONTEXTS, "pref": PREF, "label": TEXT},
        ("address",),
    ),
    _type(
        "OnlineService",
        {"service": TEXT, "uri": URI, "user": TEXT, "contexts": CONTEXTS, "pref": PREF, "label": TEXT},
        any_of=("uri", "user"),
    ),
    _type(
        "Phone",
        {
            "number": TEXT,
            "features": SetOf(scalars.one_of(*FEATURES)),
            "contexts": CONTEXTS,
            "pref": PREF,
            "label": TEXT,
        },
        ("number",),
    ),
    _type("LanguagePref", {"language": LANGUAGE, "contexts": CONTEXTS, "pref": PREF}, ("language",)),
    _resource("Calendar", "calendar", "freeBusy"),
    _type("SchedulingAddress", {"uri": URI, "contexts": CONTEXTS, "pref": PREF, "label": TEXT}, ("uri",)),
    _type(
        "Address",
        {
            "components": ListOf(Of(("AddressComponent",))),
            "isOrdered": BOOLEAN,
            "countryCode": Scalar(scalars.country),
            "coordinates": Scalar(scalars.geo),
            "timeZone": Scalar(scalars.time_zone),
            "contexts": _ADDRESS_CONTEXTS,
            "full": TEXT,
            "defaultSeparator": TEXT,
            "pref": PREF,
            **_PHONETIC,
        },
        any_of=("components", "coordinates", "countryCode", "full", "timeZone"),
    ),
    _type(
        "AddressComponent",
        {"value": TEXT, "kind": enum(*ADDRESS_KINDS, SEPARATOR), "phonetic": TEXT},
        ("value", "kind"),
    ),
    _resource("CryptoKey", mandatory=False),
    _resource("Directory", "directory", "entry", listAs=LIST_AS),
    _resource("Link", "contact", mandatory=False),
    _resource("Media", "photo", "sound", "logo"),
    _type(
        "Anniversary",
        {
            "kind": enum("birth", "death", "wedding"),
            "date": Of(("PartialDate", "Timestamp")),
            "place": Of(("Address",)),
        },
        ("kind", "date"),
    ),
    _type(
        "PartialDate",
        {
            "year": Scalar(scalars.unsigned),
            "month": Scalar(scalars.month),
            "day": Scalar(scalars.day),
            "calendarScale": Scalar(scalars.calendar_scale),
        },
        any_of=("year", "month"),
    ),
    _type("Timestamp", {"utc": UTC}, ("utc",)),
    _type("Note", {"note": TEXT, "created": UTC, "author": Of(("Author",))}, ("note",)),
    _type("Author", {"name": TEXT, "uri": TEXT}),
    _type(
        "PersonalInfo",
        {
            "kind": enum("expertise", "hobby", "interest"),
            "value": TEXT,
            "level": enum(*LEVELS),
            "listAs": LIST_AS,
            "label": TEXT,
        },
        ("kind", "value"),
    ),
)
TYPES: Final = {row.name: row for row in _TYPES}


_LOWER: Final = {row.name: frozenset(name.lower() for name in row.properties) for row in _TYPES}


def _lower_names(row: ObjectType) -> frozenset[str]:
    return _LOWER[row.name]
