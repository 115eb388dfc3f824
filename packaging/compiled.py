"""The part of the build hook that compiles modules of the package with mypyc, from the same source.

    PILLARBOX_COMPILED=1 pip wheel .

makes a wheel for this Python and platform; without the variable, or where nothing asks for it, the wheel is pure
Python. Which modules are compiled, and why the others are not, is in pyproject.toml. The wheel has every module as
Python source as well: Python imports the compiled one where there are both. docs/decisions/0032-compiled-modules.md
has what it gains.
"""

import ast
import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# mypyc loses the options that a class head has as keywords. Inherited ones it cannot lose: in the copy that is
# compiled, each Struct has for its base one that has the same options, from a module that is not compiled. Of these,
# msgspec has kw_only hold for a class's own fields only, so the metaclass that such a base has gives it to each class.
_STRUCT = re.compile(r"^(class \w+)\((?:msgspec\.)?Struct, ([\w=, ]+)\):$", re.MULTILINE)
_OTHER_STRUCT = re.compile(r"^class \w+\([^)]*\bStruct,.*", re.MULTILINE)
_MSGSPEC = re.compile(r"^(?:from msgspec import .*|import msgspec)$", re.MULTILINE)
_KEYWORDS_ONLY = re.compile(r",? *\bkw_only=True\b")
_STRUCTS = '''"""Bases of the compiled modules' Structs."""

from typing import Any

from msgspec import Struct, StructMeta


class KeywordsOnly(StructMeta):
    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> Any:
        return super().__new__(mcls, name, bases, namespace, **{"kw_only": True, **options})
'''


class CompiledModules(BuildHookInterface[Any]):
    """Adds the compiled modules to the wheel."""

    def dependencies(self) -> list[str]:
        """What the build needs besides hatchling."""
        return ["mypy>=2.4", "setuptools>=65"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 # the hook's signature
        """Compile, and say where the results go."""
        self._folder = Path(tempfile.mkdtemp())
        shutil.copytree(Path(self.root, "src/pillarbox"), self._folder / "pillarbox")
        with contextlib.chdir(self._folder):
            modules = chosen(self.config["rooms"], self.config["interpreted"])
            refuse_rebinding(modules)
            give_bases(modules)
            compile_modules(modules)
            build_data["force_include"] |= {
                str(self._folder / path): str(path)
                for path in [
                    Path("pillarbox/_structs.py"),
                    *Path().glob("*.so"),
                    *Path().glob("pillarbox/**/*.so"),
                ]
            }
        build_data["pure_python"], build_data["infer_tag"] = False, True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove what the build left."""
        shutil.rmtree(self._folder)


def chosen(rooms: list[str], interpreted: list[str]) -> list[Path]:
    """The modules of these packages but for the ones that stay as they are; all below the current folder."""
    package = Path("pillarbox")
    found = {
        path for room in rooms for path in package.joinpath(room).rglob("*.py") if path.stem != "__init__"
    }
    for name in interpreted:
        left_out = {
            path for path in found if path.is_relative_to(package / name) or path == package / f"{name}.py"
        }
        if not left_out:
            raise ValueError(f"pyproject.toml: {name} is not among the modules that would be compiled")
        found -= left_out
    return sorted(found)


def refuse_rebinding(modules: list[Path]) -> None:
    """Raise where clauses for different exceptions bind one name: compiled, all but the first fail with TypeError."""
    for path in modules:
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                bound: dict[str, str] = {}
                for clause in ast.walk(function):
                    if isinstance(clause, ast.ExceptHandler) and clause.name and clause.type:
                        caught = ast.unparse(clause.type)
                        if bound.setdefault(clause.name, caught) != caught:
                            raise ValueError(
                                f"{path}:{clause.lineno}: {clause.name} is another exception above"
                            )


def give_bases(modules: list[Path]) -> None:
    """Write `_structs`, a base for each set of options, and name the bases in the modules."""
    names: dict[str, str] = {}
    for path in modules:
        source = path.read_text()
        used = [names.setdefault(head[2], f"Struct{len(names)}") for head in _STRUCT.finditer(source)]
        changed = _STRUCT.sub(lambda head: f"{head[1]}({names[head[2]]}, {head[2]}):", source)
        if left := _OTHER_STRUCT.search(changed):
            raise ValueError(f"{path}: mypyc would lose the options of this class: {left[0]}")
        if changed != source:
            imported = f"from pillarbox._structs import {', '.join(sorted(set(used)))}"
            changed = _MSGSPEC.sub(rf"\g<0>\n{imported}", changed, count=1)
            path.write_text(changed)
    bases = "".join(
        f"\n\nclass {name}(Struct, {_inherited(options)}):\n    pass\n" for options, name in names.items()
    )
    Path("pillarbox/_structs.py").write_text(_STRUCTS + bases)


def _inherited(options: str) -> str:
    """The options of a class head, for its base."""
    inherited, changed = _KEYWORDS_ONLY.subn("", options)
    return f"{inherited}, metaclass=KeywordsOnly" if changed else options


def compile_modules(modules: list[Path]) -> None:
    """One library, and a small one beside each module that leads to it."""
    from mypyc.build import mypycify  # only this needs them
    from setuptools import Distribution

    options = ["--config-file=", "--namespace-packages", "--explicit-package-bases"]
    extensions = mypycify(
        [*options, *map(str, modules)],
        opt_level=os.environ.get("MYPYC_OPT_LEVEL", "2"),
        debug_level="0",
        multi_file=True,
        group_name="pillarbox",
    )
    build = Distribution({"name": "pillarbox", "ext_modules": extensions}).get_command_obj("build_ext")
    build.inplace, build.parallel = True, os.cpu_count()
    build.ensure_finalized()
    build.run()
