"""Any request that is valid is read as it is; whatever else is sent has an answer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.jmap import json_scan
from pillarbox.protocol.jmap.capabilities import CAPABILITIES
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS
from pillarbox.protocol.jmap.problems import Problem
from pillarbox.protocol.jmap.request import Call, Request, decode

NONCHARACTERS = [*map(chr, range(0xFDD0, 0xFDF0))] + [
    chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF)
]
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=NONCHARACTERS) | st.sampled_from('"\\[]{},:')
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=20,
)
IDS = st.from_regex(r"\A[A-Za-z0-9_-]{1,20}\Z")
REQUESTS = st.fixed_dictionaries(
    {
        "using": st.lists(st.sampled_from(sorted(CAPABILITIES))),
        "methodCalls": st.lists(
            st.tuples(TEXTS, st.dictionaries(TEXTS, VALUES, max_size=5), TEXTS), max_size=5
        ),
    },
    optional={"createdIds": st.dictionaries(IDS, IDS, max_size=4), "other": VALUES},
)


@given(REQUESTS, st.booleans(), st.sampled_from([None, 1]))
def test_any_request_is_read(request: dict[str, Any], ascii_only: bool, indent: int | None) -> None:
    octets = json.dumps(request, ensure_ascii=ascii_only, indent=indent).encode()
    assert decode(octets, CAPABILITIES.keys(), DEFAULT_LIMITS) == Request(
        frozenset(request["using"]),
        tuple(Call(*call) for call in request["methodCalls"]),
        request.get("createdIds"),
    )


def shape(value: Any) -> tuple[int, int, int]:
    """Depth, values and members."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    shapes = [shape(item) for item in inner]
    return (
        isinstance(value, dict | list) + max((depth for depth, _, _ in shapes), default=0),
        1 + sum(values for _, values, _ in shapes),
        (len(value) if isinstance(value, dict) else 0) + sum(members for _, _, members in shapes),
    )


@given(VALUES, st.booleans())
def test_what_a_text_will_be_is_seen_before(value: Any, ascii_only: bool) -> None:
    octets = json.dumps(value, ensure_ascii=ascii_only).encode()
    with pytest.raises(StopIteration) as ended:  # so short a text is one step
        next(json_scan.scan(octets, max_depth=100, max_values=1000))
    seen = ended.value.value
    depth, values, members = shape(value)
    assert (seen.depth, seen.members) == (depth, members)
    assert values <= seen.values <= 2 * values


@given(VALUES)
def test_any_json_has_an_answer(value: Any) -> None:
    assert isinstance(decode(json.dumps(value).encode(), set(), DEFAULT_LIMITS), Problem | Request)


@given(st.binary(max_size=100))
def test_any_octets_have_an_answer(octets: bytes) -> None:
    assert isinstance(decode(octets, set(), DEFAULT_LIMITS), Problem)
