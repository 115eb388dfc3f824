"""Responses are written in pieces that are JSON together."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.jmap import writing
from pillarbox.protocol.jmap.references import Response

VALUES = st.recursive(
    st.none() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(st.text(), st.dictionaries(st.text(), VALUES, max_size=4), st.text())
def test_any_response(name: str, arguments: dict[str, Any], call: str) -> None:
    written = b"".join(writing.pieces(Response(name, arguments, call)))
    assert json.loads(written) == [name, arguments, call]


@pytest.mark.parametrize(
    "value",
    [
        [{"id": f"M{number}", "text": "x" * 200} for number in range(1000)],
        [f"M{number}" for number in range(40_000)],
        {f"k{number}": {"id": "x" * 100} for number in range(2000)},
    ],
)
def test_long_responses_come_in_pieces(value: Any) -> None:
    pieces = list(writing.pieces(Response("X/get", {"list": value, "notFound": []}, "c")))
    assert json.loads(b"".join(pieces)) == ["X/get", {"list": value, "notFound": []}, "c"]
    assert len(pieces) > 3
    assert max(map(len, pieces)) < 2 * writing.PIECE_OCTETS


def test_records_that_are_json_already_are_written_as_they_are() -> None:
    records = [{"id": f"M{number}", "text": "x" * 2000} for number in range(1000)]
    written = [msgspec.Raw(msgspec.json.encode(record)) for record in records]
    pieces = list(writing.pieces(Response("X/get", {"list": written}, "c")))

    assert json.loads(b"".join(pieces)) == ["X/get", {"list": records}, "c"]
    assert max(map(len, pieces)) < 2 * writing.PIECE_OCTETS


@pytest.mark.parametrize("value", [object(), "\ud800", {1.5: object()}])
def test_what_json_has_not(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        list(writing.pieces(Response("X/get", {"list": [value, value]}, "c")))
