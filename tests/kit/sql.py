"""Every SQL statement that verbs run, found by reading the source."""

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from tests.kit.paths import ROOT

SOURCE = ROOT / "src"
METHODS = {"execute", "execute_many", "rows", "rows_within", "row", "value"}
"""Of a transaction; the first argument is the statement."""
TRANSACTIONS = {"tx", "self._tx"}
"""What a transaction is called, in every file."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


class NotStatic(Exception):
    """What an expression yields can't be found without running it."""


class Call(NamedTuple):
    """A statement given to a transaction."""

    where: str
    """Path and function: `pillarbox/store/fetch.py:rows`."""
    line: int
    statements: tuple[str, ...]
    """All texts that the expression may yield; empty where they can't be found."""


@cache
def calls() -> tuple[Call, ...]:
    """Of all files of the product, those of an engine apart."""
    files = (
        path for path in sorted(SOURCE.rglob("*.py")) if "sqlite" not in path.relative_to(SOURCE).as_posix()
    )
    return tuple(call for path in files for call in _Module(path).calls())


def misnamed() -> Iterator[str]:
    """Parameters that hold a transaction and are not called `tx`: `calls` would miss what they run."""
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "import" not in text or "pillarbox.world.database" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.arg) or node.annotation is None or node.arg == "tx":
                continue
            if ast.unparse(node.annotation) in ("Transaction", "Transaction | None"):
                yield f"{path.relative_to(SOURCE)}:{node.lineno}: {node.arg}"


class _Module:
    """One file, read and imported."""

    def __init__(self, path: Path) -> None:
        self.name = path.relative_to(SOURCE).as_posix()
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.functions = [node for node in ast.walk(self.tree) if isinstance(node, Function)]
        self._path = path

    @property
    def values(self) -> dict[str, object]:
        """The names of the module, as they are when it has been imported."""
        return vars(_imported(self.name))

    def calls(self) -> Iterator[Call]:
        """All statements of this file."""
        for node, function in _with_function(self.tree, None):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in METHODS
                and ast.unparse(node.func.value) in TRANSACTIONS
            ):
                name = function.name if function else ""
                try:
                    found = tuple(dict.fromkeys(self.texts(node.args[0], function)))
                except NotStatic:
                    found = ()
                yield Call(f"{self.name}:{name}", node.lineno, found)

    def texts(self, node: ast.expr, function: Function | None) -> list[str]:
        """All texts that an expression may yield. Raises `NotStatic`."""
        match node:
            case ast.Constant(str(text)):
                return [text]
            case ast.JoinedStr(parts):
                return self._joined([self.texts(part, function) for part in parts])
            case ast.FormattedValue(value):
                return self.texts(value, function)
            case ast.BinOp(left, ast.Add(), right):
                return self._joined([self.texts(left, function), self.texts(right, function)])
            case ast.IfExp(_, body, orelse):
                return self.texts(body, function) + self.texts(orelse, function)
            case ast.Call(
                ast.Attribute(ast.Constant(str(comma)), "join"), [ast.BinOp(ast.Constant("?"), ast.Mult())]
            ):
                return ["?", comma.join("??")]
            case ast.Call(ast.Name(name)):
                return self._returned(name)
            case ast.Name(name):
                return self._named(name, function)
            case ast.Attribute():
                return self._global(ast.unparse(node))
        raise NotStatic(ast.unparse(node))

    @staticmethod
    def _joined(parts: list[list[str]]) -> list[str]:
        return ["".join(some) for some in product(*parts)]

    def _returned(self, name: str) -> list[str]:
        """What a function of this file returns."""
        for function in self.functions:
            if function.name == name:
                returns = [node for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
                return [text for node in returns for text in self.texts(node.value, function)]  # type: ignore[arg-type]
        raise NotStatic(name)

    def _named(self, name: str, function: Function | None) -> list[str]:
        if function is not None:
            bound = self._bound(name, function)
            if bound:
                return bound
            places = [argument.arg for argument in [*function.args.posonlyargs, *function.args.args]]
            if name in [*places, *(argument.arg for argument in function.args.kwonlyargs)]:
                return self._passed(name, places, function)
        return self._global(name)

    def _bound(self, name: str, function: Function) -> list[str]:
        """What a name is bound to in a function, by assignments and loops."""
        texts: list[str] = []
        added: list[list[str]] = []
        for node in ast.walk(function):
            match node:
                case ast.Assign([ast.Name(target)], value) if target == name:
                    texts += self.texts(value, function)
                case ast.AugAssign(ast.Name(target), ast.Add(), value) if target == name:
                    added.append(["", *self.texts(value, function)])
                case ast.For(ast.Name(target), ast.Tuple(items) | ast.List(items)) if target == name:
                    texts += [text for item in items for text in self.texts(item, function)]
                case ast.For(ast.Name(target), iterated) if target == name:
                    texts += self._sequence(iterated)
        return self._joined([texts, *added]) if texts else []

    def _passed(self, name: str, places: list[str], function: Function) -> list[str]:
        """What a parameter is given by the callers in this file."""
        texts: list[str] = []
        for node, caller in _with_function(self.tree, None):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == function.name:
                given = [keyword.value for keyword in node.keywords if keyword.arg == name]
                if name in places and places.index(name) < len(node.args):
                    given.append(node.args[places.index(name)])
                texts += [text for value in given for text in self.texts(value, caller)]
        if not texts:
            raise NotStatic(name)
        return texts

    def _sequence(self, node: ast.expr) -> list[str]:
        try:
            value = eval(ast.unparse(node), self.values)
        except Exception as failure:
            raise NotStatic(ast.unparse(node)) from failure
        if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
            return list(value)
        raise NotStatic(ast.unparse(node))

    def _global(self, name: str) -> list[str]:
        try:
            value = eval(name, self.values)
        except Exception as failure:
            raise NotStatic(name) from failure
        if isinstance(value, str):
            return [value]
        raise NotStatic(name)


@cache
def _imported(name: str) -> ModuleType:
    return importlib.import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))


def _with_function(node: ast.AST, function: Function | None) -> Iterator[tuple[ast.AST, Function | None]]:
    """All nodes below one, each with the innermost function that holds it; a lambda is part of its function."""
    for child in ast.iter_child_nodes(node):
        yield child, function
        yield from _with_function(child, child if isinstance(child, Function) else function)
