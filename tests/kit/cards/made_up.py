"""Valid Cards that Hypothesis makes up, by the tables of the object types."""

from functools import cache
from typing import Any

from hypothesis import strategies as st

from pillarbox.cards import scalars
from pillarbox.cards.card import check
from pillarbox.cards.kinds import (
    JCardParameters,
    JCardProperty,
    Kind,
    ListOf,
    MapOf,
    Of,
    Patches,
    Scalar,
    SetOf,
)
from pillarbox.cards.objects import TYPES, VERSION

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    (
        "",
        "a,b;c",
        "\\n",
        "a\\,b",
        'x"^n^',
        "line\nline",
        "tab\tbed\r",
        "\x7f\x01",
        " trailing ",
        "TRUE",
        "s,;",
    )
)
identifiers = st.text("abcXYZ019-_", min_size=1, max_size=4)
uris = st.builds(
    lambda rest: f"https://example.com/{rest}", st.text("abc,;:\\%äß?#&=", max_size=8)
) | st.sampled_from(
    (
        "mailto:a@example.com",
        "data:image/png;base64,AAAA",
        "urn:uuid:03a0e51f-d1aa-4385-8a53-e29025acd8af",
        "x:",
    )
)
languages = st.sampled_from(("en", "de-AT", "zh-Hant", "fr", "x-private"))
utc_dates = st.sampled_from(("2022-09-30T14:35:10Z", "1953-10-15T23:10:00.5Z", "0001-01-01T00:00:00Z"))
vendors = st.sampled_from(("example.com:foo", "müller.example:x y"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
not_null = json_values.filter(lambda value: value is not None)

_SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    scalars.text: texts,
    scalars.filled: texts.filter(bool),
    scalars.boolean: st.booleans(),
    scalars.identifier: identifiers,
    scalars.uri: uris,
    scalars.utc_date_time: utc_dates,
    scalars.language: languages,
    scalars.pref: st.integers(1, 100),
    scalars.positive: st.integers(1, 10**9) | st.just(2**53 - 1),
    scalars.media_type: st.sampled_from(("image/png", "text/plain; charset=utf-8")),
    scalars.email_address: st.sampled_from(("a@example.com", '"a b"@example.com', "ü,;\\x@exämple.com")),
    scalars.geo: st.sampled_from(("geo:1,2", "geo:48.2,16.3;u=30")),
    scalars.time_zone: st.sampled_from(("Europe/Vienna", "Etc/GMT+5", "-0500")),
    scalars.country: st.sampled_from(("AT", "US")),
    scalars.script: st.sampled_from(("Latn", "Cyrl")),
    scalars.unsigned: st.integers(0, 12000),
    scalars.month: st.integers(1, 12),
    scalars.day: st.integers(1, 31),
    scalars.calendar_scale: st.sampled_from(("chinese", "hebrew", "example.com:x")),
    scalars.vcard_name: st.sampled_from(("x-name", "TEL", "impp")),
    VERSION.__eq__: st.just(VERSION),
}
_parameters = st.dictionaries(
    st.sampled_from(("x-foo", "altid", "type", "group", "language", "pid", "value", "pref", "label")),
    texts | st.lists(texts, max_size=2),
    max_size=2,
)
_jcard = st.builds(
    lambda name, parameters, kind, values: [name, parameters, kind, *values],
    st.sampled_from(
        ("x-foo", "email", "fn", "gender", "begin", "n", "jsprop", "geo", "nickname", "x-ablabel", "bday")
    ),
    _parameters,
    st.sampled_from(("unknown", "text", "uri", "date")),
    st.lists(
        texts | st.lists(texts, min_size=1, max_size=3) | st.integers(0, 3) | st.booleans(),
        min_size=1,
        max_size=2,
    ),
)


def _values(test: Any) -> st.SearchStrategy[Any]:
    if isinstance(test, scalars.OneOf):
        return st.sampled_from(sorted(test.known)) | vendors if test.known else vendors
    return _SCALARS[test]


@cache
def of_kind(kind: Kind) -> st.SearchStrategy[Any]:
    """Values of a kind; they may break rules between properties."""
    match kind:
        case Scalar():
            return _values(kind.test)
        case SetOf():
            return st.dictionaries(_values(kind.key), st.just(True), max_size=3)
        case MapOf():
            return st.dictionaries(_values(kind.key), of_kind(kind.value), max_size=3)
        case ListOf():
            return st.lists(of_kind(kind.value), min_size=kind.min_length, max_size=3)
        case Of():
            return st.one_of([_objects(name, first=name == kind.types[0]) for name in kind.types])
        case Patches():
            return st.just({})
        case JCardProperty():
            return _jcard
        case JCardParameters():
            return _parameters
    raise AssertionError(kind)


@cache
def _objects(name: str, *, first: bool) -> st.SearchStrategy[dict[str, Any]]:
    row = TYPES[name]
    wanted = {each: of_kind(kind) for each, kind in row.properties.items() if each in row.mandatory}
    others = {
        each: of_kind(kind) for each, kind in row.properties.items() if each not in (*row.mandatory, "@type")
    }
    given = st.fixed_dictionaries(wanted, optional=others | {"example.com:more": not_null})
    typed = st.just(first).flatmap(lambda may_miss: st.booleans() if may_miss else st.just(True))
    return st.builds(
        lambda found, with_type: found | ({"@type": name} if with_type else {}), given, typed
    ).map(_sound)


def _sound(found: dict[str, Any]) -> dict[str, Any]:
    """With less of what breaks rules."""
    if "components" in found:
        kinds = [each["kind"] for each in found["components"]]
        if "separator" in kinds:
            found["isOrdered"] = True
        if not found.get("isOrdered"):
            found.pop("defaultSeparator", None)
        if any("phonetic" in each for each in found["components"]):
            found.setdefault("phoneticScript", "Latn")
        if "sortAs" in found:
            found["sortAs"] = {kind: value for kind, value in found["sortAs"].items() if kind in kinds}
    else:
        found.pop("defaultSeparator", None)
        found.pop("sortAs", None)
    return found


@st.composite
def cards(draw: st.DrawFn) -> dict[str, Any]:
    """A valid Card. Properties that came out wrong are left out of it."""
    row = TYPES["Card"]
    names = draw(st.lists(st.sampled_from(sorted(row.properties)), max_size=5, unique=True))
    card: dict[str, Any] = {"@type": "Card", "version": VERSION, "uid": draw(texts | uris)}
    card |= {name: draw(of_kind(row.properties[name])) for name in names if name not in card}
    if draw(st.booleans()):
        card["someUnknownProperty"] = draw(not_null)
    card["localizations"] = draw(localizations(card))
    if not card["localizations"] and draw(st.booleans()):
        del card["localizations"]
    while wrong := check(card):
        card = {
            name: value
            for name, value in card.items()
            if name not in {each.partition("/")[0] for each in wrong}
        }
        card |= {"@type": "Card", "version": VERSION}
    return card


@st.composite
def localizations(draw: st.DrawFn, card: dict[str, Any]) -> dict[str, Any]:
    """Patches of what a Card has: objects, texts in them, and whole properties."""
    found: dict[str, dict[str, Any]] = {}
    for language in draw(st.lists(languages, max_size=2, unique=True)):
        patch: dict[str, Any] = {}
        for name, value in card.items():
            if (
                name in ("localizations", "version", "@type")
                or not isinstance(value, dict)
                or draw(st.booleans())
            ):
                continue
            kind = TYPES["Card"].properties.get(name)
            if kind is None:
                continue
            if isinstance(kind, MapOf) and value and draw(st.booleans()):
                key = draw(st.sampled_from(sorted(value)))
                patch[f"{name}/{key}".replace("~", "~0") if "/" not in key else name] = draw(
                    of_kind(kind.value)
                )
            else:
                patch[name] = draw(of_kind(kind))
        found[language] = patch
    return found
