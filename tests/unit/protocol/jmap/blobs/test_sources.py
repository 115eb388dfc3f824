"""What a new blob is made of."""

import base64
from typing import Any

import pytest

from pillarbox.protocol.jmap.blobs import sources
from pillarbox.protocol.jmap.blobs.sources import SLICE, InvalidData
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS
from pillarbox.protocol.jmap.types.blob import DataSource

TEXT, BASE64 = "data:asText", "data:asBase64"


@pytest.mark.rfc("9404 §4.1", "MUST")
@pytest.mark.parametrize(
    ("given", "kind", "properties"),
    [
        ({}, "invalidProperties", ["data"]),
        ({"data": "x"}, "invalidProperties", ["data"]),
        ({"data": [{}]}, "invalidProperties", ["data"]),
        ({"data": [{TEXT: "a", BASE64: "YQ=="}]}, "invalidProperties", ["data"]),
        ({"data": [{TEXT: None}]}, "invalidProperties", ["data"]),
        ({"data": [{TEXT: "a", "offset": 1}]}, "invalidProperties", ["data"]),
        ({"data": [{"blobId": "B1", TEXT: "a"}]}, "invalidProperties", ["data"]),
        ({"data": [{"blobId": "B1", "offset": -1}]}, "invalidProperties", ["data"]),
        ({"data": [{"blobId": "no id!"}]}, "invalidProperties", ["data"]),
        ({"data": [{"url": "x"}]}, "invalidProperties", ["data"]),
        ({"data": [], "size": 1}, "invalidProperties", ["size"]),
        ({"data": [], "type": 1}, "invalidProperties", ["type"]),
        ({"data": [], "type": "a\r\nb"}, "invalidProperties", ["type"]),
        ({"data": [{TEXT: ""}] * 65}, "tooLarge", None),
    ],
)
def test_what_is_not_exact_is_refused(given: dict[str, Any], kind: str, properties: list[str] | None) -> None:
    refused = sources.read(given, DEFAULT_LIMITS)
    assert isinstance(refused, SetError)
    assert (refused.type, refused.extra.get("properties")) == (kind, properties)


@pytest.mark.rfc("9404 §3.1", "MUST")
def test_64_sources_are_allowed() -> None:
    assert not isinstance(sources.read({"data": [{TEXT: "a"}] * 64}, DEFAULT_LIMITS), SetError)


@pytest.mark.parametrize("octets", [b"", b"a", b"ab", b"abc", b"\xff" * SLICE, bytes(range(256)) * 1000])
def test_base64(octets: bytes) -> None:
    source = DataSource(base64=base64.b64encode(octets).decode())
    pieces = list(sources.octets(source))
    assert b"".join(pieces) == octets
    assert all(len(piece) <= SLICE for piece in pieces)
    assert sources.least_octets(source) <= len(octets)


def test_text() -> None:
    text = "ä€\U0001f600" * SLICE
    assert b"".join(sources.octets(DataSource(text=text))) == text.encode()


@pytest.mark.rfc("9404 §4.1", "MUST")
@pytest.mark.parametrize(
    "encoded",
    [
        "a",
        "YQ",
        "YQ=",
        "YQ===",
        "YQ==\n",
        "Y Q==",
        "YQ==YQ==",
        "Y-_=",
        "ä",
        "=",
        "A" * (SLICE - 4) + "YQ==" + "AAAA",
        "A" * SLICE + "A",
    ],
)
def test_no_guess_is_made_at_broken_base64(encoded: str) -> None:
    with pytest.raises(InvalidData):
        list(sources.octets(DataSource(base64=encoded)))


def test_a_lone_surrogate_is_no_text() -> None:
    with pytest.raises(InvalidData):
        list(sources.octets(DataSource(text="\ud800")))
