"""Results of earlier calls as arguments: RFC 8620 §3.7, with the pointers of RFC 6901.

An argument `#name` holds a ResultReference; the value that it leads to becomes the argument `name`. Values are shared,
not copied, so what they would be on the wire is counted: a chain of calls, each of which names the one before it
twice, doubles with each. Records of a response may be JSON already (`msgspec.Raw`): of these, only what a pointer leads
to is read.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from pillarbox.protocol.jmap.errors import INVALID_RESULT_REFERENCE, MethodError, invalid_arguments
from pillarbox.protocol.jmap.limits import Limits

MARK: Final = "#"
_VALUE_OCTETS: Final = 256
"""What a value counts, beside the characters of a text."""
_SKIPPED_OCTETS: Final = 1024
"""Octets of JSON that count as a value that a pointer leads through: skipping them takes about as long."""
_LISTED_TEXT_OCTETS: Final = 16
"""The same for a text in an array that has nothing but texts, as ids are."""


class Response(Struct, frozen=True):
    """One response to a call: the Invocation of §3.4."""

    name: str
    arguments: dict[str, Any]
    id: str
    """Of the call."""


class ResultReference(Struct, frozen=True, rename="camel"):
    """Where a value is: the response to an earlier call, its name, and a pointer into its arguments."""

    result_of: str
    name: str
    path: str


def referred(calls: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The ids of calls that references among the arguments of all calls may be about."""
    return frozenset(call for arguments in calls for call in _referred(arguments))


def _referred(arguments: Mapping[str, Any]) -> Iterator[str]:
    for name, value in arguments.items():
        if (
            name.startswith(MARK)
            and isinstance(value, dict)
            and isinstance(call := value.get("resultOf"), str)
        ):
            yield call


class Results:
    """The first response to each call of a request that references are about, as they see it.

    Others are not kept: a response in Python takes several times the octets that it has on the wire.
    """

    __slots__ = ("_first", "_limits", "_octets", "_referred", "_sizes", "_visits")

    def __init__(self, limits: Limits, referred: frozenset[str]) -> None:
        self._referred = referred
        self._first: dict[str, Response] = {}
        self._sizes: dict[str, int] = {}
        self._limits = limits
        self._visits = limits.max_reference_visits
        self._octets = limits.max_referenced_octets

    def add(self, response: Response, octets: int = 0) -> None:
        """A response was made, of so many octets. Of several with one call id, references mean the first."""
        if response.id in self._referred and response.id not in self._first:
            self._first[response.id] = response
            self._sizes[response.id] = octets

    def octets(self, arguments: dict[str, Any]) -> int:
        """How long the responses are that references among these arguments lead into: what it takes to resolve them."""
        return sum(self._sizes.get(call, 0) for call in _referred(arguments))

    def resolve(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments with results for references. Raises `MethodError`."""
        if not any(name.startswith(MARK) for name in arguments):
            return arguments
        self._visits = self._limits.max_reference_visits
        resolved = {name: value for name, value in arguments.items() if not name.startswith(MARK)}
        for name, value in arguments.items():
            if not name.startswith(MARK):
                continue
            if name[1:] in resolved:
                raise invalid_arguments(f"The argument '{name[1:]}' is given, and as a reference")
            resolved[name[1:]] = self._value(name, value)
        return resolved

    def _value(self, argument: str, value: Any) -> Any:
        try:
            reference = msgspec.convert(value, ResultReference)
        except msgspec.ValidationError as error:
            raise invalid_arguments(f"'{argument}' is no ResultReference: {error}") from error
        response = self._first.get(reference.result_of)
        if response is None:
            raise _failed(f"There is no result of '{reference.result_of}'")
        if response.name != reference.name:
            raise _failed(f"The response to '{reference.result_of}' is '{response.name}'")
        found = self._follow(response.arguments, self._tokens(reference.path))
        self._count(found)
        return found

    def _tokens(self, path: str) -> list[str]:
        if path.count("/") > self._limits.max_reference_tokens:
            raise _failed("The path has too many parts")
        tokens = tokens_of(path)
        if tokens is None:
            raise _failed(f"'{path}' is no JSON pointer")
        return tokens

    def _follow(self, value: Any, tokens: list[str], at: int = 0) -> Any:
        """What the tokens from `at` on lead to. As deep as there are `*` in the path."""
        for position in range(at, len(tokens)):
            self._visit()
            part = tokens[position]
            value = self._opened(value)
            if isinstance(value, dict):
                if part not in value:
                    raise _failed(f"There is no '{part}'")
                value = value[part]
            elif not isinstance(value, list):
                raise _failed(f"There is nothing below '{part}'")
            elif part == "*":
                return self._map(value, tokens, position + 1)
            else:
                value = _item(value, part)
        return self._read(value)

    def _opened(self, value: Any) -> Any:
        """A record that is JSON already, one level of it: what is not asked for is only skipped."""
        if not isinstance(value, msgspec.Raw):
            return value
        octets = memoryview(value)
        self._visit(len(octets) // _SKIPPED_OCTETS)
        kind = bytes(octets[:1])
        if kind == b"{":
            return msgspec.json.decode(value, type=dict[str, msgspec.Raw])
        return (
            msgspec.json.decode(value, type=list[msgspec.Raw]) if kind == b"[" else msgspec.json.decode(value)
        )

    def _read(self, value: Any) -> Any:
        """A value in which nothing is JSON still. What is has to be read, and is counted before."""
        if isinstance(value, msgspec.Raw):
            self._octets -= len(memoryview(value))
            if self._octets < 0:
                raise _failed("The references of this request resolve to too much")
            return msgspec.json.decode(value)
        if isinstance(value, list) and value and isinstance(value[0], msgspec.Raw):
            return [self._read(item) for item in value]
        if isinstance(value, dict) and any(isinstance(item, list | msgspec.Raw) for item in value.values()):
            return {name: self._read(item) for name, item in value.items()}
        return value

    def _map(self, items: list[Any], tokens: list[str], at: int) -> list[Any]:
        found: list[Any] = []
        for item in items:
            self._visit()
            value = self._follow(item, tokens, at)
            if isinstance(value, list):
                self._visit(len(value))
                found += value
            else:
                found.append(value)
        return found

    def _visit(self, values: int = 1) -> None:
        self._visits -= values
        if self._visits < 0:
            raise _failed("The references of this call lead through too many values")

    def _count(self, found: Any) -> None:
        """Count what was found as if it were written out."""
        waiting, octets = [found], self._octets
        while waiting and octets >= 0:
            value = waiting.pop()
            octets -= _VALUE_OCTETS
            if isinstance(value, str):
                octets -= len(value)
            elif isinstance(value, list):
                if value and type(value[0]) is str and set(map(type, value)) == {str}:
                    octets -= len(value) * _LISTED_TEXT_OCTETS + sum(map(len, value))
                else:
                    waiting += value[: max(octets, 0) // _VALUE_OCTETS + 1]
            elif isinstance(value, dict):
                octets -= sum(map(len, value))
                waiting += value.values()
        self._octets = octets
        if octets < 0:
            raise _failed("The references of this request resolve to too much")


def tokens_of(pointer: str) -> list[str] | None:
    """The reference tokens of a JSON pointer (RFC 6901 §3, §4); None where it is none. `` is the whole document."""
    if not pointer:
        return []
    if pointer[0] != "/":
        return None
    tokens = [unescaped(token) for token in pointer[1:].split("/")]
    return None if None in tokens else [token for token in tokens if token is not None]


def unescaped(token: str) -> str | None:
    """`~1` is a slash, `~0` a tilde, in this order (RFC 6901 §4); None where a tilde is followed by anything else."""
    if "~" not in token:
        return token
    if token.count("~") != token.count("~0") + token.count("~1"):
        return None
    return token.replace("~1", "/").replace("~0", "~")


def _item(items: list[Any], index: str) -> Any:
    # RFC 6901 §4: digits without a leading zero; `-` is behind the last
    if not (index.isascii() and index.isdigit()) or (index[0] == "0" and index != "0") or len(index) > 9:
        raise _failed(f"'{index}' is no index of an array")
    if int(index) >= len(items):
        raise _failed(f"The array has no item {index}")
    return items[int(index)]


def _failed(description: str) -> MethodError:
    return MethodError(INVALID_RESULT_REFERENCE, description)
