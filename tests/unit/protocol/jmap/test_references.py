"""References to results, against a reading of RFC 8620 §3.7 word for word, and what bounds them."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.jmap.errors import MethodError
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS, Limits
from pillarbox.protocol.jmap.references import Response, Results, referred, tokens_of

NAMES = st.sampled_from(["a", "b", "*", "0", "1", "", "x/y", "m~n"])
DOCUMENTS = st.recursive(
    st.integers(0, 3) | st.none() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=25,
)


def results(*responses: Response, limits: Limits = DEFAULT_LIMITS) -> Results:
    made = Results(limits, frozenset([response.id for response in responses]))
    for response in responses:
        made.add(response)
    return made


def reference(path: str, of: str = "c", name: str = "X/y") -> dict[str, str]:
    return {"resultOf": of, "name": name, "path": path}


class Fails(Exception):
    pass


def naive(value: Any, tokens: list[str]) -> Any:
    """The sentences of §3.7 and of RFC 6901 §4."""
    if not tokens:
        return value
    token, rest = tokens[0], tokens[1:]
    if isinstance(value, dict) and token in value:
        return naive(value[token], rest)
    if isinstance(value, list) and token == "*":
        found = []
        for item in value:
            result = naive(item, rest)
            found += result if isinstance(result, list) else [result]
        return found
    if isinstance(value, list) and token in map(str, range(len(value))):
        return naive(value[int(token)], rest)
    raise Fails


@given(
    st.lists(st.dictionaries(NAMES, DOCUMENTS, max_size=4), max_size=4),
    st.lists(NAMES | st.just("*"), max_size=5),
    st.booleans(),
)
def test_records_that_are_json_already_are_read_as_others(
    records: list[dict[str, Any]], tokens: list[str], of_list: bool
) -> None:
    path = "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)
    path = f"/list{path}" if of_list else path
    plain = results(Response("X/y", {"list": records, "a": 1}, "c"))
    written = [msgspec.Raw(msgspec.json.encode(record)) for record in records]
    raw = results(Response("X/y", {"list": written, "a": 1}, "c"))
    try:
        expected = plain.resolve({"#x": reference(path)})
    except MethodError:
        with pytest.raises(MethodError):
            raw.resolve({"#x": reference(path)})
    else:
        assert raw.resolve({"#x": reference(path)}) == expected


def test_what_would_be_read_of_json_is_counted_before() -> None:
    record = msgspec.Raw(msgspec.json.encode({"id": "M1", "text": "x" * 1_000_000}))
    made = results(Response("X/y", {"list": [record] * 3}, "c"))

    assert made.resolve({"#x": reference("/list/*/id")}) == {"x": ["M1"] * 3}
    with pytest.raises(MethodError, match="too much"):
        made.resolve({"#x": reference("/list")})


@pytest.mark.rfc("8620 §3.7", "MUST")
@given(st.dictionaries(NAMES, DOCUMENTS, max_size=4), st.lists(NAMES | st.just("*"), max_size=5))
def test_against_the_text_of_the_rfc(document: dict[str, Any], tokens: list[str]) -> None:
    path = "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)
    made = results(Response("X/y", document, "c"))
    try:
        expected = naive(document, tokens)
    except Fails:
        with pytest.raises(MethodError) as refused:
            made.resolve({"#v": reference(path)})
        assert refused.value.type == "invalidResultReference"
    else:
        assert made.resolve({"#v": reference(path), "w": 1}) == {"v": expected, "w": 1}


@pytest.mark.rfc("6901 §3", "MUST")
@pytest.mark.parametrize(
    ("pointer", "tokens"),
    [
        ("", []),
        ("/", [""]),
        ("/a~1b", ["a/b"]),
        ("/m~0n", ["m~n"]),
        ("/~01", ["~1"]),
        ("/a//b", ["a", "", "b"]),
        ("a", None),
        ("/~", None),
        ("/~2", None),
        ("/a~~0", None),
    ],
)
def test_pointers(pointer: str, tokens: list[str] | None) -> None:
    assert tokens_of(pointer) == tokens


def test_a_chain_that_doubles_ends() -> None:
    made = results(Response("X/y", {"a": "x" * 100}, "0"))
    refused = None
    for number in range(1, 20):
        try:
            arguments = made.resolve({f"#{key}": reference("", str(number - 1)) for key in "ab"})
        except MethodError as error:
            refused = error.type
            break
        made.add(Response("X/y", arguments, str(number)))
    assert refused == "invalidResultReference"


def test_long_texts_count() -> None:
    made = results(Response("X/y", {"a": "x" * 600}, "c"), limits=Limits(max_referenced_octets=3000))
    for _ in range(3):
        assert made.resolve({"#a": reference("/a")})
    with pytest.raises(MethodError):
        made.resolve({"#a": reference("/a")})


def test_visits_are_bounded() -> None:
    document: Any = [0]
    for _ in range(20):
        document = [document, document]
    made = results(Response("X/y", {"a": document}, "c"))
    with pytest.raises(MethodError) as refused:
        made.resolve({"#v": reference("/a" + "/*" * 20)})
    assert refused.value.type == "invalidResultReference"
    with pytest.raises(MethodError):
        made.resolve({"#v": reference("/a" + "/0" * 1000)})


def test_names_are_not_mixed_up() -> None:
    made = results(Response("X/y", {"a": 1}, "c"), Response("X/z", {"a": 2}, "c"))
    assert made.resolve({"#a": reference("/a")}) == {"a": 1}
    with pytest.raises(MethodError):
        made.resolve({"#a": reference("/a", name="X/z")})
    with pytest.raises(MethodError) as refused:
        made.resolve({"#a": reference("/a"), "a": None})
    assert refused.value.type == "invalidArguments"


def test_only_results_that_references_are_about_are_kept() -> None:
    calls: list[dict[str, Any]] = [
        {"ids": ["x"], "#a": reference("/a", of="1"), "#b": {"resultOf": 7}, "#c": "d"},
        {"resultOf": "2", "e": reference("/a", of="3"), "#f": reference("/a", of="4")},
    ]
    assert referred(calls) == {"1", "4"}
    made = Results(DEFAULT_LIMITS, referred(calls))
    for call in ("0", "1", "4"):
        made.add(Response("X/y", {"a": call}, call))
    assert {*made._first} == {"1", "4"}
