"""The build hook: what a wheel has besides the Python source.

The page of the webmail is in every wheel (`webmail.py`); compiled modules are where PILLARBOX_COMPILED=1 asks for them
(`compiled.py`). An editable installation has neither: it runs from a checkout, where `dev/webmail build` builds the
page.
"""

import importlib.util
import os
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def beside(name: str) -> ModuleType:
    """A module of this folder, which is on no path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Parts(BuildHookInterface[Any]):
    """Adds them to the wheel."""

    def dependencies(self) -> list[str]:
        """What the build needs besides hatchling."""
        return beside("webmail").requirements(Path(self.root)) + (
            self._compiling().dependencies() if os.environ.get("PILLARBOX_COMPILED") else []
        )

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make them, and say where they are."""
        self._folder = tempfile.TemporaryDirectory()
        if version != "editable":
            page = Path(self._folder.name, "webmail_built")
            beside("webmail").build(Path(self.root), page)
            build_data["force_include"][str(page)] = "pillarbox/webmail_built"
        self._compiled = self._compiling() if os.environ.get("PILLARBOX_COMPILED") else None
        if self._compiled:
            self._compiled.initialize(version, build_data)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what the build left."""
        self._folder.cleanup()
        if self._compiled:
            self._compiled.finalize(version, build_data, artifact_path)

    def _compiling(self) -> Any:
        return beside("compiled").CompiledModules(
            self.root,
            self.config,
            self.build_config,
            self.metadata,
            self.directory,
            self.target_name,
            self.app,
        )
