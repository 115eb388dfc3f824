"""What a request costs, against its length (`tests/kit/linear`)."""

from collections.abc import Callable
from typing import Any

import pytest

from pillarbox.protocol.jmap import filters, ids, patch
from pillarbox.protocol.jmap.errors import MethodError
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS, Limits
from pillarbox.protocol.jmap.references import Response, Results
from pillarbox.protocol.jmap.request import decode
from pillarbox.protocol.jmap.types import mailbox
from tests.kit.linear import assert_linear

UNBOUNDED = Limits(
    max_json_depth=10**9, max_json_values=10**9, max_filter_conditions=10**9, max_patches=10**9,
    max_reference_visits=10**9, max_referenced_octets=10**12,
)  # fmt: skip
REQUEST = b'{"using":[],"methodCalls":[["Core/echo",{"a":%b},"c"]]}'


def _read(octets: bytes) -> object:
    return decode(octets, set(), DEFAULT_LIMITS)


@pytest.mark.parametrize(
    "repeated",
    [
        b"[",
        b"{",
        b'{"a":',
        b'"',
        b"\\",
        b'\\"',
        b"]",
        b",",
        b":",
        b" ",
        b"1",
        b"\\u00e4",
        b"\xc3\xa4",
        b'"",',
        b"\xbf\xbe",
    ],
)
@pytest.mark.parametrize("frame", [b"%b", b'"%b"', b'["%b","\\uffff"]'])
def test_reading_anything(repeated: bytes, frame: bytes) -> None:
    def make(size: int) -> bytes:
        return REQUEST % (frame % (repeated * (size // len(repeated))))

    assert_linear(_read, make, 2 * 1024 * 1024, within_s=2.0)


@pytest.mark.parametrize("item", [b"{},", b"[],", b'{"a":1,"b":[2]},', b'"\xc3\xa4",'])
def test_many_values(item: bytes) -> None:
    def make(size: int) -> bytes:
        return REQUEST % (b"[" + item * (size // len(item)) + b"1]")

    assert_linear(lambda octets: decode(octets, set(), UNBOUNDED), make, 512 * 1024)


def test_many_members() -> None:
    def make(size: int) -> bytes:
        return REQUEST % (b"{" + b",".join(b'"%d":1' % number for number in range(size)) + b"}")

    assert_linear(lambda octets: decode(octets, set(), UNBOUNDED), make, 50_000)


def _resolve(path: str) -> Callable[[Any], object]:
    def resolve(value: Any) -> object:
        results = Results(UNBOUNDED, frozenset("c"))
        results.add(Response("X/y", {"a": value}, "c"))
        return results.resolve({"#v": {"resultOf": "c", "name": "X/y", "path": path}})

    return resolve


def test_references_to_wide_results() -> None:
    assert_linear(_resolve("/a/*/b"), lambda size: [{"b": ["x", "y"]}] * size, 50_000)
    assert_linear(_resolve("/a/*/*/*"), lambda size: [[["x"]] * 10] * (size // 10), 50_000)
    assert_linear(_resolve("/a"), lambda size: [{"b": [1]}] * size, 50_000)


def test_what_is_refused_is_refused_soon() -> None:
    def resolve(size: int) -> None:
        results = Results(DEFAULT_LIMITS, frozenset("c"))
        value: Any = "x"
        for _ in range(size):
            value = [value, value]
        results.add(Response("X/y", {"a": value}, "c"))
        for path in ("/a", "/a" + "/*" * 20):
            with pytest.raises(MethodError):
                results.resolve({"#v": {"resultOf": "c", "name": "X/y", "path": path}})

    assert_linear(resolve, lambda size: size + 40, 400)


def test_filters() -> None:
    def read(conditions: list[Any]) -> object:
        given = {"operator": "OR", "conditions": conditions}
        return filters.read_filter(given, mailbox.CONDITIONS, UNBOUNDED)

    assert_linear(read, lambda size: [{"name": "x", "role": None}] * size, 20_000)


@pytest.mark.parametrize("pointer", ["keywords/%d", "%d", "keywords/a%d/b", "%d/%d"])
def test_patches(pointer: str) -> None:
    def change(changes: dict[str, Any]) -> object:
        try:
            return patch.apply(
                {"keywords": dict.fromkeys(map(str, range(1000)))}, patch.parse(changes, UNBOUNDED)
            )
        except patch.InvalidPatch:
            return None

    assert_linear(
        change, lambda size: {pointer.replace("%d", str(number)): True for number in range(size)}, 50_000
    )


@pytest.mark.parametrize("step", [1, -1])
def test_creations_that_refer_to_each_other(step: int) -> None:
    def make(size: int) -> dict[str, dict[str, Any]]:
        return {f"k{number}": {"p": f"#k{number + step}"} for number in range(size)}

    assert_linear(lambda creates: ids.in_order(creates, ("p",)), make, 50_000)
