"""Finds the row of a request: which handler answers it, and what may be asked of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.routing import compile_path

from pillarbox.protocol.http.events import Head
from pillarbox.protocol.http.limits import METHODS
from pillarbox.protocol.http.problem import Problem
from pillarbox.server.http.refusals import Refused
from pillarbox.server.http.route import Route


class TextConvertor(StringConvertor):
    """What a parameter `{name:text}` takes: anything, line ends and slashes included."""

    regex = "(?s:.*)"


register_url_convertor("text", TextConvertor())

_NOT_FOUND: Final = Problem(404, "There is nothing at this path.")


@dataclass(frozen=True, slots=True)
class Resource:
    """All that can be done at one path."""

    by_method: dict[str, Route]
    is_cross_origin: bool
    """Whether web applications of other origins may use it."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Those that are answered."""
        automatic = {"OPTIONS"} | ({"HEAD"} if "GET" in self.by_method else set())
        return tuple(sorted({*self.by_method, *automatic}))

    def route(self, method: str) -> Route | None:
        """What answers this method."""
        return self.by_method.get("GET" if method == "HEAD" and "HEAD" not in self.by_method else method)


@dataclass(frozen=True, slots=True)
class Found:
    """The resource that a request is about, and what its path says."""

    resource: Resource
    path: str
    """Decoded."""
    parameters: dict[str, Any]


class Router:
    """The table of routes, ready to look things up."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._exact: dict[str, Resource] = {}
        by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            methods = by_path.setdefault(route.path, {})
            for method in route.methods:
                assert method in METHODS, f"the method {method} is not let through"
                assert method not in methods, f"{method} {route.path} has two routes"
                methods[method] = route
        self._patterns = []
        for path, by_method in by_path.items():
            resource = Resource(by_method, any(route.cross_origin for route in by_method.values()))
            if "{" in path:
                expression, _, convertors = compile_path(path)
                self._patterns.append((expression, convertors, resource))
            else:
                self._exact[path] = resource

    def find(self, head: Head) -> Found:
        """Raises `Refused`: there is no such path."""
        path = _decoded(head.path)
        exact = self._exact.get(path)
        if exact is not None:
            return Found(exact, path, {})
        for expression, convertors, resource in self._patterns:
            match = expression.match(path)
            if match:
                parameters = {
                    name: convertors[name].convert(value) for name, value in match.groupdict().items()
                }
                return Found(resource, path, parameters)
        raise Refused(_NOT_FOUND)


def _decoded(path: bytes) -> str:
    try:
        return unquote_to_bytes(path).decode("utf-8") if b"%" in path else path.decode("ascii")
    except UnicodeDecodeError:
        raise Refused(Problem(400, "The path is not UTF-8.")) from None
